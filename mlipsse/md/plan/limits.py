"""What a healthy run stays within: the deck stops a run that leaves it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii

from mlipsse.structures.contacts import CLOSEST_CONTACT

MAX_TEMPERATURE_RATIO = 4.0
"""Ratio to the thermostat's temperature; a hotter run has left the range of its potential."""

_FIRST_REACH_A = 4.0


@dataclass(frozen=True)
class RunLimits:
    """Limits of one crystal, all of them against its relaxed start.

    Attributes
    ----------
    neighbour_distance_A : mean distance from a framework atom of the most frequent species to the
        nearest of its own; the unit of the Lindemann ratio; None without a framework
    closest_A : species -> distance that the mobile ion keeps from it, Å
    """

    neighbour_distance_A: float | None
    closest_A: Mapping[str, float] = field(default_factory=dict)

    @property
    def framework_msd_A2(self) -> float | None:
        """Framework MSD against the crystal beyond which it has melted, Å².

        One neighbour distance, squared: a Lindemann ratio of 1. A crystal stays below 0.2; anion
        groups that turn on their places reach at most 2 r², for a tetrahedron 0.75 of the limit; a
        liquid passes it within picoseconds.
        """
        return None if self.neighbour_distance_A is None else self.neighbour_distance_A**2


def run_limits(atoms: Atoms, *, mobile: str) -> RunLimits:
    """Limits of runs that start from `atoms`, in which `mobile` is the element that conducts."""
    symbols = np.array(atoms.get_chemical_symbols())
    others, counts = np.unique(symbols[symbols != mobile], return_counts=True)
    radius_A = covalent_radii[atomic_numbers[mobile]]
    return RunLimits(
        neighbour_distance_A=_neighbour_distance_A(atoms[symbols == others[np.argmax(counts)]])
        if len(others)
        else None,
        closest_A={
            symbol: round(CLOSEST_CONTACT * (radius_A + covalent_radii[atomic_numbers[symbol]]), 2)
            for symbol in sorted(set(symbols))
        },
    )


def _neighbour_distance_A(atoms: Atoms) -> float:
    from ase.neighborlist import neighbor_list

    reach_A = _FIRST_REACH_A
    while True:
        first, distance_A = neighbor_list("id", atoms, reach_A)
        if len(np.unique(first)) == len(atoms):
            nearest_A = np.full(len(atoms), np.inf)
            np.minimum.at(nearest_A, first, distance_A)
            return float(nearest_A.mean())
        reach_A *= 1.5
