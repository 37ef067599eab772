"""Inner loops of the mean squared displacement: one pass through memory each."""

import numba
import numpy as np

_TILE = 16
"""Frames transposed at once, so that reads and writes both stay in the cache."""


@numba.njit(cache=True, nogil=True)
def load_series(
    positions: np.ndarray, ions: np.ndarray, drift: np.ndarray, series: np.ndarray
) -> None:
    """Put time series of some ions, less the drift and their own mean, into `series`.

    Parameters
    ----------
    positions : (n_frames, n, 3), Å
    ions : (k,) which of the n
    drift : (n_frames, 3), Å
    series : (3, k, n_frames) float64, written
    """
    n_frames = positions.shape[0]
    for start in range(0, n_frames, _TILE):
        stop = min(start + _TILE, n_frames)
        for k in range(len(ions)):
            ion = ions[k]
            for a in range(3):
                for t in range(start, stop):
                    series[a, k, t] = positions[t, ion, a] - drift[t, a]
    for a in range(3):
        for k in range(len(ions)):
            series[a, k] -= series[a, k].sum() / n_frames


@numba.njit(cache=True, nogil=True)
def add_products(series: np.ndarray, products: np.ndarray) -> None:
    """Add sum over ions of x_a x_b at every time to `products` (6, n_frames)."""
    for k in range(series.shape[1]):
        for t in range(series.shape[2]):
            x, y, z = series[0, k, t], series[1, k, t], series[2, k, t]
            products[0, t] += x * x
            products[1, t] += y * y
            products[2, t] += z * z
            products[3, t] += x * y
            products[4, t] += x * z
            products[5, t] += y * z


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
    series: np.ndarray,
    lags: np.ndarray,
    strides: np.ndarray,
    moments: np.ndarray,
    together: np.ndarray,
) -> None:
    """Add moments of displacements over some time origins per lag.

    Parameters
    ----------
    series : (3, k, n_frames) float64
    lags, strides : (m,) int, and the distances between time origins
    moments : (m, 10), added to: count, r², r⁴, xx, yy, zz, xy, xz, yz, and the variance of r² over
        the origins, which is of each ion and summed over them
    together : (m, n_origins), added to: r² summed over the ions, at each origin
    """
    n_frames = series.shape[2]
    for m in range(len(lags)):
        lag = lags[m]
        for k in range(series.shape[1]):
            origin, own, own_square = 0, 0.0, 0.0
            for t in range(0, n_frames - lag, strides[m]):
                x = series[0, k, t + lag] - series[0, k, t]
                y = series[1, k, t + lag] - series[1, k, t]
                z = series[2, k, t + lag] - series[2, k, t]
                square = x * x + y * y + z * z
                own += square
                own_square += square * square
                moments[m, 3] += x * x
                moments[m, 4] += y * y
                moments[m, 5] += z * z
                moments[m, 6] += x * y
                moments[m, 7] += x * z
                moments[m, 8] += y * z
                together[m, origin] += square
                origin += 1
            moments[m, 0] += origin
            moments[m, 1] += own
            moments[m, 2] += own_square
            moments[m, 9] += own_square / origin - (own / origin) ** 2


@numba.njit(cache=True, nogil=True)
def weighted_sums(positions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Sum over atoms of weight x position, (n_frames, 3) float64, of (n_frames, n, 3)."""
    sums = np.zeros((positions.shape[0], 3))
    for t in range(positions.shape[0]):
        for i in range(positions.shape[1]):
            for a in range(3):
                sums[t, a] += weights[i] * positions[t, i, a]
    return sums
