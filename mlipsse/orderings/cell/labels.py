"""Labels of sites: the species of a sublattice, or their classes of equal charge."""

from collections.abc import Sequence

import numpy as np

from mlipsse.orderings.cell.fixed import Rules
from mlipsse.orderings.cell.supercell import Supercell
from mlipsse.orderings.host.model import VACANCY

Counts = Sequence[Sequence[int]]


def charge_classes(supercell: Supercell, index: int) -> list[list[int]]:
    """Species of a sublattice, as labels, grouped by formal charge and by what they exclude.

    Vacancies are a class for themselves.
    """
    sublattice = supercell.host.sublattices[index]
    excludes: dict[int, set[tuple[int, int, int]]] = {}
    owner, _ = supercell.owners
    for i, a, j, b in supercell.conflicts.tolist():
        for site, label, other, lost in ((i, a, j, b), (j, b, i, a)):
            if owner[site] == index:
                excludes.setdefault(label, set()).add((site, other, lost))
    groups: dict[object, list[int]] = {}
    for label, name in enumerate(sublattice.species):
        key = (supercell.host.charges[name], frozenset(excludes.get(label, ())))
        groups.setdefault(name if name == VACANCY else key, []).append(label)
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
    column_of = np.full((len(host.sublattices), max(len(s.species) for s in host.sublattices)), -1)
    for index in block:
        sublattice, sites = host.sublattices[index], supercell.sites[index]
        numbers[sites] = offset + np.arange(len(sites))
        groups = (
            charge_classes(supercell, index)
            if classes
            else [[label] for label in range(len(sublattice.species))]
        )
        for group in groups:
            column_of[index, group] = len(columns)
            columns.append((offset, np.asarray(supercell.allowed[index][:, group].any(axis=1))))
            rows.append(sum(counts[index][label] for label in group))
        offset += len(sites)
    allowed = np.zeros((offset, len(columns)), dtype=bool)
    for label, (start, column) in enumerate(columns):
        allowed[start : start + len(column), label] = column
    i, a, j, b = supercell.conflicts.T
    owner, _ = supercell.owners
    conflicts = np.stack([numbers[i], column_of[owner[i], a], numbers[j], column_of[owner[j], b]])
    inside = (conflicts >= 0).all(axis=0)
    return Rules(
        counts=tuple(rows), allowed=allowed, conflicts=np.unique(conflicts[:, inside].T, axis=0)
    )
