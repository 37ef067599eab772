"""Constants and conversions; inside the package energies are in eV, lengths in Å, times in ps.

CODATA 2018 by way of `scipy.constants` (exact since the SI of 2019 for kB, e and NA).
"""

from scipy import constants

BOLTZMANN_EV_K = constants.k / constants.e
"""Boltzmann constant, eV/K."""

ELEMENTARY_CHARGE_C = constants.e
"""Elementary charge, C."""

BOLTZMANN_J_K = constants.k
"""Boltzmann constant, J/K."""

A2_PS_TO_CM2_S = 1e-4
"""1 Å²/ps in cm²/s."""

A3_TO_CM3 = 1e-24
"""1 Å³ in cm³."""

S_CM_TO_MS_CM = 1e3
"""1 S/cm in mS/cm."""

EV_A3_TO_GPA = constants.e * 1e30 / 1e9
"""1 eV/Å³ in GPa."""

EV_A3_TO_BAR = constants.e * 1e30 / 1e5
"""1 eV/Å³ in bar."""

HARTREE_EV = constants.value("Hartree energy in eV")
"""1 Hartree in eV."""

BOHR_A = constants.value("Bohr radius") * 1e10
"""1 Bohr in Å."""
