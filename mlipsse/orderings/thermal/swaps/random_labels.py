"""A random ordering of given numbers, with no two atoms where only one may be."""

from collections.abc import Sequence

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.orderings.cell.shuffle import random_arrangement
from mlipsse.orderings.cell.supercell import Supercell
from mlipsse.orderings.host.model import VACANCY

_MOVES_PER_SITE = 50


def random_labels(
    supercell: Supercell,
    counts: Sequence[Sequence[int]],
    *,
    rng: np.random.Generator,
    excluded: np.ndarray | None = None,
) -> np.ndarray:
    """Labels (n_sites,) int8 that index each sublattice's species.

    Parameters
    ----------
    counts : per sublattice, how many sites each of its species takes
    rng : source of the random order
    excluded : (n, 2) int, pairs of sites of which at most one may hold an atom; atoms that break
        this after a random draw move to the vacancies with the fewest atoms around (Minton et al.,
        Artif. Intell. 58, 161, 1992, doi 10.1016/0004-3702(92)90007-K)

    Raises
    ------
    MlipsseError
        for counts that do not fill the sublattices, and when no arrangement without an excluded
        pair is found.
    """
    labels = np.empty(supercell.n_sites, dtype=np.int8)
    for sublattice, sites, allowed, row in zip(
        supercell.host.sublattices, supercell.sites, supercell.allowed, counts, strict=True
    ):
        if len(row) != len(sublattice.species) or sum(row) != len(sites) or min(row) < 0:
            raise MlipsseError(
                f"The sublattice {sublattice.name} has {len(sites)} sites for "
                f"{', '.join(sublattice.species)}; the counts {tuple(row)} do not fill them."
            )
        labels[sites] = random_arrangement(row, allowed, rng)
    if excluded is not None and len(excluded):
        _separate(supercell, labels, np.asarray(excluded), rng)
    return labels


def filled_sites(supercell: Supercell, labels: np.ndarray) -> np.ndarray:
    """(n_sites,) bool: which sites hold an atom, of labels (n_sites,)."""
    filled = np.ones(supercell.n_sites, dtype=bool)
    for sublattice, sites in zip(supercell.host.sublattices, supercell.sites, strict=True):
        if VACANCY in sublattice.species:
            filled[sites] = labels[sites] != sublattice.species.index(VACANCY)
    return filled


def clashes(filled: np.ndarray, excluded: np.ndarray) -> np.ndarray:
    """Pairs of `excluded`, (n, 2), of which both sites hold an atom by `filled`, (n_sites,)."""
    return excluded[filled[excluded].all(axis=1)]


def _separate(
    supercell: Supercell, labels: np.ndarray, excluded: np.ndarray, rng: np.random.Generator
) -> None:
    """Move atoms between sites of their sublattice, in place, until no excluded pair is filled."""
    pool_of, place = np.empty((2, supercell.n_sites), dtype=int)
    for number, sites in enumerate(supercell.sites):
        pool_of[sites], place[sites] = number, np.arange(len(sites))
    partners: dict[int, list[int]] = {}
    for a, b in excluded.tolist():
        partners.setdefault(a, []).append(b)
        partners.setdefault(b, []).append(a)
    filled = filled_sites(supercell, labels)
    for _ in range(_MOVES_PER_SITE * supercell.n_sites):
        wrong = clashes(filled, excluded)
        if not len(wrong):
            return
        atom = int(rng.choice(wrong[rng.integers(len(wrong))]))
        pool, allowed = supercell.sites[pool_of[atom]], supercell.allowed[pool_of[atom]]
        both_ways = allowed[:, labels[atom]] & allowed[place[atom], labels[pool]]
        vacant = rng.permutation(pool[~filled[pool] & both_ways])
        if not len(vacant):
            continue
        around = [sum(filled[p] for p in partners.get(v, ()) if p != atom) for v in vacant.tolist()]
        best = int(vacant[int(np.argmin(around))])
        labels[atom], labels[best] = labels[best], labels[atom]
        filled[atom], filled[best] = False, True
    raise MlipsseError(
        f"No ordering of {supercell.name} without two atoms on an excluded pair of sites was "
        f"found: {len(clashes(filled, excluded))} pairs are left. Take fewer atoms, or exclude "
        "fewer pairs."
    )
