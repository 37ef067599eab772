"""Positions counted in the voxels of a periodic cell."""

import numpy as np

_AT_ONCE = 16_000
"""Positions taken together: more leave the processor's cache."""


def count_positions(positions: np.ndarray, inverse: np.ndarray, counts: np.ndarray) -> int:
    """Add each position to the voxel that it, or its periodic image, lies in.

    Parameters
    ----------
    positions : (n, 3) float32 or float64, Å, anywhere
    inverse : (3, 3) float64, 1/Å, inverse of the cell whose rows are lattice vectors
    counts : (n1, n2, n3) int64, C-contiguous, below 2³¹ voxels; added to

    Returns
    -------
    int
        -1 when all are counted; else the index of the first position that is not finite, near
        which counting stopped.
    """
    grid = np.array(counts.shape)
    last = (grid - 1).astype(np.int32)[:, None]
    flat = counts.reshape(-1)  # a view
    for start in range(0, len(positions), _AT_ONCE):
        block = positions[start : start + _AT_ONCE].astype(float)
        finite = np.isfinite(block).all(axis=1)
        if not finite.all():
            return start + int(np.argmin(finite))
        fractions = inverse.T @ block.T
        fractions -= np.floor(fractions)
        # Just below a lower face the fraction rounds to 1: that is the last voxel.
        i, j, k = np.minimum((fractions * grid[:, None]).astype(np.int32), last)
        np.add.at(flat, (i * grid[1] + j) * grid[2] + k, 1)
    return -1
