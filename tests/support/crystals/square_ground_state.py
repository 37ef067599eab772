"""The exact ground state of a square lattice, by transfer of rows."""

from functools import cache

import numpy as np

L = 8


@cache
def _rows() -> np.ndarray:
    return (np.arange(2**L)[:, None] >> np.arange(L)) & 1


def exact_lowest_eV(
    x_eV: np.ndarray, y_eV: np.ndarray, diagonal_eV: np.ndarray, ones: int
) -> float:
    """Lowest energy of a periodic 8x8 lattice with so many ones, eV, over all arrangements.

    Row after row: the lowest energy of all rows so far, for every last row and number of ones
    (Bellman's dynamic programming), once for every first row that no image equals.

    Parameters
    ----------
    x_eV, y_eV, diagonal_eV : (2, 2) symmetric tables of energies of neighbours in a row, of those
        above each other, and of those along either diagonal
    """
    rows = _rows()
    inside = x_eV[rows, np.roll(rows, 1, axis=1)].sum(axis=1)
    between = np.zeros((len(rows), len(rows)))
    for shift, table in ((0, y_eV), (1, diagonal_eV), (-1, diagonal_eV)):
        moved = np.roll(rows, shift, axis=1)
        for column in range(L):
            between += table[rows[:, None, column], moved[None, :, column]]
    number = rows.sum(axis=1)
    best = np.inf
    for first in _first_rows():
        energy = np.full((ones + 1, len(rows)), np.inf)
        if number[first] > ones:
            continue
        energy[number[first], first] = inside[first]
        for _ in range(L - 1):
            following = np.full_like(energy, np.inf)
            for n in range(L + 1):  # ones of the row that is added
                added = np.flatnonzero(number == n)
                if n > ones:
                    continue
                step = between[:, added] + inside[added]
                lower = energy[: ones + 1 - n]
                following[n:, added] = (lower[:, :, None] + step[None]).min(axis=1)
            energy = following
        best = min(best, float((energy[ones] + between[:, first]).min()))
    return best


@cache
def _first_rows() -> tuple[int, ...]:
    """One of every set of rows that turns and reflections make equal."""
    powers = 1 << np.arange(L)
    found = set()
    for row in _rows():
        images = [np.roll(some, k) @ powers for some in (row, row[::-1]) for k in range(L)]
        found.add(int(min(images)))
    return tuple(sorted(found))
