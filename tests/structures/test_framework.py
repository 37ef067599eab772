import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from scipy.spatial.transform import Rotation

from mlipsse.structures.framework import DISPLACED, Framework

CORNERS = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3)


def thiophosphate():
    """Two PS4 tetrahedra (P-S 2.05 Å), 8 Å apart with their images, and lithium between."""
    symbols, positions = [], []
    for centre in ((2.0, 2.0, 2.0), (2.0, 2.0, 10.0)):
        symbols += ["P", "S", "S", "S", "S"]
        positions += [np.array(centre), *(2.05 * CORNERS + centre)]
    lithium = [(6.0, 6.0, 6.0), (6.0, 6.0, 14.0)]
    return Atoms(symbols + ["Li"] * 2, positions + lithium, cell=[8, 8, 16], pbc=True)


def salt(repeat=3):
    return bulk("NaCl", "rocksalt", a=5.6, cubic=True).repeat(repeat)


def test_centres_are_those_that_nothing_turns_around():
    framework = Framework.of(thiophosphate(), mobile="Li")
    assert list(framework.centres) == [0, 5]
    assert framework.spacing_A == pytest.approx(8.0)
    # Chlorines around an indium are held by their neighbours; all of them are centres.
    corners = np.concatenate([np.eye(3), -np.eye(3)]) * 2.5
    halide = Atoms("InCl6", [[0, 0, 0], *corners], cell=[7, 7, 7], pbc=True)
    assert len(Framework.of(halide, mobile="Li").centres) == 7
    ammonium = Atoms(
        "NH4NH4", np.concatenate([[c, *(c + 1.03 * CORNERS)] for c in ([2.0] * 3, [5.5] * 3)])
    )
    ammonium.set_cell([7, 7, 7])
    ammonium.pbc = True
    assert list(Framework.of(ammonium, mobile="Li").centres) == [0, 5]


def test_a_stretched_bond_makes_no_centre_of_a_ligand():
    atoms = thiophosphate()
    atoms.positions[1] += 0.8 * CORNERS[0]
    assert 1 in Framework.of(atoms, mobile="Li").centres  # its bond is gone, it alone is free
    whole = atoms.repeat(2)
    assert set(whole.symbols[Framework.of(whole, mobile="Li").centres]) == {"P", "S"}


def test_a_centre_beyond_a_third_of_the_spacing_is_displaced():
    atoms = salt()
    framework = Framework.of(atoms, mobile="Na")
    assert len(framework.centres) == 108
    places = atoms.positions[framework.centres]
    assert framework.displaced(places).fraction == 0.0
    spacing_A = (16.8**3 / 108) ** (1 / 3)
    assert framework.limit_A == pytest.approx(DISPLACED * spacing_A)
    # Pairs that go opposite ways leave no drift.
    away = np.zeros((108, 3))
    away[:60:2, 0], away[1:60:2, 0] = 1.01 * framework.limit_A, -1.01 * framework.limit_A
    found = framework.displaced(places + away)
    assert found.fraction == pytest.approx(60 / 108)
    assert "56 % of the framework's centres are displaced" in found.melted
    assert framework.displaced(places + 0.98 * away).melted is None
    away[50:60] = 0.0
    assert framework.displaced(places + away).melted is None


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
    assert np.abs(moved - atoms.positions - [3.0, -20.0, 7.0])[:10].max() > 1.0
    assert framework.displaced(moved[framework.centres]).fraction == 0.0


def test_an_element_that_moves_among_others_that_stay_is_named():
    atoms = salt()
    sites = np.flatnonzero(atoms.symbols == "Na")
    atoms.symbols[sites[:54]] = "Li"
    framework = Framework.of(atoms, mobile="Li")
    moved = atoms.positions.copy()
    sodium = np.flatnonzero(atoms.symbols == "Na")
    moved[sodium] += np.random.default_rng(1).normal(0, 4.0, (len(sodium), 3))
    found = framework.displaced(moved[framework.centres])
    assert found.fractions["all"] < 0.5 < found.fractions["Na"]
    assert found.moving == ("Na",)
    assert "of the framework's centres of Na are displaced" in found.melted
    moved += np.random.default_rng(2).normal(0, 4.0, moved.shape)
    assert framework.displaced(moved[framework.centres]).moving == ()


def test_one_atom_of_an_element_is_not_judged_alone():
    """A dopant that hops once is no melt."""
    atoms = salt()
    atoms.symbols[1] = "Br"
    framework = Framework.of(atoms, mobile="Na")
    assert "Br" not in framework.groups
    moved = atoms.positions.copy()
    moved[1] += 4.0
    assert framework.displaced(moved[framework.centres]).melted is None


def test_there_is_no_framework_without_other_atoms_or_with_one_centre():
    assert Framework.of(bulk("Li"), mobile="Li") is None
    one = Atoms("LiCl", [[0, 0, 0], [2, 0, 0]], cell=[5, 5, 5], pbc=True)
    assert Framework.of(one, mobile="Li") is None
