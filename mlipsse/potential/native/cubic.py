"""Coefficients of polynomials of degree three, from values at a few points."""

from collections.abc import Callable

import numpy as np

from mlipsse.potential.native.arithmetic import Polynomial

_ZERO = 1e-12
"""Coefficients below it, relative to the largest, are rounding."""

_AGREEMENT = 1e-9
"""Of a polynomial and its function at points of chance, relative to the largest value."""


def cubic_coefficients(
    values: Callable[[np.ndarray], np.ndarray], n: int
) -> dict[tuple[int, ...], np.ndarray]:
    """Coefficients of polynomials of degree 1 to 3 in n variables, without a constant.

    From values at points with at most three coordinates that are not zero: exact but for rounding.
    """
    eye = np.eye(n)
    found: dict[tuple[int, ...], np.ndarray] = {}
    plus, minus, double = values(eye), values(-eye), values(2 * eye)
    for i in range(n):
        square = (plus[i] + minus[i]) / 2
        odd = (plus[i] - minus[i]) / 2  # c_i + c_iii
        cube = (double[i] - 4 * square - 2 * odd) / 6
        found[(i,)], found[(i, i)], found[(i, i, i)] = odd - cube, square, cube
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
    first, second = np.array(pairs).T
    sums = values(eye[first] + eye[second])
    differences = values(eye[first] - eye[second])
    doubled = values(2 * eye[first] + eye[second])
    for k, (i, j) in enumerate(pairs):
        # What is left is c_ij x y + c_iij x x y + c_ijj x y y.
        a = sums[k] - plus[i] - plus[j]
        b = differences[k] - plus[i] - minus[j]
        c = doubled[k] - double[i] - plus[j]
        mixed = (a + b) / 2  # c_ijj
        both = a - mixed  # c_ij + c_iij
        iij = (c - 2 * mixed - 2 * both) / 2
        found[(i, j)], found[(i, i, j)], found[(i, j, j)] = both - iij, iij, mixed
    triples = [(i, j, k) for i, j in pairs for k in range(j + 1, n)]
    points = np.array([eye[i] + eye[j] + eye[k] for i, j, k in triples])
    whole = values(points) if len(points) else np.empty(0)
    for t, (i, j, k) in enumerate(triples):
        rest = whole[t]
        for a in ((i, j), (i, k), (j, k)):
            x, y = a
            rest = rest - found[(x, y)] - found[(x, x, y)] - found[(x, y, y)]
        for one in (i, j, k):
            rest = rest - plus[one]
        found[(i, j, k)] = rest
    return found


def cubic_polynomials(
    values: Callable[[np.ndarray], np.ndarray], n_variables: int
) -> tuple[Polynomial, ...] | None:
    """The polynomials that a function consists of, read off its values; None where it is none.

    Parameters
    ----------
    values : (n_points, n_variables) -> (n_points, n_elements, channels, n_out)

    Returns
    -------
    tuple
        one polynomial for each of the n_out values.
    """
    coefficients = cubic_coefficients(values, n_variables)
    points = np.random.default_rng(0).normal(size=(4, n_variables))
    expected = values(points)
    found = sum(
        c[None] * np.prod(points[:, list(m)], axis=1)[:, None, None, None]
        for m, c in coefficients.items()
    )
    if np.abs(found - expected).max() > _AGREEMENT * max(1.0, np.abs(expected).max()):
        return None
    _, n_elements, channels, n_out = expected.shape
    largest = max(np.abs(c).max() for c in coefficients.values())
    polynomials = []
    for out in range(n_out):
        kept = {
            m: c[:, :, out]
            for m, c in coefficients.items()
            if np.abs(c[:, :, out]).max() > _ZERO * largest
        }
        names = tuple(sorted(kept))
        stacked = (
            np.stack([kept[m] for m in names], axis=1)
            if names
            else np.zeros((n_elements, 0, channels))
        )
        polynomials.append(Polynomial(names, stacked))
    return tuple(polynomials)
