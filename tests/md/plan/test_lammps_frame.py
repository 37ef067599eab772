"""The frame that LAMMPS turned a crystal into, turned back."""

from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms

from mlipsse.md.files.data_file import data_text
from mlipsse.md.plan.lammps_frame import LammpsFrame


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("handed", [1, -1])
def test_cell_and_displacements_come_back(tmp_path: Path, seed: int, handed: int) -> None:
    rng = np.random.default_rng(seed)
    lower = np.array([[9.0, 0, 0], [0, 10.0, 0], [0, 0, 11.0]])
    lower[[1, 2, 2], [0, 0, 1]] = rng.uniform(-25, 25, 3)
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    rotation *= handed * np.sign(np.linalg.det(rotation))
    cell = lower @ rotation
    atoms = Atoms("LiCl", positions=rng.uniform(0, 9, (2, 3)), cell=cell, pbc=True)
    path = tmp_path / "x.data"
    path.write_text(data_text(atoms, title="x"))
    box = ase.io.read(path, format="lammps-data", atom_style="atomic")
    assert isinstance(box, Atoms)
    frame = LammpsFrame.from_json(LammpsFrame.of(atoms.cell).as_json())
    np.testing.assert_allclose(frame.lattice @ box.cell[:] @ frame.rotation, cell, atol=1e-10)
    # Positions agree but for lattice vectors of the crystal.
    shifts = (box.positions @ frame.rotation - atoms.positions) @ np.linalg.inv(cell)
    np.testing.assert_allclose(shifts, np.rint(shifts), atol=1e-9)
    # A strain that LAMMPS gives its box is that strain of the crystal's cell.
    strain = np.eye(3) + np.tril(rng.uniform(-0.03, 0.03, (3, 3)))
    strained = frame.lattice @ box.cell[:] @ strain @ frame.rotation
    expected = cell @ frame.rotation.T @ strain @ frame.rotation
    np.testing.assert_allclose(strained, expected, atol=1e-10)
