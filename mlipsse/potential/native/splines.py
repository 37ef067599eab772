"""Quintic splines of radial functions, as fine as an error asks for."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import BPoly, make_interp_spline

from mlipsse.errors import MlipsseError

_FEWEST, _MOST = 48, 6144
_FAR_A = 1.5


@dataclass(frozen=True, eq=False)
class Spline:
    """Functions of the distance at equal knots, with two derivatives.

    Attributes
    ----------
    low, high : first and last knot, Å
    knots : (n_tables, n_knots, 3, n_functions) float64: value, first derivative times the knots'
        distance, second times its square
    error : largest error of the first derivative between knots, relative to the largest one of its
        function from 1.5 Å on, or from where it is, if that is closer
    """

    low: float
    high: float
    knots: np.ndarray
    error: float

    @property
    def n_knots(self) -> int:
        """Number of knots."""
        return self.knots.shape[1]

    def refined(self, n: int) -> "Spline":
        """The same function on more knots; a multiple of the intervals need not fit."""
        if n == self.n_knots:
            return self
        at = np.linspace(self.low, self.high, self.n_knots)
        step = at[1] - at[0]
        scales = np.array([1.0, step, step**2])[None, None, :, None]
        derivatives = np.moveaxis(self.knots / scales, (1, 2), (0, 1))
        whole = BPoly.from_derivatives(at, derivatives)
        new = np.linspace(self.low, self.high, n)
        size = new[1] - new[0]
        values = [size**order * whole.derivative(order)(new) for order in range(3)]
        return Spline(self.low, self.high, _tables_first(values), self.error)


def fit_spline(
    function: Callable[[np.ndarray], np.ndarray], low: float, high: float, tolerance: float
) -> Spline:
    """The spline with the fewest knots, in steps of a quarter, whose slopes are good enough.

    Parameters
    ----------
    function : of distances (n,) float64; gives (n_tables, n, n_functions)
    tolerance : of the first derivative between knots, relative to the largest one of its function

    Raises
    ------
    MlipsseError
        when no number of knots is enough: the function is not smooth.
    """
    n = _FEWEST
    while n <= _MOST:
        spline = _fit(function, low, high, n)
        if spline.error <= tolerance:
            return spline
        n += n // 4
    raise MlipsseError(
        f"The radial functions of the model are not smooth: splines of {_MOST} knots differ from "
        f"them by {spline.error:.2g} in their slope. Export it with --format aotinductor."
    )


def _fit(function: Callable[[np.ndarray], np.ndarray], low: float, high: float, n: int) -> Spline:
    at = np.linspace(low, high, n)
    step = at[1] - at[0]
    values = function(at)
    spline = make_interp_spline(at, values, k=5, axis=1)
    first, second = spline.derivative(1), spline.derivative(2)
    # Slopes of the function between knots, by differences of high order.
    centre = (at[:-1] + at[1:])[2:-2] / 2
    reach = 1e-3
    slopes = sum(
        weight * (function(centre + k * reach) - function(centre - k * reach)) / reach
        for k, weight in ((1, 3 / 4), (2, -3 / 20), (3, 1 / 60))
    )
    # Relative to the largest slope from 1.5 Å on; what is closer, to the largest from there on.
    largest = np.maximum.accumulate(np.abs(slopes)[:, ::-1], axis=1)[:, ::-1]
    far = int(np.searchsorted(centre, _FAR_A))
    largest[:, far:] = largest[:, [min(far, len(centre) - 1)]]
    error = np.abs(first(centre) - slopes) / np.maximum(largest, 1e-12)
    knots = np.stack([values, step * first(at), step**2 * second(at)], axis=2)
    return Spline(low, high, knots, float(error.max()))


def _tables_first(values: list[np.ndarray]) -> np.ndarray:
    """Three arrays (n_knots, n_tables, n_functions) as (n_tables, n_knots, 3, n_functions)."""
    return np.stack(values, axis=0).transpose(2, 1, 0, 3)
