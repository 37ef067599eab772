"""Constants against scipy's, which are CODATA's."""

import pytest
from scipy import constants

from mlipsse import units


def test_constants():
    assert constants.e == units.ELEMENTARY_CHARGE_C
    assert constants.k == units.BOLTZMANN_J_K
    # CODATA's editions differ in the eleventh digit
    assert pytest.approx(constants.value("Hartree energy in eV"), rel=1e-9) == units.HARTREE_EV
    assert pytest.approx(constants.atomic_mass, rel=1e-9) == units.ATOMIC_MASS_KG
    assert pytest.approx(constants.value("Bohr radius") * 1e10, rel=1e-9) == units.BOHR_A
