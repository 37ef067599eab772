"""MACE on several structures at a time; importing this imports torch, mace and torch-sim."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from ase import Atoms
from ase.stress import full_3x3_to_voigt_6_stress

from mlipsse.energetics.potentials.batched_mace import BatchedMace
from mlipsse.energetics.potentials.loaded_mace import LoadedMace
from mlipsse.energetics.relaxation.energies import BATCH_ATOMS
from mlipsse.energetics.relaxation.outcome import FAILURES
from mlipsse.energetics.single_point import SinglePoint


@dataclass(frozen=True, eq=False)
class _Batch:
    structures: Sequence[Atoms]
    state: Any


class InBatches:
    """A MACE potential; see `mlipsse.energetics.relaxation.evaluators.Evaluator`.

    A batch in which the potential fails is halved until what fails is alone.

    Parameters
    ----------
    batch_atoms : most atoms in a batch on a CPU; a larger structure goes alone. On a GPU torch-sim
        tries how much its memory holds.
    stress : whether stresses are wanted, too
    """

    def __init__(
        self, mace: LoadedMace, *, batch_atoms: int = BATCH_ATOMS, stress: bool = False
    ) -> None:
        self._model = BatchedMace(mace, stress=stress)
        self._batch_atoms = batch_atoms
        self._room: float | None = None
        self._batches: list[_Batch] = []

    def evaluate(
        self, structures: Sequence[Atoms], *, invariants: bool = False
    ) -> list[SinglePoint | Exception]:
        """See `Evaluator`."""
        known = [atoms for batch in self._batches for atoms in batch.structures]
        if [id(atoms) for atoms in known] != [id(atoms) for atoms in structures]:
            self._batches = [
                _Batch(part, self._model.state(part)) for part in self._parts(structures)
            ]
        return [
            result
            for batch in self._batches
            for result in self._evaluate(batch, invariants=invariants)
        ]

    def _parts(self, structures: Sequence[Atoms]) -> Iterator[list[Atoms]]:
        """Structures in order, as many at a time as there is room for."""
        if not structures:
            return
        sizes, room = self._model.room(structures, self._batch_atoms, known=self._room)
        self._room = room
        part: list[Atoms] = []
        taken = 0.0
        for atoms, size in zip(structures, sizes, strict=True):
            if part and taken + size > room:
                yield part
                part, taken = [], 0.0
            part.append(atoms)
            taken += size
        yield part

    def _evaluate(self, batch: _Batch, *, invariants: bool) -> list[SinglePoint | Exception]:
        state, structures = batch.state, batch.structures
        positions_A = np.concatenate([atoms.positions for atoms in structures])
        state.positions = torch.as_tensor(positions_A, dtype=state.dtype, device=state.device)
        try:
            found = self._model(state)
        except FAILURES as error:
            if len(structures) == 1:
                return [error]
            half = len(structures) // 2
            return [
                result
                for part in (structures[:half], structures[half:])
                for result in self._evaluate(
                    _Batch(part, self._model.state(part)), invariants=invariants
                )
            ]
        cuts = np.cumsum([len(atoms) for atoms in structures])[:-1]
        forces_eV_A = np.split(_array(found["forces"]), cuts)
        if "stress" in found:
            stress_eV_A3 = full_3x3_to_voigt_6_stress(_array(found["stress"]))
        else:
            stress_eV_A3 = np.full((len(structures), 6), np.nan)
        parts = np.split(_array(self._model.invariants()), cuts) if invariants else None
        return [
            SinglePoint(
                energy_eV,
                forces_eV_A[place],
                stress_eV_A3[place],
                parts[place] if parts else None,
            )
            for place, energy_eV in enumerate(_array(found["energy"]).tolist())
        ]


def _array(values: torch.Tensor) -> np.ndarray:
    return values.detach().double().cpu().numpy()
