"""How many orderings there are, by Burnside's lemma, in whole numbers, before any is made."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.orderings.cell.crowding import crowding, overfull
from mlipsse.orderings.cell.fixed import Rules, TooManyError, fixed_arrangements
from mlipsse.orderings.cell.labels import charge_classes, site_rules
from mlipsse.orderings.cell.supercell import Supercell
from mlipsse.orderings.composition.amounts import Composition
from mlipsse.orderings.counting.choices import Choices

MOST_PATTERNS = 20_000_000
"""Distinct charge patterns that are listed and ranked whole, in some ten seconds."""

Route = Literal["exact", "patterns", "annealing", "impossible"]
"""How orderings are got; see `OrderingCount.route`."""


@dataclass(frozen=True)
class SublatticeCount:
    """Arrangements of one sublattice's species over its sites.

    Attributes
    ----------
    name : of the sublattice
    sites : their number
    raw, distinct : see `OrderingCount`; None where beyond counting
    """

    name: str
    sites: int
    raw: int | None
    distinct: int | None


@dataclass(frozen=True)
class OrderingCount:
    """Number of orderings of a composition in a supercell.

    Attributes
    ----------
    raw : all arrangements of the species over their sites; None where beyond counting
    distinct : those that no symmetry operation of the host carries into each other
    patterns_raw, patterns_distinct : the same for charge patterns: orderings in which species of
        one sublattice and one formal charge are the same, which is all that an Ewald sum
        can distinguish; where no two species of the framework differ in charge they are the mobile
        ion's patterns
    sublattices : the same per sublattice, each for itself
    route : `exact`, every distinct ordering is listed; `patterns`, every distinct charge pattern
        is listed and ranked by Ewald energy, the lowest are decorated at random; `annealing`,
        patterns of low Ewald energy are searched for, and decorated at random; `impossible`, the
        supercell cannot hold the composition
    reason : why numbers are missing, or why it is impossible; empty otherwise
    """

    raw: int | None
    distinct: int | None
    patterns_raw: int | None
    patterns_distinct: int | None
    sublattices: tuple[SublatticeCount, ...]
    route: Route
    reason: str = ""


def count_orderings(
    composition: Composition,
    supercell: Supercell,
    *,
    max_orderings: int | None = None,
    most_patterns: int = MOST_PATTERNS,
) -> OrderingCount:
    """Count the orderings and name the route that `enumerate_orderings` takes.

    Distinct orderings are the orbits of the supercell's symmetry group on the arrangements,
    1/|G| sum over g of the arrangements that g leaves unchanged (Burnside's lemma; Frobenius,
    1887); an operation leaves those unchanged that are constant on each of its cycles.

    Parameters
    ----------
    max_orderings : most that will be asked for; None for all
    most_patterns : distinct charge patterns that are listed whole
    """
    try:
        counts = composition.site_counts(supercell)
    except MlipsseError as error:
        return OrderingCount(0, 0, 0, 0, (), "impossible", str(error))
    permutations = supercell.sublattice_permutations
    everything = range(len(counts))
    rules = [site_rules(supercell, counts, [index]) for index in everything]
    alone = [_count(part, rule) for part, rule in zip(permutations, rules, strict=True)]
    species = _joint(supercell, counts, alone, classes=False)
    patterns = _joint(supercell, counts, alone, classes=True)
    sublattices = tuple(
        SublatticeCount(sublattice.name, len(sites), *_raw_and_distinct(fixed))
        for sublattice, sites, fixed in zip(
            supercell.host.sublattices, supercell.sites, alone, strict=True
        )
    )
    raw, distinct = _raw_and_distinct(species)
    patterns_raw, patterns_distinct = _raw_and_distinct(patterns)
    if raw == 0 or (raw is None and overfull(supercell, counts)):
        return OrderingCount(
            0,
            0,
            0,
            0,
            sublattices,
            "impossible",
            f"{composition.formula} in {supercell.name}: no arrangement has only allowed species "
            f"and distances. {crowding(supercell, counts)}Change the formula, `substitutions` or "
            "`closest_A`.",
        )
    return OrderingCount(
        raw,
        distinct,
        patterns_raw,
        patterns_distinct,
        sublattices,
        _route(supercell, counts, distinct, patterns_distinct, max_orderings, most_patterns),
        ""
        if distinct is not None
        else f"{composition.formula} in {supercell.name} is not counted: the sites that exclude "
        "each other form networks that are too large.",
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


def _route(
    supercell: Supercell,
    counts: Sequence[Sequence[int]],
    distinct: int | None,
    patterns: int | None,
    max_orderings: int | None,
    most_patterns: int,
) -> Route:
    if patterns is None or distinct is None or patterns > most_patterns:
        return "annealing"
    choices = Choices(supercell, counts)
    # Up to one word every walk is short; beyond, one may pass many sets on the way to few patterns.
    if choices.n_words > 1 and choices.partial_patterns > most_patterns:
        return "annealing"
    largest = most_patterns if max_orderings is None else min(max_orderings, most_patterns)
    return "exact" if distinct <= largest else "patterns"


def _count(permutations: np.ndarray, rules: Rules) -> list[int] | None:
    try:
        return fixed_arrangements(permutations, rules)
    except TooManyError:
        return None


def _raw_and_distinct(fixed: list[int] | None) -> tuple[int | None, int | None]:
    # Only the identity leaves every arrangement unchanged.
    return (None, None) if fixed is None else (max(fixed), orbit_count(fixed))


def _joint(
    supercell: Supercell,
    counts: Sequence[Sequence[int]],
    alone: Sequence[list[int] | None],
    *,
    classes: bool,
) -> list[int] | None:
    """Arrangements of all sublattices together that each operation leaves unchanged."""
    total: list[int] | None = None
    for block in _coupled(supercell):
        if len(block) == 1 and not (classes and _merges(supercell, block[0])):
            fixed = alone[block[0]]
        else:
            rules = site_rules(supercell, counts, block, classes=classes)
            fixed = _count(_joined(supercell, block), rules)
        if fixed is None:
            return None
        total = fixed if total is None else [a * b for a, b in zip(total, fixed, strict=True)]
    return total


def _merges(supercell: Supercell, index: int) -> bool:
    """Whether some species of a sublattice share a charge."""
    sublattice = supercell.host.sublattices[index]
    return len(charge_classes(supercell, index)) < len(sublattice.species)


def _coupled(supercell: Supercell) -> list[list[int]]:
    """Sublattices joined where a site of one excludes what is on a site of another."""
    owner, _ = supercell.owners
    blocks = [{index} for index in range(len(supercell.sites))]
    for i, j in np.unique(owner[supercell.conflicts[:, [0, 2]]], axis=0).tolist():
        joined = [block for block in blocks if i in block or j in block]
        blocks = [block for block in blocks if block not in joined] + [set().union(*joined)]
    return [sorted(block) for block in blocks]


def _joined(supercell: Supercell, block: Sequence[int]) -> np.ndarray:
    parts, offset = [], 0
    for index in block:
        part = supercell.sublattice_permutations[index]
        parts.append(part + offset)
        offset += part.shape[1]
    return np.concatenate(parts, axis=1)
