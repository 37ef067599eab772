"""Energies and their derivatives by finite differences."""

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator

VOIGT = [(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)]


def energy(atoms: Atoms, calculator: Calculator) -> float:
    """Of a copy, in eV."""
    copy = atoms.copy()
    copy.calc = calculator
    return float(copy.get_potential_energy())


def stress_by_differences(atoms: Atoms, calculator: Calculator, *, step: float) -> np.ndarray:
    """(6,) in eV/Å³, of strains of this size."""
    stress = []
    for i, j in VOIGT:
        energies = []
        for sign in (1, -1):
            strain = np.zeros((3, 3))
            strain[i, j] += sign * step / 2
            strain[j, i] += sign * step / 2
            strained = atoms.copy()
            strained.set_cell(atoms.cell[:] @ (np.eye(3) + strain), scale_atoms=True)
            energies.append(energy(strained, calculator))
        stress.append((energies[0] - energies[1]) / (2 * step) / atoms.get_volume())
    return np.array(stress)


def forces_by_differences(atoms: Atoms, calculator: Calculator, *, step_A: float) -> np.ndarray:
    """(n, 3) in eV/Å, of steps of this size."""
    forces = np.empty((len(atoms), 3))
    for place in np.ndindex(forces.shape):
        energies = []
        for sign in (1, -1):
            moved = atoms.copy()
            moved.positions[place] += sign * step_A / 2
            energies.append(energy(moved, calculator))
        forces[place] = (energies[1] - energies[0]) / step_A
    return forces
