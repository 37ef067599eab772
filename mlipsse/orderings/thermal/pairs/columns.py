"""The columns of a pair model's least-squares problem, and which of them energies determine."""

from dataclasses import dataclass

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.orderings.thermal.pairs.orbits import PairClusters

_DEPENDENT = 1e-7
"""Share of a column's length that others must leave of it for it to count as independent."""


@dataclass(frozen=True, eq=False)
class PairColumns:
    """A linear model of energies per host cell.

    Attributes
    ----------
    values : (n_structures, n_columns) float64; the first column is 1, the second the Ewald energy
        where there is one; then totals of species, species on site orbits, pairs
    names : of the columns, for messages
    free : number of columns that a fit does not penalise
    n_totals : number of totals of species
    ewald : whether the second column is the Ewald energy
    entries : (n_columns, n_entries) float64, the table of energies that a column's coefficient
        multiplies
    constants : (n_columns,) float64, what it adds to the constant per host cell
    """

    values: np.ndarray
    names: tuple[str, ...]
    free: int
    n_totals: int
    ewald: bool
    entries: np.ndarray
    constants: np.ndarray

    def model(self, coefficients: np.ndarray) -> tuple[float, float | None, np.ndarray]:
        """Constant per host cell in eV, 1 / epsilon, and energies (n_entries,) in eV.

        Parameters
        ----------
        coefficients : (n_columns,) float64
        """
        factor = float(coefficients[1]) if self.ewald else None
        return float(coefficients @ self.constants), factor, coefficients @ self.entries


def pair_columns(
    clusters: PairClusters, counts: np.ndarray, ewald_eV: np.ndarray | None
) -> PairColumns:
    """Columns of site functions and products of two, one species per sublattice left out.

    The function of species s on a site is 1 - x where s sits there and -x elsewhere, x being its
    mean share of the site's orbit in the structures: products are then nearly independent of the
    sites' own columns, and a penalty shrinks the interaction, not the mean field.

    Parameters
    ----------
    clusters : of the host
    counts : (n_structures, n_entries) float64, per host cell
    ewald_eV : (n_structures,) float64, per host cell; None to leave it out
    """
    species = [sublattice.species for sublattice in clusters.host.sublattices]
    n_sites = len(clusters.site_orbits)
    functions = []  # per site orbit (species but the last, species): value of each where each sits
    for number in range(n_sites):
        mean = _part(clusters, counts, number).mean(axis=0)
        shares = mean / mean.sum()
        functions.append((np.eye(len(shares)) - shares[:, None])[:-1])
    orbit_of = {
        site: number for number, orbit in enumerate(clusters.site_orbits) for site in orbit.sites
    }
    rows, names, constants = [np.zeros(clusters.n_entries)], ["the constant"], [1.0]

    def add(name: str, numbers: np.ndarray | list[int], tables: list[np.ndarray]) -> None:
        row = np.zeros(clusters.n_entries)
        for number, table in zip(numbers, tables, strict=True):
            start = clusters.offsets[number]
            row[start : start + clusters.sizes[number]] = table.ravel()
        rows.append(row)
        names.append(name)
        constants.append(0.0)

    for k, names_here in enumerate(species):
        own = [n for n, orbit in enumerate(clusters.site_orbits) if orbit.sublattice == k]
        for s in range(len(names_here) - 1 if own else 0):
            add(f"the number of {names_here[s]}", own, [functions[n][s] for n in own])
    n_totals = len(rows) - 1
    for number, orbit in enumerate(clusters.site_orbits):
        siblings = [o.sublattice for o in clusters.site_orbits[number + 1 :]]
        if orbit.sublattice not in siblings:
            continue  # the last orbit of a sublattice is what the total leaves over
        for s, function in enumerate(functions[number]):
            name = species[orbit.sublattice][s]
            add(f"{name} on site {orbit.sites[0] + 1}", [number], [function])
    for number, pairs in enumerate(clusters.pair_orbits):
        first = functions[orbit_of[int(pairs.first[0])]]
        second = functions[orbit_of[int(pairs.second[0])]]
        for a in range(len(first)):
            for b in range(a if pairs.symmetric else 0, len(second)):
                table = np.outer(first[a], second[b])
                if pairs.symmetric:
                    table = (table + table.T) / 2
                name = f"{species[pairs.sublattices[0]][a]}-{species[pairs.sublattices[1]][b]}"
                add(f"{name} at {pairs.distance_A:.2f} Å", [n_sites + number], [table])
    entries = np.array(rows)
    values = counts @ entries.T + np.array(constants)
    if ewald_eV is not None:
        values = np.insert(values, 1, ewald_eV, axis=1)
        entries = np.insert(entries, 1, 0.0, axis=0)
        names.insert(1, "the Ewald energy")
        constants.insert(1, 0.0)
    return PairColumns(
        values=values,
        names=tuple(names),
        free=1 if ewald_eV is None else 2,
        n_totals=n_totals,
        ewald=ewald_eV is not None,
        entries=entries,
        constants=np.array(constants),
    )


def determined(columns: PairColumns, clusters: PairClusters) -> PairColumns:
    """The columns without totals that the compositions leave open.

    Raises
    ------
    MlipsseError
        when there are not more structures than columns, or when other columns are combinations of
        those before them.
    """
    first_total = columns.free
    last_total = first_total + columns.n_totals
    # Totals first: a pair column may not stand in for a composition.
    order = [0, *range(first_total, last_total), *range(1, first_total)]
    order += range(last_total, columns.values.shape[1])
    independent = _independent(columns.values[:, order])
    kept = sorted(order[k] for k in np.flatnonzero(independent))
    undetermined = [
        order[k] for k in np.flatnonzero(~independent) if not first_total <= order[k] < last_total
    ]
    n_structures, n_columns = len(columns.values), len(kept) + len(undetermined)
    if n_structures <= n_columns:
        raise MlipsseError(
            f"{n_structures} energies cannot determine the {n_columns} parameters of a pair model "
            f"with cutoff_A = {clusters.cutoff_A:g}: add orderings (three per parameter is a "
            "sound number), or lower cutoff_A."
        )
    if undetermined:
        named = "; ".join(columns.names[k] for k in undetermined[:4])
        more = f" and {len(undetermined) - 4} more" if len(undetermined) > 4 else ""
        raise MlipsseError(
            f"{len(undetermined)} of the {n_columns} parameters of a pair model with cutoff_A = "
            f"{clusters.cutoff_A:g} cannot be separated in these cells: {named}{more}. Lower "
            "cutoff_A, add orderings in larger supercells, or remove the Ewald term when the "
            "charges do not differ."
        )
    return PairColumns(
        values=columns.values[:, kept],
        names=tuple(columns.names[k] for k in kept),
        free=columns.free,
        n_totals=columns.n_totals - (len(order) - n_columns),
        ewald=columns.ewald,
        entries=columns.entries[kept],
        constants=columns.constants[kept],
    )


def _independent(values: np.ndarray) -> np.ndarray:
    """Which columns are no combination of those before them, (n_columns,) bool."""
    basis = np.empty((len(values), 0))
    independent = np.zeros(values.shape[1], dtype=bool)
    for k, column in enumerate(values.T):
        # The constant is not what makes a column long: without it small differences would vanish.
        length = float(np.linalg.norm(column - column.mean() if k else column))
        rest = column.copy()
        for _ in range(2):  # once more for rounding (Gram-Schmidt)
            rest -= basis @ (basis.T @ rest)
        left = float(np.linalg.norm(rest))
        if left > _DEPENDENT * length and left > 1e-9 * max(1.0, float(np.linalg.norm(column))):
            independent[k] = True
            basis = np.column_stack([basis, rest / left])
    return independent


def _part(clusters: PairClusters, counts: np.ndarray, orbit: int) -> np.ndarray:
    start = clusters.offsets[orbit]
    return counts[:, start : start + clusters.sizes[orbit]]
