import numpy as np
import pytest
from pymatgen.analysis.ewald import EwaldSummation
from pymatgen.core import Lattice, Structure
from scipy import constants

from mlipsse.orderings import Supercell, enumerate_orderings, parse_composition
from mlipsse.orderings.cell.ewald import degenerate_levels, ewald_matrix


def pymatgen_energy(atoms, charges):
    structure = Structure(
        Lattice(atoms.cell[:]),
        [f"{symbol}{abs(charges[symbol])}{'+-'[charges[symbol] < 0]}" for symbol in atoms.symbols],
        atoms.positions,
        coords_are_cartesian=True,
    )
    return EwaldSummation(structure).total_energy


@pytest.mark.parametrize("factors", [(1, 1, 1), (1, 1, 2)])
def test_halide_orderings_equal_pymatgen(halide, factors):
    composition = parse_composition("Li3In0.5Y0.5Br3Cl3", halide)
    orderings = enumerate_orderings(
        composition, Supercell(halide, factors), max_orderings=8, seed=0
    )
    for ordering in orderings:
        expected = pymatgen_energy(ordering.atoms, halide.charges)
        assert ordering.ewald_energy_eV == pytest.approx(expected, abs=1e-9, rel=0)


def test_framework_of_mixed_charge_equals_pymatgen(nasicon):
    composition = parse_composition("Na3Zr2Si2PO12", nasicon)
    (ordering,) = enumerate_orderings(
        composition, Supercell(nasicon, (1, 1, 1)), max_orderings=1, seed=0
    )
    expected = pymatgen_energy(ordering.atoms, nasicon.charges)
    assert ordering.ewald_energy_eV == pytest.approx(expected, abs=1e-9, rel=0)


def test_madelung_constant_of_rock_salt():
    a = 5.64
    cation = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    positions = a * np.concatenate([cation, cation + np.array([0.5, 0, 0])])
    charges = np.repeat([1.0, -1.0], 4)
    energy = charges @ ewald_matrix(a * np.eye(3), positions) @ charges
    coulomb_eV_A = constants.e / (4 * np.pi * constants.epsilon_0) * 1e10
    # Madelung constant of NaCl, 1.7475645946 (Crandall and Buhler, J. Phys. A 20, 5497, 1987)
    assert energy == pytest.approx(-4 * 1.7475645946 * coulomb_eV_A / (a / 2), rel=1e-9)


def test_levels_join_energies_within_rounding():
    energies = np.array([-1.0, -2.0, -1.0 - 1e-10, -2.0 + 1e-10, -1.5])
    assert degenerate_levels(energies).tolist() == [2, 0, 2, 0, 1]
