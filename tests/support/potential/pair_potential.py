"""Potentials that are right, and wrong in one known way each."""

from collections.abc import Callable

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import Calculator, all_changes
from matscipy.neighbours import neighbour_list

Curve = Callable[[np.ndarray], np.ndarray]

SIGMA_A = 3.4
EPSILON_EV = 0.1
CUTOFF_A = 8.0

# Lattice sums of the face-centred cubic crystal: Kittel, Introduction to Solid State Physics,
# 8th edition, chapter 3, equation 11.
A12, A6 = 12.13188, 14.45392
NEAREST_A = (2 * A12 / A6) ** (1 / 6) * SIGMA_A
VOLUME_A3 = NEAREST_A**3 / 2**0.5
WELL_EV = EPSILON_EV * A6**2 / (2 * A12)


class PairPotential(Calculator):
    """Sum over pairs of a function of their distance, cut off and shifted to zero there.

    `curl` adds a force that no energy has, `pressure_eV_A3` a stress that no energy has.
    """

    implemented_properties = ["energy", "free_energy", "forces", "stress"]  # noqa: RUF012

    def __init__(self, curve: Curve, *, curl: float = 0.0, pressure_eV_A3: float = 0.0) -> None:
        super().__init__()
        self._curve, self._curl, self._pressure = curve, curl, pressure_eV_A3

    def calculate(self, atoms=None, properties=None, system_changes=all_changes) -> None:
        super().calculate(atoms, properties or ["energy"], system_changes)
        first, distances, vectors = neighbour_list("idD", self.atoms, CUTOFF_A)
        energy = (self._curve(distances) - self._curve(np.array([CUTOFF_A]))).sum() / 2
        step = 1e-5
        slopes = (self._curve(distances + step) - self._curve(distances - step)) / (2 * step)
        pulls = (slopes / distances)[:, None] * vectors
        forces = np.zeros((len(self.atoms), 3))
        np.add.at(forces, first, pulls)
        forces += self._curl * np.cross([0, 0, 1.0], forces)
        stress = pulls.T @ vectors / 2 / self.atoms.get_volume()
        voigt = stress[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]
        self.results = {
            "energy": float(energy),
            "free_energy": float(energy),
            "forces": forces,
            "stress": voigt + self._pressure * np.array([1.0, 1, 1, 0, 0, 0]),
        }


def lennard_jones(sigma_A: float = SIGMA_A) -> Curve:
    def curve(r_A: np.ndarray) -> np.ndarray:
        return 4 * EPSILON_EV * ((sigma_A / r_A) ** 12 - (sigma_A / r_A) ** 6)

    return curve


def with_hole(barrier_eV: float) -> Curve:
    """Lennard-Jones whose wall ends at `barrier_eV` and falls inwards of that: its sign flips."""
    grid_A = np.linspace(1.0, SIGMA_A, 20_000)
    top_A = float(np.interp(-barrier_eV, -lennard_jones()(grid_A), grid_A))

    def curve(r_A: np.ndarray) -> np.ndarray:
        wall = lennard_jones()(np.maximum(r_A, 2.0))  # deep enough, and no deeper
        return np.where(r_A > top_A, lennard_jones()(r_A), 2 * barrier_eV - wall)

    return curve


def argon(repeats: int = 2) -> Atoms:
    """A cubic crystal of 4 atoms, repeated."""
    return bulk("Ar", "fcc", a=NEAREST_A * 2**0.5, cubic=True).repeat(repeats)
