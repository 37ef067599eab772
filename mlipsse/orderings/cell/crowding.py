"""How many mobile ions a supercell can hold when sites too close are not filled together."""

from collections.abc import Sequence

import numpy as np

from mlipsse.orderings.cell.supercell import Supercell
from mlipsse.orderings.host.model import VACANCY

_SECONDS = 20.0
"""Most that the integer program may take; without it there is no greatest content to state."""

_INFEASIBLE = 2  # of scipy's status


def crowding(supercell: Supercell, counts: Sequence[Sequence[int]] | None = None) -> str:
    """A sentence on the greatest content, the distances and the setting; empty without exclusions.

    Parameters
    ----------
    counts : per sublattice, how many sites each species takes, which species other than the mobile
        ion keep
    """
    host = supercell.host
    if not len(supercell.conflicts):
        return ""
    mobile = _mobile(supercell)
    most = greatest_content(supercell, mobile, counts)
    distances = sorted({round(pair.distance_A, 2) for pair in host.exclusions})
    shown = ", ".join(f"{distance:.2f}" for distance in distances[:6])
    more = ", ..." if len(distances) > 6 else ""
    rules = ", ".join(
        f"{'-'.join(distance.species)} {distance.least_A:g} Å ({distance.source})"
        for distance in host.distances
    )
    held = "" if most is None else f"{supercell.name} holds at most {most} {mobile}"
    if held and counts is not None:
        held += f", and {_asked(supercell, mobile, counts)} are asked for"
    held += ". " if held else ""
    return f"{held}Sites {shown}{more} Å apart are not filled together, by closest_A" + (
        f": {rules}. " if rules else ". "
    )


def overfull(supercell: Supercell, counts: Sequence[Sequence[int]]) -> bool:
    """Whether more mobile ions are asked for than the supercell holds, where that is settled."""
    if not len(supercell.conflicts):
        return False
    mobile = _mobile(supercell)
    most = greatest_content(supercell, mobile, counts)
    return most is not None and most < _asked(supercell, mobile, counts)


def _mobile(supercell: Supercell) -> str:
    return supercell.host.mobile_ion or supercell.host.mobile.species[0]


def _asked(supercell: Supercell, species: str, counts: Sequence[Sequence[int]]) -> int:
    return sum(
        row[sublattice.species.index(species)]
        for row, sublattice in zip(counts, supercell.host.sublattices, strict=True)
        if species in sublattice.species
    )


def greatest_content(
    supercell: Supercell, species: str, counts: Sequence[Sequence[int]] | None = None
) -> int | None:
    """Most atoms of a species that keep to what may sit where and to the exclusions.

    An integer program over sites and species, solved by scipy's HiGHS to the end.

    Parameters
    ----------
    counts : per sublattice, how many sites each species takes: kept for all others but vacancies;
        no amounts are kept when not given

    Returns
    -------
    int or None
        0 where the other species alone do not fit, None where that is not settled in time.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array

    host, (owner, place) = supercell.host, supercell.owners
    columns: dict[tuple[int, int], int] = {}
    for site in range(supercell.n_sites):
        for label in np.flatnonzero(supercell.allowed[owner[site]][place[site]]).tolist():
            columns[site, label] = len(columns)
    rows: list[list[int]] = []
    low: list[float] = []
    high: list[float] = []
    for site in range(supercell.n_sites):
        rows.append([c for (s, _), c in columns.items() if s == site])
        low.append(1.0)
        high.append(1.0)
    for i, a, j, b in supercell.conflicts.tolist():
        if (i, a) in columns and (j, b) in columns:
            rows.append([columns[i, a], columns[j, b]])
            low.append(0.0)
            high.append(1.0)
    wanted = np.zeros(len(columns))
    for index, sublattice in enumerate(host.sublattices):
        for label, name in enumerate(sublattice.species):
            here = [c for (s, n), c in columns.items() if n == label and owner[s] == index]
            if name == species:
                wanted[here] = 1.0
            elif counts is not None and name != VACANCY:
                rows.append(here)
                low.append(float(counts[index][label]))
                high.append(float(counts[index][label]))
    lengths = [len(row) for row in rows]
    matrix = csr_array(
        (
            np.ones(sum(lengths)),
            (np.repeat(np.arange(len(rows)), lengths), np.concatenate(rows).astype(int)),
        ),
        shape=(len(rows), len(columns)),
    )
    result = milp(
        -wanted,
        constraints=LinearConstraint(matrix, np.array(low), np.array(high)),
        integrality=np.ones(len(columns)),
        bounds=Bounds(0, 1),
        options={"time_limit": _SECONDS},
    )
    if result.status == _INFEASIBLE:
        return 0
    return round(-result.fun) if result.success else None
