"""Sizes, twiddles and the order of frequencies of the transforms of `fourier_kernels`."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

LANES = 8
"""Numbers handled at once by compiled code: a register of AVX-512, two of AVX2, four of NEON."""

ROW = 2 * LANES
"""Numbers of a row, and ions transformed at once."""

_COLUMNS_TOGETHER = 8

_RADICES = (4, 5, 3, 2)
"""The larger ones first: fewer passes."""


@dataclass(frozen=True, eq=False)
class FourierPlan:
    """Plan for the power of series, padded with enough zeros to separate their ends.

    In two steps, so that each piece stays in the first cache (Bailey, J. Supercomput. 4, 23
    (1990), doi 10.1007/BF00162341): frame t = n_rows k + row is transformed over k, then over the
    rows. The zeros, a second half of every column, are never there: the odd frequencies of a column
    are those of its first half times exp(-i pi k / n_columns).

    Parameters
    ----------
    n_columns, n_rows : their product is at least the number of frames, each of factors 2, 3, 5
    """

    n_columns: int
    n_rows: int

    @classmethod
    def of(cls, n_frames: int) -> "FourierPlan":
        """The least work for so many frames."""
        middle = math.isqrt(n_frames - 1) + 1
        pairs = [
            (columns, _smooth(-(-n_frames // columns)))
            for columns in {_smooth(n) for n in range(middle // 2 + 1, middle + 1)}
        ]
        return cls(*min(pairs, key=lambda pair: (_work(*pair), pair)))

    @property
    def size(self) -> int:
        """Frequencies."""
        return 2 * self.n_columns * self.n_rows

    @cached_property
    def column_stages(self) -> tuple[np.ndarray, np.ndarray]:
        """Radices and twiddles of a column."""
        return _stages(self.n_columns)

    @cached_property
    def row_stages(self) -> tuple[np.ndarray, np.ndarray]:
        """Radices and twiddles of a row."""
        return _stages(self.n_rows)

    @cached_property
    def halves(self) -> np.ndarray:
        """(2 n_columns,), Re and Im of what turns a column's frequencies into the odd ones."""
        return _roots(np.arange(self.n_columns), 2 * self.n_columns)

    @cached_property
    def between(self) -> np.ndarray:
        """(2 size,), Re and Im of the twiddles between the steps."""
        return _roots(np.outer(np.arange(self.n_rows), self._of_columns), self.size)

    @cached_property
    def frequencies(self) -> np.ndarray:
        """(size,) int, which frequency the power at each place is of."""
        of_rows = _reversed_digits(*self.row_stages[:1])
        return (self._of_columns[:, None] + 2 * self.n_columns * of_rows).ravel()

    @cached_property
    def _of_columns(self) -> np.ndarray:
        even = 2 * _reversed_digits(*self.column_stages[:1])
        return np.concatenate([even, even + 1])

    def space(self) -> tuple[np.ndarray, np.ndarray]:
        """Columns and the work space of the kernels."""
        of_column = 3 * 2 * self.n_columns * ROW
        return np.empty(_COLUMNS_TOGETHER * of_column), np.empty((self.n_rows + 1) * of_column)

    def correlation(self, power: np.ndarray, n_frames: int) -> np.ndarray:
        """Sum over time origins of x_a(t) x_b(t + lag), a and b exchanged on average.

        power : (size, 6), as `add_power` leaves it. Returns (n_frames, 6).
        """
        from scipy import fft

        ordered = np.empty_like(power)
        ordered[self.frequencies] = power
        both_signs = ordered + np.roll(ordered[::-1], 1, axis=0)
        return fft.irfft(both_signs[: self.size // 2 + 1] / 2, n=self.size, axis=0)[:n_frames]


def _radices_of(n: int) -> list[int]:
    found = []
    for radix in _RADICES:
        while n % radix == 0:
            found.append(radix)
            n //= radix
    return found if n == 1 else []


def _smooth(n: int) -> int:
    while n > 1 and not _radices_of(n):
        n += 1
    return n


def _work(n_columns: int, n_rows: int) -> int:
    passes = len(_radices_of(n_columns)) + len(_radices_of(n_rows)) + 2
    return n_columns * n_rows * passes


def _roots(exponents: np.ndarray, n: int) -> np.ndarray:
    """Re and Im of exp(-2 pi i exponent / n), one after the other."""
    angles = -2 * np.pi * (exponents % n) / n
    return np.stack([np.cos(angles), np.sin(angles)], axis=-1).ravel()


def _stages(n: int) -> tuple[np.ndarray, np.ndarray]:
    radices = _radices_of(n)
    twiddles = []
    for radix in radices:
        turns = np.outer(np.arange(n // radix), np.arange(1, radix))
        twiddles.append(_roots(turns, n))
        n //= radix
    return np.array(radices, dtype=np.int64), np.concatenate([*twiddles, np.empty(0)])


def _reversed_digits(radices: np.ndarray) -> np.ndarray:
    order = np.zeros(1, dtype=np.int64)
    for radix in radices[::-1]:
        order = (np.arange(radix)[:, None] + radix * order).ravel()
    return order
