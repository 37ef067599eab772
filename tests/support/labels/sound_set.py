"""A sound labelled set: copper-gold crystals of ASE's effective medium theory, as from dynamics."""

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT

from mlipsse import keys
from mlipsse.dataset.frames.strain import random_strain

SOURCE = "teacher: emt (teacher labels, not DFT)"


def emt_label(frame: Atoms) -> Atoms:
    frame.calc = EMT()
    energy, forces, stress = frame.get_potential_energy(), frame.get_forces(), frame.get_stress()
    frame.calc = None
    frame.info[keys.ENERGY] = float(energy)
    frame.arrays[keys.FORCES] = np.array(forces)
    frame.info[keys.STRESS] = np.array(stress)
    return frame


def trajectory(
    name: str, *, gold: int, frames: int = 12, seed: int, repeat=(2, 1, 1)
) -> list[Atoms]:
    """Frames scattered around one crystal, each strained by up to 3 %."""
    rng = np.random.default_rng(seed)
    crystal = bulk("Cu", cubic=True, a=3.6 + 0.1 * gold / (4 * np.prod(repeat)) * 4) * repeat
    crystal.numbers[rng.permutation(len(crystal))[:gold]] = 79
    made = []
    for _ in range(frames):
        frame = crystal.copy()
        deformation = np.eye(3) + random_strain(rng, max_strain=0.03, kind="full")
        frame.set_cell(frame.cell[:] @ deformation, scale_atoms=True)
        frame.positions += rng.normal(0, 0.08, frame.positions.shape)
        frame.wrap()
        frame.info = {keys.TRAJECTORY: name, keys.LABEL_SOURCE: SOURCE}
        made.append(emt_label(frame))
    return made


def sound_sets() -> dict[str, list[Atoms]]:
    """Train, valid and test."""
    train = [
        frame
        for k, gold in enumerate((0, 2, 4, 2, 4))
        for frame in trajectory(f"t{k}", gold=gold, seed=k)
    ]
    train += trajectory("large", gold=4, seed=20, repeat=(2, 2, 1))
    return {
        "train": train,
        "valid": trajectory("v0", gold=2, seed=10),
        "test": trajectory("s0", gold=4, seed=11),
    }
