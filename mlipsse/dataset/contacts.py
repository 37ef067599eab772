"""Frames with two atoms pushed together, so that a model knows that atoms repel."""

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from ase.neighborlist import neighbor_list

from mlipsse.errors import MlipsseError

_REACH_A = 6.0
_TRIES = 200


def contact_frames(
    atoms: Atoms, *, count: int, seed: int, closest: float = 0.55, farthest: float = 1.0
) -> list[Atoms]:
    """Copies of `atoms` in which one atom, drawn at random, was moved towards a neighbour.

    Frames of dynamics hold few close contacts, and a small model falls into holes where it saw
    none (Deng et al. 2025, doi 10.1039/d5ta05321h, report Li-Li pairs near 0.7 Å in models trained
    from scratch). Pairs of species take turns. Distances are drawn uniformly between `closest` and
    `farthest` times the sum of the covalent radii; no other pair becomes closer in these units.

    Parameters
    ----------
    atoms : periodic, e.g. a relaxed ordering; not changed
    count : frames
    seed : the same seed gives the same frames

    Raises
    ------
    MlipsseError
        when the bounds are not 0 < closest < farthest, or no pair can be brought together.
    """
    if not 0 < closest < farthest:
        raise MlipsseError(
            f"Contacts need 0 < closest < farthest; they are {closest:g} and {farthest:g}."
        )
    rng = np.random.default_rng(seed)
    first, second, vectors = neighbor_list("ijD", atoms, _REACH_A)
    low, high = np.sort([atoms.numbers[first], atoms.numbers[second]], axis=0)
    pairs, kind = np.unique(np.stack([low, high]), axis=1, return_inverse=True)
    radii_A = covalent_radii[atoms.numbers]
    frames: list[Atoms] = []
    for attempt in range(_TRIES * count):
        if len(frames) == count:
            break
        of_kind = np.flatnonzero(kind.ravel() == attempt % pairs.shape[1])
        pick = int(rng.choice(of_kind))
        i, j = int(first[pick]), int(second[pick])
        part = rng.uniform(closest, farthest)
        length_A = float(np.linalg.norm(vectors[pick]))
        frame = atoms.copy()
        frame.positions[i] += vectors[pick] * (1 - part * (radii_A[i] + radii_A[j]) / length_A)
        # No neighbour at all within the pair's own share of the radii: it is the closest.
        if not len(neighbor_list("i", frame, 0.999 * part * radii_A)):
            frames.append(frame)
    if len(frames) < count:
        raise MlipsseError(
            f"Only {len(frames)} of {count} contacts could be made in "
            f"{atoms.get_chemical_formula()}: ask for fewer, or for distances less close."
        )
    return frames
