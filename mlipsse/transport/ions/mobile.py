"""The mobile ions of a trajectory, its framework, and the drift that is taken from both."""

from dataclasses import dataclass

import numpy as np

from mlipsse.transport.ions.drift import RestingPositions, framework_drift
from mlipsse.transport.ions.roles import Roles
from mlipsse.transport.reading.trajectory import Trajectory


@dataclass(frozen=True, eq=False)
class MobileIons:
    """The mobile ions of a trajectory, seen from its framework; made by `mobile_ions`.

    Attributes
    ----------
    trajectory : with all atoms
    roles : what its elements do
    indices : (n_ions,) of the mobile ions among the atoms
    framework : (n_still,) indices of the framework's atoms
    drift_A : (n_frames, 3) float64, Å, taken from every atom
    """

    trajectory: Trajectory
    roles: Roles
    indices: np.ndarray
    framework: np.ndarray
    drift_A: np.ndarray

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def resting(self) -> RestingPositions:
        """Positions of the mobile ions without drift, (n_frames, n_ions, 3), Å."""
        return RestingPositions(self.trajectory.positions, self.indices, self.drift_A)

    @property
    def framework_species(self) -> tuple[str, ...]:
        """Element of each atom of the framework."""
        return tuple(self.trajectory.species[index] for index in self.framework)

    def framework_places(self) -> np.ndarray:
        """Mean place of each atom of the framework without drift, (n_still, 3) float64, Å."""
        return RestingPositions(self.trajectory.positions, self.framework, self.drift_A).mean()


def mobile_ions(
    trajectory: Trajectory,
    roles: Roles,
    *,
    drift_atoms: np.ndarray | None = None,
    masses_u: np.ndarray | None = None,
) -> MobileIons:
    """Find the mobile ions and the framework of a trajectory, and its drift.

    Parameters
    ----------
    trajectory : of one run
    roles : what its elements do, of `assign_roles`
    drift_atoms : indices of the atoms whose mean motion is removed; None takes the framework, and
        no index at all removes nothing
    masses_u : (n_atoms,) masses, to remove the centre of mass of these atoms instead of their mean

    Examples
    --------
    >>> ions = mobile_ions(trajectory, assign_roles(trajectory.species, "Li"))
    >>> ions.resting[:100].shape
    (100, 24, 3)
    """
    framework = roles.still(trajectory.species)
    still = framework if drift_atoms is None else drift_atoms
    return MobileIons(
        trajectory=trajectory,
        roles=roles,
        indices=roles.ions(trajectory.species),
        framework=framework,
        drift_A=framework_drift(trajectory.positions, still, masses_u=masses_u),
    )
