"""Neighbours with a skin, against ASE's list, while atoms move and cells change."""

import numpy as np
import pytest
from ase import Atoms
from ase.neighborlist import neighbor_list

from mlipsse.energetics.native.neighbours import Neighbours

CELLS = {
    "cluster": (np.zeros((3, 3)), False),
    "wire": (np.diag([8.0, 8.0, 8.0]), (True, False, False)),
    "slab": (np.array([[8.0, 0, 0], [1, 9, 0], [0, 0, 0]]), (True, True, False)),
    "crystal of images": (np.array([[5.0, 0, 0], [1, 6, 0], [0.5, 0.4, 5]]), True),
}


def in_order(receivers, senders, vectors_A):
    rows = np.column_stack([receivers, senders, vectors_A])
    return rows[np.lexsort((rows.round(5) + 0.0).T[::-1])]


@pytest.mark.parametrize("kind", CELLS)
def test_as_ase_while_atoms_move(kind):
    cell, pbc = CELLS[kind]
    rng = np.random.default_rng(0)
    atoms = Atoms("Li20", positions=rng.random((20, 3)) * 9 - 20, cell=cell, pbc=pbc)
    neighbours = Neighbours(4.5)
    for step in range(30):
        receivers, senders, vectors_A = neighbours.edges(atoms)
        i, j, towards_A = neighbor_list("ijD", atoms, 4.5)
        assert (np.diff(receivers) >= 0).all()
        np.testing.assert_allclose(
            in_order(receivers, senders, vectors_A), in_order(i, j, -towards_A), atol=1e-7
        )
        atoms.positions += rng.normal(scale=0.03, size=(len(atoms), 3))
        if step == 15 and atoms.cell.rank == 3:
            atoms.set_cell(atoms.cell * 1.02, scale_atoms=True)
        if step == 20:
            atoms = atoms[:-1]
