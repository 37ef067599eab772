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

    def make(*, orderings="boltzmann", per="cell", sizes=(2, 2)):
        frames = []
        for name, energy, units in zip("ab", (0.001, 0.004), sizes, strict=True):
            atoms = Atoms("LiCl", [[0, 0, 0], [2.5, 0, 0]], cell=[5.0] * 3, pbc=True)
            atoms = atoms.repeat((units, 1, 1))
            atoms.info |= {
                keys.ORDERING: name,
                "energy_above_hull_eV_atom": energy,
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


def test_alike_there_are_none(campaign):
    assert ordering_weights(*campaign(orderings="alike")) is None


def test_cells_of_several_sizes_are_not_compared_per_cell(campaign):
    with pytest.raises(MlipsseError, match="4, 6 atoms"):
        ordering_weights(*campaign(sizes=(2, 3)))
    assert ordering_weights(*campaign(sizes=(2, 3), per="formula_unit")) is not None
