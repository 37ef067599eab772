"""The repulsive wall of each pair of elements: two atoms of a crystal pushed together."""

from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.data import covalent_radii

from mlipsse.energetics.relaxation.outcome import FAILURES
from mlipsse.potential.acceptance.closest_pairs import element_pairs

STEP_A = 0.05
CLOSEST_A = 0.5
"""Where a scan ends."""

_REACH_A = 6.0
_CANDIDATES = 12
_WITHIN = 0.8
"""Share of the sum of covalent radii, shorter than bonds, where every energy must rise inwards."""

_NOISE_EV = 0.01


@dataclass(frozen=True)
class Wall:
    """Energy along the approach of two atoms to their middle, all others held.

    Attributes
    ----------
    elements : symbols, in alphabetical order
    distances_A : (n,) float64, falling from the distance in the crystal to 0.5 Å
    energies_eV : (n,) float64, of the whole cell, less that of the crystal; NaN from where on the
        potential fails
    rises_to_A : the distance down to which the energy rises; the scan's end when it never turns.
        Falls farther out than 0.8 of the sum of covalent radii do not count if made up for inwards
    barrier_eV : highest energy on the way to where it turns; None when it never does
    """

    elements: tuple[str, str]
    distances_A: np.ndarray
    energies_eV: np.ndarray
    rises_to_A: float
    barrier_eV: float | None


def scan_walls(crystal: Atoms, calculator: Calculator) -> list[Wall]:
    """The wall of every pair of elements that meet within 6 Å in `crystal`.

    Of the twelve shortest pairs of two elements that one is taken whose way is freest of third
    atoms. The others' places are held: a real collision finds an energy that is lower, if anything.

    Parameters
    ----------
    crystal : periodic, relaxed by the same potential; at least some 10 Å wide, so that the images
        of the pair are not pushed together as well
    """
    from matscipy.neighbours import neighbour_list

    base = _energy_eV(crystal, calculator)
    first, second, vectors, distances_A = neighbour_list("ijDd", crystal, _REACH_A)
    symbols = np.array(crystal.get_chemical_symbols())
    walls = []
    for elements in element_pairs(crystal):
        ours = (symbols[first] == elements[0]) & (symbols[second] == elements[1])
        ours &= first != second  # an atom cannot meet its own image
        nearest = np.flatnonzero(ours)[np.argsort(distances_A[ours], kind="stable")][:_CANDIDATES]
        if not len(nearest):
            continue
        pairs = [(int(first[k]), int(second[k])) for k in nearest]
        rooms = [
            round(_room_A(crystal, pair, vectors[k]), 3)
            for pair, k in zip(pairs, nearest, strict=True)
        ]
        best = int(np.argmax(rooms))
        walls.append(
            _scan(crystal, calculator, elements, pairs[best], vectors[nearest[best]], base)
        )
    return walls


def _room_A(crystal: Atoms, pair: tuple[int, int], vector: np.ndarray) -> float:
    """Distance of the nearest third atom from the middle of the way."""
    from matscipy.neighbours import neighbour_list

    probe = crystal.copy()
    probe.append("X")
    probe.positions[-1] = crystal.positions[pair[0]] + vector / 2
    owner, neighbour, distances_A = neighbour_list("ijd", probe, _REACH_A)
    third = (owner == len(crystal)) & ~np.isin(neighbour, [*pair, len(crystal)])
    return float(distances_A[third].min()) if third.any() else _REACH_A


def _scan(
    crystal: Atoms,
    calculator: Calculator,
    elements: tuple[str, str],
    pair: tuple[int, int],
    vector: np.ndarray,
    base_eV: float,
) -> Wall:
    start_A = float(np.linalg.norm(vector))
    steps = max(2, int(np.ceil((start_A - CLOSEST_A) / STEP_A)) + 1)
    distances_A = np.linspace(start_A, min(CLOSEST_A, start_A), steps)
    energies_eV = np.full(steps, np.nan)
    for k, distance_A in enumerate(distances_A):
        pushed = crystal.copy()
        shift = vector * (1 - distance_A / start_A) / 2
        pushed.positions[pair[0]] += shift
        pushed.positions[pair[1]] -= shift
        energies_eV[k] = _energy_eV(pushed, calculator) - base_eV
        if not np.isfinite(energies_eV[k]):
            break
    radii_A = covalent_radii[crystal.numbers[list(pair)]].sum()
    rises_to_A, barrier_eV = _turn(distances_A, energies_eV, from_A=_WITHIN * float(radii_A))
    return Wall(elements, distances_A, energies_eV, rises_to_A, barrier_eV)


def _turn(
    distances_A: np.ndarray, energies_eV: np.ndarray, *, from_A: float
) -> tuple[float, float | None]:
    """Where the energy ceases to rise, and the highest energy before that.

    Farther out than `from_A` an ion may well find another site; what falls there is a hole only
    if the energy does not come back.
    """
    for k in np.flatnonzero(distances_A <= from_A):
        # A NaN compares as no rise.
        if k > 0 and not energies_eV[k] > energies_eV[k - 1] - _NOISE_EV:
            return float(distances_A[k - 1]), float(np.nanmax(energies_eV[:k]))
    highest = int(np.argmax(energies_eV))
    if energies_eV[-1] < energies_eV[highest] - _NOISE_EV:
        return float(distances_A[highest]), float(energies_eV[highest])
    return float(distances_A[-1]), None


def _energy_eV(atoms: Atoms, calculator: Calculator) -> float:
    work = atoms.copy()
    work.set_constraint()
    work.calc = calculator
    try:
        return float(work.get_potential_energy())
    except FAILURES:
        return float("nan")
