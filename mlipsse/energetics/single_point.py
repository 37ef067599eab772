"""Energy, forces and stress of a structure: the one type for labels, potentials and exports."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np


def _not_computed() -> np.ndarray:
    return np.full(6, np.nan)


def force_noise_eV_A(forces_eV_A: np.ndarray) -> float:
    """Root mean square error of the force components in eV/Å, estimated from forces (n_atoms, 3)
    that do not sum to zero.

    The forces of an exact energy sum to zero. Where a program computes on a grid, each atom's force
    has an error of its own by where the atom lies between the points, and N of them sum to sqrt(N)
    times as much. Measured with CP2K and SCAN in 19 frames of halides, root mean square: 12.6 meV/Å
    by the sums at 600 Ry, where the forces differ from those at 1200 Ry by 11.9 (by the sums, 3.4).

    Three numbers make the estimate, so that it varies by some 40 % from frame to frame. It is a
    mean over all atoms: where few atoms are sharp (Y among halides), theirs is larger. Symmetry, or
    a program that subtracts the net force, hides the error.
    """
    net = forces_eV_A.sum(axis=0)
    return float(np.sqrt((net**2).mean() / len(forces_eV_A)))


@dataclass(frozen=True, eq=False)
class SinglePoint:
    """Energy, forces and stress of one structure as it stands.

    Attributes
    ----------
    energy_eV : of the whole structure
    forces_eV_A : (n_atoms, 3), in the structure's order of atoms
    stress_eV_A3 : (6,), Voigt xx yy zz yz xz xy, ASE's sign (tension positive); NaN when it was not
        computed
    invariants : (n_atoms, n), surroundings of every atom in the potential's own terms; None when
        they were not asked for
    """

    energy_eV: float
    forces_eV_A: np.ndarray
    stress_eV_A3: np.ndarray = field(default_factory=_not_computed)
    invariants: np.ndarray | None = None

    @classmethod
    def from_results(cls, results: Mapping[str, Any]) -> Self:
        """Copy of an ASE calculator's results; a stress that they lack is NaN."""
        stress = results["stress"] if "stress" in results else _not_computed()
        return cls(
            float(results["energy"]),
            np.array(results["forces"], dtype=float),
            np.array(stress, dtype=float),
        )

    @property
    def finite(self) -> bool:
        """Whether all numbers are finite."""
        parts = (self.energy_eV, self.forces_eV_A, self.stress_eV_A3)
        return all(bool(np.isfinite(part).all()) for part in parts)
