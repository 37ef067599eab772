"""The analysis of a campaign's runs that have ended, composition by composition."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from pymatgen.core import Composition

from mlipsse import keys
from mlipsse.campaign.config.campaign import CampaignConfig
from mlipsse.energetics.hull.selection import Ensemble, boltzmann_weights
from mlipsse.errors import MlipsseError
from mlipsse.md.files.record import RunRecord, read_outcome, read_record
from mlipsse.md.watch.health import run_health
from mlipsse.report.page.pressure import pressure_columns
from mlipsse.transport import (
    CompositionTransport,
    ExcludedRun,
    RunTransport,
    WindowSettings,
    summarise_composition,
)
from mlipsse.transport.ions.mobile import MobileIons
from mlipsse.transport.reading.options import ReadOptions
from mlipsse.transport.runs.analysis import analyse_recorded, read_run_ions
from mlipsse.transport.runs.composition import OrderingWeights

KEPT_SHARE = 0.25
"""Of the memory that a trajectory may take, for the fastest one while the next is read."""


@dataclass(frozen=True, eq=False)
class AnalysedRun:
    """A run of a campaign.

    Attributes
    ----------
    folder, record : where it lies, and what was simulated
    result : its analysis, or why there is none
    """

    folder: Path
    record: RunRecord
    result: RunTransport | ExcludedRun


@dataclass(frozen=True, eq=False)
class FastestRun:
    """The usable run of a composition whose ions diffuse fastest.

    Attributes
    ----------
    folder, record, run : as of an `AnalysedRun`
    kept : its mobile ions as they were analysed; None where they are too large to wait in memory
    """

    folder: Path
    record: RunRecord
    run: RunTransport
    kept: MobileIons | None

    def ions(self) -> MobileIons:
        """Its mobile ions, from memory or from its files."""
        return self.kept if self.kept is not None else read_run_ions(self.folder, self.record)


@dataclass(frozen=True, eq=False)
class AnalysedRuns:
    """The runs of one composition.

    Attributes
    ----------
    runs : all of them
    transport : their averages and Arrhenius fit
    fastest : None where no run is usable
    """

    runs: Sequence[AnalysedRun]
    transport: CompositionTransport
    fastest: FastestRun | None

    @property
    def analysed(self) -> list[RunTransport]:
        """Those that could be analysed, usable or not."""
        return [run.result for run in self.runs if isinstance(run.result, RunTransport)]


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
    runs: list[AnalysedRun] = []
    fastest: FastestRun | None = None
    for done, folder in enumerate(folders):
        progress(done, len(folders), formula)
        record = read_record(folder)
        reason = _not_analysed(folder)
        if reason is not None:
            failed = ExcludedRun(record.temperature_K, record.name, reason)
            runs.append(AnalysedRun(folder, record, failed))
            continue
        ions = read_run_ions(folder, record)
        run = analyse_recorded(ions, record, settings=settings)
        runs.append(AnalysedRun(folder, record, run))
        if run.status.usable and (fastest is None or _speed(run) > _speed(fastest.run)):
            fastest = FastestRun(folder, record, run, ions if _may_wait(ions) else None)
        del ions  # two trajectories in memory at most
    results = [run.result for run in runs]
    transport = summarise_composition(
        formula,
        [run for run in results if isinstance(run, RunTransport)],
        excluded=[*excluded, *(run for run in results if isinstance(run, ExcludedRun))],
        ordering_weights=ordering_weights,
    )
    return AnalysedRuns(runs, transport, fastest)


def ordering_weights(
    config: CampaignConfig, formula: str, orderings: Sequence[Atoms]
) -> OrderingWeights | None:
    """Boltzmann weights of the selected orderings of a composition, where the config asks for them.

    Every ordering counts with its degeneracy: p_i = g_i exp(-dE_i / kT) / sum. Orderings of several
    supercells are compared per formula unit or atom only: per cell, a larger cell would count for
    less because it is larger. Their degeneracies are then counted for as much matter as their
    energies are, g^(1/n) of a cell of n units, for a larger cell has more images of everything.

    Parameters
    ----------
    config : of the campaign
    formula : of the composition
    orderings : those that are selected

    Raises
    ------
    MlipsseError
        for weights per cell of orderings in cells of several sizes, and for orderings that were
        selected by a version that did not keep their degeneracy.
    """
    if config.transport.orderings == "alike":
        return None
    per = config.select.per
    sizes = {len(atoms) for atoms in orderings}
    if per == "cell" and len(sizes) > 1:
        raise MlipsseError(
            f"The orderings of {formula} have {', '.join(map(str, sorted(sizes)))} atoms: "
            "Boltzmann weights per cell compare cells of one size only. Set `select.per: "
            "formula_unit` or atom, or `transport.orderings: alike`."
        )
    names = [str(atoms.info[keys.ORDERING]) for atoms in orderings]
    unit = Composition(formula).num_atoms
    counted = {"atom": 1.0, "formula_unit": unit, "cell": float(next(iter(sizes), 1))}[per]
    energies_eV = [counted * atoms.info["energy_above_hull_eV_atom"] for atoms in orderings]
    missing = [
        name for name, atoms in zip(names, orderings, strict=True) if "degeneracy" not in atoms.info
    ]
    if missing and len(orderings) > 1:
        raise MlipsseError(
            f"The degeneracy of {missing[0]} is not on record, and Boltzmann weights require it. "
            "Select again: mlipsse run DIR --from select."
        )
    share = np.array([counted / len(atoms) if len(sizes) > 1 else 1.0 for atoms in orderings])
    copies = np.array([float(atoms.info.get("degeneracy", 1)) for atoms in orderings]) ** share
    ensemble = Ensemble(np.array(energies_eV), copies)

    def weights(temperature_K: float) -> Mapping[str, float]:
        found = boltzmann_weights(ensemble, temperature_K=temperature_K)
        return dict(zip(names, found.tolist(), strict=True))

    return weights


def run_row(analysed: AnalysedRun) -> dict[str, Any]:
    """The run's row of `runs.csv`."""
    record, result = analysed.record, analysed.result
    health = run_health(analysed.folder, record)
    run = result if isinstance(result, RunTransport) else None
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
        "framework_displaced": run.framework.displaced if run else None,
        "framework_msd_A2": run.framework.msd_A2 if run else None,
        "status": run.status.kind.value if run else "not analysed",
        "cautions": "; ".join(run.cautions) if run else "",
        "reason": result.reason or "",
    }


def _not_analysed(folder: Path) -> str | None:
    """Why a run is not analysed; None where it is."""
    outcome = read_outcome(folder)
    if outcome is None:
        return "did not end"
    return None if outcome.status == "done" else f"{outcome.status}: {outcome.reason}"


def _speed(run: RunTransport) -> float:
    return run.diffusivity.diffusivity_cm2_s or 0.0


def _may_wait(ions: MobileIons) -> bool:
    size_GB = 1e-9 * ions.trajectory.positions.nbytes
    return size_GB <= KEPT_SHARE * ReadOptions().memory_GB
