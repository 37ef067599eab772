"""The orderings of a composition in a supercell: all of them, or an honest sample."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

import mlipsse.orderings.counting.walk  # noqa: F401  (compiled now, not in the middle of a run)
from mlipsse.errors import MlipsseError
from mlipsse.orderings.cell.ewald import degenerate_levels
from mlipsse.orderings.cell.labels import charge_classes
from mlipsse.orderings.cell.supercell import Supercell
from mlipsse.orderings.composition.amounts import Composition
from mlipsse.orderings.counting.burnside import MOST_PATTERNS, count_orderings
from mlipsse.orderings.counting.choices import Choices
from mlipsse.orderings.counting.ordering import Ordering, ordering_name
from mlipsse.orderings.patterns.decorations import decorate_patterns
from mlipsse.orderings.patterns.pattern_energy import PatternEnergy
from mlipsse.orderings.patterns.search import (
    Patterns,
    annealed_patterns,
    by_energy,
    ranked_patterns,
)


def enumerate_orderings(
    composition: Composition,
    supercell: Supercell,
    *,
    max_orderings: int,
    seed: int,
    most_patterns: int = MOST_PATTERNS,
) -> list[Ordering]:
    """Symmetry-distinct orderings, ranked by Ewald energy.

    The Ewald energy of an ordering is that of its charge pattern. With equal formal charges (In3+,
    Y3+; Cl-, Br-) all decorations of a pattern have one energy, so the lowest N of all orderings
    would be N decorations of one pattern. When there are more orderings than `max_orderings`, the
    patterns are therefore served in turn, the lowest first, one decoration each, until the number
    is reached; decorations of a pattern are drawn uniformly from its distinct ones, none twice.

    Parameters
    ----------
    max_orderings : at most this many are returned
    seed : of the decorations drawn, and of the annealing
    most_patterns : distinct charge patterns that are listed and ranked whole; where there are
        more, or where they are beyond counting, they are searched for (see `annealed_patterns`)

    Raises
    ------
    MlipsseError
        when the supercell cannot realise the composition, or `max_orderings` is below 1.
    """
    if max_orderings < 1:
        raise MlipsseError(f"max_orderings is {max_orderings}; it must be at least 1.")
    counts = composition.site_counts(supercell)
    count = count_orderings(
        composition, supercell, max_orderings=max_orderings, most_patterns=most_patterns
    )
    if count.route == "impossible":
        raise MlipsseError(count.reason)
    choices, rng = Choices(supercell, counts), np.random.default_rng(seed)
    if count.route == "exact":
        found = _every_ordering(choices)
    elif count.route == "patterns":
        found = _decorated(
            choices, ranked_patterns(choices, at_most=max_orderings), max_orderings, rng
        )
    else:
        found = _decorated(
            choices, annealed_patterns(choices, at_most=max_orderings, rng=rng), max_orderings, rng
        )
    how = "exact" if count.route == "exact" else "Ewald"
    if count.route != "exact" and _decorated_at_random(supercell, counts):
        how = "Ewald, random"
    levels = degenerate_levels(found.energies_eV)
    order = sorted(
        range(len(levels)), key=lambda i: (levels[i], found.ranks[i], found.labels[i].tobytes())
    )
    coverage = None if count.distinct is None else len(order) / count.distinct
    return [
        Ordering(
            name=ordering_name(composition.formula, supercell.name, place, len(order)),
            composition=composition.formula,
            supercell=supercell,
            labels=found.labels[index],
            pattern=int(found.ranks[index]),
            degeneracy=int(found.sizes[index]),
            ewald_energy_eV=float(found.energies_eV[index]),
            route=count.route,
            found=how,
            coverage=coverage,
        )
        for place, index in enumerate(order)
    ]


def _decorated_at_random(supercell: Supercell, counts: Sequence[Sequence[int]]) -> bool:
    """Whether orderings differ in more than their charges."""
    return any(
        sum(counts[index][label] > 0 for label in group) > 1
        for index in range(len(counts))
        for group in charge_classes(supercell, index)
    )


@dataclass(frozen=True, eq=False)
class _Found:
    """Orderings in any order: labels (n, n_sites), rank of their pattern, degeneracy, energy."""

    labels: np.ndarray
    ranks: np.ndarray
    sizes: np.ndarray
    energies_eV: np.ndarray


def _every_ordering(choices: Choices) -> _Found:
    blocks = list(choices.orderings())
    masks = np.concatenate([block for block, _ in blocks])
    orders = np.concatenate([order for _, order in blocks])
    patterns, of_pattern = np.unique(
        masks[:, : choices.n_pattern_levels * choices.n_words], axis=0, return_inverse=True
    )
    energy = PatternEnergy(choices)
    energies_eV = energy.energies(energy.charges(patterns))
    ranks = np.empty(len(patterns), dtype=int)
    ranks[by_energy(energies_eV)] = np.arange(len(patterns))
    which = of_pattern.reshape(-1)
    return _Found(
        choices.labels(masks), ranks[which], choices.n_operations // orders, energies_eV[which]
    )


def _decorated(
    choices: Choices, patterns: Patterns, at_most: int, rng: np.random.Generator
) -> _Found:
    rows = list(decorate_patterns(choices, patterns.labels, at_most=at_most, rng=rng))
    ranks = np.array([rank for rank, _, _ in rows])
    return _Found(
        np.array([labels for _, labels, _ in rows]),
        ranks,
        np.array([size for _, _, size in rows], dtype=object),
        patterns.energies_eV[ranks],
    )
