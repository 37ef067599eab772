"""A pair model of a host's orderings: energies of species on sites and of pairs, and Ewald.

Why code of our own and not icet 4.0 or smol 0.5.7, which do the same and more: both come as
source that needs a compiler at installation, and both step in Python. Pairs up to 8 Å in 4x4x4
cells of NaSICON (8,064 sites), one core: icet tries 16,000 swaps per second, smol 15,000 (with its
Ewald term 6,000 to 12,000 in 2x2x2 cells), `monte_carlo` a million, with Ewald
(benchmarks/README.md). The functions fitted are those of icet, which a test checks.
"""

from dataclasses import dataclass

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.orderings.cell.supercell import Supercell
from mlipsse.orderings.host.model import Host
from mlipsse.orderings.thermal.pairs.lattice import PairLattice, lay_pairs
from mlipsse.orderings.thermal.pairs.orbits import PairClusters
from mlipsse.orderings.thermal.pairs.report import FitReport


@dataclass(frozen=True, eq=False)
class PairModel:
    """E = n_cells E_0 + sum over sites and pairs of their entries + E_Ewald / epsilon.

    A cluster expansion (Sanchez, Ducastelle and Gratias, Physica A 128, 334, 1984, doi
    10.1016/0378-4371(84)90096-7) cut off at pairs, written as a table of energies; an
    electrostatic energy with one fitted dielectric constant takes what lies beyond the cutoff
    (Seko and Tanaka, J. Phys.: Condens. Matter 26, 115403, 2014, doi
    10.1088/0953-8984/26/11/115403).

    Attributes
    ----------
    clusters : orbits of the host's sites and pairs
    entries_eV : (n_entries,) float64, energies in the order of `PairClusters`
    constant_eV : E_0, per host cell
    inverse_dielectric : 1 / epsilon; None without the Ewald term
    report : how well it was fitted; None for a model that was not

    Raises
    ------
    MlipsseError
        for entries of another number, or not symmetric where the pairs are.
    """

    clusters: PairClusters
    entries_eV: np.ndarray
    constant_eV: float
    inverse_dielectric: float | None
    report: FitReport | None = None

    def __post_init__(self) -> None:
        if self.entries_eV.shape != (self.clusters.n_entries,):
            raise MlipsseError(
                f"A pair model of {self.host.name} with a cutoff of {self.clusters.cutoff_A:g} Å "
                f"has {self.clusters.n_entries} energies; got an array of {self.entries_eV.shape}."
            )
        for number, orbit in enumerate(self.clusters.pair_orbits):
            table = self.table_eV(number)
            if orbit.symmetric and not np.allclose(table, table.T, rtol=0, atol=1e-9):
                raise MlipsseError(
                    f"Symmetry exchanges the sites of the pairs at {orbit.distance_A:.3f} Å of "
                    f"{self.host.name}, but their table of energies is not symmetric."
                )

    @property
    def host(self) -> Host:
        """The host it was made for."""
        return self.clusters.host

    def lay_on(self, supercell: Supercell) -> PairLattice:
        """Its pairs laid on a supercell; keep it when several energies of one are wanted.

        Raises
        ------
        MlipsseError
            for a supercell of another host.
        """
        check_host(self.host, supercell.host)
        return lay_pairs(self.clusters, supercell, ewald=self.inverse_dielectric is not None)

    def energy_eV(self, lattice: PairLattice, labels: np.ndarray) -> float:
        """Energy of the supercell, eV, for labels (n_sites,) that index the sublattices' species.

        Between compositions it is as good as the fit's range of compositions.
        """
        energy_eV = self.constant_eV * lattice.supercell.n_cells
        energy_eV += float(lattice.counts(labels) @ self.entries_eV)
        if self.inverse_dielectric is not None:
            energy_eV += self.inverse_dielectric * lattice.ewald_energy_eV(labels)
        return energy_eV

    def table_eV(self, orbit: int) -> np.ndarray:
        """Energies of a pair orbit, (species of the first site, species of the second)."""
        clusters = self.clusters
        k = len(clusters.site_orbits) + orbit
        first, second = clusters.pair_orbits[orbit].sublattices
        shape = (
            len(clusters.host.sublattices[first].species),
            len(clusters.host.sublattices[second].species),
        )
        start = clusters.offsets[k]
        return self.entries_eV[start : start + clusters.sizes[k]].reshape(shape)


def check_host(own: Host, other: Host) -> None:
    """Refuse a host that differs in cell, sites, species or charges.

    Raises
    ------
    MlipsseError
        naming what differs.
    """
    if own is other:
        return
    differs = [
        what
        for what, a, b in (
            ("cell", own.cell, other.cell),
            ("positions", own.scaled_positions, other.scaled_positions),
        )
        if np.shape(a) != np.shape(b) or not np.allclose(a, b, atol=1e-5)
    ]
    if _sublattices(own) != _sublattices(other):
        differs.append("sublattices")
    if dict(own.charges) != dict(other.charges):
        differs.append("charges")
    if differs:
        raise MlipsseError(
            f"The pair model was made for {own.name}, and {other.name} has another "
            f"{' and other '.join(differs)}. Fit one for this host."
        )


def _sublattices(host: Host) -> list[tuple[object, ...]]:
    return [(s.sites, s.species, s.allowed) for s in host.sublattices]
