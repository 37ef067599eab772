"""Boltzmann weights of orderings in the averages of the transport stage."""

from types import SimpleNamespace

import numpy as np
import pytest
from ase import Atoms

from mlipsse import keys
from mlipsse.campaign.stages.transport.analysis import ordering_weights
from mlipsse.errors import MlipsseError
from mlipsse.units import BOLTZMANN_EV_K


@pytest.fixture
def campaign():
    """Config, formula and orderings: two of LiCl in cells of four atoms, 3 meV/atom apart."""

    def make(*, orderings="boltzmann", per="cell", sizes=(2, 2), copies=(1, 1)):
        frames = []
        for name, energy, units, number in zip("ab", (0.001, 0.004), sizes, copies, strict=True):
            atoms = Atoms("LiCl", [[0, 0, 0], [2.5, 0, 0]], cell=[5.0] * 3, pbc=True)
            atoms = atoms.repeat((units, 1, 1))
            atoms.info |= {
                keys.ORDERING: name,
                "energy_above_hull_eV_atom": energy,
                "degeneracy": float(number),
            }
            frames.append(atoms)
        config = SimpleNamespace(
            transport=SimpleNamespace(orderings=orderings), select=SimpleNamespace(per=per)
        )
        return config, "LiCl", frames

    return make


@pytest.mark.parametrize(("per", "atoms"), [("cell", 4), ("formula_unit", 2), ("atom", 1)])
def test_weights_are_boltzmanns_at_the_temperature_of_the_run(campaign, per, atoms):
    weights = ordering_weights(*campaign(per=per))
    for kelvin in (300.0, 900.0):
        found = weights(kelvin)
        assert set(found) == {"a", "b"}
        assert found["b"] / found["a"] == pytest.approx(
            np.exp(-0.003 * atoms / (BOLTZMANN_EV_K * kelvin)), rel=1e-9
        )
        assert sum(found.values()) == pytest.approx(1.0)


def test_every_ordering_counts_with_its_degeneracy(campaign):
    found = ordering_weights(*campaign(copies=(2, 6)))(900.0)
    boltzmann = np.exp(-0.003 * 4 / (BOLTZMANN_EV_K * 900.0))
    assert found["b"] / found["a"] == pytest.approx(3 * boltzmann, rel=1e-9)


def test_images_in_a_larger_cell_do_not_make_an_ordering_likelier(campaign):
    """Without correlations between its formula units a cell of n has g^n images."""
    found = ordering_weights(*campaign(sizes=(1, 3), copies=(5, 125), per="formula_unit"))(900.0)
    boltzmann = np.exp(-0.003 * 2 / (BOLTZMANN_EV_K * 900.0))
    assert found["b"] / found["a"] == pytest.approx(boltzmann, rel=1e-9)


def test_a_degeneracy_that_is_not_known_is_a_sentence(campaign):
    config, formula, frames = campaign()
    del frames[1].info["degeneracy"]
    with pytest.raises(MlipsseError, match="degeneracy of b is not on record"):
        ordering_weights(config, formula, frames)


def test_alike_there_are_none(campaign):
    assert ordering_weights(*campaign(orderings="alike")) is None


def test_cells_of_several_sizes_are_not_compared_per_cell(campaign):
    with pytest.raises(MlipsseError, match="4, 6 atoms"):
        ordering_weights(*campaign(sizes=(2, 3)))
    assert ordering_weights(*campaign(sizes=(2, 3), per="formula_unit")) is not None
