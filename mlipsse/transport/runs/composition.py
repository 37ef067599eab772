"""One composition: its runs averaged per temperature, and the Arrhenius fit through them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from mlipsse.errors import MlipsseError
from mlipsse.transport.diffusion.arrhenius.average import TemperatureAverage, average_runs
from mlipsse.transport.diffusion.arrhenius.directional_average import (
    DirectionalAverage,
    average_directions,
    directional_arrhenius,
)
from mlipsse.transport.diffusion.arrhenius.fit import ArrheniusFit, fit_arrhenius
from mlipsse.transport.diffusion.judgement.framework import TURNING
from mlipsse.transport.runs.analysis import RunTransport


@dataclass(frozen=True)
class ExcludedRun:
    """A run that took no part.

    Attributes
    ----------
    temperature_K : of the run, K
    name : of the run, see `RunRecord.name`
    reason : why it took no part
    """

    temperature_K: float
    name: str
    reason: str

    def row(self) -> dict[str, float | str]:
        """As every table and JSON lists it: `run` joins with that of `runs.csv`."""
        return {"temperature_K": self.temperature_K, "run": self.name, "reason": self.reason}


@dataclass(frozen=True, eq=False)
class CompositionTransport:
    """Transport of one composition.

    Attributes
    ----------
    formula : as the config writes it
    points : means at the temperatures that were used, ascending
    arrhenius : fit through them
    excluded : runs that were not used
    shortest_run_ps : None when no run could be analysed
    turning_K : temperatures with runs whose framework turns on its places (see `FrameworkVerdict`)
    run_cautions : of the runs that were used, each with its run's name
    directions : means by direction, at the temperatures of `points`
    directional_arrhenius : a fit of a, b, c, ab, ac and bc each
    """

    formula: str
    points: tuple[TemperatureAverage, ...]
    arrhenius: ArrheniusFit
    excluded: tuple[ExcludedRun, ...]
    shortest_run_ps: float | None
    turning_K: tuple[float, ...] = ()
    run_cautions: tuple[str, ...] = ()
    directions: tuple[DirectionalAverage, ...] = ()
    directional_arrhenius: Mapping[str, ArrheniusFit] = field(default_factory=dict)

    @property
    def cautions(self) -> tuple[str, ...]:
        """What the fit cannot know or does not fit, and of what crystal it is, in sentences."""
        if not self.turning_K:
            return (*self.arrhenius.cautions, *self.run_cautions)
        kelvin = ", ".join(f"{temperature:g}" for temperature in self.turning_K)
        return (
            *self.arrhenius.cautions,
            f"at {kelvin} K the framework moves farther than by vibrations, but does not diffuse: "
            f"{TURNING}",
            *self.run_cautions,
        )


OrderingWeights = Callable[[float], Mapping[str, float]]
"""Temperature in K to the weight of every ordering by name, e.g. its Boltzmann probability."""


def summarise_composition(
    formula: str,
    runs: Sequence[RunTransport],
    *,
    excluded: Sequence[ExcludedRun] = (),
    ordering_weights: OrderingWeights | None = None,
) -> CompositionTransport:
    """Average usable runs per temperature and fit Arrhenius through the means.

    Parameters
    ----------
    formula : as the config writes it
    runs : analysed runs, usable or not
    excluded : runs that could not be analysed (e.g. exploded), with the reason
    ordering_weights : weights of the orderings at a temperature, which their usable runs share;
        None counts all runs alike

    Raises
    ------
    MlipsseError
        without any run of either kind, or when an ordering has no weight.
    """
    if not runs and not excluded:
        raise MlipsseError(f"No runs of {formula} to summarise: the simulate stage made none.")
    ordered = sorted(runs, key=lambda run: (run.temperature_K, run.name))
    points, directions = [], []
    used = [run for run in ordered if run.status.usable]
    for temperature in sorted({run.temperature_K for run in used}):
        here = [run for run in used if run.temperature_K == temperature]
        weights = None
        if ordering_weights is not None:
            weights = _weights(here, ordering_weights(temperature))
        points.append(_average(temperature, here, weights))
        projected = [run.directions for run in here if run.directions is not None]
        if projected:
            directions.append(average_directions(temperature, projected, weights))
    unusable = [
        ExcludedRun(run.temperature_K, run.name, run.reason or run.status.kind)
        for run in ordered
        if not run.status.usable
    ]
    return CompositionTransport(
        formula=formula,
        points=tuple(points),
        arrhenius=fit_arrhenius(
            [point.temperature_K for point in points],
            [point.diffusivity_cm2_s for point in points],
            [point.diffusivity_std_cm2_s for point in points],
        ),
        excluded=tuple(
            sorted([*excluded, *unusable], key=lambda run: (run.temperature_K, run.name))
        ),
        shortest_run_ps=min((run.duration_ps for run in ordered), default=None),
        turning_K=tuple(sorted({run.temperature_K for run in used if run.framework.turns})),
        run_cautions=tuple(
            f"{run.name}: {caution}"
            for run in used
            for caution in (*run.diffusivity.cautions, *run.charge.cautions)
        ),
        directions=tuple(directions),
        directional_arrhenius=directional_arrhenius(directions),
    )


def _weights(runs: Sequence[RunTransport], of_orderings: Mapping[str, float]) -> list[float]:
    """Weight of every run: its ordering's, shared by the runs of that ordering."""
    orderings = [run.ordering or run.name for run in runs]
    unknown = sorted(set(orderings) - set(of_orderings))
    if unknown:
        raise MlipsseError(
            f"No weight is known for {', '.join(unknown)}: weigh all orderings alike, or give the "
            "energy of each."
        )
    return [of_orderings[name] / orderings.count(name) for name in orderings]


def _average(
    temperature_K: float, runs: Sequence[RunTransport], weights: Sequence[float] | None
) -> TemperatureAverage:
    diffusivity, diffusivity_std = average_runs(
        [run.diffusivity.diffusivity_cm2_s or 0.0 for run in runs],
        [run.diffusivity.diffusivity_std_cm2_s or 0.0 for run in runs],
        weights,
    )
    conductivity, conductivity_std = average_runs(
        [run.conductivity_mS_cm or 0.0 for run in runs],
        [run.conductivity_std_mS_cm or 0.0 for run in runs],
        weights,
    )
    return TemperatureAverage(
        temperature_K=temperature_K,
        diffusivity_cm2_s=diffusivity,
        diffusivity_std_cm2_s=diffusivity_std,
        conductivity_mS_cm=conductivity,
        conductivity_std_mS_cm=conductivity_std,
        n_runs=len(runs),
    )
