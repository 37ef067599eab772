"""Charge patterns of low Ewald energy: all of them ranked, or a search where they are too many."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.orderings.cell.crowding import crowding
from mlipsse.orderings.cell.ewald import ENERGY_TOLERANCE_EV
from mlipsse.orderings.cell.shuffle import random_arrangement
from mlipsse.orderings.counting.choice_plan import Kind
from mlipsse.orderings.counting.choices import Choices
from mlipsse.orderings.patterns.pattern_energy import PatternEnergy

SWEEPS = 3000
"""Swaps tried by one annealing, for every site. Of several shorter annealings and one long one of
as many swaps, the shorter ones find the ground state as often (benchmarks/orderings.py)."""

LEAST_STARTS = 50
MOST_STARTS = 500
HOTTEST, COLDEST = 0.3, 0.01
"""First and last temperature, in units of a random swap's mean change of energy."""

_KEPT_PER_START = 512


@dataclass(frozen=True, eq=False)
class Patterns:
    """Distinct charge patterns, the lowest Ewald energy first.

    Attributes
    ----------
    labels : (n, n_sites) int8; on sites of a charge class the first of its species
    energies_eV : (n,) float64, Ewald energy of the supercell
    """

    labels: np.ndarray
    energies_eV: np.ndarray


def ranked_patterns(choices: Choices, *, at_most: int) -> Patterns:
    """The lowest of all distinct charge patterns, every one of which is listed and ranked.

    Takes memory for `at_most` patterns, however many there are.
    """
    energy = PatternEnergy(choices)
    masks = np.empty((0, choices.n_pattern_levels * choices.n_words), dtype=np.uint64)
    energies_eV = np.empty(0)
    for block, _ in choices.patterns():
        masks = np.concatenate([masks, block])
        energies_eV = np.concatenate([energies_eV, energy.energies(energy.charges(block))])
        if len(masks) > 2 * at_most + 100_000:
            order = by_energy(energies_eV)[:at_most]
            masks, energies_eV = masks[order], energies_eV[order]
    order = by_energy(energies_eV)[:at_most]
    return Patterns(choices.pattern_labels(masks[order]), energies_eV[order])


def annealed_patterns(
    choices: Choices, *, at_most: int, rng: np.random.Generator, most_starts: int = MOST_STARTS
) -> Patterns:
    """Distinct charge patterns of low energy met by annealings from random ones.

    Each annealing tries `SWEEPS` swaps per site, within sublattices, at a falling temperature and
    keeps the lowest patterns that it meets, one of each energy. Annealings follow each other until
    there are `at_most` patterns, at least `LEAST_STARTS` and at most `most_starts`. A sample
    without claim to completeness: the lowest found need not be the lowest there is.

    Raises
    ------
    MlipsseError
        when no pattern without excluded pairs is found.
    """
    from mlipsse.orderings.patterns.anneal import anneal

    tables = _Tables.of(choices)
    permutations = _local_permutations(choices, tables.energy.sites)
    room = min(max(at_most, 8), _KEPT_PER_START)
    found: dict[bytes, float] = {}
    for start in range(most_starts):
        if start >= LEAST_STARTS and len(found) >= at_most:
            break
        labels = tables.random_labels(rng)
        step_eV = tables.mean_step(labels, rng)
        kept = np.empty((room, len(labels)), dtype=np.int64)
        energies_eV = np.full(room, np.inf)
        charges = tables.charge[labels][None]
        anneal(
            tables.energy.pair,
            tables.energy.field,
            labels,
            tables.charge,
            tables.allowed,
            tables.pool_start,
            tables.pool_of,
            tables.excluded,
            tables.rule,
            tables.forbidden,
            SWEEPS * len(labels),
            HOTTEST * step_eV,
            COLDEST * step_eV,
            float(tables.energy.energies(charges)[0]) - tables.energy.constant_eV,
            int(rng.integers(2**31)),
            kept,
            energies_eV,
        )
        for row in kept[np.isfinite(energies_eV)].astype(np.int8):
            code = smallest_image(row, permutations)[0].tobytes()
            if code not in found:
                charges = tables.charge[row.astype(int)][None]
                found[code] = float(tables.energy.energies(charges)[0])
    if not found:
        raise MlipsseError(
            f"{most_starts} annealings found no arrangement of {choices.supercell.name} without "
            f"ions that are too close. {crowding(choices.supercell)}Take fewer ions, or a smaller "
            "closest_A."
        )
    codes = sorted(found)
    energies_eV = np.array([found[code] for code in codes])
    order = by_energy(energies_eV)[:at_most]
    rows = np.array([np.frombuffer(codes[index], dtype=np.int8) for index in order])
    return Patterns(tables.site_labels(rows, choices), energies_eV[order])


def by_energy(energies_eV: np.ndarray) -> np.ndarray:
    """Indices (n,) by rising energy (n,); within rounding, in the order they came."""
    return np.argsort(np.rint(energies_eV / ENERGY_TOLERANCE_EV), kind="stable")


def smallest_image(row: np.ndarray, permutations: np.ndarray) -> tuple[np.ndarray, int]:
    """The smallest image of a row (n,) under permutations (m, n), and how many of them give it."""
    images = np.ascontiguousarray(row[permutations])
    found = [image.tobytes() for image in images]
    smallest = min(found)
    return np.frombuffer(smallest, dtype=row.dtype), found.count(smallest)


def _local_permutations(choices: Choices, sites: np.ndarray) -> np.ndarray:
    number = np.full(choices.supercell.n_sites, -1)
    number[sites] = np.arange(len(sites))
    return number[choices.supercell.permutations[:, sites]]


@dataclass(frozen=True, eq=False)
class _Tables:
    """The pattern's sites and classes as the annealing takes them; classes numbered over pools."""

    energy: PatternEnergy
    classes: Sequence[Kind]
    charge: np.ndarray
    allowed: np.ndarray
    pool_start: np.ndarray
    pool_of: np.ndarray
    excluded: np.ndarray
    rule: np.ndarray
    forbidden: np.ndarray

    @classmethod
    def of(cls, choices: Choices) -> "_Tables":
        energy = PatternEnergy(choices)
        pools = energy.pools
        classes = [kind for number in pools for kind in choices.classes if kind.pool == number]
        sizes = [len(choices.pools[number].sites) for number in pools]
        start = np.cumsum([0, *sizes])
        allowed = np.zeros((len(energy.sites), len(classes)), dtype=bool)
        for label, kind in enumerate(classes):
            place = pools.index(kind.pool)
            held = choices.pools[kind.pool].allowed[:, list(kind.members)].any(axis=1)
            allowed[start[place] : start[place + 1], label] = held
        excluded, rule, forbidden = _exclusion_tables(choices, energy.sites, classes)
        return cls(
            energy=energy,
            classes=classes,
            charge=np.array([energy.class_charge(kind) for kind in classes]),
            allowed=allowed,
            pool_start=start,
            pool_of=np.repeat(np.arange(len(pools)), sizes),
            excluded=excluded,
            rule=rule,
            forbidden=forbidden,
        )

    def random_labels(self, rng: np.random.Generator) -> np.ndarray:
        """Classes at random, (n,) int, as many of each as there must be, where they may sit."""
        labels = np.empty(len(self.allowed), dtype=int)
        for start, end in zip(self.pool_start[:-1], self.pool_start[1:], strict=True):
            here = np.flatnonzero(self.allowed[start:end].any(axis=0))
            drawn = random_arrangement(
                [self.classes[int(label)].count for label in here],
                self.allowed[start:end, here],
                rng,
            )
            labels[start:end] = here[drawn]
        return labels

    def mean_step(self, labels: np.ndarray, rng: np.random.Generator) -> float:
        """Mean change of energy by a swap, eV."""
        charges = self.charge[labels]
        field = 2 * self.energy.pair @ charges + self.energy.field
        steps = []
        for _ in range(1000):
            i = rng.integers(len(labels))
            j = rng.integers(self.pool_start[self.pool_of[i]], self.pool_start[self.pool_of[i] + 1])
            change = charges[j] - charges[i]
            pair = self.energy.pair
            steps.append(
                abs(change * (field[i] - field[j]))
                + change**2 * (pair[i, i] + pair[j, j] - 2 * pair[i, j])
            )
        return max(float(np.mean(np.abs(steps))), 1e-3)

    def site_labels(self, rows: np.ndarray, choices: Choices) -> np.ndarray:
        """Labels (n, n_sites) int8 of rows (n, n_pattern_sites) of classes."""
        labels = choices.undecorated(len(rows))
        first = np.array([kind.members[0] for kind in self.classes], dtype=np.int8)
        labels[:, self.energy.sites] = first[rows]
        return labels


def _exclusion_tables(
    choices: Choices, sites: np.ndarray, classes: Sequence[Kind]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which sites exclude what of each other, as the annealing takes it.

    Returns
    -------
    tuple
        (n, most) int, per site the sites that it excludes something of, -1 where there are fewer;
        (n, most) int, the rule between the two; and (n_rules, n_classes, n_classes) bool, whether
        a rule forbids the first class here and the second there.
    """
    number = {int(site): place for place, site in enumerate(sites)}
    owner, _ = choices.supercell.owners
    class_of = {
        (choices.pools[kind.pool].sublattice, member): label
        for label, kind in enumerate(classes)
        for member in kind.members
    }
    between: dict[tuple[int, int], set[tuple[int, int]]] = {}
    for i, a, j, b in choices.supercell.conflicts.tolist():
        here, there = class_of.get((owner[i], a)), class_of.get((owner[j], b))
        if i in number and j in number and here is not None and there is not None:
            between.setdefault((number[i], number[j]), set()).add((here, there))
            between.setdefault((number[j], number[i]), set()).add((there, here))
    rules = sorted({tuple(sorted(pairs)) for pairs in between.values()})
    forbidden = np.zeros((len(rules), len(classes), len(classes)), dtype=bool)
    for label, rule_pairs in enumerate(rules):
        for here, there in rule_pairs:
            forbidden[label, here, there] = True
    lists: list[list[tuple[int, int]]] = [[] for _ in sites]
    for (one, other), pairs in sorted(between.items()):
        lists[one].append((other, rules.index(tuple(sorted(pairs)))))
    most = max([0, *map(len, lists)])
    excluded, rule = np.full((len(lists), most), -1), np.full((len(lists), most), -1)
    for place, others in enumerate(lists):
        for column, (other, label) in enumerate(others):
            excluded[place, column], rule[place, column] = other, label
    return excluded, rule, forbidden
