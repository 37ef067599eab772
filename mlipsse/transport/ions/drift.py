"""The framework's drift, and positions without it."""

from dataclasses import dataclass

import numpy as np

_BLOCK_FRAMES = 256


def framework_drift(
    positions: np.ndarray,
    framework: np.ndarray,
    *,
    masses_u: np.ndarray | None = None,
) -> np.ndarray:
    """How the framework's centre has moved since the first frame.

    Parameters
    ----------
    positions : (n_frames, n_atoms, 3), Å, unwrapped; an array, or what is sliced like one
    framework : indices of the atoms that ought to stay (all that are not mobile)
    masses_u : (n_atoms,) masses; None weighs all framework atoms alike, as
        pymatgen-analysis-diffusion does

    Returns
    -------
    (n_frames, 3) float64, Å; zero without framework atoms: nothing defines a frame at rest.
    """
    framework = np.asarray(framework, dtype=int)
    if not len(framework):
        return np.zeros((positions.shape[0], 3))
    weights = np.ones(len(framework))
    if masses_u is not None:
        weights = np.asarray(masses_u, dtype=float)[framework]
    of_all = np.zeros(positions.shape[1])
    of_all[framework] = weights / weights.sum()
    return _weighted_displacement(positions, of_all)


@dataclass(frozen=True, eq=False)
class RestingPositions:
    """Positions of some atoms in the frame in which the framework rests, made as they are taken.

    Slices of frames are float64 arrays (n, n_atoms, 3), Å, so that of a trajectory on disk no more
    than a slice is in memory.

    Attributes
    ----------
    positions : (n_frames, n, 3), Å, unwrapped; an array, or what is sliced like one
    atoms : (n_atoms,) which of the n
    drift_A : (n_frames, 3), of `framework_drift`

    Examples
    --------
    >>> drift_A = framework_drift(frames.positions, framework)
    >>> ions = RestingPositions(frames.positions, mobile, drift_A)
    >>> ions[:100].shape
    (100, 24, 3)
    """

    positions: np.ndarray
    atoms: np.ndarray
    drift_A: np.ndarray

    @property
    def shape(self) -> tuple[int, int, int]:
        """(n_frames, n_atoms, 3)."""
        return (len(self.drift_A), len(self.atoms), 3)

    def __getitem__(self, frames: slice) -> np.ndarray:
        block = np.asarray(self.positions[frames])
        return block[:, self.atoms] - self.drift_A[frames, None]

    def all(self) -> np.ndarray:
        """All frames at once, (n_frames, n_atoms, 3) float64, contiguous."""
        found = np.empty(self.shape)
        for frames in _blocks_of(self.shape[0]):
            found[frames] = self[frames]
        return found

    def mean(self) -> np.ndarray:
        """Mean place of each atom, (n_atoms, 3), Å."""
        total = np.zeros(self.shape[1:])
        for frames in _blocks_of(self.shape[0]):
            total += self[frames].sum(axis=0)
        return total / self.shape[0]


def summed_displacement(positions: np.ndarray | RestingPositions) -> np.ndarray:
    """Sum over all atoms of their displacement since the first frame, (n_frames, 3) float64, Å.

    Parameters
    ----------
    positions : (n_frames, n_atoms, 3), Å, unwrapped; an array, or what is sliced like one
    """
    return _weighted_displacement(positions, np.ones(positions.shape[1]))


def _weighted_displacement(
    positions: np.ndarray | RestingPositions, weights: np.ndarray
) -> np.ndarray:
    sums = np.empty((positions.shape[0], 3))
    for frames in _blocks_of(len(sums)):
        sums[frames] = weights @ np.asarray(positions[frames])
    return sums - sums[0]


def _blocks_of(n_frames: int) -> list[slice]:
    starts = range(0, n_frames, _BLOCK_FRAMES)
    return [slice(start, min(start + _BLOCK_FRAMES, n_frames)) for start in starts]
