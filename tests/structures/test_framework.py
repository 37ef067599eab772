import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from scipy.spatial.transform import Rotation

from mlipsse.structures.framework import Framework


def thiophosphate():
    """Two PS4 tetrahedra (P-S 2.05 Å), 8 Å apart with their images, and lithium between."""
    corners = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) * 2.05 / np.sqrt(3)
    symbols, positions = [], []
    for centre in ((2.0, 2.0, 2.0), (2.0, 2.0, 10.0)):
        symbols += ["P", "S", "S", "S", "S"]
        positions += [np.array(centre), *(corners + centre)]
    lithium = [(6.0, 6.0, 6.0), (6.0, 6.0, 14.0)]
    return Atoms(symbols + ["Li"] * 2, positions + lithium, cell=[8, 8, 16], pbc=True)


def test_centres_are_those_that_nothing_turns_around():
    atoms = thiophosphate()
    framework = Framework.of(atoms, mobile="Li")
    assert list(framework.centres) == [0, 5]
    assert framework.apart_A == pytest.approx(8.0)
    # In the halide every chlorine hangs on an indium; without lithium as mobile, on either.
    salt = bulk("LiCl", "rocksalt", a=5.1, cubic=True)
    assert set(salt.symbols[Framework.of(salt, mobile="Li").centres]) == {"Cl"}
    ammonium = Atoms("NH4", [[2, 2, 2], *([2, 2, 2] + 1.03 * np.eye(3)), [1.4, 1.4, 1.4]])
    ammonium.set_cell([7, 7, 7])
    ammonium.pbc = True
    assert list(Framework.of(ammonium, mobile="Li").centres) == [0]


def test_the_ratio_is_the_displacement_of_centres_over_their_distance():
    atoms = thiophosphate()
    framework = Framework.of(atoms, mobile="Li")
    assert framework.lindemann(atoms.positions) == 0.0
    moved = atoms.positions.copy()
    moved[:5] += [0.0, 0.0, 1.0]
    moved[5:10] -= [0.0, 0.0, 1.0]
    assert framework.lindemann(moved) == pytest.approx(1.0 / 8.0)


def test_drift_mobile_ions_and_rotation_do_not_count():
    atoms = thiophosphate()
    framework = Framework.of(atoms, mobile="Li")
    moved = atoms.positions + np.array([3.0, -20.0, 7.0])
    moved[10:] += [[5.0, 1.0, 0.0], [0.0, -30.0, 2.0]]
    for first in (0, 5):
        turn = Rotation.from_rotvec([0.3 + first, 1.1, -2.0]).as_matrix()
        moved[first + 1 : first + 5] = (
            moved[first + 1 : first + 5] - moved[first]
        ) @ turn.T + moved[first]
    assert framework.lindemann(moved) == pytest.approx(0.0, abs=1e-12)
    assert np.abs(moved - atoms.positions - [3.0, -20.0, 7.0])[:10].max() > 1.0


def test_an_einstein_crystal_shows_its_amplitude():
    atoms = bulk("NaCl", "rocksalt", a=5.6, cubic=True).repeat(4)
    framework = Framework.of(atoms, mobile="Na")
    amplitude_A = 0.3
    moved = atoms.positions + np.random.default_rng(0).normal(0, amplitude_A, (len(atoms), 3))
    expected = np.sqrt(3) * amplitude_A / (5.6 / np.sqrt(2))
    assert framework.lindemann(moved) == pytest.approx(expected, rel=0.05)


def test_there_is_no_framework_without_other_atoms_or_neighbours():
    assert Framework.of(bulk("Li"), mobile="Li") is None
    assert Framework.of(Atoms("LiCl", [[0, 0, 0], [2, 0, 0]]), mobile="Li") is None
