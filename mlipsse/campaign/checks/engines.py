"""What an engine of production needs that is not mlipsse's: packages, a model that it holds."""

from collections.abc import Iterator

from mlipsse.campaign.checks.potentials import PotentialReader
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.engines import ENGINES
from mlipsse.errors import MlipsseError


def engine_problems(campaign: Campaign, reader: PotentialReader) -> Iterator[str]:
    """Sentences about a file that the engine's export could not write."""
    engine = campaign.config.simulate.engine
    try:
        if engine == "mliap":
            from mlipsse.potential.export.other_engines.mliap import require_cuequivariance

            require_cuequivariance()
        elif engine == "symmetrix":
            from mlipsse.potential.export.other_engines.symmetrix import installed_version

            installed_version()
            _require_held(campaign, reader)
    except MlipsseError as error:
        yield f"simulate.engine: {engine}: {error}"


def engine_notes(campaign: Campaign) -> Iterator[str]:
    """A sentence about runs that this environment cannot do."""
    engine = ENGINES[campaign.config.simulate.engine]
    if engine.name == "mlipsse":
        return
    yield (
        f"simulate.engine: {engine.name} requires {engine.needs}. The LAMMPS of this environment "
        "is another one: `mlipsse run` writes the decks and stops; run them with run.sh or "
        "array.sbatch, then start it again."
    )
    if not engine.averages_atoms:
        yield (
            f"simulate.engine: {engine.name}: runs do not stop when the framework melts, because "
            "fix ave/atom does not run beside it. The analysis judges it from the trajectory."
        )


def _require_held(campaign: Campaign, reader: PotentialReader) -> None:
    from mlipsse.campaign.stages.export.bundle import given_files
    from mlipsse.potential.export.other_engines.symmetrix import require_orders
    from mlipsse.potential.export.source_model import model_summary

    tuned, given = campaign.config.finetune, campaign.given_potential
    if given is not None:
        summary = model_summary(given_files(given)[0])
        require_orders(summary.max_ell, summary.layers, "export.potential")
    elif tuned.strategy == "scratch" and tuned.architecture != "foundation":
        require_orders(
            tuned.architecture.max_ell, tuned.architecture.layers, "finetune.architecture"
        )
    elif tuned.foundation is not None:
        try:
            refusal = reader.facts(campaign.potential(tuned.foundation)).symmetrix_refusal
        except MlipsseError:
            return  # another check names it
        if refusal is not None:
            raise MlipsseError(refusal)
