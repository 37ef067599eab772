"""The analysis of a campaign's runs that have ended, composition by composition."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pymatgen.core import Composition

from mlipsse import keys
from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.dataset.frames.extxyz import read_frames
from mlipsse.energetics.hull.selection import boltzmann_weights
from mlipsse.errors import MlipsseError
from mlipsse.md.files.record import read_outcome, read_record
from mlipsse.md.watch.health import run_health
from mlipsse.report.page.pressure import pressure_columns
from mlipsse.transport import (
    CompositionTransport,
    ExcludedRun,
    RunTransport,
    WindowSettings,
    analyse_run,
    summarise_composition,
)
from mlipsse.transport.runs.composition import OrderingWeights


@dataclass(frozen=True, eq=False)
class AnalysedRuns:
    """The runs of one composition.

    Attributes
    ----------
    runs : folder of each with its analysis, or why there is none
    transport : their averages and Arrhenius fit
    """

    runs: Sequence[tuple[Path, RunTransport | ExcludedRun]]
    transport: CompositionTransport

    @property
    def analysed(self) -> list[RunTransport]:
        """Those that could be analysed, usable or not."""
        return [run for _, run in self.runs if isinstance(run, RunTransport)]


def analyse_composition(
    formula: str,
    folders: Sequence[Path],
    *,
    settings: WindowSettings,
    excluded: Sequence[ExcludedRun] = (),
    ordering_weights: OrderingWeights | None = None,
    progress: Callable[[int, int, str], None] = lambda done, total, text: None,
) -> AnalysedRuns:
    """Analyse the runs in `folders`; those that were stopped or did not end are left out.

    Parameters
    ----------
    formula : of the composition
    folders : rendered runs, `<composition>/<ordering>/<temperature>/<replica>`
    settings : of the fit of D
    excluded : runs that were not even rendered, with the reason
    ordering_weights : see `ordering_weights`; None counts all runs alike

    Raises
    ------
    MlipsseError
        when a trajectory is damaged, and without any run.
    """
    runs = []
    for done, folder in enumerate(folders):
        progress(done, len(folders), formula)
        runs.append((folder, _analysed(folder, settings)))
    failed = [run for _, run in runs if isinstance(run, ExcludedRun)]
    analysed = [run for _, run in runs if isinstance(run, RunTransport)]
    transport = summarise_composition(
        formula, analysed, excluded=[*excluded, *failed], ordering_weights=ordering_weights
    )
    return AnalysedRuns(runs, transport)


def ordering_weights(campaign: Campaign, formula: str) -> OrderingWeights | None:
    """Boltzmann weights of the selected orderings of a composition, where the config asks for them.

    Orderings of several supercells are compared per formula unit or atom only: per cell, a larger
    cell would count for less because it is larger.

    Raises
    ------
    MlipsseError
        for weights per cell of orderings in cells of several sizes.
    """
    if campaign.config.transport.orderings == "alike":
        return None
    per = campaign.config.select.per
    frames = [
        frame
        for frame in read_frames(campaign.path(paths.Select.selected), labelled=False)
        if frame.info[keys.COMPOSITION] == formula
    ]
    sizes = {len(frame) for frame in frames}
    if per == "cell" and len(sizes) > 1:
        raise MlipsseError(
            f"The orderings of {formula} have {', '.join(map(str, sorted(sizes)))} atoms: "
            "Boltzmann weights per cell compare cells of one size only. Set `select.per: "
            "formula_unit` or atom, or `transport.orderings: alike`."
        )
    names = [str(frame.info[keys.ORDERING]) for frame in frames]
    unit = Composition(formula).num_atoms
    counted = {"atom": 1.0, "formula_unit": unit, "cell": float(next(iter(sizes), 1))}[per]
    energies = [counted * frame.info["energy_above_hull_eV_atom"] for frame in frames]

    def weights(temperature_K: float) -> Mapping[str, float]:
        found = boltzmann_weights(np.array(energies), temperature_K=temperature_K)
        return dict(zip(names, found.tolist(), strict=True))

    return weights


def run_row(folder: Path, analysed: RunTransport | ExcludedRun) -> dict[str, Any]:
    """The run's row of `runs.csv`."""
    record = read_record(folder)
    health = run_health(folder, record)
    run = analysed if isinstance(analysed, RunTransport) else None
    fit = run.diffusivity if run else None
    used = fit if run and run.status.usable else None
    window = fit.window_ps if fit else None
    return {
        "run": record.name,
        "composition": record.composition,
        "temperature_K": record.temperature_K,
        "mean_temperature_K": health.mean_temperature_K,
        "energy_drift_meV_atom_ps": health.energy_drift_meV_atom_ps,
        **pressure_columns(health),
        "diffusivity_cm2_s": used.diffusivity_cm2_s if used else None,
        "diffusivity_std_cm2_s": used.diffusivity_std_cm2_s if used else None,
        "conductivity_mS_cm": run.conductivity_mS_cm if run else None,
        "einstein_conductivity_mS_cm": run.einstein_mS_cm if run else None,
        "haven_ratio": run.charge.haven_ratio if run and used else None,
        "haven_ratio_std": run.charge.haven_ratio_std if run and used else None,
        "window_start_ps": window[0] if window else None,
        "window_end_ps": window[1] if window else None,
        "exponent": fit.exponent if fit else None,
        "framework_msd_A2": run.framework.msd_A2 if run else None,
        "status": run.status.kind.value if run else "not analysed",
        "cautions": "; ".join(run.cautions) if run else "",
        "reason": analysed.reason or "",
    }


def _analysed(folder: Path, settings: WindowSettings) -> RunTransport | ExcludedRun:
    outcome = read_outcome(folder)
    if outcome is not None and outcome.status == "done":
        return analyse_run(folder, settings=settings)
    reason = f"{outcome.status}: {outcome.reason}" if outcome else "did not end"
    record = read_record(folder)
    return ExcludedRun(record.temperature_K, record.name, reason)
