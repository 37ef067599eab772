"""How close atoms of each pair of elements came."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii

from mlipsse.structures.contacts import CLOSEST_CONTACT

_REACH_A = 4.0


@dataclass(frozen=True)
class ClosestPair:
    """The shortest distance of two elements within some frames.

    Attributes
    ----------
    elements : symbols, in alphabetical order
    distance_A : None when no two came within 4 Å
    limit_A : what it may not fall below
    """

    elements: tuple[str, str]
    distance_A: float | None
    limit_A: float


def element_pairs(atoms: Atoms) -> list[tuple[str, str]]:
    """Every pair of elements, each with itself too where there are two atoms (or images) of it."""
    return list(combinations_with_replacement(sorted(set(atoms.get_chemical_symbols())), 2))


def closest_pairs(
    frames: Sequence[Atoms], *, mobile: str | None, mobile_pair_A: float
) -> list[ClosestPair]:
    """Shortest distances within `frames`, which are of one and the same set of atoms.

    Parameters
    ----------
    mobile : symbol of the mobile ion, two of which may not come below `mobile_pair_A`, Å, either
    """
    from matscipy.neighbours import neighbour_list

    shortest_A: dict[tuple[int, int], float] = {}
    for frame in frames:
        first, second, distances_A = neighbour_list("ijd", frame, _REACH_A)
        low = np.minimum(frame.numbers[first], frame.numbers[second])
        high = np.maximum(frame.numbers[first], frame.numbers[second])
        for kind in {*zip(low.tolist(), high.tolist(), strict=True)}:
            found = float(distances_A[(low == kind[0]) & (high == kind[1])].min())
            shortest_A[kind] = min(found, shortest_A.get(kind, np.inf))
    pairs = []
    for elements in element_pairs(frames[0]) if frames else []:
        first_Z, second_Z = sorted(atomic_numbers[element] for element in elements)
        limit_A = CLOSEST_CONTACT * float(covalent_radii[first_Z] + covalent_radii[second_Z])
        if elements == (mobile, mobile):
            limit_A = max(limit_A, mobile_pair_A)
        pairs.append(ClosestPair(elements, shortest_A.get((first_Z, second_Z)), limit_A))
    return pairs
