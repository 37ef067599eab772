"""Inner loops of the mean squared displacement: one pass through memory each."""

import numba
import numpy as np

_TILE = 16
"""Frames turned into series at once, so that reads and writes both stay in the cache."""


@numba.njit(cache=True, nogil=True)
def _add_pairs(x: float, y: float, z: float, rows: np.ndarray, column: int) -> None:
    """Add xx, yy, zz, xy, xz and yz to the six rows of a column."""
    rows[0, column] += x * x
    rows[1, column] += y * y
    rows[2, column] += z * z
    rows[3, column] += x * y
    rows[4, column] += x * z
    rows[5, column] += y * z


@numba.njit(cache=True, nogil=True)
def gather_ions(
    positions: np.ndarray, ions: np.ndarray, frames: np.ndarray, means: np.ndarray
) -> None:
    """Bring the coordinates of some ions together, and their means over time.

    Parameters
    ----------
    positions : (n_frames, n, 3), Å
    ions : (k,) which of the n
    frames : (n_frames, 3, k) of the same precision, written
    means : (3, k) float64, Å, written
    """
    means[:] = 0.0
    for t in range(positions.shape[0]):
        for k in range(len(ions)):
            for a in range(3):
                frames[t, a, k] = positions[t, ions[k], a]
        for a in range(3):
            for k in range(len(ions)):
                means[a, k] += np.float64(frames[t, a, k])
    means /= positions.shape[0]


@numba.njit(cache=True, nogil=True)
def load_series(
    frames: np.ndarray,
    first: int,
    means: np.ndarray,
    drift: np.ndarray,
    series: np.ndarray,
    products: np.ndarray,
) -> None:
    """Turn frames into time series less drift and means, and sum their products at every time.

    Parameters
    ----------
    frames, means : of `gather_ions`
    first : the first of the ions to take
    drift : (n_frames, 3), Å
    series : (3, k, n_frames) float64, Å, written
    products : (6, n_frames) float64, Å²: sum over the k ions of x_a x_b, added to
    """
    n_frames = frames.shape[0]
    for start in range(0, n_frames, _TILE):
        stop = min(start + _TILE, n_frames)
        for a in range(3):
            for k in range(series.shape[1]):
                mean = means[a, first + k]
                for t in range(start, stop):
                    series[a, k, t] = frames[t, a, first + k] - mean - drift[t, a]
        for k in range(series.shape[1]):
            for t in range(start, stop):
                _add_pairs(series[0, k, t], series[1, k, t], series[2, k, t], products, t)


@numba.njit(cache=True, nogil=True)
def add_power(spectrum: np.ndarray, power: np.ndarray) -> None:
    """Add sum over ions of the real part of X_a conj(X_b) to `power` (6, n_frequencies)."""
    for k in range(spectrum.shape[1]):
        for f in range(spectrum.shape[2]):
            x, y, z = spectrum[0, k, f], spectrum[1, k, f], spectrum[2, k, f]
            power[0, f] += x.real * x.real + x.imag * x.imag
            power[1, f] += y.real * y.real + y.imag * y.imag
            power[2, f] += z.real * z.real + z.imag * z.imag
            power[3, f] += x.real * y.real + x.imag * y.imag
            power[4, f] += x.real * z.real + x.imag * z.imag
            power[5, f] += y.real * z.real + y.imag * z.imag


@numba.njit(cache=True, nogil=True)
def add_moments(
    frames: np.ndarray,
    drift: np.ndarray,
    lags: np.ndarray,
    strides: np.ndarray,
    moments: np.ndarray,
    together: np.ndarray,
) -> None:
    """Add moments of displacements over some time origins per lag.

    Parameters
    ----------
    frames : of `gather_ions`
    drift : (n_frames, 3), Å
    lags, strides : (m,) int, and the distances between time origins
    moments : (m, 10), added to: count, r², r⁴, xx, yy, zz, xy, xz, yz, and the variance of r² over
        the origins, which is of each ion and summed over them
    together : (m, n_origins), added to: r² summed over the ions, at each origin
    """
    n_ions = frames.shape[2]
    of_ions = np.empty((8, n_ions))
    seconds = of_ions[2:]
    squares = np.empty(n_ions)
    for m in range(len(lags)):
        lag = lags[m]
        of_ions[:] = 0.0
        origin = 0
        for t in range(0, frames.shape[0] - lag, strides[m]):
            dx = drift[t + lag, 0] - drift[t, 0]
            dy = drift[t + lag, 1] - drift[t, 1]
            dz = drift[t + lag, 2] - drift[t, 2]
            for k in range(n_ions):  # side by side in memory: several at once
                x = np.float64(frames[t + lag, 0, k]) - np.float64(frames[t, 0, k]) - dx
                y = np.float64(frames[t + lag, 1, k]) - np.float64(frames[t, 1, k]) - dy
                z = np.float64(frames[t + lag, 2, k]) - np.float64(frames[t, 2, k]) - dz
                square = x * x + y * y + z * z
                squares[k] = square
                of_ions[0, k] += square
                of_ions[1, k] += square * square
                _add_pairs(x, y, z, seconds, k)
            together[m, origin] += squares.sum()
            origin += 1
        moments[m, 0] += origin * n_ions
        for j in range(8):
            moments[m, 1 + j] += of_ions[j].sum()
        for k in range(n_ions):
            moments[m, 9] += of_ions[1, k] / origin - (of_ions[0, k] / origin) ** 2


@numba.njit(cache=True, nogil=True)
def weighted_sums(positions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Sum over atoms of weight x position, (n_frames, 3) float64, of (n_frames, n, 3)."""
    sums = np.zeros((positions.shape[0], 3))
    for t in range(positions.shape[0]):
        for i in range(positions.shape[1]):
            for a in range(3):
                sums[t, a] += weights[i] * positions[t, i, a]
    return sums
