"""Spherical harmonics as homogeneous polynomials of the unit vector."""

from collections.abc import Callable

import numpy as np

_N_DIRECTIONS = 200
_ZERO = 1e-12


def fit_harmonics(
    evaluate: Callable[[np.ndarray], np.ndarray], max_ell: int
) -> tuple[np.ndarray, np.ndarray, float]:
    """The polynomials of degree l that the harmonics of each l are on the unit sphere.

    Parameters
    ----------
    evaluate : of unit vectors (n, 3); gives (n, (max_ell + 1)^2)

    Returns
    -------
    tuple
        coefficients (n_lm, n_powers), powers of x, y and z (n_powers, 3), and the largest error
    """
    unit = np.random.default_rng(0).normal(size=(_N_DIRECTIONS, 3))
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    values = evaluate(unit)
    powers = np.array(
        [
            (a, b, degree - a - b)
            for degree in range(max_ell + 1)
            for a in range(degree, -1, -1)
            for b in range(degree - a, -1, -1)
        ]
    )
    table, error = np.zeros((values.shape[1], len(powers))), 0.0
    for degree in range(max_ell + 1):
        own = np.flatnonzero(powers.sum(axis=1) == degree)
        basis = np.prod(unit[:, None, :] ** powers[own][None], axis=2)
        rows = slice(degree**2, (degree + 1) ** 2)
        found, *_ = np.linalg.lstsq(basis, values[:, rows], rcond=None)
        error = max(error, float(np.abs(basis @ found - values[:, rows]).max()))
        table[rows, own] = found.T
    table[np.abs(table) < _ZERO] = 0.0
    return table, powers, error
