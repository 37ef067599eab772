"""Arrangements of labels over sites that a permutation leaves unchanged, in whole numbers.

They are those that are constant on each of its cycles. Without further rules their number follows
from the lengths of the cycles alone; with sites that may not hold every label, or labels that two
sites may not hold together, it is a coefficient of a polynomial over the cycles.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np

MOST_STEPS = 3_000
"""Steps spent on one polynomial of a net of excluded pairs, some seconds, before it is given up;
the net of lithium sites in a garnet, Li7La3Zr2O12, takes 2,000."""

_MOST_BITS = 4_000_000


class TooManyError(Exception):
    """The arrangements of a net of excluded pairs are beyond counting."""


@dataclass(frozen=True)
class Rules:
    """What may sit where.

    Attributes
    ----------
    counts : how many sites each label takes
    allowed : (n_sites, n_labels) bool
    conflicts : (n, 4) int, rows (site i, label a, site j, label b): not a on i and b on j together
    """

    counts: tuple[int, ...]
    allowed: np.ndarray
    conflicts: np.ndarray


def fixed_arrangements(permutations: np.ndarray, rules: Rules) -> list[int]:
    """Per permutation, (n_operations, n) int, the number of arrangements it leaves unchanged.

    Raises
    ------
    TooManyError
        when the pairs that exclude each other form nets too large to count on.
    """
    if rules.allowed.all() and not len(rules.conflicts):
        return _by_cycle_lengths(permutations, rules.counts)
    seen: dict[object, int] = {}
    ways = []
    for permutation in permutations:
        cycles = _cycles(permutation)
        if not len(rules.conflicts):
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


def _on_cycles(cycles: list[list[int]], rules: Rules) -> int:
    """Arrangements constant on cycles: the coefficient of `counts` in a product of polynomials."""
    cycle_of = {site: number for number, cycle in enumerate(cycles) for site in cycle}
    allowed = [sum(1 << int(n) for n in np.flatnonzero(rules.allowed[c[0]])) for c in cycles]
    excluded: list[dict[int, dict[int, int]]] = [{} for _ in cycles]
    for i, a, j, b in rules.conflicts.tolist():
        here, there = cycle_of[i], cycle_of[j]
        if here == there:
            if a == b:
                allowed[here] &= ~(1 << a)
            continue
        for one, label, other, lost in ((here, a, there, b), (there, b, here, a)):
            row = excluded[one].setdefault(label, {})
            row[other] = row.get(other, 0) | 1 << lost
    net = _Net([len(cycle) for cycle in cycles], excluded, _polynomials(rules.counts, allowed))
    return net.arrangements(dict(enumerate(allowed)))


def _polynomials(limits: tuple[int, ...], allowed: Sequence[int]) -> "_Dense | _Sparse":
    dense = _Dense(limits, allowed)
    return dense if dense.n_bits <= _MOST_BITS else _Sparse(limits)


class _Dense:
    """Numbers of arrangements by how many sites each label takes, each polynomial one integer.

    The coefficient of the degrees (d_1, d_2, ...) fills a field of bits (Kronecker substitution),
    so that a product is one multiplication of integers. Degrees beyond `limits` are cut off. One
    label needs no degree: it takes what is left.
    """

    def __init__(self, limits: tuple[int, ...], allowed: Sequence[int]) -> None:
        self._limits = limits
        self._spare = max(range(len(limits)), key=lambda label: limits[label])
        # No coefficient exceeds the number of all ways to label the cycles.
        self._bits = sum(max(1, bits.bit_count()).bit_length() for bits in allowed) + 1
        self._strides, stride = [0] * len(limits), 1
        for label, limit in enumerate(limits):
            if label != self._spare:
                # Room for the degrees of a product.
                self._strides[label], stride = stride, stride * (2 * limit + 1)
        self.n_bits = stride * self._bits

    one, none = 1, 0

    @cached_property
    def _mask(self) -> int:
        fields = [0]
        for limit, stride in zip(self._limits, self._strides, strict=True):
            if stride:
                fields = [f + degree * stride for f in fields for degree in range(limit + 1)]
        full = (1 << self._bits) - 1
        return sum(full << field * self._bits for field in fields)

    def of_one(self, length: int, labels: int) -> int:
        """Count for a single cycle that may have any of `labels` (bits)."""
        return sum(
            1 << self._bits * length * self._strides[label]
            for label in _labels(labels)
            if length <= self._limits[label]
        )

    def times(self, a: int, b: int) -> int:
        """Product."""
        return a * b & self._mask

    def plus(self, a: int, b: int) -> int:
        """Sum."""
        return a + b

    def at_limits(self, polynomial: int) -> int:
        """The coefficient where every label takes as many sites as it must."""
        field = sum(n * stride for n, stride in zip(self._limits, self._strides, strict=True))
        return polynomial >> field * self._bits & (1 << self._bits) - 1


class _Sparse:
    """The same by degrees in a dictionary, for many labels, most of whose degrees never occur."""

    def __init__(self, limits: tuple[int, ...]) -> None:
        self._limits = limits
        self.one: dict[tuple[int, ...], int] = {(0,) * len(limits): 1}
        self.none: dict[tuple[int, ...], int] = {}

    def of_one(self, length: int, labels: int) -> dict[tuple[int, ...], int]:
        """Count for a single cycle that may have any of `labels` (bits)."""
        return {
            tuple(length if label == n else 0 for label in range(len(self._limits))): 1
            for n in _labels(labels)
            if length <= self._limits[n]
        }

    def times(
        self, a: dict[tuple[int, ...], int], b: dict[tuple[int, ...], int]
    ) -> dict[tuple[int, ...], int]:
        """Product."""
        product: dict[tuple[int, ...], int] = {}
        for left, n in a.items():
            for right, m in b.items():
                key = tuple(x + y for x, y in zip(left, right, strict=True))
                if all(x <= most for x, most in zip(key, self._limits, strict=True)):
                    product[key] = product.get(key, 0) + n * m
        return product

    def plus(
        self, a: dict[tuple[int, ...], int], b: dict[tuple[int, ...], int]
    ) -> dict[tuple[int, ...], int]:
        """Sum."""
        return {key: a.get(key, 0) + b.get(key, 0) for key in {*a, *b}}

    def at_limits(self, polynomial: dict[tuple[int, ...], int]) -> int:
        """The coefficient where every label takes as many sites as it must."""
        return polynomial.get(self._limits, 0)


class _Net:
    """Cycles whose labels exclude each other's; polynomials by branching on one of them.

    Parameters
    ----------
    lengths : sites of every cycle
    excluded : per cycle and label that it may have, the labels (bits) that other cycles lose
    """

    def __init__(
        self,
        lengths: Sequence[int],
        excluded: Sequence[dict[int, dict[int, int]]],
        polynomials: _Dense | _Sparse,
    ) -> None:
        self._lengths, self._excluded = lengths, excluded
        self._polynomials: Any = polynomials  # of one kind throughout
        self._taken: dict[tuple[int, int], dict[int, int]] = {}
        self._known: dict[frozenset[tuple[int, int]], Any] = {}
        self._steps = 0

    def arrangements(self, nodes: dict[int, int]) -> int:
        """Count for cycles, each with the labels (bits) that it may have."""
        return int(self._polynomials.at_limits(self._polynomial(nodes)))

    def _polynomial(self, nodes: dict[int, int]) -> Any:
        result = self._polynomials.one
        for component, degree in self._components(nodes):
            result = self._polynomials.times(result, self._connected(component, degree))
            if not result:
                break
        return result

    def _connected(self, nodes: dict[int, int], degree: dict[int, int]) -> Any:
        if len(nodes) == 1:
            ((only, labels),) = nodes.items()
            return self._polynomials.of_one(self._lengths[only], labels)
        key = frozenset(nodes.items())
        if key in self._known:
            return self._known[key]
        self._steps += 1
        if self._steps > MOST_STEPS:
            raise TooManyError
        node = max(sorted(nodes), key=degree.__getitem__)
        rest = {other: labels for other, labels in nodes.items() if other != node}
        total: Any = None
        for labels, lost in self._branches(node, nodes).items():
            left = dict(rest)
            for other, bits in lost:
                left[other] &= ~bits
            if all(left[other] for other, _ in lost):
                own = self._polynomials.of_one(self._lengths[node], labels)
                here = self._polynomials.times(own, self._polynomial(left))
                total = here if total is None else self._polynomials.plus(total, here)
        self._known[key] = total = self._polynomials.none if total is None else total
        return total

    def _branches(self, node: int, nodes: dict[int, int]) -> dict[int, tuple[tuple[int, int], ...]]:
        """Labels of a cycle (bits) that take the same from the others, and what they take."""
        by_loss: dict[tuple[tuple[int, int], ...], int] = {}
        for label in _labels(nodes[node]):
            row = self._excluded[node].get(label, {})
            lost = tuple(
                sorted((o, nodes[o] & bits) for o, bits in row.items() if nodes.get(o, 0) & bits)
            )
            by_loss[lost] = by_loss.get(lost, 0) | 1 << label
        return {labels: lost for lost, labels in by_loss.items()}

    def _losses(self, node: int, nodes: dict[int, int]) -> set[int]:
        """Cycles that lose a label to one that is left to `node`."""
        key = (node, nodes[node])
        if key not in self._taken:
            taken: dict[int, int] = {}
            for label in _labels(nodes[node]):
                for other, bits in self._excluded[node].get(label, {}).items():
                    taken[other] = taken.get(other, 0) | bits
            self._taken[key] = taken
        return {other for other, bits in self._taken[key].items() if nodes.get(other, 0) & bits}

    def _components(self, nodes: dict[int, int]) -> list[tuple[dict[int, int], dict[int, int]]]:
        """Cycles that hang together, with how many others each takes a label from."""
        left, found = set(nodes), []
        near = {node: self._losses(node, nodes) for node in nodes}
        while left:
            reached: set[int] = set()
            front = {left.pop()}
            while front:
                reached |= front
                front = {b for a in front for b in near[a]} & left
                left -= front
            found.append(
                ({node: nodes[node] for node in reached}, {n: len(near[n]) for n in reached})
            )
        return found


def _labels(bits: int) -> list[int]:
    return [n for n in range(bits.bit_length()) if bits >> n & 1]
