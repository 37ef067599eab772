"""What the tiny MACE of these tests knows, and cells to try it on."""

import numpy as np
from ase import Atoms

ELEMENTS = ("Li", "Cl", "Y", "In")
HEADS = ("replay", "target")


def random_cell(*, cell: np.ndarray, n_atoms: int, closest_A: float, seed: int) -> Atoms:
    """Atoms of all elements at random places no closer than `closest_A`, images included."""
    rng = np.random.default_rng(seed)
    images = np.stack(np.meshgrid(*[range(-2, 3)] * 3), axis=-1).reshape(-1, 3) @ cell
    places: list[np.ndarray] = []
    for _ in range(100_000):
        place = rng.random(3) @ cell
        if all(
            np.linalg.norm(place - other + images, axis=1).min() > closest_A for other in places
        ):
            places.append(place)
        if len(places) == n_atoms:
            symbols = [ELEMENTS[k % len(ELEMENTS)] for k in range(n_atoms)]
            return Atoms(symbols, positions=places, cell=cell, pbc=True)
    raise RuntimeError("the cell is too small for so many atoms")
