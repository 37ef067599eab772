"""Frames and labels for `halide-small`: CHGNet 0.3.0 molecular dynamics of Li-In-Y-Cl-Br halides.

    python make_frames.py WORK_FOLDER [PROCESSES]

One trajectory per composition and temperature, of an ordering in a 40-atom cell relaxed with
CHGNet; its frames strained by up to 5 % along every principal axis and labelled with CHGNet again
(teacher labels, not DFT). To the training set come rattled 20-atom cells from 14 % compressed to
20 % expanded, so that the model knows that atoms repel. Finished trajectories are kept when it is
run again. Writes train.extxyz, valid.extxyz and test.extxyz, split by trajectory. Half an hour on a
core.
"""

import sys
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator

from mlipsse import keys
from mlipsse.dataset.extxyz import read_frames, write_frames
from mlipsse.dataset.labels import make_teacher
from mlipsse.dataset.sampling import SamplingSettings, sample
from mlipsse.dataset.split import split_by_trajectory
from mlipsse.dataset.strain import strain_frames
from mlipsse.energetics.calculators import make_calculator
from mlipsse.energetics.relaxation import relax
from mlipsse.orderings import Supercell, enumerate_orderings, parse_composition, read_host
from mlipsse.resources import resource_dir

TEACHER = "chgnet"
COMPOSITIONS = (
    "Li3InCl6",
    "Li3InBr6",
    "Li3YCl6",
    "Li3YBr6",
    "Li3In0.5Y0.5Br3Cl3",
)
TEMPERATURES_K = (600.0, 1000.0, 1400.0)
N_FRAMES = 16
STATIC_ORDERINGS = (1, 5)
STATIC_VOLUME_FACTORS = (0.86, 1.20)
STATIC_MAX_RATTLE_A = 0.25
MAX_STRAIN = 0.05
SEED = 7


@dataclass(frozen=True)
class Job:
    """One trajectory to be made; without a temperature, a set of rattled cells."""

    formula: str
    temperature_K: float | None
    ordering: int
    seed: int
    path: Path


def make_trajectory(job: Job) -> None:
    """Relax, run, strain and label; nothing when the trajectory is there."""
    if job.path.is_file():
        return
    calculator = make_calculator(TEACHER)
    source = make_teacher(f"teacher: {TEACHER}")
    host = read_host(
        resource_dir("examples") / "li3incl6" / "Li3InCl6.cif",
        mobile="Li",
        substitutions={"In": ["In", "Y"], "Cl": ["Cl", "Br"]},
        charges={"Li": 1, "In": 3, "Y": 3, "Cl": -1, "Br": -1},
    )
    orderings = enumerate_orderings(
        parse_composition(job.formula, host),
        Supercell(host, (1, 1, 1)),
        max_orderings=9,
        seed=SEED,
    )
    start = relax(orderings[job.ordering].atoms, calculator, fmax_eV_A=0.1, max_steps=60).atoms
    if job.temperature_K is None:
        frames = rattled(start, seed=job.seed)
    else:
        frames = dynamics(start, calculator, job.temperature_K, seed=job.seed)
    for frame in frames:
        frame.info = {keys.COMPOSITION: job.formula, keys.TRAJECTORY: job.path.stem}
    write_frames(job.path, [source.label(frame) for frame in frames])
    print(job.path.stem, flush=True)


def dynamics(
    start: Atoms, calculator: Calculator, temperature_K: float, *, seed: int
) -> list[Atoms]:
    """Strained frames of an NVT run."""
    factors = [1, 1, 1]
    factors[int(np.argmin(np.round(start.cell.lengths(), 6)))] = 2
    trajectory = sample(
        start.repeat(factors),
        calculator,
        SamplingSettings(
            temperature_K=temperature_K,
            duration_ps=0.6,
            equilibration_ps=0.15,
            timestep_fs=2.0,
            n_frames=N_FRAMES,
        ),
        seed=seed,
    )
    return strain_frames(trajectory.frames, max_strain=MAX_STRAIN, seed=seed)


def rattled(start: Atoms, *, seed: int) -> list[Atoms]:
    """Copies over a range of volumes, every atom moved at random, by another width in each."""
    rng = np.random.default_rng(seed)
    frames = []
    for factor in np.linspace(*STATIC_VOLUME_FACTORS, N_FRAMES):
        frame = start.copy()
        frame.set_cell(start.cell[:] * factor ** (1 / 3), scale_atoms=True)
        width_A = rng.uniform(0, STATIC_MAX_RATTLE_A)
        frame.positions += rng.normal(0, width_A, frame.positions.shape)
        frames.append(frame)
    return frames


def main(folder: Path, processes: int) -> None:
    """Make every trajectory that is missing, then the three sets."""
    jobs = [
        Job(
            formula,
            temperature_K,
            ordering=4 * index,
            seed=SEED + 10 * number + index,
            path=folder / "trajectories" / f"{formula}_T{temperature_K:04.0f}.extxyz",
        )
        for number, formula in enumerate(COMPOSITIONS)
        for index, temperature_K in enumerate(TEMPERATURES_K)
    ]
    statics = [
        Job(
            formula,
            None,
            ordering=ordering,
            seed=SEED + 100 + 10 * number + ordering,
            path=folder / "trajectories" / f"{formula}_static{ordering}.extxyz",
        )
        for number, formula in enumerate(COMPOSITIONS)
        for ordering in STATIC_ORDERINGS
    ]
    with get_context("spawn").Pool(processes) as pool:
        pool.map(make_trajectory, [*jobs, *statics], chunksize=1)
    frames = [frame for job in jobs for frame in read_frames(job.path, labelled=True)]
    split = split_by_trajectory(frames, valid_fraction=0.1, test_fraction=0.1, seed=SEED)
    for job in statics:
        split.train.extend(read_frames(job.path, labelled=True))
    for part in ("train", "valid", "test"):
        write_frames(folder / f"{part}.extxyz", getattr(split, part))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1)
