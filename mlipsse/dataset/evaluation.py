"""Predictions of a potential for labelled frames: MACE many at a time, others one by one."""

import contextlib
import sys
from collections.abc import Sequence

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.stress import voigt_6_to_full_3x3_stress

from mlipsse.dataset.predictions import Predictions, compare
from mlipsse.energetics.loaded_mace import LoadedMace

Outcome = tuple[float, np.ndarray, np.ndarray]

_BATCH_ATOMS = {"cpu": 200, "cuda": 4000}


def predict(frames: Sequence[Atoms], potential: LoadedMace | Calculator) -> Predictions:
    """Evaluate labelled frames (labels under `mlipsse.keys`), in their order."""
    return compare(frames, evaluate(frames, potential))


def evaluate(structures: Sequence[Atoms], potential: LoadedMace | Calculator) -> list[Outcome]:
    """Energy (eV), forces (n_atoms, 3) (eV/Å) and stress (3, 3) (eV/Å³) of every structure."""
    bare = [Atoms(s.numbers, positions=s.positions, cell=s.cell, pbc=s.pbc) for s in structures]
    if isinstance(potential, LoadedMace):
        return _in_batches(bare, potential)
    return [_alone(atoms, potential) for atoms in bare]


def _alone(atoms: Atoms, calculator: Calculator) -> Outcome:
    atoms.calc = calculator
    stress = voigt_6_to_full_3x3_stress(atoms.get_stress(voigt=True))
    return float(atoms.get_potential_energy()), atoms.get_forces(), stress


def _in_batches(structures: Sequence[Atoms], mace: LoadedMace) -> list[Outcome]:
    import torch_sim

    from mlipsse.energetics.batched_mace import BatchedMace
    from mlipsse.memory import kept_memory

    outcomes: list[Outcome] = []
    # torch-sim tells of itself on standard output, where `--json` writes.
    with contextlib.redirect_stdout(sys.stderr), kept_memory():
        model = BatchedMace(mace, stress=True)
        for batch in _batches(structures, _BATCH_ATOMS[mace.device]):
            results = model(torch_sim.io.atoms_to_state(batch, model.device, model.dtype))
            energy, forces, stress = (
                results[name].detach().double().cpu() for name in ("energy", "forces", "stress")
            )
            per_frame = forces.split([len(atoms) for atoms in batch])
            outcomes += [
                (float(energy[k]), per_frame[k].numpy(), stress[k].numpy())
                for k in range(len(batch))
            ]
    return outcomes


def _batches(frames: Sequence[Atoms], most_atoms: int) -> list[list[Atoms]]:
    batches: list[list[Atoms]] = []
    room = 0
    for frame in frames:
        if not batches or len(frame) > room:
            batches.append([])
            room = most_atoms
        batches[-1].append(frame)
        room -= len(frame)
    return batches
