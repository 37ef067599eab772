"""The best crystals of a screening, confirmed by molecular dynamics with the same potential."""

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from pydantic import Field
from scipy.stats import spearmanr

from mlipsse.campaign.config.execution import ExecutionConfig
from mlipsse.campaign.config.simulate import SimulateConfig
from mlipsse.campaign.crystals.database import read_database
from mlipsse.campaign.crystals.runs import protocol, simulated_cell
from mlipsse.campaign.engine.execution import Execution, Unit
from mlipsse.campaign.engine.record import digest
from mlipsse.campaign.engine.seeds import derived_seed
from mlipsse.campaign.engine.stage import Progress
from mlipsse.campaign.engine.table import write_csv
from mlipsse.campaign.stages.simulate.rendering import bring_plugin
from mlipsse.campaign.stages.simulate.until import run_until, unit_output
from mlipsse.campaign.stages.transport.analysis import analyse_composition, run_row
from mlipsse.campaign.studies.screening.landscapes import DATABASE, RECORD, SETTINGS
from mlipsse.campaign.studies.screening.units import LandscapeSettings
from mlipsse.energetics.potentials.catalogue import find_potential
from mlipsse.energetics.potentials.loaded_mace import mace_file
from mlipsse.errors import MlipsseError
from mlipsse.files import exclusive_lock, sha256
from mlipsse.md.files.data_file import species_by_type
from mlipsse.md.files.deck import mace_commands
from mlipsse.md.files.folder import render_folder
from mlipsse.md.files.record import RunSubject, record_of, temperature_name
from mlipsse.orderings.host.charges import guess_charges
from mlipsse.potential.bundle.folder import CARD_FILE, read_bundle
from mlipsse.potential.bundle.making import export_bundle
from mlipsse.potential.export.target import ExportSettings, Format
from mlipsse.potential.lammps.plugin import build_plugin
from mlipsse.settings import Count, Kelvin, Positive, Settings
from mlipsse.transport import WindowSettings

FOLDER, TABLE = "confirm", "confirmed.csv"
_SEED = 1
_LEAST = 3
"""Fewer diffusivities have no rank correlation."""

_SIMULATED = (
    "diffusivity_cm2_s", "diffusivity_std_cm2_s", "conductivity_mS_cm", "exponent",
    "framework_msd_A2", "status", "reason",
)  # fmt: skip


class ConfirmationSettings(Settings):
    """Short molecular dynamics of the best crystals."""

    best: Count = 5
    """Number of the best crystals to run."""
    temperature_K: Kelvin = 1000.0
    """Temperature in K."""
    production_ps: Positive = 50.0
    """Length of the production in ps."""
    equilibration_ps: Positive = 5.0
    """Length of the equilibration in ps, which is not analysed."""
    timestep_fs: Positive = Field(default=2.0, le=10)
    """Time step in fs."""
    min_atoms: Count = 80
    """Smallest number of atoms; smaller cells are repeated."""


@dataclass(frozen=True)
class Confirmation:
    """What a confirmation came to.

    Attributes
    ----------
    rows : a row per crystal, in the order of the ranking
    rank_correlation : Spearman's, of Xi and the diffusivity; None of fewer than three
    table : CSV of the rows
    """

    rows: list[dict[str, Any]]
    rank_correlation: float | None
    table: Path


def confirm(
    out: Path,
    settings: ConfirmationSettings,
    *,
    execution: ExecutionConfig = ExecutionConfig(),  # noqa: B008
    progress: Progress = lambda done, total, text: None,
) -> Confirmation:
    """Run NVT dynamics of the best crystals of a screening, and compare what was predicted.

    The potential is that of the screening, as native code where it can be had. The cell of each
    crystal is relaxed with it first. Of a crystal that several orderings stand for, the first is
    run. What is done is kept; killed runs go on.

    Parameters
    ----------
    out : folder of `mlipsse screen landscape`; runs lie below `confirm`

    Raises
    ------
    MlipsseError
        when the folder holds no screening, or LAMMPS cannot run its potential.
    """
    screened, rows = _read(out)
    best = [row for row in rows if row["rank"] is not None][: settings.best]
    if not best:
        raise MlipsseError(f"No crystal in {out} has a rank, so that there is none to confirm.")
    model = _model(screened)
    root = out / FOLDER
    root.mkdir(exist_ok=True)
    with exclusive_lock(root / ".lock", holder="mlipsse screen confirm"):
        stored = {row.values["name"]: row.atoms for row in read_database(out / DATABASE)}
        potential = _exported(root / "potential", model, screened.head)
        runs = [
            _prepare(root, row["name"], stored[row["name"]], screened, settings, potential)
            for row in best
        ]
        units = [
            Unit(
                f"{run.name} at {settings.temperature_K:g} K",
                unit_output(run.folder, None),
                run_until,
                {"threads": execution.threads_per_worker, "rule": None},
            )
            for run in runs
            if run.folder is not None
        ]
        with Execution(execution, root) as work:
            work.run(units, progress)
        found = [_row(row, run, settings) for row, run in zip(best, runs, strict=True)]
        write_csv(root / TABLE, found)
    return Confirmation(found, _correlation(found), root / TABLE)


@dataclass(frozen=True)
class _Potential:
    """What decks load, and the elements that it knows."""

    plugin: Path
    file: Path
    elements: Sequence[str]


@dataclass(frozen=True)
class _Run:
    """The folder of a crystal's run; None, with the reason, of one that cannot be run."""

    name: str
    folder: Path | None
    reason: str = ""


def _read(out: Path) -> tuple[LandscapeSettings, list[dict[str, Any]]]:
    try:
        screened = LandscapeSettings(**json.loads((out / SETTINGS).read_text(encoding="utf-8")))
        rows = json.loads((out / RECORD).read_text(encoding="utf-8"))
        (out / DATABASE).stat()
    except (OSError, ValueError, TypeError) as error:
        raise MlipsseError(
            f"{out} holds no finished screening. Name the folder (--out) of `mlipsse screen "
            "landscape`."
        ) from error
    return screened, rows


def _model(screened: LandscapeSettings) -> Path:
    potential = find_potential(screened.potential)
    if not potential.in_batches:
        raise MlipsseError(
            f"LAMMPS cannot run {screened.potential}: molecular dynamics here requires a MACE "
            "model. Screen with one, or run the best crystals with that potential's own programs."
        )
    return mace_file(potential)


def _exported(folder: Path, model: Path, head: str | None) -> _Potential:
    """The potential as a bundle: native code, or TorchScript where that cannot be had."""
    form: Format = "native"
    if (folder / CARD_FILE).is_file() and sha256(read_bundle(folder).model) != sha256(model):
        shutil.rmtree(folder)
    if not (folder / CARD_FILE).is_file():
        export_bundle(
            model, out=folder, export=ExportSettings(form, head=head, or_torchscript=True)
        )
    bundle = read_bundle(folder)
    file = bundle.exports[bundle.first_of((form, "torchscript"))]
    return _Potential(bring_plugin(build_plugin(), folder.parent), file, bundle.elements)


def _prepare(
    root: Path,
    name: str,
    crystal: Atoms,
    screened: LandscapeSettings,
    settings: ConfirmationSettings,
    potential: _Potential,
) -> _Run:
    """Render the run of one crystal."""
    try:
        charges, _ = guess_charges(dict(crystal.symbols.formula.count()), {})
    except MlipsseError as error:
        return _Run(name, None, str(error))
    temperature_K = settings.temperature_K
    simulation = SimulateConfig(
        temperatures_K=[temperature_K],
        production_ps=settings.production_ps,
        equilibration_ps=settings.equilibration_ps,
        timestep_fs=settings.timestep_fs,
        min_atoms=settings.min_atoms,
    )
    atoms = simulated_cell(simulation, crystal)
    atoms = atoms[np.argsort(atoms.numbers, kind="stable")]
    atoms.info = {}
    formula = crystal.get_chemical_formula(mode="metal", empirical=True)
    folder = root / name / temperature_name(temperature_K)
    subject = RunSubject(
        formula=formula,
        composition=name,
        ordering=name,
        replica=0,
        mobile=screened.mobile,
        mobile_charge_e=float(charges[screened.mobile]),
    )
    seed = derived_seed(_SEED, f"{name} {temperature_K:g}")
    render_folder(
        folder,
        atoms,
        record_of(
            atoms,
            subject,
            protocol(simulation, temperature_K, seed=seed),
            extra={"potential_sha256": digest(potential.file)},
        ),
        pair_commands=mace_commands(
            plugin=Path(os.path.relpath(potential.plugin, folder)),
            model=Path(os.path.relpath(potential.file, folder)),
            species=species_by_type(atoms),
        ),
        replace=True,
    )
    return _Run(name, folder)


def _row(row: Mapping[str, Any], run: _Run, settings: ConfirmationSettings) -> dict[str, Any]:
    """Predicted and simulated, side by side."""
    predicted = {name: row[name] for name in ("rank", "name", "formula", "xi", "mpe_eV")}
    simulated = dict.fromkeys(_SIMULATED) | {"status": "not run", "reason": run.reason}
    if run.folder is not None:
        (analysed,) = analyse_composition(run.name, [run.folder], settings=WindowSettings()).runs
        simulated = {name: run_row(analysed)[name] for name in _SIMULATED}
    return {
        **predicted,
        "temperature_K": settings.temperature_K,
        "production_ps": settings.production_ps,
        **simulated,
    }


def _correlation(rows: Sequence[Mapping[str, Any]]) -> float | None:
    known = [(row["xi"], row["diffusivity_cm2_s"]) for row in rows]
    pairs = [(xi, value) for xi, value in known if value is not None]
    if len(pairs) < _LEAST:
        return None
    found = float(spearmanr(*zip(*pairs, strict=True)).statistic)
    return found if np.isfinite(found) else None
