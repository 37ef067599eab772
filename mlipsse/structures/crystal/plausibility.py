"""Whether distances in a crystal can be: what decides between origins that a CIF leaves open."""

from dataclasses import dataclass

import numpy as np

from mlipsse.structures.crystal.model import CrystalSite

CLOSEST_RATIO = 0.5
"""Share of the sum of covalent radii (Cordero et al. 2008, doi 10.1039/b801115j): two sites that
are both filled are never nearer. The shortest bonds known (N2, CO) have 0.78."""

_BOND_RATIOS = (0.8, 1.25)
_OVERLAP_A = 0.5
_REACH_A = 4.0


@dataclass(frozen=True)
class Distances:
    """The shortest distances of a crystal, judged.

    Attributes
    ----------
    clashes : sentences on pairs of sites that are both filled and too near to each other
    strain : mean squared excess of the nearest distances over what bonds have, in logarithms
    """

    clashes: tuple[str, ...]
    strain: float


def judge_distances(
    cell: np.ndarray, positions: np.ndarray, sites: tuple[CrystalSite, ...]
) -> Distances:
    """Compare the distances between filled sites with covalent radii.

    A pair counts when its occupancies add up to more than 1, so that both sites are filled
    somewhere in the crystal.

    Parameters
    ----------
    cell : (3, 3) float64, Å
    positions : (n, 3) float64, fractional
    sites : what sits on each of them
    """
    from ase import Atoms
    from ase.data import atomic_numbers, covalent_radii
    from ase.neighborlist import neighbor_list

    radii = np.array(
        [
            sum(part * covalent_radii[atomic_numbers[name]] for name, part in site.amounts.items())
            / site.occupancy
            for site in sites
        ]
    )
    filled = np.array([site.occupancy for site in sites])
    anionic = np.array([_is_anionic(site) for site in sites])
    atoms = Atoms("X" * len(sites), scaled_positions=positions, cell=cell, pbc=True)
    first, second, away_A = neighbor_list("ijd", atoms, _REACH_A)
    together = filled[first] + filled[second]
    ratio = away_A / (radii[first] + radii[second])
    overlap = (away_A < _OVERLAP_A) & (together > 1.1)
    near = (ratio < CLOSEST_RATIO) & (together > 1.5)
    clashes: dict[str, None] = {}
    for index in np.flatnonzero(overlap | near):
        one, two = sorted((sites[first[index]].label, sites[second[index]].label))
        clashes[
            f"{one} and {two} lie {away_A[index]:.2f} Å apart and have a total occupancy of "
            f"{together[index]:.3g}"
        ] = None
    counted, other = together > 1.02, anionic[first] != anionic[second]
    closest = np.full(len(sites), 1.0)
    np.minimum.at(closest, first[counted], ratio[counted])
    # Every site has a bond to one of the other kind.
    bonded = np.full(len(sites), _REACH_A / 2)
    np.minimum.at(bonded, first[other], ratio[other])
    near_by = np.log(_BOND_RATIOS[0] / np.clip(closest, 0.01, _BOND_RATIOS[0]))
    far_off = np.log(np.clip(bonded, _BOND_RATIOS[1], None) / _BOND_RATIOS[1])
    strain = float((filled * (near_by**2 + far_off**2)).sum())
    return Distances(tuple(clashes), strain / float(filled.sum()))


def _is_anionic(site: CrystalSite) -> bool:
    amounts = site.amounts
    return max(amounts, key=lambda name: amounts[name]) in {
        "H", "C", "N", "O", "F", "S", "Cl", "Se", "Br", "Te", "I",
    }  # fmt: skip
