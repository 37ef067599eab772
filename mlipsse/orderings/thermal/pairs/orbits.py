"""Pairs of a host's variable sites up to a cutoff, and the orbits that symmetry makes of them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from ase.neighborlist import primitive_neighbor_list
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from mlipsse.errors import MlipsseError
from mlipsse.orderings.cell.supercell import host_operations
from mlipsse.orderings.host.model import Host


@dataclass(frozen=True, eq=False)
class SiteOrbit:
    """Sites of the host's cell that symmetry makes equal.

    Attributes
    ----------
    sublattice : number of their sublattice
    sites : their numbers in the host
    """

    sublattice: int
    sites: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class PairOrbit:
    """Ordered pairs of sites that symmetry makes equal.

    Attributes
    ----------
    sublattices : of the first and of the second site
    distance_A : between the two
    symmetric : whether an operation exchanges the two sites; if so every pair is listed in both
        directions, otherwise in one
    first, second : (n,) int, sites of the host's cell
    cells : (n, 3) int, the cell of the second site, in units of host cells from the first one's
    """

    sublattices: tuple[int, int]
    distance_A: float
    symmetric: bool
    first: np.ndarray
    second: np.ndarray
    cells: np.ndarray


@dataclass(frozen=True, eq=False)
class PairClusters:
    """Site and pair orbits of a host: what a pair model has an energy for.

    An energy belongs to every species of a site orbit and to every pair of species of a pair
    orbit. These entries are numbered in one row: site orbits first, in each the species of its
    sublattice; then pair orbits, in each the species of the first site times those of the second.

    Attributes
    ----------
    cutoff_A : largest distance of a pair
    site_orbits, pair_orbits : in the order of their entries
    """

    host: Host
    cutoff_A: float
    site_orbits: tuple[SiteOrbit, ...]
    pair_orbits: tuple[PairOrbit, ...]

    @property
    def variable_sites(self) -> np.ndarray:
        """(n,) int, host sites that more than one species may take, ascending."""
        return np.sort([site for orbit in self.site_orbits for site in orbit.sites])

    @cached_property
    def sizes(self) -> np.ndarray:
        """(n_orbits,) int, entries of every site orbit, then of every pair orbit."""
        species = [len(sublattice.species) for sublattice in self.host.sublattices]
        sites = [species[orbit.sublattice] for orbit in self.site_orbits]
        pairs = [species[a] * species[b] for a, b in (o.sublattices for o in self.pair_orbits)]
        return np.array(sites + pairs)

    @cached_property
    def offsets(self) -> np.ndarray:
        """(n_orbits,) int, number of the first entry of every orbit."""
        return np.concatenate([[0], np.cumsum(self.sizes)[:-1]])

    @property
    def n_entries(self) -> int:
        """Number of entries."""
        return int(self.sizes.sum())


def find_pair_clusters(host: Host, cutoff_A: float) -> PairClusters:
    """Orbits of the variable sites of a host and of their pairs no farther apart than a cutoff.

    Under the host's space group with sublattices as species, as for counting orderings; periodic
    images of a site are neighbours like any other.

    Raises
    ------
    MlipsseError
        for a host without variable sites, a cutoff that is not positive, and a cutoff so close to
        a distance that the positions' rounding puts half an orbit beyond it.
    """
    sublattice_of = np.empty(len(host.scaled_positions), dtype=int)
    for index, sublattice in enumerate(host.sublattices):
        sublattice_of[list(sublattice.sites)] = index
    several = np.array([len(s.species) > 1 for s in host.sublattices])
    variable = several[sublattice_of]
    if not variable.any():
        raise MlipsseError(
            f"Every site of {host.name} has only one species, so there is nothing to order. Name "
            "others with `substitutions`."
        )
    if not cutoff_A > 0:
        raise MlipsseError(f"cutoff_A is {cutoff_A:g}; it must be above 0 Å.")
    rotations, images, shifts = host_operations(host)
    sites = _components(np.tile(np.arange(len(variable)), (len(images), 1)), images)
    site_orbits = tuple(
        SiteOrbit(int(sublattice_of[members[0]]), tuple(members.tolist()))
        for members in _groups(sites)
        if variable[members[0]]
    )
    slack_A = 10 * host.symprec_A  # images of one pair differ by the positions' rounding
    i, j, n, d = primitive_neighbor_list(
        "ijSd", (True, True, True), host.cell, host.scaled_positions @ host.cell, cutoff_A + slack_A
    )
    kept = variable[i] & variable[j]
    i, j, n, d = i[kept], j[kept], n[kept], d[kept]
    number = {key: k for k, key in enumerate(_keys(i, j, n))}
    turned = np.full((len(rotations), len(i)), -1)
    for g, (rotation, image, shift) in enumerate(zip(rotations, images, shifts, strict=True)):
        keys = _keys(image[i], image[j], n @ rotation.T + shift[j] - shift[i])
        turned[g] = [number.get(key, -1) for key in keys]
    whole = np.asarray((turned >= 0).all(axis=0))
    source = np.tile(np.arange(len(i)), (len(turned), 1))
    directed = _components(source[:, whole], turned[:, whole], n=len(i))
    reverse = np.array([number[key] for key in _keys(j, i, -n)])
    orbits = []
    for members in _groups(directed):
        back = directed[reverse[members[0]]]
        distance_A = float(d[members].mean())
        # The other direction of an asymmetric orbit is a component of its own: one is enough.
        if distance_A > cutoff_A or reverse[members].min() < members.min():
            continue
        if not whole[members].all():
            raise MlipsseError(
                f"cutoff_A = {cutoff_A:g} lies within {slack_A:g} Å of pairs {distance_A:.4f} Å "
                "apart that symmetry makes equal. Move it by a tenth of an Å."
            )
        orbits.append(
            PairOrbit(
                sublattices=(
                    int(sublattice_of[i[members[0]]]),
                    int(sublattice_of[j[members[0]]]),
                ),
                distance_A=distance_A,
                symmetric=bool(back == directed[members[0]]),
                first=i[members],
                second=j[members],
                cells=n[members],
            )
        )
    orbits.sort(key=lambda o: (round(o.distance_A, 3), o.sublattices, o.first[0], o.second[0]))
    return PairClusters(host, float(cutoff_A), site_orbits, tuple(orbits))


def _keys(i: np.ndarray, j: np.ndarray, n: np.ndarray) -> list[tuple[int, ...]]:
    return list(map(tuple, np.column_stack([i, j, n]).tolist()))


def _components(source: np.ndarray, target: np.ndarray, *, n: int | None = None) -> np.ndarray:
    """Number of the connected component of each of n things, edges from source to target."""
    n = source.shape[1] if n is None else n
    edges = (np.ones(source.size, dtype=np.int8), (source.ravel(), target.ravel()))
    return connected_components(coo_array(edges, shape=(n, n)), directed=False)[1]


def _groups(component: np.ndarray) -> list[np.ndarray]:
    """Members of every component, ascending; components by their first member."""
    if not len(component):
        return []
    order = np.argsort(component, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(component[order])) + 1)
    return sorted(groups, key=lambda members: int(members[0]))
