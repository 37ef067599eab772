"""Arrangements of labels over sites, and one representative of every symmetry orbit of them.

The list is a tree over the sublattices: representatives of the first under the whole group, then
of the second under what leaves the first unchanged (its stabiliser), and so on. A representative
is an arrangement that no operation carries to a lexicographically smaller one, so none has to be
remembered to be recognised.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import chain, combinations

import numpy as np

_ROWS_AT_ONCE = 32_768


def all_arrangements(counts: Sequence[int]) -> np.ndarray:
    """All ways to put ``counts[k]`` labels k on ``sum(counts)`` sites, (n, n_sites) int8."""
    n_sites, first = sum(counts), counts[0]
    if len(counts) == 1:
        return np.zeros((1, n_sites), dtype=np.int8)
    rest = all_arrangements(counts[1:]) + np.int8(1)
    ways = math.comb(n_sites, n_sites - first)
    others = np.fromiter(
        chain.from_iterable(combinations(range(n_sites), n_sites - first)),
        dtype=np.intp,
        count=ways * (n_sites - first),
    ).reshape(ways, 1, n_sites - first)
    rows = np.zeros((ways, len(rest), n_sites), dtype=np.int8)
    shape = (ways, *rest.shape)
    np.put_along_axis(rows, np.broadcast_to(others, shape), np.broadcast_to(rest, shape), axis=2)
    return rows.reshape(-1, n_sites)


def representatives(rows: np.ndarray, permutations: np.ndarray) -> np.ndarray:
    """Those rows that are the smallest of their orbit under a group of permutations.

    Parameters
    ----------
    rows : (n, n_sites) int8; all arrangements, so that each orbit's smallest is among them
    permutations : (n_operations, n_sites) int; a group
    """
    kept = []
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        block = rows[start : start + _ROWS_AT_ONCE]
        for permutation in permutations:
            block = block[~_is_less(block[:, permutation], block)]
        kept.append(block)
    return np.concatenate(kept)


def _is_less(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Whether row i of a comes lexicographically before row i of b, (n,) bool."""
    index = np.arange(len(a))
    first = (a != b).argmax(axis=1)
    return a[index, first] < b[index, first]


def stabiliser(row: np.ndarray, permutations: np.ndarray) -> np.ndarray:
    """Which permutations leave a row unchanged, (n_operations,) bool."""
    return (row[permutations] == row).all(axis=1)


def smallest_image(row: np.ndarray, permutations: np.ndarray) -> tuple[np.ndarray, int]:
    """The smallest row of an orbit, and by how many of the permutations it is reached."""
    images = np.ascontiguousarray(row[permutations])
    found = [image.tobytes() for image in images]
    smallest = min(found)
    return np.frombuffer(smallest, dtype=row.dtype), found.count(smallest)


def distinct_arrangements(
    counts: Sequence[Sequence[int]], permutations: Sequence[np.ndarray]
) -> Iterator[tuple[np.ndarray, int]]:
    """Walk the representatives of all orbits of joint arrangements of several sublattices.

    Parameters
    ----------
    counts : per sublattice, how many sites each label takes
    permutations : per sublattice, (n_operations, n_sites) int; the same operations in each

    Yields
    ------
    tuple
        the labels of all sublattices one after the other, (sum of n_sites,) int8, and the size
        of the orbit.
    """
    tables = [all_arrangements(row) for row in counts]
    n_operations = len(permutations[0])

    def grow(level: int, labels: np.ndarray, group: np.ndarray) -> Iterator[tuple[np.ndarray, int]]:
        if level == len(tables):
            yield labels, n_operations // len(group)
            return
        allowed = permutations[level][group]
        for row in representatives(tables[level], allowed):
            unchanged = group[stabiliser(row, allowed)]
            yield from grow(level + 1, np.concatenate([labels, row]), unchanged)

    yield from grow(0, np.empty(0, dtype=np.int8), np.arange(n_operations))
