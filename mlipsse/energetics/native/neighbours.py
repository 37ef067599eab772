"""Neighbours of atoms that move a little at a time."""

import numpy as np
from ase import Atoms


class Neighbours:
    """Edges within a cutoff, from a list that reaches a skin further and is made when it must.

    Parameters
    ----------
    cutoff_A : of the edges
    skin_A : the list is made again when an atom has moved by half of it, or the cell changed
    """

    def __init__(self, cutoff_A: float, skin_A: float = 0.5) -> None:
        self._cutoff_A, self._skin_A = cutoff_A, skin_A
        self._made_of: tuple[np.ndarray, ...] = ()
        self._receivers = self._senders = np.empty(0, dtype=int)
        self._shifts_A = np.empty((0, 3))

    def edges(self, atoms: Atoms) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Receivers (n_edges,), ascending, senders (n_edges,), and vectors (n_edges, 3) in Å.

        Vectors point from the sender to the receiver.

        Raises
        ------
        ValueError
            for positions or a cell that are not finite.
        """
        if not (np.isfinite(atoms.positions).all() and np.isfinite(atoms.cell.array).all()):
            raise ValueError("positions or cell are not finite")
        if not self._holds(atoms):
            self._make(atoms)
        places_A = atoms.positions
        vectors_A = places_A[self._receivers] - places_A[self._senders] - self._shifts_A
        near = np.einsum("ek,ek->e", vectors_A, vectors_A) < self._cutoff_A**2
        return self._receivers[near], self._senders[near], vectors_A[near]

    def _holds(self, atoms: Atoms) -> bool:
        if not self._made_of:
            return False
        places_A, cell, pbc, numbers = self._made_of
        if len(numbers) != len(atoms) or (cell != atoms.cell.array).any():
            return False
        if (pbc != atoms.pbc).any():
            return False
        moved_A = atoms.positions - places_A
        return bool(np.einsum("ik,ik->i", moved_A, moved_A).max() < (self._skin_A / 2) ** 2)

    def _make(self, atoms: Atoms) -> None:
        from matscipy.neighbours import neighbour_list

        cell = _whole_cell(atoms, self._cutoff_A + self._skin_A)
        receivers, senders, shifts = neighbour_list(
            "ijS",
            cutoff=self._cutoff_A + self._skin_A,
            positions=atoms.positions,
            cell=cell,
            pbc=atoms.pbc,
            numbers=atoms.numbers.astype(np.int32),
        )
        # In one order whenever the list is made, so that sums have the same bits.
        order = np.lexsort((*shifts.T, senders, receivers))
        self._receivers, self._senders = receivers[order], senders[order]
        self._shifts_A = shifts[order] @ cell
        self._made_of = (
            atoms.positions.copy(),
            np.array(atoms.cell.array),
            np.array(atoms.pbc),
            atoms.numbers.copy(),
        )


def _whole_cell(atoms: Atoms, margin_A: float) -> np.ndarray:
    """The cell, (3, 3) Å; vectors that it lacks span the atoms and a margin."""
    if atoms.cell.rank == 3:
        return np.asarray(atoms.cell.array)
    span_A = np.ptp(atoms.positions, axis=0).max() + 2 * margin_A
    missing = ~atoms.cell.any(axis=1)
    whole = np.asarray(atoms.cell.complete().array)
    whole[missing] *= span_A
    return whole
