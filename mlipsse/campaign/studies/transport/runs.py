"""The campaign's production runs with several models, and the table of what came of them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlipsse.campaign.crystals.runs import Run, runs
from mlipsse.campaign.crystals.selected import production_orderings, require_known
from mlipsse.campaign.engine.execution import Unit
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.campaign.engine.stage import Work
from mlipsse.campaign.stages.simulate.production import production_units
from mlipsse.campaign.stages.transport.analysis import (
    AnalysedRun,
    analyse_composition,
    ordering_weights,
)
from mlipsse.campaign.studies.transport.pairs import MobilePairs, mobile_pairs
from mlipsse.campaign.studies.transport.subject import Subject
from mlipsse.errors import MlipsseError
from mlipsse.md.files.record import read_outcome
from mlipsse.transport import (
    CompositionTransport,
    ExcludedRun,
    RunKind,
    WindowSettings,
)


@dataclass(frozen=True, eq=False)
class ModelTransport:
    """What the runs of one model of one composition came to.

    Attributes
    ----------
    subject : the model
    transport : as the stage `transport` finds it
    pairs : temperature in K -> pair distances of the mobile ion; None without a frame
    endings : (temperature in K, how) -> number of runs that `exploded` or `melted`
    """

    subject: Subject
    transport: CompositionTransport
    pairs: Mapping[float, MobilePairs | None]
    endings: Mapping[tuple[float, str], int]

    def rows(self) -> list[dict[str, Any]]:
        """A row per temperature of the runs that were asked for."""
        return [self._row(temperature_K) for temperature_K in self.pairs]

    def _row(self, temperature_K: float) -> dict[str, Any]:
        found = self.transport
        point = next((p for p in found.points if p.temperature_K == temperature_K), None)
        left_out = [run for run in found.excluded if run.temperature_K == temperature_K]
        pairs = self.pairs[temperature_K]
        return {
            **self.subject.identity,
            "composition": found.formula,
            "temperature_K": temperature_K,
            "diffusivity_cm2_s": point.diffusivity_cm2_s if point else None,
            "diffusivity_std_cm2_s": point.diffusivity_std_cm2_s if point else None,
            "conductivity_mS_cm": point.conductivity_mS_cm if point else None,
            "conductivity_std_mS_cm": point.conductivity_std_mS_cm if point else None,
            "activation_energy_eV": found.arrhenius.activation_energy_eV,
            "activation_energy_std_eV": found.arrhenius.activation_energy_std_eV,
            "runs": point.n_runs if point else 0,
            "runs_left_out": len(left_out),
            "runs_exploded": self.endings.get((temperature_K, "exploded"), 0),
            "runs_melted": self.endings.get((temperature_K, "melted"), 0),
            "closest_mobile_pair_A": pairs.closest_A if pairs else None,
            "left_out": "; ".join(f"{run.name}: {run.reason}" for run in left_out),
            **self.subject.notes,
        }


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
            "The temperatures of the runs must be among simulate.temperatures_K "
            f"({', '.join(f'{kelvin:g}' for kelvin in ladder)} K); "
            f"{', '.join(beside_K) or 'none'} is not."
        )
    if beside or not chosen:
        raise MlipsseError(
            "The compositions of the runs must be among those of the campaign "
            f"({', '.join(formulas)}); {', '.join(beside) or 'none'} is not."
        )
    return [
        run for run in runs(campaign) if run.temperature_K in chosen_K and run.composition in chosen
    ]


def run_subjects(
    work: Work, subjects: Sequence[Subject], wanted: Sequence[Run]
) -> MlipsseError | None:
    """Make the wanted runs with every model, all models' at once, so that no worker waits.

    Runs that are done are kept, and killed ones go on.

    Returns
    -------
    MlipsseError or None
        why a run ended for a reason that is not the physics, after all were tried.
    """
    units: list[Unit] = []
    for subject in subjects:
        known = [run for run in wanted if not subject.unknown(run)]
        crystals = {symbol for run in known for symbol in run.start.get_chemical_symbols()}
        units += production_units(
            work.campaign,
            subject.files,
            elements=sorted(crystals),
            threads=work.execution.threads,
            wanted=known,
        )
    try:
        work.run_units(units)
    except MlipsseError as error:
        return error
    return None


def analyse_subjects(
    campaign: Campaign, subjects: Sequence[Subject], wanted: Sequence[Run]
) -> list[ModelTransport]:
    """Analyse the runs of every model by composition, as the stage `transport` does.

    Raises
    ------
    MlipsseError
        when a trajectory is damaged.
    """
    weights = {
        formula: ordering_weights(campaign.config, formula, orderings)
        for formula, orderings in zip(
            campaign.config.enumerate.compositions, production_orderings(campaign), strict=True
        )
    }
    settings = WindowSettings(window_ps=campaign.config.transport.window_ps)
    mobile = campaign.config.structure.mobile
    found = []
    for subject in subjects:
        for formula in dict.fromkeys(run.composition for run in wanted):
            own = [run for run in wanted if run.composition == formula]
            known = [run for run in own if not subject.unknown(run)]
            analysed = analyse_composition(
                formula,
                [subject.root / run.path for run in known],
                settings=settings,
                excluded=[
                    ExcludedRun(
                        run.temperature_K,
                        run.name,
                        f"the potential does not know {', '.join(lacks)}",
                    )
                    for run in own
                    if (lacks := subject.unknown(run))
                ],
                ordering_weights=weights[formula],
            )
            pairs = {
                temperature_K: mobile_pairs(
                    [
                        subject.root / run.path
                        for run in known
                        if run.temperature_K == temperature_K
                    ],
                    mobile,
                )
                for temperature_K in dict.fromkeys(run.temperature_K for run in own)
            }
            endings = Counter(_endings(analysed.runs))
            found.append(ModelTransport(subject, analysed.transport, pairs, endings))
    return found


def require_ended(failure: MlipsseError | None, table: Path) -> None:
    """Raise what stopped a run, after table and figures of the others are written.

    Raises
    ------
    MlipsseError
        when there was a failure.
    """
    if failure is not None:
        raise MlipsseError(
            f"{failure} The table {table} lists the runs that did not end. Start again to "
            "continue them."
        ) from failure


def _endings(analysed: Sequence[AnalysedRun]) -> Iterator[tuple[float, str]]:
    """Temperature in K of every run that left the crystal, and how."""
    for one in analysed:
        temperature_K = one.record.temperature_K
        outcome = read_outcome(one.folder)
        if outcome is not None and outcome.status in ("exploded", "melted"):
            yield temperature_K, outcome.status
        elif not isinstance(one.result, ExcludedRun) and one.result.status.kind is RunKind.MELTED:
            yield temperature_K, "melted"
