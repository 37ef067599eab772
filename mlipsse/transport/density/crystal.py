"""Density of the mobile ions in the crystal's own cell, and the mean framework around it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mlipsse.transport.density.files import structure_in
from mlipsse.transport.density.grid import ProbabilityDensity, probability_density
from mlipsse.transport.ions.drift import RestingPositions, framework_drift
from mlipsse.transport.ions.roles import assign_roles

if TYPE_CHECKING:
    from ase import Atoms


def crystal_density(
    positions: np.ndarray,
    species: Sequence[str],
    cell: np.ndarray,
    *,
    mobile: str,
    lattice: np.ndarray,
    framework: Sequence[str] | None = None,
    spacing_A: float = 0.2,
    per_ion: bool = False,
) -> tuple[ProbabilityDensity, "Atoms"]:
    """Density of one run, framework drift removed, and where the framework is on average.

    Parameters
    ----------
    positions : (n_frames, n_atoms, 3), Å, unwrapped; an array, or what is sliced like one
    species : element of each atom
    cell : (3, 3), Å, of the run
    mobile : symbol of the mobile ion
    framework : elements that stay; None takes all but the mobile one
    lattice : (3, 3) whole numbers; the crystal's vectors are these times `cell`
    spacing_A, per_ion : as in `probability_density`

    Raises
    ------
    MlipsseError
        as `probability_density`.
    """
    roles = assign_roles(species, mobile, framework)
    ions, others = roles.ions(species), roles.still(species)
    drift_A = framework_drift(positions, others)
    crystal = np.asarray(lattice) @ np.asarray(cell)
    density = probability_density(
        RestingPositions(positions, ions, drift_A), crystal, spacing_A=spacing_A, per_ion=per_ion
    )
    symbols = [species[index] for index in others]
    places = RestingPositions(positions, others, drift_A).mean()
    return density, structure_in(places, symbols, crystal)
