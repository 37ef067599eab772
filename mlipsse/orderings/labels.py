"""Labels of sites: the species of a sublattice, or the classes of them that charge tells apart."""

from collections.abc import Mapping, Sequence

import numpy as np

from mlipsse.orderings.fixed import Rules
from mlipsse.orderings.host import VACANCY, Charge, Sublattice
from mlipsse.orderings.supercell import Supercell

Counts = Sequence[Sequence[int]]


def charge_classes(sublattice: Sublattice, charges: Mapping[str, Charge]) -> list[list[int]]:
    """Species of a sublattice, as indices, grouped by formal charge; vacancies for themselves."""
    groups: dict[object, list[int]] = {}
    for index, name in enumerate(sublattice.species):
        groups.setdefault(name if name == VACANCY else charges[name], []).append(index)
    return list(groups.values())


def site_rules(
    supercell: Supercell, counts: Counts, block: Sequence[int], *, classes: bool = False
) -> Rules:
    """What may sit where on the sublattices of a block, one after the other.

    Parameters
    ----------
    counts : per sublattice of the host, how many sites each species takes
    block : indices of sublattices
    classes : label sites by charge classes instead of species
    """
    host = supercell.host
    numbers = np.full(supercell.n_sites, -1)
    offset = 0
    columns: list[tuple[int, np.ndarray]] = []
    rows: list[int] = []
    filled: list[bool] = []
    for index in block:
        sublattice, sites = host.sublattices[index], supercell.sites[index]
        numbers[sites] = offset + np.arange(len(sites))
        groups = (
            charge_classes(sublattice, host.charges)
            if classes
            else [[label] for label in range(len(sublattice.species))]
        )
        for group in groups:
            columns.append((offset, np.asarray(supercell.allowed[index][:, group].any(axis=1))))
            rows.append(sum(counts[index][label] for label in group))
            filled.append(sublattice.species[group[0]] != VACANCY)
        offset += len(sites)
    allowed = np.zeros((offset, len(columns)), dtype=bool)
    for label, (start, column) in enumerate(columns):
        allowed[start : start + len(column), label] = column
    pairs = numbers[supercell.excluded_pairs]
    return Rules(
        counts=tuple(rows),
        allowed=allowed,
        filled=np.array(filled),
        pairs=pairs[(pairs >= 0).all(axis=1)],
    )
