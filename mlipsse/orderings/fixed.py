"""Arrangements of labels over sites that a permutation leaves unchanged, in whole numbers.

They are those that are constant on each of its cycles. Without further rules their number follows
from the lengths of the cycles alone; with sites that may not hold every label, or pairs of sites
that may not both be filled, it is a coefficient of a polynomial over the cycles.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

MOST_STEPS = 3_000
"""Steps spent on one polynomial of a net of excluded pairs, a second or two, before it is given up;
the net of lithium sites in a garnet, Li7La3Zr2O12, takes 2,000."""


class TooManyError(Exception):
    """The arrangements of a net of excluded pairs are beyond counting."""


@dataclass(frozen=True)
class Rules:
    """What may sit where.

    Attributes
    ----------
    counts : how many sites each label takes
    allowed : (n_sites, n_labels) bool
    filled : (n_labels,) bool, whether a label is an atom
    pairs : (n_pairs, 2) int, sites that may not both be filled
    """

    counts: tuple[int, ...]
    allowed: np.ndarray
    filled: np.ndarray
    pairs: np.ndarray


def fixed_arrangements(permutations: np.ndarray, rules: Rules) -> list[int]:
    """Per permutation, (n_operations, n) int, the number of arrangements it leaves unchanged.

    Raises
    ------
    TooManyError
        when the pairs that exclude each other form nets too large to count on.
    """
    if rules.allowed.all() and not len(rules.pairs):
        return _by_cycle_lengths(permutations, rules.counts)
    seen: dict[object, int] = {}
    ways = []
    for permutation in permutations:
        cycles = _cycles(permutation)
        if not len(rules.pairs):
            key: object = tuple(sorted((len(c), rules.allowed[c[0]].tobytes()) for c in cycles))
            if key not in seen:
                seen[key] = _on_cycles(cycles, rules)
            ways.append(seen[key])
        else:
            ways.append(_on_cycles(cycles, rules))
    return ways


def multinomial(counts: Sequence[int]) -> int:
    """Ways to share sum(counts) sites out."""
    left, ways = sum(counts), 1
    for count in counts:
        ways *= math.comb(left, count)
        left -= count
    return ways


def _by_cycle_lengths(permutations: np.ndarray, counts: Sequence[int]) -> list[int]:
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
    """Ways to give each cycle one label so that label s takes ``counts[s]`` sites.

    `cycles` are (length, how many) pairs.
    """
    if not cycles:
        return int(not any(counts))
    (length, number), rest = cycles[0], cycles[1:]
    return sum(
        multinomial(share)
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


def _cycles(permutation: np.ndarray) -> list[list[int]]:
    images, cycles, met = permutation.tolist(), [], set()
    for start in range(len(images)):
        if start in met:
            continue
        cycle, site = [start], images[start]
        while site != start:
            cycle.append(site)
            site = images[site]
        met.update(cycle)
        cycles.append(cycle)
    return cycles


Polynomial = dict[tuple[int, ...], int]
"""Number of arrangements by how many sites each label takes."""


def _on_cycles(cycles: list[list[int]], rules: Rules) -> int:
    """Arrangements constant on cycles: the coefficient of `counts` in a product of polynomials."""
    cycle_of = {site: number for number, cycle in enumerate(cycles) for site in cycle}
    neighbours: list[set[int]] = [set() for _ in cycles]
    always_empty = set()
    for i, j in rules.pairs.tolist():
        a, b = cycle_of[i], cycle_of[j]
        if a == b:
            always_empty.add(a)
        neighbours[a].add(b)
        neighbours[b].add(a)
    whole, empty = [], []
    for number, cycle in enumerate(cycles):
        labels = np.flatnonzero(rules.allowed[cycle[0]]).tolist()
        atoms = [] if number in always_empty else [n for n in labels if rules.filled[n]]
        whole.append(
            _sites(len(cycle), [*atoms, *(n for n in labels if not rules.filled[n])], rules)
        )
        empty.append(_sites(len(cycle), [n for n in labels if not rules.filled[n]], rules))
    product = _Net(neighbours, whole, empty, rules.counts).polynomial(frozenset(range(len(cycles))))
    return product.get(tuple(rules.counts), 0)


def _sites(length: int, labels: Sequence[int], rules: Rules) -> Polynomial:
    kinds = len(rules.counts)
    return {tuple(length if k == n else 0 for k in range(kinds)): 1 for n in labels}


class _Net:
    """Cycles that exclude each other when filled; polynomials by branching on one of them."""

    def __init__(
        self,
        neighbours: Sequence[set[int]],
        whole: Sequence[Polynomial],
        empty: Sequence[Polynomial],
        limits: tuple[int, ...],
    ) -> None:
        self._neighbours, self._whole, self._empty = neighbours, whole, empty
        self._limits = limits
        self._known: dict[frozenset[int], Polynomial] = {}
        self._steps = 0

    def polynomial(self, nodes: frozenset[int]) -> Polynomial:
        """Arrangements of `nodes`, some of which are excluded pairs."""
        result: Polynomial = {(0,) * len(self._limits): 1}
        for component in self._components(nodes):
            result = self._times(result, self._connected(component))
        return result

    def _connected(self, nodes: frozenset[int]) -> Polynomial:
        if len(nodes) == 1:
            (only,) = nodes
            return self._whole[only]
        if nodes in self._known:
            return self._known[nodes]
        self._steps += 1
        if self._steps > MOST_STEPS:
            raise TooManyError
        node = max(sorted(nodes), key=lambda n: len(self._neighbours[n] & nodes))
        rest = nodes - {node}
        around = self._neighbours[node] & rest
        vacant = self._times(self._empty[node], self.polynomial(rest))
        atoms = {key: n for key, n in self._whole[node].items() if key not in self._empty[node]}
        occupied = self._times(atoms, self.polynomial(rest - around))
        for other in around:
            occupied = self._times(occupied, self._empty[other])
        total = dict(vacant)
        for key, number in occupied.items():
            total[key] = total.get(key, 0) + number
        self._known[nodes] = total
        return total

    def _components(self, nodes: frozenset[int]) -> list[frozenset[int]]:
        left, found = set(nodes), []
        while left:
            reached, front = set(), {left.pop()}
            while front:
                reached |= front
                front = {b for a in front for b in self._neighbours[a] if b in left} - reached
                left -= front
            found.append(frozenset(reached))
        return found

    def _times(self, a: Polynomial, b: Polynomial) -> Polynomial:
        product: Polynomial = {}
        for left, n in a.items():
            for right, m in b.items():
                key = tuple(x + y for x, y in zip(left, right, strict=True))
                if all(x <= most for x, most in zip(key, self._limits, strict=True)):
                    product[key] = product.get(key, 0) + n * m
        return product
