"""Inner loops of the mean squared displacement: one pass through memory each."""

import numba
import numpy as np

from mlipsse.transport.vector_lanes import LANES, fetch, fill, load, store, total

_FRAMES_AHEAD = 4
"""The processor does not guess that the same ions of the next frames will be read."""

_NEIGHBOURS = 5
"""Ions of float32 positions to 64 bytes, which come together."""


@numba.njit(cache=True, nogil=True)
def gather_ions(
    positions: np.ndarray, ions: np.ndarray, frames: np.ndarray, means: np.ndarray
) -> None:
    """Bring the coordinates of some ions together, and their means over time.

    Parameters
    ----------
    positions : (n_frames, n, 3), Å
    ions : (k,) which of the n
    frames : (n_frames, 3, n_columns), written: the k ions and 0 in columns beyond
    means : (3, n_columns) float64, Å, written
    """
    frames[:, :, len(ions) :] = 0.0
    means[:] = 0.0
    last = positions.shape[0] - 1
    for t in range(positions.shape[0]):
        for k in range(0, len(ions), _NEIGHBOURS):
            fetch(positions, (min(t + _FRAMES_AHEAD, last), ions[k], 0))
        for k in range(len(ions)):
            for a in range(3):
                frames[t, a, k] = positions[t, ions[k], a]
        for a in range(3):
            for k in range(len(ions)):
                means[a, k] += np.float64(frames[t, a, k])
    means /= positions.shape[0]


@numba.njit(cache=True, nogil=True)
def add_moments(
    frames: np.ndarray,
    present: np.ndarray,
    drift: np.ndarray,
    lags: np.ndarray,
    strides: np.ndarray,
    moments: np.ndarray,
    together: np.ndarray,
    apart: np.ndarray,
) -> None:
    """Add moments of displacements over some time origins per lag.

    Parameters
    ----------
    frames : of `gather_ions`, flat
    present : (n_columns,), 1 where there is an ion and else 0
    drift : (n_frames, 3), Å
    lags, strides : (m,) int, and the distances between time origins
    moments : (m, 10), added to: count, r², r⁴, xx, yy, zz, xy, xz, yz, and the variance of r² over
        the origins, which is of each ion and summed over them
    together : (m, n_origins), added to: r² summed over the ions, at each origin
    apart : (m, n_parts, n_columns), written: r² of each ion summed over the origins that lie in
        each of n_parts equal parts of the run
    """
    n_columns = len(present)
    n_parts = apart.shape[1]
    squares, fourths = np.empty(n_columns), np.empty(n_columns)
    apart[:] = 0.0
    for m in range(len(lags)):
        lag = lags[m]
        squares[:] = 0.0
        fourths[:] = 0.0
        xx = yy = zz = xy = xz = yz = fill(0.0)
        origin = part = 0
        for t in range(0, len(drift) - lag, strides[m]):
            while t * n_parts >= (part + 1) * len(drift):  # the sums so far end with this part
                part += 1
                apart[m, part] = squares
            dx = fill(drift[t + lag, 0] - drift[t, 0])
            dy = fill(drift[t + lag, 1] - drift[t, 1])
            dz = fill(drift[t + lag, 2] - drift[t, 2])
            of_all = fill(0.0)
            for k in range(0, n_columns, LANES):
                early = 3 * t * n_columns + k
                late = early + 3 * lag * n_columns
                here = load(present, k)
                x = load(frames, late) - load(frames, early) - dx * here
                early += n_columns
                late += n_columns
                y = load(frames, late) - load(frames, early) - dy * here
                early += n_columns
                late += n_columns
                z = load(frames, late) - load(frames, early) - dz * here
                square = x * x + y * y + z * z
                of_all = of_all + square
                store(squares, k, load(squares, k) + square)
                store(fourths, k, load(fourths, k) + square * square)
                xx, yy, zz = xx + x * x, yy + y * y, zz + z * z
                xy, xz, yz = xy + x * y, xz + x * z, yz + y * z
            together[m, origin] += total(of_all)
            origin += 1
        moments[m, 0] += origin * present.sum()
        moments[m, 1] += squares.sum()
        moments[m, 2] += fourths.sum()
        moments[m, 3] += total(xx)
        moments[m, 4] += total(yy)
        moments[m, 5] += total(zz)
        moments[m, 6] += total(xy)
        moments[m, 7] += total(xz)
        moments[m, 8] += total(yz)
        for k in range(n_columns):
            moments[m, 9] += fourths[k] / origin - (squares[k] / origin) ** 2
        for k in range(n_columns):
            for earlier in range(part):
                apart[m, earlier, k] = apart[m, earlier + 1, k] - apart[m, earlier, k]
            apart[m, part, k] = squares[k] - apart[m, part, k]


@numba.njit(cache=True, nogil=True)
def weighted_sums(positions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Sum over atoms of weight x position, (n_frames, 3) float64, of (n_frames, n, 3)."""
    sums = np.zeros((positions.shape[0], 3))
    for t in range(positions.shape[0]):
        for i in range(positions.shape[1]):
            for a in range(3):
                sums[t, a] += weights[i] * positions[t, i, a]
    return sums
