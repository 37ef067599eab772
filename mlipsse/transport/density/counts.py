"""Positions counted in the voxels of a periodic cell, compiled."""

import numpy as np
from numba import njit

_AT_ONCE = 512
"""Voxels are found for so many positions before they are counted: the processor then overlaps the
arithmetic of one with the memory of another, which makes it half as fast again."""


@njit(cache=True, nogil=True)
def count_positions(positions: np.ndarray, inverse: np.ndarray, counts: np.ndarray) -> int:
    """Add each position to the voxel that it, or its periodic image, lies in.

    Parameters
    ----------
    positions : (n, 3) float32 or float64, Å, C-contiguous, anywhere
    inverse : (3, 3) float64, 1/Å, inverse of the cell whose rows are lattice vectors
    counts : (n1, n2, n3) int64, C-contiguous, below 2³¹ voxels; added to

    Returns
    -------
    int
        -1 when all are counted; else an index at most 511 before the first position that is not
        finite, where counting stopped.
    """
    n1, n2, n3 = counts.shape
    flat = counts.reshape(-1)  # a view
    last1, last2, last3 = np.int32(n1 - 1), np.int32(n2 - 1), np.int32(n3 - 1)
    stride1, stride2 = np.int32(n2), np.int32(n3)
    i00, i01, i02 = inverse[0, 0], inverse[0, 1], inverse[0, 2]
    i10, i11, i12 = inverse[1, 0], inverse[1, 1], inverse[1, 2]
    i20, i21, i22 = inverse[2, 0], inverse[2, 1], inverse[2, 2]
    voxels = np.empty(_AT_ONCE, dtype=np.int32)
    for start in range(0, len(positions), _AT_ONCE):
        size = min(_AT_ONCE, len(positions) - start)
        block = positions[start : start + size]
        total = 0.0
        for p in range(size):
            x, y, z = np.float64(block[p, 0]), np.float64(block[p, 1]), np.float64(block[p, 2])
            a = x * i00 + y * i10 + z * i20
            b = x * i01 + y * i11 + z * i21
            c = x * i02 + y * i12 + z * i22
            a -= np.floor(a)
            b -= np.floor(b)
            c -= np.floor(c)
            total += a + b + c
            # Just below a lower face the fraction rounds to 1: that is the last voxel.
            i = min(np.int32(a * n1), last1)
            j = min(np.int32(b * n2), last2)
            k = min(np.int32(c * n3), last3)
            voxels[p] = (i * stride1 + j) * stride2 + k
        if np.isnan(total):  # of a NaN, or of an infinity less its floor
            return start
        for p in range(size):
            flat[np.uint32(voxels[p])] += 1
    return -1
