"""Autocorrelation times and errors of means, against series of which both are known."""

import math

import numpy as np
import pytest

from mlipsse.autocorrelation import error_of_mean, integrated_autocorrelation_time


def autoregressive(n: int, *, tau: float, seed: int = 0) -> np.ndarray:
    """x' = r x + noise of unit variance has rho(t) = r^t, tau = 1/2 + r / (1 - r)."""
    r = (tau - 0.5) / (tau + 0.5)
    rng = np.random.default_rng(seed)
    x = np.empty(n)
    x[0] = rng.normal()
    noise = math.sqrt(1 - r * r) * rng.normal(size=n)
    for t in range(1, n):
        x[t] = r * x[t - 1] + noise[t]
    return x


@pytest.mark.parametrize("tau", [2.0, 20.0])
def test_autocorrelation_time_of_an_autoregressive_series(tau: float) -> None:
    x = autoregressive(400_000, tau=tau)
    # Relative error sqrt(2 (2 W + 1) / n) with a window W of 5 tau (Madras and Sokal 1988)
    error = math.sqrt(2 * (10 * tau + 1) / len(x))
    assert integrated_autocorrelation_time(x) == pytest.approx(tau, rel=4 * error + 0.01)
    assert integrated_autocorrelation_time(np.full(100, 3.0)) == 0.5


@pytest.mark.parametrize("tau", [0.5, 5.0])
def test_the_stated_error_is_the_scatter_of_means(tau: float) -> None:
    n, runs = 1000, 200
    series = [autoregressive(n, tau=tau, seed=seed) for seed in range(runs)]
    scatter = np.std([x.mean() for x in series], ddof=1)
    stated = np.mean([error_of_mean(x) for x in series])
    # The scatter of 200 means is known to 5 %; the mean of an AR(1) series to 2 tau / n.
    assert scatter == pytest.approx(math.sqrt(2 * tau / n), rel=0.15)
    assert stated == pytest.approx(scatter, rel=0.2)


def test_a_few_numbers_have_no_error() -> None:
    assert error_of_mean(np.arange(9.0)) is None
    assert error_of_mean(np.full(20, 3.0)) == 0.0
