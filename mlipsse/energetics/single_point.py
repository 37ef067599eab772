"""Energy, forces and stress of a structure: the one type for labels, potentials and exports."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np


def _not_computed() -> np.ndarray:
    return np.full(6, np.nan)


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
