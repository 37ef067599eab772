"""The replay set that is shipped with `mace-sse-small`: frames that it was not trained on.

    python make_replay.py WORK_FOLDER [PROCESSES]

Of every composition, of an ordering that was not trained on where it has more than those: frames of
two short trajectories, run with the potential itself, cells rattled over a range of volumes, and
ions pushed at each other. All are labelled with the teacher, 7net-l3i5 (not DFT).

What a fine-tuning forgets is counted on a tenth of the set. On frames that the foundation was
fitted to it would be overestimated. Finished files are kept when it is run again. Ten minutes on
two cores.
"""

import os
import sys
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from make_frames import describe, dynamics, labelled, rattled, settle
from systems import HERE, SEED, TEMPERATURES_K, systems

from mlipsse.dataset.frames.extxyz import read_frames, write_frames
from mlipsse.dataset.sampling.contacts import contact_frames
from mlipsse.energetics.potentials.calculators import make_calculator
from mlipsse.energetics.relaxation.outcome import RelaxationSettings
from mlipsse.energetics.relaxation.single import relax
from mlipsse.files import sha256
from mlipsse.potential.bundle.folder import CARD_FILE, read_card, write_card
from mlipsse.potential.native.copy import fastest

REPLAY = HERE / "replay.extxyz"
PLACE = len(TEMPERATURES_K) + 1
"""Of its ordering among the ones of a system, after those of the training frames."""
N_OF_TRAJECTORY = 5
N_RATTLED = 3
N_CONTACTS = 4
MAX_FORCE_EV_A = 10.0
"""Without the forces of pairs pushed together, which would be all that an error sees."""


@cache
def _potential() -> Calculator:
    potential, head = fastest(HERE.name)
    return make_calculator(potential, head=head)


def make(number: int, folder: Path) -> None:
    """Relax, run, rattle, and label; nothing when the frames are there."""
    system = systems()[number]
    path = folder / f"{system.name}.extxyz"
    if path.is_file():
        return
    seed = SEED + 1000 * PLACE + number
    rng = np.random.default_rng(seed)
    start = relax(
        system.structure(PLACE),
        _potential(),
        RelaxationSettings(fmax_eV_A=0.15, max_steps=100, max_volume_factor=2.5),
    ).atoms
    frames = [
        *_some(rattled(start, seed=seed), N_RATTLED, rng),
        *contact_frames(start, mobile=system.mobile, count=N_CONTACTS, seed=seed),
    ]
    described = [*describe(frames, system, None)]
    for turn in (number, number + 2):
        temperature_K = TEMPERATURES_K[turn % len(TEMPERATURES_K)]
        run = dynamics(start, _potential(), system.family, temperature_K, seed=seed + turn)
        described += describe(_some(run, N_OF_TRAJECTORY, rng), system, temperature_K)
    kept = list(labelled(described, max_force_eV_A=MAX_FORCE_EV_A))
    write_frames(path, kept)
    print(system.name, f"{len(kept)} of {len(described)}", flush=True)


def _some(frames: list[Atoms], count: int, rng: np.random.Generator) -> list[Atoms]:
    chosen = rng.choice(len(frames), min(count, len(frames)), replace=False)
    return [frames[index] for index in sorted(chosen)]


def main(folder: Path, processes: int) -> None:
    """Make the frames that are missing, write the set, and name it in the card."""
    folder.mkdir(parents=True, exist_ok=True)
    numbers = range(len(systems()))
    with get_context("spawn").Pool(processes, initializer=settle, initargs=(os.getpid(),)) as pool:
        pool.starmap(make, [(number, folder) for number in numbers], chunksize=1)
    files = [folder / f"{system.name}.extxyz" for system in systems()]
    frames = [frame for file in files for frame in read_frames(file, labelled=True)]
    write_frames(REPLAY, frames)
    card = read_card(HERE / CARD_FILE)
    card["extra"]["replay"] = (
        f"{REPLAY.name}: {len(frames)} frames that it was not trained on, as many of every system, "
        f"with forces below {MAX_FORCE_EV_A:g} eV/Å; teacher labels as its own"
    )
    card["sha256"][REPLAY.name] = sha256(REPLAY)
    write_card(HERE, card)
    print(len(frames), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 2)
