"""What a potential gives for a structure: energy, forces, stress."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from ase import Atoms


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Predictions of a potential for a structure.

    Attributes
    ----------
    energy_eV : of the whole cell
    forces_eV_A : (n_atoms, 3) float64
    stress_eV_A3 : (3, 3) float64, tension positive; None when it was not asked for
    invariants : (n_atoms, n) float64, surroundings of every atom in the potential's own terms; None
        when they were not asked for
    """

    energy_eV: float
    forces_eV_A: np.ndarray
    stress_eV_A3: np.ndarray | None = None
    invariants: np.ndarray | None = None


class Evaluator(Protocol):
    """A loaded potential."""

    def evaluate(
        self, structures: Sequence[Atoms], *, invariants: bool = False
    ) -> list[Evaluation | Exception]:
        """Predictions for every structure, in order, or the exception that it raised.

        What comes out for a structure depends on the others by rounding alone. Structures that come
        again, moved, cost less than others in their place.

        Raises
        ------
        MlipsseError
            when `invariants` are asked of a potential that has none.
        """
