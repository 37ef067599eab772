"""The pairs of a host laid out on a supercell: who is whose neighbour, and counts of species."""

from dataclasses import dataclass

import numpy as np

from mlipsse.orderings.cell.supercell import Supercell
from mlipsse.orderings.thermal.pairs.electrostatics import Electrostatics, lay_charges
from mlipsse.orderings.thermal.pairs.orbits import PairClusters


@dataclass(frozen=True, eq=False)
class PairLattice:
    """Variable sites of a supercell and their pairs.

    Variable site ``s * n_cells + c`` is the s-th of `PairClusters.variable_sites` in cell c.

    Attributes
    ----------
    clusters : orbits of the host
    supercell : the supercell
    sites : (n_variable,) int, their indices in the supercell
    sublattice : (n_variable,) int, their sublattices in the host
    site_orbit : (n_variable,) int, their numbers in `PairClusters.site_orbits`
    source, target : (n_pairs,) int, ordered pairs of variable sites, as in `PairOrbit`: both
        directions of a symmetric orbit, one of an asymmetric one
    pair_orbit : (n_pairs,) int, their numbers in `PairClusters.pair_orbits`
    electrostatics : None where the model has none
    """

    clusters: PairClusters
    supercell: Supercell
    sites: np.ndarray
    sublattice: np.ndarray
    site_orbit: np.ndarray
    source: np.ndarray
    target: np.ndarray
    pair_orbit: np.ndarray
    electrostatics: Electrostatics | None

    def counts(self, labels: np.ndarray) -> np.ndarray:
        """How often every entry of `PairClusters` occurs, (n_entries,) float64.

        Parameters
        ----------
        labels : (n_sites,) of the whole supercell
        """
        clusters, own = self.clusters, labels[self.sites].astype(int)
        n_species = np.array([len(s.species) for s in clusters.host.sublattices])
        orbit = len(clusters.site_orbits) + self.pair_orbit
        symmetric = np.array([o.symmetric for o in clusters.pair_orbits], dtype=bool)
        entries = np.concatenate(
            [
                clusters.offsets[self.site_orbit] + own,
                clusters.offsets[orbit]
                + own[self.source] * n_species[self.sublattice[self.target]]
                + own[self.target],
            ]
        )
        weights = np.ones(len(entries))
        weights[len(own) :][symmetric[self.pair_orbit]] = 0.5
        return np.bincount(entries, weights=weights, minlength=clusters.n_entries)

    def ewald_energy_eV(self, labels: np.ndarray) -> float:
        """Ewald energy, eV, of labels (n_sites,) with formal charges; 0 without electrostatics."""
        if self.electrostatics is None:
            return 0.0
        own = labels[self.sites].reshape(len(self.clusters.variable_sites), -1)
        return self.electrostatics.energy_eV(own)


def lay_pairs(clusters: PairClusters, supercell: Supercell, *, ewald: bool) -> PairLattice:
    """Lay a host's pairs on a supercell, and its charges where `ewald`."""
    variable, n_cells = clusters.variable_sites, supercell.n_cells
    rank = np.full(len(clusters.host.scaled_positions), -1)
    rank[variable] = np.arange(len(variable))
    sublattice = np.empty(len(variable), dtype=int)
    site_orbit = np.empty(len(variable), dtype=int)
    for number, orbit in enumerate(clusters.site_orbits):
        sublattice[rank[list(orbit.sites)]] = orbit.sublattice
        site_orbit[rank[list(orbit.sites)]] = number
    cells, repeats = np.arange(n_cells), supercell.repeats
    empty = np.empty((0, n_cells), dtype=int)
    source, target, numbers = [empty], [empty], []
    for number, pairs in enumerate(clusters.pair_orbits):
        reached = repeats.index(repeats.origins[None] + pairs.cells[:, None])
        source.append(rank[pairs.first][:, None] * n_cells + cells)
        target.append(rank[pairs.second][:, None] * n_cells + reached)
        numbers.append(np.full(reached.size, number))
    return PairLattice(
        clusters=clusters,
        supercell=supercell,
        sites=supercell.everywhere(variable),
        sublattice=np.repeat(sublattice, n_cells),
        site_orbit=np.repeat(site_orbit, n_cells),
        source=np.concatenate(source).ravel(),
        target=np.concatenate(target).ravel(),
        pair_orbit=np.concatenate(numbers) if numbers else np.empty(0, dtype=int),
        electrostatics=lay_charges(supercell, variable) if ewald else None,
    )
