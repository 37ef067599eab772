"""Crystals and the slopes of their MSD at 1000 K, for `mlipsse screen learn`.

    python make_crystals.py OBELIX_FOLDER WORK_FOLDER [PROCESSES]

OBELIX_FOLDER holds `train.csv` and the CIFs of OBELiX (Therrien et al. 2025) in the folder
`train_randomized_cifs`. Of every file the ordering of lowest Ewald energy is relaxed with 7net-0
and run for 6 ps at 1000 K, 1 ps of which is dropped; 30 atoms at least, 60 at most. The slope is
that of the MSD of lithium between lags of 0.5 and 2.5 ps, the drift of all other atoms removed.
What is done is kept in WORK_FOLDER; `crystals.extxyz` is written again after every crystal, and
files that cannot be used are named in `left_out.csv`. Some 7 minutes of one core for a crystal. It
requires the environment `sevennet` (`mlipsse env make sevennet`).
"""

import csv
import os
import sys
import time
from collections.abc import Iterator
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator

from mlipsse.campaign.engine.unit_json import decode, encode
from mlipsse.dataset.frames.extxyz import write_frames
from mlipsse.dataset.sampling.dynamics import sample
from mlipsse.dataset.sampling.settings import SamplingSettings
from mlipsse.energetics.potentials.calculators import known_species, make_calculator
from mlipsse.energetics.relaxation.outcome import RelaxationSettings
from mlipsse.energetics.relaxation.single import relax
from mlipsse.errors import MlipsseError
from mlipsse.files import write_text
from mlipsse.processes import die_with_parent
from mlipsse.screening.landscape.crystals import crystal_files, read_candidates
from mlipsse.structures.geometry import supercell

HERE = Path(__file__).resolve().parent
POTENTIAL = "sevennet: 7net-0"
MOBILE = "Li"
LEAST_ATOMS, MOST_ATOMS = 30, 60
TEMPERATURE_K = 1000.0
TIMESTEP_FS, WITH_HYDROGEN_FS = 2.0, 1.0
EQUILIBRATION_PS, DURATION_PS = 1.0, 6.0
LAGS_PS = (0.5, 2.5)
SEED = 5


@cache
def potential() -> Calculator:
    """Of this process."""
    return make_calculator(POTENTIAL)


def settle(parent: int) -> None:
    """One thread, and an end with the parent."""
    import torch

    die_with_parent(parent)
    torch.set_num_threads(1)


def make(file: Path, work: Path) -> None:
    """Read, relax and run one crystal; its file states the crystal and its slope, or why not."""
    done = work / f"{file.stem}.json"
    if done.is_file():
        return
    began = time.process_time()
    try:
        answer = crystal_of(file)
    except MlipsseError as error:
        answer = {"reason": str(error)}
    write_text(done, encode(answer))
    slope = answer.get("slope_A2_ps")
    text = answer.get("reason") or f"{slope:.3g} Å²/ps, {answer['stopped'] or 'whole'}"
    print(f"{file.stem}: {text}; {time.process_time() - began:.0f} s", flush=True)


def crystal_of(file: Path) -> dict[str, Any]:
    """The relaxed crystal and the slope of its MSD."""
    (candidate, *_) = read_candidates(file, mobile=MOBILE, orderings=1, most_atoms=MOST_ATOMS)
    start = candidate.crystals[0]
    known = known_species(POTENTIAL)
    if known is not None and (lacks := sorted(set(start.symbols) - known)):
        return {"reason": f"{POTENTIAL} does not know {', '.join(lacks)}"}
    settings = RelaxationSettings(fmax_eV_A=0.05, max_steps=200, max_volume_factor=2.0)
    found = relax(start, potential(), settings)
    if found.energy_eV is None:
        return {"reason": f"relaxation failed: {found.reason}"}
    relaxed = found.atoms
    relaxed.info = {}
    slope_A2_ps, stopped = slope(supercell(relaxed, min_atoms=LEAST_ATOMS, min_width_A=0.0))
    return {"atoms": relaxed, "slope_A2_ps": slope_A2_ps, "stopped": stopped}


def slope(atoms: Atoms) -> tuple[float, str]:
    """Slope of the MSD of lithium, Å²/ps, and why the run was stopped early, if it was."""
    timestep_fs = WITH_HYDROGEN_FS if "H" in atoms.symbols else TIMESTEP_FS
    settings = SamplingSettings(
        temperature_K=TEMPERATURE_K,
        duration_ps=DURATION_PS,
        equilibration_ps=EQUILIBRATION_PS,
        timestep_fs=timestep_fs,
        friction_per_ps=1.0,
        n_frames=round((DURATION_PS - EQUILIBRATION_PS) * 1e3 / timestep_fs),
        stop_when_melted=False,
    )
    run = sample(atoms, potential(), settings, seed=SEED)
    lags = [round(lag * 1e3 / timestep_fs) for lag in LAGS_PS]
    if len(run.frames) <= 2 * lags[1]:
        raise MlipsseError(f"its run at {TEMPERATURE_K:g} K ended early: {run.stopped}")
    places = np.array([frame.positions for frame in run.frames])
    mobile = atoms.symbols == MOBILE
    masses = atoms.get_masses()[~mobile]
    drift = np.einsum("a,tax->tx", masses, places[:, ~mobile]) / masses.sum()
    ions = places[:, mobile] - drift[:, None]
    steps = np.arange(lags[0], lags[1] + 1, 10)
    msd_A2 = [float(((ions[lag:] - ions[:-lag]) ** 2).sum(axis=-1).mean()) for lag in steps]
    return float(np.polyfit(steps * timestep_fs * 1e-3, msd_A2, 1)[0]), run.stopped or ""


def collect(files: list[Path], work: Path, facts: dict[str, dict[str, str]]) -> None:
    """Write what is there so far."""
    frames = list(_frames(files, work, facts))
    if frames:
        write_frames(HERE / "crystals.extxyz", frames)
    rows = [(file.stem, _answer(file, work).get("reason")) for file in files]
    with (HERE / "left_out.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(("name", "reason"))
        writer.writerows(row for row in rows if row[1])


def _answer(file: Path, work: Path) -> dict[str, Any]:
    path = work / f"{file.stem}.json"
    return dict(decode(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def _frames(files: list[Path], work: Path, facts: dict[str, dict[str, str]]) -> Iterator[Atoms]:
    for file in files:
        answer = _answer(file, work)
        if "atoms" in answer:
            atoms, row = answer["atoms"], facts[file.stem]
            atoms.info = {
                "name": file.stem,
                "prototype": f"{row['Family']} {row['Space group #']}",
                "msd_slope_A2_ps": max(0.0, answer["slope_A2_ps"]),
                "temperature_K": TEMPERATURE_K,
                "potential": POTENTIAL,
                "log10_conductivity_S_cm": float(np.log10(conductivity_S_cm(row))),
            }
            yield atoms


def conductivity_S_cm(row: dict[str, str]) -> float:
    """Measured at room temperature; limits such as <1e-10 count as they are."""
    return float(row["Ionic conductivity (S cm-1)"].lstrip("<>"))


def main(obelix: Path, work: Path, processes: int) -> None:
    """Make what is missing, in random order, and write the set after every crystal."""
    work.mkdir(parents=True, exist_ok=True)
    with (obelix / "train.csv").open(encoding="utf-8") as stream:
        facts = {row["ID"]: row for row in csv.DictReader(stream)}
    cifs = crystal_files([obelix / "train_randomized_cifs"])
    files = [file for file in cifs if file.stem in facts]
    order = [files[k] for k in np.random.default_rng(SEED).permutation(len(files))]
    with get_context("spawn").Pool(processes, initializer=settle, initargs=(os.getpid(),)) as pool:
        waiting = [pool.apply_async(make, (file, work)) for file in order]
        for one in waiting:
            one.get()
            collect(files, work, facts)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 2)
