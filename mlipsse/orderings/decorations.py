"""Framework decorations of mobile-ion patterns, shared out among the patterns in turn."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from mlipsse.orderings.arrangements import distinct_arrangements, smallest_image, stabiliser
from mlipsse.orderings.counting import fixed_arrangements, orbit_count

LIST_UP_TO = 4
"""Decorations are listed and then chosen from when there are up to this many times the number
wanted; beyond it random draws seldom meet one twice."""


def decorate_patterns(
    patterns: np.ndarray,
    counts: Sequence[Sequence[int]],
    permutations: Sequence[np.ndarray],
    *,
    at_most: int,
    rng: np.random.Generator,
) -> Iterator[tuple[int, np.ndarray, int]]:
    """Give every pattern its share of distinct decorations, drawn uniformly, none twice.

    The patterns are served in turn, the first first, one decoration each, until there are
    `at_most` in all or every decoration is taken.

    Parameters
    ----------
    patterns : (n, n_mobile_sites) int8, distinct mobile-ion patterns
    counts : per sublattice, the mobile one first, how many sites each label takes
    permutations : per sublattice, (n_operations, n_sites) int; the same operations in each

    Yields
    ------
    tuple
        index of the pattern; labels of all sublattices one after the other, int8; number of
        arrangements that symmetry makes equal to them.
    """
    mobile, framework = permutations[0], permutations[1:]
    unchanged = [
        math.prod(parts)
        for parts in zip(*map(fixed_arrangements, framework, counts[1:]), strict=True)
    ]
    groups = [np.flatnonzero(stabiliser(pattern, mobile)) for pattern in patterns]
    available = [orbit_count([unchanged[g] for g in group]) for group in groups]
    shares = served_in_turn(available, at_most)
    for index, (pattern, group, share) in enumerate(zip(patterns, groups, shares, strict=True)):
        allowed = [part[group] for part in framework]
        if available[index] <= LIST_UP_TO * share:
            every = list(distinct_arrangements(counts[1:], allowed))
            picks = np.sort(rng.choice(len(every), size=share, replace=False))
            decorations = [every[pick] for pick in picks]
        else:
            decorations = _draw(counts[1:], allowed, share, rng)
        for labels, size in decorations:
            yield index, np.concatenate([pattern, labels]), size * (len(mobile) // len(group))


def served_in_turn(available: Sequence[int], total: int) -> list[int]:
    """Share `total` among parties one by one, in turn; nobody gets more than is available."""
    shares = [0] * len(available)
    left = min(total, sum(available))
    while left:
        for index, most in enumerate(available):
            if left and shares[index] < most:
                shares[index] += 1
                left -= 1
    return shares


def _draw(
    counts: Sequence[Sequence[int]],
    permutations: Sequence[np.ndarray],
    number: int,
    rng: np.random.Generator,
) -> list[tuple[np.ndarray, int]]:
    """Distinct joint arrangements, each orbit as likely as any other, and their orbits' sizes."""
    ordered = [np.repeat(np.arange(len(row), dtype=np.int8), row) for row in counts]
    offsets = np.cumsum([0, *(len(part) for part in ordered)])
    joint = np.concatenate(
        [part + offset for part, offset in zip(permutations, offsets[:-1], strict=True)], axis=1
    )
    drawn: dict[bytes, tuple[np.ndarray, int]] = {}
    while len(drawn) < number:
        labels = np.concatenate([rng.permutation(part) for part in ordered])
        smallest, unchanged = smallest_image(labels, joint)
        # A random arrangement falls into an orbit as often as the orbit is large; keeping it with
        # the inverse of that makes all orbits equal.
        if rng.random() * len(joint) < unchanged:
            drawn.setdefault(smallest.tobytes(), (smallest, len(joint) // unchanged))
    return list(drawn.values())
