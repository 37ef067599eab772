import itertools

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from mlipsse.errors import MlipsseError
from mlipsse.geometry import close_pairs, minimum_distance


def every_image(atoms, cutoff_A, reach=5):
    """Distances over all pairs and images, each once, by brute force."""
    found = []
    for i, j in itertools.combinations_with_replacement(range(len(atoms)), 2):
        for shift in itertools.product(range(-reach, reach + 1), repeat=3):
            if i == j and shift <= (0, 0, 0):
                continue
            step = atoms.positions[j] + np.array(shift) @ atoms.cell.array - atoms.positions[i]
            if np.linalg.norm(step) < cutoff_A:
                found.append((i, j, np.linalg.norm(step)))
    return sorted(found, key=lambda pair: pair[2])


@pytest.mark.parametrize("seed", range(4))
def test_skewed_cell_against_brute_force(seed):
    rng = np.random.default_rng(seed)
    cell = [[3.0, 0, 0], [2.7, 3.5, 0], [-1.9, 2.4, 4.0]]
    atoms = Atoms("LiInCl3", scaled_positions=rng.random((5, 3)), cell=cell, pbc=True)
    expected = every_image(atoms, 4.0)
    first, second, distance = close_pairs(atoms, 4.0)
    np.testing.assert_allclose(distance, [pair[2] for pair in expected], atol=1e-12)
    assert sorted(zip(first, second, strict=True)) == sorted(pair[:2] for pair in expected)
    assert minimum_distance(atoms) == pytest.approx(expected[0][2])


def test_known_crystals():
    assert minimum_distance(bulk("Cu", "fcc", a=3.6)) == pytest.approx(3.6 / np.sqrt(2))
    # an image is a neighbour too, however far away
    assert minimum_distance(Atoms("Li", cell=[20, 30, 40], pbc=True)) == pytest.approx(20.0)
    assert minimum_distance(Atoms("Li2", positions=[[0, 0, 0], [0, 0, 17.0]])) == 17.0


def test_lonely_atom_and_nonsense():
    assert minimum_distance(Atoms("Li")) == float("inf")
    with pytest.raises(MlipsseError, match="without atoms"):
        minimum_distance(Atoms())
    with pytest.raises(MlipsseError, match="not finite"):
        minimum_distance(Atoms("Li2", positions=[[0, 0, 0], [0, 0, np.nan]]))
