"""Ewald energy of the variable sites of a large supercell, by host site and host cell."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.orderings.cell.ewald import ewald_matrix
from mlipsse.orderings.cell.supercell import Supercell
from mlipsse.orderings.host.model import Host

MOST_SITES = 8000
"""About 7 GB and a minute and a half of pymatgen's EwaldSummation."""


@dataclass(frozen=True, eq=False)
class Electrostatics:
    """Formal charges on the variable sites, in the field of the fixed ones.

    E = sum_ij q_i M_ij q_j + sum_i f_i q_i + E_fixed, every part with its own neutralising
    background, so that energies per host cell of supercells of any size compare.

    Attributes
    ----------
    charges : (n_sites, n_species) float64, formal charge of each species on each variable host
        site, 0 where the site has fewer species
    matrix : (n_sites, n_sites, n_cells) float64, M between variable host site s in cell 0 and
        site t in cell c, eV per elementary charge squared
    fixed_potential : (n_sites,) float64, of the fixed sites at the variable ones, eV per
        elementary charge
    fixed_energy_eV : of the fixed sites among themselves, per host cell
    difference : (n_cells, n_cells) int, number of the cell that lies from the first one as the
        second index does from the first
    """

    charges: np.ndarray
    matrix: np.ndarray
    fixed_potential: np.ndarray
    fixed_energy_eV: float
    difference: np.ndarray

    @cached_property
    def self_energy(self) -> np.ndarray:
        """(n_sites,) float64, M between a site and itself."""
        return self.matrix[:, :, self.difference[0, 0]].diagonal().copy()

    def site_charges(self, labels: np.ndarray) -> np.ndarray:
        """Charges (n_sites, n_cells) of labels (n_sites, n_cells)."""
        return self.charges[np.arange(len(labels))[:, None], labels]

    def mutual_potentials(self, charges: np.ndarray) -> np.ndarray:
        """2 M q, eV per elementary charge, of the variable sites; both are (n_sites, n_cells)."""
        potentials = np.zeros_like(charges)
        for cell, ahead in enumerate(self.difference):
            potentials += 2 * np.einsum("s,stc->tc", charges[:, cell], self.matrix[:, :, ahead])
        return potentials

    def energy_eV(self, labels: np.ndarray) -> float:
        """Energy of the supercell for labels (n_sites, n_cells)."""
        charges = self.site_charges(labels)
        mutual = 0.5 * float(np.sum(charges * self.mutual_potentials(charges)))
        field = float(self.fixed_potential @ charges.sum(axis=1))
        return mutual + field + self.fixed_energy_eV * charges.shape[1]


def lay_charges(supercell: Supercell, variable: np.ndarray) -> Electrostatics:
    """Electrostatics of a supercell by pymatgen's EwaldSummation.

    4x4x4 cells of NaSICON (2,688 variable of 8,064 sites) take 9 s and 0.8 GB, once; both grow
    with the square of the number of sites.

    Parameters
    ----------
    supercell : of the host
    variable : (n_sites,) int, host sites with more than one species

    Raises
    ------
    MlipsseError
        for more than `MOST_SITES` variable sites in the supercell.
    """
    host, repeats = supercell.host, supercell.repeats
    sites = supercell.everywhere(variable).reshape(len(variable), -1)
    if sites.size > MOST_SITES:
        raise MlipsseError(
            f"The Ewald matrix of {sites.size} variable sites in {supercell.name} would take about "
            f"{0.8 * (sites.size / 2688) ** 2:.0f} GB; the limit is {MOST_SITES} sites. Take a "
            "smaller supercell, or a model without the Ewald term."
        )
    full = ewald_matrix(supercell.cell, supercell.positions[sites.ravel()], background=True)
    # Translations carry every row onto one of the first cell's.
    rows = full.reshape(*sites.shape, *sites.shape)[:, 0]
    of_host = ewald_matrix(host.cell, host.scaled_positions @ host.cell, background=True)
    fixed = np.setdiff1d(np.arange(len(host.scaled_positions)), variable)
    table = _charge_table(host)
    fixed_charges = table[fixed, 0]
    return Electrostatics(
        charges=table[variable],
        matrix=np.ascontiguousarray(rows),
        fixed_potential=2 * of_host[np.ix_(variable, fixed)] @ fixed_charges,
        fixed_energy_eV=float(fixed_charges @ of_host[np.ix_(fixed, fixed)] @ fixed_charges),
        difference=repeats.index(repeats.origins[None] - repeats.origins[:, None]).astype(np.int32),
    )


def _charge_table(host: Host) -> np.ndarray:
    """(n_host_sites, most species) float64, charges; 0 beyond a site's species."""
    most = max(len(sublattice.species) for sublattice in host.sublattices)
    table = np.zeros((len(host.scaled_positions), most))
    for sublattice in host.sublattices:
        charges = [host.charges[name] for name in sublattice.species]
        table[list(sublattice.sites), : len(charges)] = charges
    return table
