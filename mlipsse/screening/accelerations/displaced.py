"""Accelerations of crystals whose atoms are displaced at random."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from mlipsse.energetics.relaxation.evaluators import Evaluator
from mlipsse.errors import MlipsseError
from mlipsse.units import EV_A_U_TO_A_PS2


@dataclass(frozen=True, eq=False)
class Displaced:
    """A crystal with displaced atoms.

    Attributes
    ----------
    positions_A : (n, 3)
    cell : (3, 3), Å
    accelerations_A_ps2 : (n, 3)
    """

    positions_A: np.ndarray
    cell: np.ndarray
    accelerations_A_ps2: np.ndarray


def displaced(
    crystal: Atoms, evaluator: Evaluator, *, count: int, width_A: float, seed: int
) -> list[Displaced]:
    """Configurations around a crystal at rest, with the accelerations of all atoms.

    Parameters
    ----------
    crystal : relaxed
    count : how many
    width_A : standard deviation of every coordinate's displacement, Å
    seed : of the displacements

    Raises
    ------
    MlipsseError
        when the potential cannot compute one of them.
    """
    rng = np.random.default_rng(seed)
    structures: list[Atoms] = []
    for _ in range(count):
        moved = crystal.copy()
        moved.positions += rng.normal(scale=width_A, size=moved.positions.shape)
        structures.append(moved)
    return list(_accelerations(structures, evaluator))


def _accelerations(structures: Sequence[Atoms], evaluator: Evaluator) -> list[Displaced]:
    made = []
    for atoms, found in zip(structures, evaluator.evaluate(structures), strict=True):
        if isinstance(found, Exception) or not np.isfinite(found.forces_eV_A).all():
            reason = str(found) if isinstance(found, Exception) else "a force is not a number"
            raise MlipsseError(
                f"The potential cannot compute {atoms.get_chemical_formula()} with displaced "
                f"atoms ({reason}). Choose another potential, or leave the structure out."
            )
        masses_u = atoms.get_masses()[:, None]
        made.append(
            Displaced(
                atoms.positions.copy(),
                atoms.cell.array.copy(),
                EV_A_U_TO_A_PS2 * found.forces_eV_A / masses_u,
            )
        )
    return made
