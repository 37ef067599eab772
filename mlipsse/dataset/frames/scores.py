"""How far a number lies from its like, in spreads that outliers do not widen."""

import numpy as np

MAX_Z = 12.0
"""Robust z-score: the distance from the median over 1.4826 times the median absolute deviation.
Heated and strained frames of one composition stay below 6."""

MIN_ENERGY_SPREAD_EV_ATOM = 0.003
"""Below this a spread counts as this: frames of one relaxed structure differ by next to nothing."""

MIN_LOG_FORCE_SPREAD = 0.05
"""The same for the natural logarithm of the largest force of a frame."""

MIN_GROUP = 8
"""Fewer numbers determine no spread."""


def spread(values: np.ndarray, *, centre: float | None = None) -> float:
    """1.4826 times the median absolute deviation of `values`, (n,): sigma of a normal sample."""
    middle = float(np.median(values)) if centre is None else centre
    return 1.4826 * float(np.median(np.abs(values - middle)))


def robust_z(values: np.ndarray, *, floor: float) -> np.ndarray:
    """Signed distances (n,) of values (n,) from the median, over the spread or a larger `floor`."""
    return (values - np.median(values)) / max(spread(values), floor)


def log_forces(largest_eV_A: np.ndarray) -> np.ndarray:
    """Natural logarithms (n,) of largest forces (n,), in which their scatter is even."""
    return np.log(np.maximum(largest_eV_A, 1e-6))
