"""A tiny MACE and tiny labelled sets: LiCl by a Morse potential."""

from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.calculators.morse import MorsePotential

from mlipsse import keys
from mlipsse.dataset.frames.extxyz import write_frames

ELEMENTS = ("Li", "Cl")

REPLAY_SHIFT_EV = {"Li": 1.0, "Cl": 0.0}
"""Brings the Morse energies to about what the random weights of the foundation give."""


def labelled_frames(*, count: int, seed: int, shift_eV: dict[str, float]) -> list[Atoms]:
    """Rattled LiCl and LiCl with a vacancy, labelled by a Morse potential and a shift per atom.

    The vacancy makes the two shifts distinguishable.
    """
    rng = np.random.default_rng(seed)
    frames = []
    for number in range(count):
        atoms = bulk("LiCl", "rocksalt", a=5.1 * rng.uniform(0.97, 1.03), cubic=True)
        if number % 2:
            del atoms[int(rng.integers(len(atoms)))]
        atoms.rattle(0.1, seed=int(rng.integers(2**31)))
        atoms.calc = MorsePotential(epsilon=0.4, r0=2.5, rho0=4.0, rcut1=3.5, rcut2=4.2)
        energy_eV = atoms.get_potential_energy()
        energy_eV += sum(shift_eV[symbol] for symbol in atoms.get_chemical_symbols())
        frame = Atoms(atoms.symbols, positions=atoms.positions, cell=atoms.cell, pbc=True)
        frame.info = {
            keys.ENERGY: energy_eV,
            keys.STRESS: atoms.get_stress(),
            keys.TRAJECTORY: f"seed-{seed}",
        }
        frame.set_array(keys.FORCES, atoms.get_forces())
        frames.append(frame)
    return frames


def write_foundation(path: Path) -> Path:
    """A tiny one-head MACE of random weights."""
    import mace  # noqa: F401
    import torch
    from e3nn import o3
    from mace import modules

    torch.manual_seed(3)
    interaction = modules.interaction_classes["RealAgnosticResidualInteractionBlock"]
    model = modules.ScaleShiftMACE(
        r_max=4.0,
        num_bessel=4,
        num_polynomial_cutoff=5,
        max_ell=1,
        interaction_cls=interaction,
        interaction_cls_first=interaction,
        num_interactions=2,
        num_elements=len(ELEMENTS),
        hidden_irreps=o3.Irreps("4x0e"),
        MLP_irreps=o3.Irreps("4x0e"),
        gate=torch.nn.functional.silu,
        atomic_energies=np.array([[-1.0, -2.0]]),
        avg_num_neighbors=6.0,
        atomic_numbers=[3, 17],
        correlation=1,
        atomic_inter_scale=[0.3],
        atomic_inter_shift=[0.0],
        heads=["Default"],
    )
    torch.save(model, path)
    return path


def write_sets(folder: Path) -> dict[str, Path]:
    """Sets of the new level, five electron-volts per Li off the replay set's."""
    files = {}
    counts = {"train": 8, "valid": 4, "test": 4, "replay": 10}
    for seed, (name, count) in enumerate(counts.items()):
        shift = REPLAY_SHIFT_EV if name == "replay" else {"Li": -4.0, "Cl": -0.5}
        files[name] = folder / f"{name}.extxyz"
        write_frames(files[name], labelled_frames(count=count, seed=seed, shift_eV=shift))
    return files
