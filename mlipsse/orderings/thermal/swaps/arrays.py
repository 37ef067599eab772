"""A pair model on a supercell as the arrays that the Monte Carlo's inner loop takes."""

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.orderings.host.model import VACANCY
from mlipsse.orderings.thermal.pairs.lattice import PairLattice
from mlipsse.orderings.thermal.pairs.model import PairModel
from mlipsse.orderings.thermal.swaps.state import Arrangement, Interactions, Segments, Vicinity

N_NEAR = 6
"""Sites of the vicinity of a site, of its own sublattice and of the others."""

_EQUALLY_FAR_A = 1e-3


def interactions(
    model: PairModel, lattice: PairLattice, excluded: np.ndarray | None = None
) -> Interactions:
    """What does not change in a run.

    Parameters
    ----------
    model, lattice : the model, and its pairs on the supercell (`PairModel.lay_on`)
    excluded : (n, 2) int, pairs of the supercell's sites of which at most one may hold an atom

    Raises
    ------
    MlipsseError
        when an excluded pair holds a site that is always filled.
    """
    n = len(lattice.sites)
    source, target, table = _both_directions(lattice)
    apart = source != target
    first, neighbours, tables = _rows(n, source[apart], target[apart], table[apart])
    excluded_first, partners, _ = _excluded_rows(lattice, excluded)
    species = [lattice.clusters.host.sublattices[k].species for k in lattice.sublattice]
    most = max(len(names) for names in species)
    filled = np.array(
        [[name != VACANCY for name in names] + [False] * (most - len(names)) for names in species]
    )
    coulomb = lattice.electrostatics
    if coulomb is None or model.inverse_dielectric is None:
        charges, ewald = np.zeros((n, most)), np.empty((0, 0, 0))
        self_energy, difference = np.empty(0), np.empty((0, 0), dtype=np.int32)
    else:
        charges = np.repeat(coulomb.charges, lattice.supercell.n_cells, axis=0)
        ewald = model.inverse_dielectric * coulomb.matrix
        self_energy = model.inverse_dielectric * coulomb.self_energy
        difference = coulomb.difference
    return Interactions(
        first=first,
        neighbours=neighbours,
        tables=tables,
        energies=_tables(model, most),
        charges=np.ascontiguousarray(charges),
        ewald=ewald,
        self_energy=self_energy,
        difference=difference,
        filled=filled,
        allowed=_allowed(lattice, most),
        excluded_first=excluded_first,
        excluded=partners,
    )


def vicinity(lattice: PairLattice) -> Vicinity:
    """The `N_NEAR` nearest sites of every site among its pairs, those equally far included."""
    n = len(lattice.sites)
    source, target, table = _both_directions(lattice)
    distance_A = np.array([o.distance_A for o in lattice.clusters.pair_orbits])[table // 2]
    apart = source != target
    _, sublattice = np.unique(lattice.sublattice, return_inverse=True)
    rows = []
    for same in (True, False):
        chosen = apart & ((sublattice[source] == sublattice[target]) == same)
        ends, reached, far_A = source[chosen], target[chosen], distance_A[chosen]
        order = np.lexsort((far_A, ends))
        ends, reached, far_A = ends[order], reached[order], far_A[order]
        first = np.searchsorted(ends, np.arange(n + 1))
        limit = np.minimum(first[:-1] + N_NEAR, first[1:]) - 1
        limit_A = np.append(far_A, 0.0)[limit] + _EQUALLY_FAR_A
        near = far_A <= limit_A[ends]
        near_first, near_sites, _ = _rows(n, ends[near], reached[near], reached[near])
        rows += [near_first, near_sites.astype(np.int64)]
    return Vicinity(sublattice.astype(np.int32), *rows)


def arrange(
    model: PairModel, lattice: PairLattice, labels: np.ndarray
) -> tuple[Arrangement, Segments]:
    """What a run changes, of labels (n_sites,) of the whole supercell, and the places of species.

    Raises
    ------
    MlipsseError
        when every sublattice holds one species only, so that nothing can be swapped.
    """
    own = labels[lattice.sites].astype(np.int8)
    now = Arrangement(
        labels=own,
        fields=local_fields(model, lattice, own),
        potentials=_potentials(model, lattice, own),
        order=np.empty(0, dtype=np.int64),
        places=np.full(len(own), -1),
    )
    order, ranges = [], []
    place = 0
    for k in np.unique(lattice.sublattice):
        sites = np.flatnonzero(lattice.sublattice == k)
        counts = np.bincount(own[sites])
        if np.count_nonzero(counts) < 2:
            continue
        order.append(sites[np.argsort(own[sites], kind="stable")])
        ends = place + np.cumsum(counts)
        pool = np.tile([place, place + len(sites)], (len(sites), 1))
        species = np.repeat(np.stack([ends - counts, ends], axis=1), counts, axis=0)
        ranges.append(np.hstack([species, pool]))
        place += len(sites)
    if not order:
        raise MlipsseError(
            "Every sublattice holds a single species at this composition, so there is nothing to "
            "swap."
        )
    columns = np.concatenate(ranges).astype(np.int32).T
    now = now._replace(order=np.concatenate(order))
    now.places[now.order] = np.arange(len(now.order))
    return now, Segments(*(np.ascontiguousarray(column) for column in columns))


def local_fields(model: PairModel, lattice: PairLattice, own: np.ndarray) -> np.ndarray:
    """Site and pair energies, eV, that each species would have on each variable site.

    Parameters
    ----------
    own : (n_variable,) labels of the variable sites

    Returns
    -------
    np.ndarray
        (n_variable, most species) float64; 0 beyond a site's species.
    """
    clusters = lattice.clusters
    most = max(len(clusters.host.sublattices[k].species) for k in np.unique(lattice.sublattice))
    sites = np.zeros((len(clusters.site_orbits), most))
    for number, (start, size) in enumerate(zip(clusters.offsets, clusters.sizes, strict=True)):
        if number < len(sites):
            sites[number, :size] = model.entries_eV[start : start + size]
    fields = sites[lattice.site_orbit]
    source, target, table = _both_directions(lattice)
    energies = _tables(model, most)
    apart = source != target
    np.add.at(fields, source[apart], energies[table[apart], :, own[target[apart]]])
    # A site and its own periodic image always hold the same species, and either counts half.
    images = energies[table[~apart]].diagonal(axis1=1, axis2=2) / 2
    np.add.at(fields, source[~apart], images)
    return fields


def _potentials(model: PairModel, lattice: PairLattice, own: np.ndarray) -> np.ndarray:
    coulomb = lattice.electrostatics
    if coulomb is None or model.inverse_dielectric is None:
        return np.zeros(len(own))
    charges = coulomb.site_charges(own.reshape(len(coulomb.charges), -1))
    potentials = coulomb.mutual_potentials(charges) + coulomb.fixed_potential[:, None]
    return np.ravel(model.inverse_dielectric * potentials)


def _both_directions(lattice: PairLattice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every pair from either end: source, target and table, 2 k as listed and 2 k + 1 turned."""
    symmetric = np.array([o.symmetric for o in lattice.clusters.pair_orbits], dtype=bool)
    one_way = ~symmetric[lattice.pair_orbit]
    source, target, orbit = lattice.source, lattice.target, lattice.pair_orbit
    return (
        np.concatenate([source, target[one_way]]),
        np.concatenate([target, source[one_way]]),
        np.concatenate([2 * orbit, 2 * orbit[one_way] + 1]),
    )


def _tables(model: PairModel, most: int) -> np.ndarray:
    energies = np.zeros((2 * len(model.clusters.pair_orbits), most, most))
    for number in range(len(model.clusters.pair_orbits)):
        table = model.table_eV(number)
        rows, columns = table.shape
        energies[2 * number, :rows, :columns] = table
        energies[2 * number + 1, :columns, :rows] = table.T
    return energies


def _rows(
    n: int, source: np.ndarray, target: np.ndarray, value: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compressed rows: where each source begins, its targets ascending, and their values."""
    order = np.lexsort((target, source))
    first = np.searchsorted(source[order], np.arange(n + 1))
    return first.astype(np.int64), target[order].astype(np.int32), value[order].astype(np.int32)


def _allowed(lattice: PairLattice, most: int) -> np.ndarray:
    """(n_variable, most) bool: whether a species may sit on a variable site."""
    supercell = lattice.supercell
    everywhere = np.zeros((supercell.n_sites, most), dtype=bool)
    for sites, allowed in zip(supercell.sites, supercell.allowed, strict=True):
        everywhere[sites, : allowed.shape[1]] = allowed[:, :most]
    return everywhere[lattice.sites]


def _excluded_rows(
    lattice: PairLattice, excluded: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    n = len(lattice.sites)
    number = np.full(lattice.supercell.n_sites, -1)
    number[lattice.sites] = np.arange(n)
    pairs = number[np.asarray(excluded if excluded is not None else [], dtype=int).reshape(-1, 2)]
    if (pairs < 0).any():
        raise MlipsseError(
            "An excluded pair of sites holds one that is always filled: only sites that may be "
            "vacant can exclude each other. Remove the other site from the host."
        )
    both = np.concatenate([pairs, pairs[:, ::-1]])
    return _rows(n, both[:, 0], both[:, 1], np.zeros(len(both)))
