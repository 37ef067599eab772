"""What the tiny MACE of these tests knows, and cells to try it on."""

import numpy as np
from ase import Atoms

ELEMENTS = ("Li", "Cl", "Y", "In")
HEADS = ("replay", "target")


def random_places(
    rng: np.random.Generator, *, cell: np.ndarray, number: int, closest_A: float, tries: int
) -> np.ndarray:
    """Up to `number` random places no closer than `closest_A`, images included."""
    images = np.stack(np.meshgrid(*[range(-2, 3)] * 3), axis=-1).reshape(-1, 3) @ cell
    places: list[np.ndarray] = []
    for _ in range(tries):
        place = rng.random(3) @ cell
        if all(
            np.linalg.norm(place - other + images, axis=1).min() > closest_A for other in places
        ):
            places.append(place)
        if len(places) == number:
            break
    return np.array(places)


def random_cell(*, cell: np.ndarray, n_atoms: int, closest_A: float, seed: int) -> Atoms:
    """Atoms of all elements at random places no closer than `closest_A`, images included."""
    places = random_places(
        np.random.default_rng(seed), cell=cell, number=n_atoms, closest_A=closest_A, tries=100_000
    )
    if len(places) < n_atoms:
        raise RuntimeError("the cell is too small for so many atoms")
    symbols = [ELEMENTS[k % len(ELEMENTS)] for k in range(n_atoms)]
    return Atoms(symbols, positions=places, cell=cell, pbc=True)
