"""Constants and conversions; inside the package energies are in eV, lengths in Å, times in ps.

kB and e are exact since the SI of 2019; the others are of CODATA 2022. Written out, because
importing `scipy.constants` takes a quarter of a second of every command; a test compares them.
"""

ELEMENTARY_CHARGE_C = 1.602176634e-19
"""Elementary charge, C."""

BOLTZMANN_J_K = 1.380649e-23
"""Boltzmann constant, J/K."""

BOLTZMANN_EV_K = BOLTZMANN_J_K / ELEMENTARY_CHARGE_C
"""Boltzmann constant, eV/K."""

A2_PS_TO_CM2_S = 1e-4
"""1 Å²/ps in cm²/s."""

A3_TO_CM3 = 1e-24
"""1 Å³ in cm³."""

S_CM_TO_MS_CM = 1e3
"""1 S/cm in mS/cm."""

EV_A3_TO_GPA = ELEMENTARY_CHARGE_C * 1e30 / 1e9
"""1 eV/Å³ in GPa."""

EV_A3_TO_BAR = ELEMENTARY_CHARGE_C * 1e30 / 1e5
"""1 eV/Å³ in bar."""

HARTREE_EV = 27.211386245981
"""1 Hartree in eV."""

BOHR_A = 0.529177210544
"""1 Bohr in Å."""

ATOMIC_MASS_KG = 1.66053906892e-27
"""Unified atomic mass unit, kg."""

EV_A_U_TO_A_PS2 = ELEMENTARY_CHARGE_C / ATOMIC_MASS_KG * 1e-4
"""Acceleration of 1 u by 1 eV/Å in Å/ps²."""
