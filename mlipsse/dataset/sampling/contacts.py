"""Frames with an ion pushed at another, so that a model knows that atoms repel."""

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii

from mlipsse.errors import MlipsseError

_REACH_A = 6.0
_TRIES = 200


def contact_frames(
    atoms: Atoms,
    *,
    mobile: str,
    count: int,
    seed: int,
    closest: float = 0.45,
    farthest: float = 1.0,
    rattle_A: float = 0.1,
) -> list[Atoms]:
    """Rattled copies of `atoms` in which one mobile ion was moved towards a neighbour.

    Frames of dynamics hold few close contacts, and a small model falls into holes where it saw
    none (Deng et al. 2025, doi 10.1039/d5ta05321h, report Li-Li pairs near 0.7 Å in models trained
    from scratch). The species it meets take turns. Distances are drawn uniformly between `closest`
    and `farthest` times the sum of the covalent radii; no other pair becomes closer in these units.

    Parameters
    ----------
    atoms : periodic, e.g. a relaxed ordering; not changed
    mobile : symbol of the ion that is moved
    count : frames
    rattle_A : standard deviation of the other displacements, Å per component
    seed : the same seed gives the same frames

    Raises
    ------
    MlipsseError
        when the bounds are not 0 < closest < farthest, or no pair can be brought together.
    """
    from ase.neighborlist import neighbor_list

    if not 0 < closest < farthest:
        raise MlipsseError(
            f"Contacts require 0 < closest < farthest, but these are {closest:g} and {farthest:g}."
        )
    rng = np.random.default_rng(seed)
    first, second, vectors = neighbor_list("ijD", atoms, _REACH_A)
    by_ion = atoms.numbers[first] == atomic_numbers[mobile]
    first, second, vectors = first[by_ion], second[by_ion], vectors[by_ion]
    met = np.unique(atoms.numbers[second])
    radii_A = covalent_radii[atoms.numbers]
    frames: list[Atoms] = []
    for attempt in range(_TRIES * count if len(first) else 0):
        if len(frames) == count:
            break
        of_species = np.flatnonzero(atoms.numbers[second] == met[attempt % len(met)])
        pick = int(rng.choice(of_species))
        i, j = int(first[pick]), int(second[pick])
        part = rng.uniform(closest, farthest)
        frame = atoms.copy()
        frame.positions += rng.normal(0, rattle_A, frame.positions.shape)
        vector = vectors[pick] + (frame.positions - atoms.positions)[j]
        vector -= (frame.positions - atoms.positions)[i]
        apart_A = float(np.linalg.norm(vector))
        frame.positions[i] += vector * (1 - part * (radii_A[i] + radii_A[j]) / apart_A)
        # No neighbour at all within the pair's own share of the radii: it is the closest.
        if not len(neighbor_list("i", frame, 0.999 * part * radii_A)):
            frames.append(frame)
    if len(frames) < count:
        raise MlipsseError(
            f"Only {len(frames)} of {count} contacts could be made in "
            f"{atoms.get_chemical_formula()}: lower the number, or raise the distances."
        )
    return frames
