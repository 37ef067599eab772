"""How long a series remembers itself, and the error of its mean."""

import math

import numpy as np

_WINDOW = 5.0
_LEAST = 10


def integrated_autocorrelation_time(series: np.ndarray) -> float:
    """1/2 + sum of the normalised autocorrelation over lags from 1, in steps of the series.

    The variance of the mean of n steps is that of n / (2 tau) independent ones. The sum ends at
    the first lag of at least 5 times what it has come to (Madras and Sokal, J. Stat. Phys. 50,
    109, 1988, doi 10.1007/BF01022990).

    Parameters
    ----------
    series : (n,) float64; a constant one gives 1/2

    Returns
    -------
    float
        at least 1/2.
    """
    n = len(series)
    deviation = series - series.mean()
    # Differences that are rounding of a large mean are no fluctuation.
    if deviation.std() <= 1e-13 * max(1.0, np.abs(series).max()):
        return 0.5
    spectrum = np.fft.rfft(deviation, 2 * n)
    covariance = np.fft.irfft(np.abs(spectrum) ** 2)[:n] / np.arange(n, 0, -1)
    taus = 0.5 + np.cumsum(covariance / covariance[0]) - 1.0
    long_enough = np.arange(n) >= _WINDOW * taus
    window = int(long_enough.argmax()) if long_enough.any() else n - 1
    return max(0.5, float(taus[window]))


def error_of_mean(series: np.ndarray) -> float | None:
    """Standard error of the mean of a correlated series, in its unit.

    The root of variance times 2 tau / n, tau being `integrated_autocorrelation_time`. None of fewer
    than ten numbers, from which no autocorrelation can be had.
    """
    n = len(series)
    if n < _LEAST:
        return None
    tau = integrated_autocorrelation_time(series)
    return math.sqrt(float(series.var(ddof=1)) * 2 * tau / n)
