"""Whether more labels change the transport: the campaign's runs with every model of the curve."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlipsse.campaign.crystals.runs import Run, runs
from mlipsse.campaign.crystals.selected import require_known
from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.execution import Unit
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.campaign.engine.stage import Progress, Work
from mlipsse.campaign.engine.table import write_csv
from mlipsse.campaign.stages.export.bundle import provide_bundle, provide_foundation_bundle
from mlipsse.campaign.stages.simulate.production import production_units
from mlipsse.campaign.stages.simulate.rendering import RunFiles, bring_plugin
from mlipsse.campaign.stages.transport.analysis import analyse_composition
from mlipsse.campaign.studies.learning_curve import (
    SizedModels,
    check_sizes,
    curve_work,
    train_by_size,
)
from mlipsse.errors import MlipsseError
from mlipsse.potential.bundle.folder import Bundle
from mlipsse.potential.lammps.plugin import build_plugin
from mlipsse.training.settings import Strategy
from mlipsse.transport import CompositionTransport, ExcludedRun, WindowSettings

FOUNDATION = "foundation"
"""Strategy of the rows of the foundation model alone, as in the table of errors."""


@dataclass(frozen=True)
class _Subject:
    """A model that is run.

    Attributes
    ----------
    frames, strategy, failed : first columns of its rows
    root : folder below which its runs lie
    bundle : its potential
    """

    frames: int
    strategy: str
    failed: str | None
    root: Path
    bundle: Bundle


def transport_by_size(
    campaign: Campaign,
    sizes: Sequence[int],
    *,
    strategies: Sequence[Strategy] = ("multihead", "scratch"),
    temperatures_K: Sequence[float] | None = None,
    compositions: Sequence[str] | None = None,
    progress: Progress = lambda done, total, text: None,
) -> list[dict[str, Any]]:
    """Run the campaign's production MD with every model of the learning curve, and analyse it.

    The runs are those of the stage `simulate` (orderings, temperatures, replicas, lengths, seeds of
    the velocities), in `learning-curve/transport/<frames>-<strategy>/`, so that all models differ
    in nothing but what they learned. Trainings, potentials and runs that are done are kept, and
    killed runs go on. A model whose training failed a check, or that no acceptance trial would
    pass, is run all the same: what becomes of it is the question.

    Parameters
    ----------
    sizes, strategies : as `learn_by_size`
    temperatures_K : of the campaign's, to run fewer; all when not given
    compositions : of the campaign's, to run fewer; all when not given

    Returns
    -------
    list of dict
        rows of `learning-curve/transport.csv`, the foundation model alone first (no frames), one
        per model, composition and temperature: D, conductivity and activation energy with
        standard errors, and the runs that were left out, each with its reason; beside it lies the
        figure

    Raises
    ------
    MlipsseError
        as `learn_by_size`; when no orderings are selected, or a temperature or composition is none
        of the campaign's; and, after table and figure are written of the others, when a run ended
        for a reason that is not the physics.
    """
    check_sizes(campaign, sizes)
    wanted = check_runs(campaign, temperatures_K, compositions)
    failure: MlipsseError | None = None
    with curve_work(campaign, progress) as work:
        models = train_by_size(work, sizes, strategies)
        subjects = _provide_bundles(work, models)
        plugin = bring_plugin(build_plugin(), campaign.path(paths.LearningCurve.transport))
        units: list[Unit] = []
        for subject in subjects:
            units += production_units(
                campaign,
                RunFiles(subject.root, plugin, _exported(campaign, subject.bundle)),
                elements=subject.bundle.elements,
                threads=work.execution.threads,
                wanted=[run for run in wanted if not _unknown(run, subject.bundle)],
            )
        try:
            work.run_units(units)  # all models' at once, so that no worker waits
        except MlipsseError as error:
            failure = error
    rows = [row for subject in subjects for row in _rows(campaign, subject, wanted)]
    table = campaign.path(paths.LearningCurve.transport_table)
    write_csv(table, rows)
    _draw(campaign, rows)
    if failure is not None:
        raise MlipsseError(
            f"{failure} The table {table} lists the runs that did not end. Start again to "
            "continue them."
        ) from failure
    return rows


def check_runs(
    campaign: Campaign, temperatures_K: Sequence[float] | None, compositions: Sequence[str] | None
) -> list[Run]:
    """The runs of the campaign at these temperatures and of these compositions; None for all.

    Raises
    ------
    MlipsseError
        when no orderings are selected, or a temperature or composition is none of the campaign's.
    """
    config = campaign.config
    require_known(campaign)
    ladder = config.simulate.temperatures_K
    chosen_K = ladder if temperatures_K is None else temperatures_K
    formulas = config.enumerate.compositions
    chosen = formulas if compositions is None else compositions
    beside_K = [f"{kelvin:g}" for kelvin in chosen_K if kelvin not in ladder]
    beside = [formula for formula in chosen if formula not in formulas]
    if beside_K or not chosen_K:
        raise MlipsseError(
            "The temperatures of the learning curve must be among simulate.temperatures_K "
            f"({', '.join(f'{kelvin:g}' for kelvin in ladder)} K); "
            f"{', '.join(beside_K) or 'none'} is not."
        )
    if beside or not chosen:
        raise MlipsseError(
            "The compositions of the learning curve must be among those of the campaign "
            f"({', '.join(formulas)}); {', '.join(beside) or 'none'} is not."
        )
    return [
        run for run in runs(campaign) if run.temperature_K in chosen_K and run.composition in chosen
    ]


def _provide_bundles(work: Work, models: SizedModels) -> list[_Subject]:
    """The potentials of all models, the foundation's first."""

    def own(name: str) -> Work:
        # In a folder of its own, which no composition is called.
        return Work(
            work.campaign,
            work.campaign.path(paths.LearningCurve.potential.of(model=name)),
            work.execution,
            work.progress,
            notes=work.notes,
        )

    root = work.campaign.path(paths.LearningCurve.transport)
    total = len(models.models) + 1
    work.progress(0, total, "potential of the foundation model")
    folder = own(FOUNDATION)
    bundle = provide_foundation_bundle(folder, models.foundation)
    folder.remove_stale_units()
    subjects = [_Subject(0, FOUNDATION, None, root / FOUNDATION, bundle)]
    for done, model in enumerate(models.models, start=1):
        work.progress(done, total, f"potential of {model.name}")
        folder = own(model.name)
        bundle = provide_bundle(folder, model.trained)
        folder.remove_stale_units()
        subjects.append(
            _Subject(model.frames, model.strategy, model.failed, root / model.name, bundle)
        )
    return subjects


def _unknown(run: Run, bundle: Bundle) -> list[str]:
    """Elements of the run's crystal that the potential has not learned."""
    return sorted(set(run.start.get_chemical_symbols()) - set(bundle.elements))


def _exported(campaign: Campaign, bundle: Bundle) -> Path:
    return bundle.exports[bundle.first_of(campaign.config.export_formats)]


def _rows(campaign: Campaign, subject: _Subject, wanted: Sequence[Run]) -> list[dict[str, Any]]:
    rows = []
    for formula in dict.fromkeys(run.composition for run in wanted):
        own = [run for run in wanted if run.composition == formula]
        found = analyse_composition(
            formula,
            [subject.root / run.path for run in own if not _unknown(run, subject.bundle)],
            settings=WindowSettings(window_ps=campaign.config.transport.window_ps),
            excluded=[
                ExcludedRun(
                    run.temperature_K, run.name, f"the potential does not know {', '.join(lacks)}"
                )
                for run in own
                if (lacks := _unknown(run, subject.bundle))
            ],
        )
        temperatures_K = dict.fromkeys(run.temperature_K for run in own)
        rows += [_row(subject, found.transport, kelvin) for kelvin in temperatures_K]
    return rows


def _row(
    subject: _Subject, transport: CompositionTransport, temperature_K: float
) -> dict[str, Any]:
    point = next((p for p in transport.points if p.temperature_K == temperature_K), None)
    left_out = [run for run in transport.excluded if run.temperature_K == temperature_K]
    return {
        "frames": subject.frames,
        "strategy": subject.strategy,
        "composition": transport.formula,
        "temperature_K": temperature_K,
        "diffusivity_cm2_s": point.diffusivity_cm2_s if point else None,
        "diffusivity_std_cm2_s": point.diffusivity_std_cm2_s if point else None,
        "conductivity_mS_cm": point.conductivity_mS_cm if point else None,
        "conductivity_std_mS_cm": point.conductivity_std_mS_cm if point else None,
        "activation_energy_eV": transport.arrhenius.activation_energy_eV,
        "activation_energy_std_eV": transport.arrhenius.activation_energy_std_eV,
        "runs": point.n_runs if point else 0,
        "runs_left_out": len(left_out),
        "left_out": "; ".join(f"{run.name}: {run.reason}" for run in left_out),
        "training_failed": subject.failed or "",
    }


def _draw(campaign: Campaign, rows: Sequence[dict[str, Any]]) -> None:
    from mlipsse.report.figures.style import save_figure
    from mlipsse.report.transport_figures.size import size_transport_figure

    save_figure(size_transport_figure(rows), campaign.path(paths.LearningCurve.transport_figure))
