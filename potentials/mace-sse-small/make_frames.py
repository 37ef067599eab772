"""Frames and labels for `mace-sse-small`: SevenNet on the crystals of `systems.py`.

    python make_frames.py WORK_FOLDER [PROCESSES]

For every composition one trajectory at each of five temperatures, each of an ordering of its own;
every other frame strained by up to 5 % along random axes; and, for training alone, cells rattled
over a range of volumes and ions pushed at each other. All labelled with 7net-l3i5 (teacher labels,
not DFT). Of every composition one trajectory is held out for the test, and of every other one for
validation; their temperatures take turns. What relaxes and runs is `mace-sse-small` as it is when
this script is run; each frame states it as `sampler`: 7net-0 for the first ninety files, the model
of before (of labels by CHGNet) for the rest, which take a tenth of the time. A fit to its own
frames is also one where the model goes by itself. Finished files are kept when it is run again.
It requires the environment `sevennet` (`mlipsse env make sevennet`).
"""

import os
import sys
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from systems import HERE, SEED, TEMPERATURES_K, System, systems

from mlipsse import keys
from mlipsse.dataset.frames.extxyz import read_frames, write_frames
from mlipsse.dataset.frames.strain import strain_frames
from mlipsse.dataset.labels.sources import RejectedFrame
from mlipsse.dataset.labels.teacher import Teacher
from mlipsse.dataset.sampling.contacts import contact_frames
from mlipsse.dataset.sampling.dynamics import sample
from mlipsse.dataset.sampling.settings import SamplingSettings
from mlipsse.energetics.potentials.calculators import make_calculator
from mlipsse.energetics.relaxation.outcome import RelaxationSettings
from mlipsse.energetics.relaxation.single import relax
from mlipsse.files import sha256
from mlipsse.potential.native.copy import fastest
from mlipsse.processes import die_with_parent

SAMPLER = HERE.name
TEACHER = "sevennet: 7net-l3i5"
N_FRAMES = 14
TIMESTEP_FS = {"halides": 3.0, "lpsgo": 2.0, "nasicon": 2.0}
"""As long as the fastest bond of a family allows."""
MAX_STRAIN = 0.05
VOLUME_FACTORS = (0.85, 1.20)
RATTLES_A = (0.02, 0.30)
N_CONTACTS = 8
MAX_FORCE_EV_A = 60.0
"""Beyond it a pair is so close that the teacher itself is guessing."""


@dataclass(frozen=True)
class Job:
    """Frames of one ordering: a trajectory, or without a temperature static ones."""

    system: System
    place: int
    temperature_K: float | None
    folder: Path

    @property
    def name(self) -> str:
        """Of the trajectory."""
        return trajectory_name(self.system, self.temperature_K)

    @property
    def path(self) -> Path:
        """Where its frames go."""
        return self.folder / "trajectories" / f"{self.name}.extxyz"


def trajectory_name(system: System, temperature_K: float | None) -> str:
    """Name of the system and kind of its frames, which an underscore parts."""
    return f"{system.name}_{'static' if temperature_K is None else f'T{temperature_K:04.0f}'}"


def settle(parent: int) -> None:
    """One thread, an end with its parent, and no warnings of strains of rounding size."""
    import torch

    die_with_parent(parent)
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", message="logm result")


@cache
def sampler() -> Calculator:
    """What relaxes and runs, as native code where a compiler is there."""
    potential, head = fastest(SAMPLER)
    return make_calculator(potential, head=head)


@cache
def _version() -> str:
    """Of the sampler: the start of its file's sha256."""
    return sha256(HERE / f"{SAMPLER}.model")[:8]


@cache
def teacher() -> Teacher:
    """What labels."""
    return Teacher(TEACHER, make_calculator(TEACHER))


def make(job: Job) -> None:
    """Relax, run or rattle, and label; nothing when the frames are there."""
    if job.path.is_file():
        return
    seed = SEED + 1000 * job.place
    start = relax(
        job.system.structure(job.place),
        sampler(),
        RelaxationSettings(fmax_eV_A=0.15, max_steps=40, max_volume_factor=2.5),
    ).atoms
    if job.temperature_K is None:
        frames = [
            *rattled(start, seed=seed),
            *contact_frames(start, mobile=job.system.mobile, count=N_CONTACTS, seed=seed),
        ]
    else:
        frames = dynamics(start, sampler(), job.system.family, job.temperature_K, seed=seed)
    described = describe(frames, job.system, job.temperature_K)
    write_frames(job.path, list(labelled(described, max_force_eV_A=MAX_FORCE_EV_A)))
    print(job.name, len(start), flush=True)


def describe(
    frames: Sequence[Atoms], system: System, temperature_K: float | None
) -> Sequence[Atoms]:
    """The same frames, labelled with their system."""
    for frame in frames:
        frame.info = {
            keys.COMPOSITION: system.formula,
            keys.TRAJECTORY: trajectory_name(system, temperature_K),
            "family": system.family,
            "temperature_K": temperature_K or 0.0,
            "sampler": f"{SAMPLER} {_version()}",
        }
    return frames


def labelled(frames: Iterable[Atoms], *, max_force_eV_A: float) -> Iterable[Atoms]:
    """Those that the teacher can label and finds below this force, labelled."""
    for frame in frames:
        try:
            answer = teacher().label(frame)
        except RejectedFrame as rejected:
            print(rejected, flush=True)
            continue
        if np.abs(answer.arrays[keys.FORCES]).max() < max_force_eV_A:
            yield answer


def dynamics(
    start: Atoms, calculator: Calculator, family: str, temperature_K: float, *, seed: int
) -> list[Atoms]:
    """Frames of an NVT run, every other one strained."""
    settings = SamplingSettings(
        temperature_K=temperature_K,
        duration_ps=0.6,
        equilibration_ps=0.15,
        timestep_fs=TIMESTEP_FS[family],
        n_frames=N_FRAMES,
        stop_when_melted=False,
    )
    frames = sample(start, calculator, settings, seed=seed).frames
    frames[::2] = strain_frames(frames[::2], max_strain=MAX_STRAIN, seed=seed)
    return frames


def rattled(start: Atoms, *, seed: int) -> list[Atoms]:
    """Copies over a range of volumes, every atom moved at random, by another width in each."""
    rng = np.random.default_rng(seed)
    frames = []
    for factor in np.linspace(*VOLUME_FACTORS, N_FRAMES):
        frame = start.copy()
        frame.set_cell(start.cell[:] * factor ** (1 / 3), scale_atoms=True)
        frame.positions += rng.normal(0, rng.uniform(*RATTLES_A), frame.positions.shape)
        frames.append(frame)
    return strain_frames(frames, max_strain=MAX_STRAIN, seed=seed)


def main(folder: Path, processes: int) -> None:
    """Make all frames that are missing, then the three sets."""
    parts: dict[str, list[Job]] = {"train": [], "valid": [], "test": []}
    for number, system in enumerate(systems()):
        for place, temperature_K in enumerate(TEMPERATURES_K):
            held_out = (place - number) % len(TEMPERATURES_K)
            part = "test" if held_out == 0 else "train"
            if held_out == 2 and number % 2 == 0:
                part = "valid"
            parts[part].append(Job(system, place, temperature_K, folder))
        parts["train"].append(Job(system, len(TEMPERATURES_K), None, folder))
    jobs = [job for some in parts.values() for job in some]
    jobs = [jobs[index] for index in np.random.default_rng(SEED).permutation(len(jobs))]
    with get_context("spawn").Pool(processes, initializer=settle, initargs=(os.getpid(),)) as pool:
        pool.map(make, jobs, chunksize=1)
    for part, some in parts.items():
        frames = [frame for job in some for frame in read_frames(job.path, labelled=True)]
        write_frames(folder / f"{part}.extxyz", frames)
        print(part, len(frames), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 2)
