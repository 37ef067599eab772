"""How many orderings there are, by Burnside's lemma, in whole numbers, before any is made."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.orderings.composition import Composition
from mlipsse.orderings.supercell import Supercell

EXACT_LIMIT = 1_000_000
"""Largest number of raw mobile-ion patterns, and of distinct orderings, that is listed whole."""

Route = Literal["exact", "sample"]


@dataclass(frozen=True)
class OrderingCount:
    """Number of orderings of a composition in a supercell.

    `raw` counts all arrangements of the species over their sites, `distinct` those that no
    symmetry operation of the host carries into each other; `mobile_raw` and `mobile_distinct`
    are the same for the mobile-ion pattern alone. `route` says how orderings will be got:
    `exact`, all distinct ones, or `sample`.
    """

    raw: int
    distinct: int
    mobile_raw: int
    mobile_distinct: int
    route: Route


def count_orderings(
    composition: Composition,
    supercell: Supercell,
    *,
    max_orderings: int | None = None,
    exact_limit: int = EXACT_LIMIT,
) -> OrderingCount:
    """Count the orderings and say which route `enumerate_orderings` takes.

    Distinct orderings are the orbits of the supercell's symmetry group on the arrangements,
    1/|G| sum over g of the arrangements that g leaves unchanged (Burnside's lemma; Frobenius,
    1887); an operation leaves those unchanged that are constant on each of its cycles.

    Raises
    ------
    MlipsseError
        when the supercell cannot realise the composition.
    """
    counts = composition.site_counts(supercell)
    fixed = [
        fixed_arrangements(permutations, row)
        for permutations, row in zip(supercell.sublattice_permutations, counts, strict=True)
    ]
    mobile_distinct = orbit_count(fixed[0])
    distinct = orbit_count([math.prod(parts) for parts in zip(*fixed, strict=True)])
    raw = [_multinomial(row) for row in counts]
    largest = exact_limit if max_orderings is None else min(exact_limit, max_orderings)
    return OrderingCount(
        raw=math.prod(raw),
        distinct=distinct,
        mobile_raw=raw[0],
        mobile_distinct=mobile_distinct,
        route="exact" if raw[0] <= exact_limit and distinct <= largest else "sample",
    )


def orbit_count(fixed: Sequence[int]) -> int:
    """Number of orbits of a group whose elements leave `fixed` arrangements unchanged."""
    orbits, rest = divmod(sum(fixed), len(fixed))
    if rest:
        raise MlipsseError(
            f"The {len(fixed)} symmetry operations found do not form a group. Change symprec_A so "
            "that the host's symmetry is found whole."
        )
    return orbits


def fixed_arrangements(permutations: np.ndarray, counts: Sequence[int]) -> list[int]:
    """Per permutation, the number of arrangements that it leaves unchanged.

    Parameters
    ----------
    permutations : (n_operations, n) int
    counts : how many of the n sites each species takes
    """
    lengths = _cycle_lengths(permutations)
    present = np.unique(lengths)
    # The number of sites on cycles of a length, over the length, is the number of cycles.
    cycles = np.stack([(lengths == k).sum(axis=1) // k for k in present], axis=1)
    kinds, which = np.unique(cycles, axis=0, return_inverse=True)
    ways = [
        _constant_on_cycles(
            tuple((int(k), int(m)) for k, m in zip(present, kind, strict=True) if m), tuple(counts)
        )
        for kind in kinds
    ]
    return [ways[index] for index in which.ravel()]


def _cycle_lengths(permutations: np.ndarray) -> np.ndarray:
    """Length of the cycle that every site lies on, same shape as `permutations`."""
    start = np.arange(permutations.shape[1])
    lengths = np.zeros(permutations.shape, dtype=np.int32)
    reached, step = permutations, 1
    while True:
        lengths[(reached == start) & (lengths == 0)] = step
        if lengths.all():
            return lengths
        reached, step = np.take_along_axis(permutations, reached, axis=1), step + 1


@cache
def _constant_on_cycles(cycles: tuple[tuple[int, int], ...], counts: tuple[int, ...]) -> int:
    """Ways to give each cycle one species so that species s takes ``counts[s]`` sites.

    `cycles` are (length, how many) pairs.
    """
    if not cycles:
        return int(not any(counts))
    (length, number), rest = cycles[0], cycles[1:]
    return sum(
        _multinomial(share)
        * _constant_on_cycles(
            rest, tuple(c - length * s for c, s in zip(counts, share, strict=True))
        )
        for share in _shares(number, tuple(c // length for c in counts))
    )


def _shares(total: int, limits: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """All ways to write `total` as an ordered sum with the given upper limits."""
    if len(limits) == 1:
        if total <= limits[0]:
            yield (total,)
        return
    others = sum(limits[1:])
    for first in range(max(0, total - others), min(total, limits[0]) + 1):
        for shares in _shares(total - first, limits[1:]):
            yield (first, *shares)


def _multinomial(counts: Sequence[int]) -> int:
    left, ways = sum(counts), 1
    for count in counts:
        ways *= math.comb(left, count)
        left -= count
    return ways
