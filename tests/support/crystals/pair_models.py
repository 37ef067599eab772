"""Pair models with random energies, and random orderings, for the tests of the Monte Carlo."""

import numpy as np

from mlipsse.orderings import Host, Sublattice
from mlipsse.orderings.thermal.pairs.model import PairModel
from mlipsse.orderings.thermal.pairs.orbits import find_pair_clusters
from mlipsse.orderings.thermal.swaps.random_labels import random_labels


def random_model(host, *, cutoff_A, seed, inverse_dielectric=None, scale_eV=0.05):
    clusters = find_pair_clusters(host, cutoff_A)
    entries = np.random.default_rng(seed).normal(scale=scale_eV, size=clusters.n_entries)
    for k, orbit in enumerate(clusters.pair_orbits, start=len(clusters.site_orbits)):
        if orbit.symmetric:
            part = slice(clusters.offsets[k], clusters.offsets[k] + clusters.sizes[k])
            table = entries[part].reshape(round(clusters.sizes[k] ** 0.5), -1)
            entries[part] = ((table + table.T) / 2).ravel()
    return PairModel(clusters, entries, constant_eV=-1.5, inverse_dielectric=inverse_dielectric)


def even_counts(supercell):
    """As many of every species on each sublattice as of any other, or one more."""
    counts = []
    for sublattice, sites in zip(supercell.host.sublattices, supercell.sites, strict=True):
        n = len(sublattice.species)
        counts.append([len(sites) // n + (k < len(sites) % n) for k in range(n)])
    return counts


def random_orderings(supercell, n, *, seed, counts=None):
    rng = np.random.default_rng(seed)
    counts = counts or even_counts(supercell)
    return [random_labels(supercell, counts, rng=rng) for _ in range(n)]


def simple_host(*, spacings_A, species=("A", "B"), charges=None):
    """One site in a rectangular cell: chains, square and simple cubic lattices."""
    return Host(
        name="lattice",
        cell=np.diag(np.asarray(spacings_A, dtype=float)),
        scaled_positions=np.zeros((1, 3)),
        sublattices=(Sublattice("/".join(species), (0,), tuple(species)),),
        charges=charges or dict.fromkeys(species, 0),
        symprec_A=0.01,
    )
