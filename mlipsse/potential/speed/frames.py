"""Cells to measure a potential on: a crystal repeated to a size, its atoms displaced by heat."""

from itertools import product
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list

from mlipsse.errors import MlipsseError
from mlipsse.orderings import (
    HostSettings,
    Supercell,
    enumerate_orderings,
    parse_composition,
    read_host,
)
from mlipsse.resources import resource_dir
from mlipsse.structures.files import read_structures
from mlipsse.units import BOLTZMANN_EV_K

SPRING_EV_A2 = 1.5
"""Spring constant of the ions of a soft halide, eV/Å²: 0.21 Å per direction at 800 K."""

_CLOSEST = 0.8  # of the perfect crystal's shortest distance: no frame has a shorter one


def li3incl6() -> Atoms:
    """The ordering of lowest Ewald energy in the conventional cell of Li3InCl6, 20 atoms."""
    host = read_host(
        resource_dir("examples") / "li3incl6" / "Li3InCl6.cif", HostSettings(mobile="Li")
    )
    composition = parse_composition("Li3InCl6", host)
    (lowest,) = enumerate_orderings(
        composition, Supercell(host, (1, 1, 1)), max_orderings=1, seed=0
    )
    return lowest.atoms


def read_crystal(path: Path) -> Atoms:
    """The structure in `path` (see `read_structures`; the last one of several).

    Raises
    ------
    MlipsseError
        when there is none, or it is not periodic in three directions.
    """
    atoms = read_structures(path)[-1]
    if len(atoms) == 0 or not atoms.pbc.all():
        raise MlipsseError(
            f"{path} holds {len(atoms)} atoms, periodic in {int(atoms.pbc.sum())} directions; "
            "name a crystal that is periodic in three."
        )
    return atoms


def repeat_to(crystal: Atoms, n_atoms: int) -> Atoms:
    """Repeat `crystal` to the number of atoms nearest to `n_atoms`, as compact as can be.

    Parameters
    ----------
    crystal : periodic in three directions
    n_atoms : wanted; what comes out is a whole multiple of ``len(crystal)``, at least once

    Raises
    ------
    MlipsseError
        when `n_atoms` is below 1.
    """
    if n_atoms < 1:
        raise MlipsseError(f"A cell of {n_atoms} atoms is not possible. Request 1 or more.")
    copies = max(1, round(n_atoms / len(crystal)))
    heights = 1.0 / np.linalg.norm(np.linalg.inv(crystal.cell.array), axis=0)
    divisors = [k for k in range(1, copies + 1) if copies % k == 0]
    repeats = [r for r in product(divisors, repeat=3) if np.prod(r) == copies]
    return crystal.repeat(min(repeats, key=lambda r: (np.ptp(np.log(heights * r)), r)))


def heated(crystal: Atoms, *, temperature_K: float, seed: int) -> Atoms:
    """Displace every atom as a classical harmonic oscillator of `SPRING_EV_A2` at `temperature_K`.

    Pairs that would come closer than 0.8 of the crystal's shortest distance are drawn again, so
    that a potential meets no collisions.

    Parameters
    ----------
    crystal : periodic in three directions
    temperature_K : K; zero leaves the crystal as it is
    seed : of the displacements
    """
    rng = np.random.default_rng(seed)
    width_A = np.sqrt(BOLTZMANN_EV_K * temperature_K / SPRING_EV_A2)
    closest_A = _CLOSEST * _shortest_distance(crystal)
    frame = crystal.copy()
    displacements = rng.normal(scale=width_A, size=(len(crystal), 3))
    for attempt in range(200):
        frame.positions = crystal.positions + displacements
        colliding = np.unique(neighbor_list("i", frame, closest_A))
        if not len(colliding):
            break
        scale = width_A * 0.97**attempt  # in a cramped crystal the draws must become smaller
        displacements[colliding] = rng.normal(scale=scale, size=(len(colliding), 3))
    return frame


def _shortest_distance(crystal: Atoms) -> float:
    """Å, images included."""
    reach_A = 2.0
    while not len(distances := neighbor_list("d", crystal, reach_A)):
        reach_A *= 1.5
    return float(distances.min())
