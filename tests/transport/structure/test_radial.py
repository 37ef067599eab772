"""g(r) against lattices, a gas, and matscipy's neighbour list."""

import numpy as np
import pytest
from ase.build import bulk
from matscipy.neighbours import neighbour_list

from mlipsse.errors import MlipsseError
from mlipsse.transport.structure.radial import radial_distribution

TRICLINIC = np.array([[7.0, 0.0, 0.0], [-2.5, 6.0, 0.0], [1.5, -2.0, 5.5]])


def test_shells_of_a_crystal():
    atoms = bulk("NaCl", "rocksalt", a=5.64, cubic=True)
    found = radial_distribution(
        atoms.positions[None], atoms.get_chemical_symbols(), atoms.cell[:], reach_A=6.0
    )
    around = dict(zip(np.round(found.radii_A, 3), found.coordination["Na", "Cl"], strict=True))
    assert around[2.775] == 0
    assert around[2.825] == 6  # at 2.82 Å
    assert around[5.025] == 6 + 8  # at sqrt(3) x 2.82 Å
    assert found.coordination["Na", "Na"][-1] == 12 + 6  # 3.99 and 5.64 Å, images of itself too
    assert found.closest_A["Cl", "Na"] == pytest.approx(2.82)
    assert found.closest_A["Na", "Na"] == pytest.approx(2.82 * np.sqrt(2))


@pytest.mark.parametrize("reach_A", [2.03, 5.03, 12.03])
def test_equal_to_matscipy_in_any_cell(reach_A):
    """Also where the range is more than twice the cell's height."""
    rng = np.random.default_rng(3)
    places = (rng.random((30, 3)) * 3 - 1) @ TRICLINIC  # outside the cell as well
    species = ["Li"] * 11 + ["Cl"] * 19
    found = radial_distribution(places[None], species, TRICLINIC, reach_A=reach_A, bin_A=0.1)
    first, second, distances = neighbour_list(
        "ijd", positions=places, cell=TRICLINIC, pbc=[True] * 3, cutoff=reach_A
    )
    symbols = np.array(species)
    for pair, line in found.coordination.items():
        chosen = (symbols[first] == pair[0]) & (symbols[second] == pair[1])
        bins = np.linspace(0, reach_A, len(found.radii_A) + 1)
        expected = np.cumsum(np.histogram(distances[chosen], bins)[0]) / species.count(pair[0])
        np.testing.assert_allclose(line, expected, atol=1e-12)


def test_a_gas_has_no_structure():
    rng = np.random.default_rng(4)
    positions = rng.random((150, 400, 3)) @ (3 * TRICLINIC)
    found = radial_distribution(positions, ["Li"] * 100 + ["Cl"] * 300, 3 * TRICLINIC, frames=100)
    assert found.n_frames == 100
    far = found.radii_A > 2
    for pair, line in found.g.items():
        # some 2,000 pairs per bin at 5 Å and four times that per pair of kinds with Cl
        assert np.abs(line[far] - 1).mean() < 0.03, pair
        scale = 1.0 if pair[0] != pair[1] else 1 - 1 / (100 if pair[0] == "Li" else 300)
        assert line[far].mean() == pytest.approx(scale, abs=0.004)


def test_ions_that_fell_together_are_reported():
    positions = np.array([[[0.0, 0, 0], [0.7, 0, 0], [3.0, 3.0, 3.0]]])
    found = radial_distribution(positions, ["Li", "Li", "Cl"], 8 * np.eye(3))
    assert "0.70 Å" in found.sanity("Li")
    assert found.sanity("Na") is None


def test_faults():
    with pytest.raises(MlipsseError, match="a species for each atom"):
        radial_distribution(np.zeros((1, 2, 3)), ["Li"], np.eye(3))
    with pytest.raises(MlipsseError, match="do not divide"):
        radial_distribution(np.zeros((1, 1, 3)), ["Li"], np.eye(3), bin_A=0.0)
