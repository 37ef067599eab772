"""Decorations of charge patterns: which of equally charged species sits where."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.orderings.cell.fixed import Rules, fixed_arrangements
from mlipsse.orderings.counting.burnside import orbit_count
from mlipsse.orderings.counting.choices import Choices
from mlipsse.orderings.patterns.search import smallest_image

LIST_UP_TO = 4
"""Decorations are listed and then chosen from when there are up to this many times the number
wanted; beyond it random draws seldom meet one twice."""

_DRAWS_AT_RANDOM = 10_000


def decorate_patterns(
    choices: Choices, patterns: np.ndarray, *, at_most: int, rng: np.random.Generator
) -> Iterator[tuple[int, np.ndarray, int]]:
    """Give every pattern its share of distinct decorations, drawn uniformly, none twice.

    The patterns are served in turn, the first first, one decoration each, until there are
    `at_most` in all or every decoration is taken.

    Parameters
    ----------
    patterns : (n, n_sites) int8, distinct charge patterns (`Patterns.labels`)

    Yields
    ------
    tuple
        index of the pattern; labels, (n_sites,) int8; number of arrangements that symmetry makes
        equal to them.
    """
    decorated = [_Decorated.of(choices, pattern) for pattern in patterns]
    shares = served_in_turn([entry.available for entry in decorated], at_most)
    for index, (entry, share) in enumerate(zip(decorated, shares, strict=True)):
        for labels, size in entry.pick(share, rng):
            yield index, labels, size


def served_in_turn(available: Sequence[int], total: int) -> list[int]:
    """Share `total` among parties one by one, in turn; none gets more than is available."""
    shares = [0] * len(available)
    left = min(total, sum(available))
    while left:
        for index, most in enumerate(available):
            if left and shares[index] < most:
                shares[index] += 1
                left -= 1
    return shares


@dataclass(frozen=True, eq=False)
class _Decorated:
    """One charge pattern, the operations that leave it unchanged, and its decorations' number."""

    choices: Choices
    pattern: np.ndarray
    group: np.ndarray
    available: int

    @classmethod
    def of(cls, choices: Choices, pattern: np.ndarray) -> "_Decorated":
        permutations = choices.supercell.permutations
        varied = choices.varied_sites
        unchanged = (pattern[permutations[:, varied]] == pattern[varied]).all(axis=1)
        group = np.flatnonzero(unchanged)
        fixed = [1] * len(group)
        for _, sites, rules in _shared_classes(choices, pattern):
            number = np.empty(choices.supercell.n_sites, dtype=np.int32)
            number[sites] = np.arange(len(sites))
            ways = fixed_arrangements(number[permutations[np.ix_(group, sites)]], rules)
            fixed = [a * b for a, b in zip(fixed, ways, strict=True)]
        return cls(choices, pattern, group, orbit_count(fixed))

    def pick(self, share: int, rng: np.random.Generator) -> list[tuple[np.ndarray, int]]:
        """`share` distinct decorations, uniformly, with the number of arrangements of each."""
        if share and self.available <= LIST_UP_TO * share:
            return self._listed(share, rng)
        return self._drawn(share, rng)

    def _listed(self, share: int, rng: np.random.Generator) -> list[tuple[np.ndarray, int]]:
        masks = self.choices.pattern_masks(self.pattern[None])[0]
        blocks = list(self.choices.decorations(masks))
        every = np.concatenate([block for block, _ in blocks])
        orders = np.concatenate([order for _, order in blocks])
        picks = np.sort(rng.choice(len(every), size=share, replace=False))
        labels = self.choices.labels(every[picks])
        sizes = self.choices.n_operations // orders[picks]
        return [(row, int(size)) for row, size in zip(labels, sizes, strict=True)]

    def _drawn(self, share: int, rng: np.random.Generator) -> list[tuple[np.ndarray, int]]:
        """Distinct decorations, each orbit as likely as any other, and their sizes."""
        varied = self.choices.varied_sites
        number = np.empty(self.choices.supercell.n_sites, dtype=np.int32)
        number[varied] = np.arange(len(varied))
        permutations = number[self.choices.supercell.permutations[np.ix_(self.group, varied)]]
        classes = _shared_classes(self.choices, self.pattern)
        drawn: dict[bytes, tuple[np.ndarray, int]] = {}
        while len(drawn) < share:
            labels = self.pattern.copy()
            for members, sites, rules in classes:
                labels[sites] = np.array(members, dtype=np.int8)[_shuffled(rules, rng)]
            smallest, unchanged = smallest_image(labels[varied], permutations)
            # A random arrangement falls into an orbit as often as the orbit is large; keeping it
            # with the inverse of that makes all orbits equal.
            if rng.random() * len(permutations) < unchanged:
                labels[varied] = smallest
                size = self.choices.n_operations // unchanged
                drawn.setdefault(smallest.tobytes(), (labels, size))
        return list(drawn.values())


def _shared_classes(
    choices: Choices, pattern: np.ndarray
) -> list[tuple[tuple[int, ...], np.ndarray, Rules]]:
    """Classes of several species: those, the sites they share in a pattern, and the rules."""
    found = []
    for kind in choices.classes:
        if len(kind.members) < 2:
            continue
        pool = choices.pools[kind.pool]
        here = pattern[pool.sites] == kind.members[0]
        rules = Rules(
            counts=tuple(pool.counts[member] for member in kind.members),
            allowed=pool.allowed[here][:, list(kind.members)],
            conflicts=np.empty((0, 4), dtype=int),
        )
        found.append((kind.members, pool.sites[here], rules))
    return found


def _shuffled(rules: Rules, rng: np.random.Generator) -> np.ndarray:
    """Labels at random, as many of each as there must be, where they may sit; uniformly."""
    labels = np.repeat(np.arange(len(rules.counts)), rules.counts)
    for _ in range(_DRAWS_AT_RANDOM):
        labels = rng.permutation(labels)
        if rules.allowed[np.arange(len(labels)), labels].all():
            return labels
    raise MlipsseError(
        f"No allowed decoration was found in {_DRAWS_AT_RANDOM} attempts. Allow the species on "
        "more sites with `substitutions`."
    )
