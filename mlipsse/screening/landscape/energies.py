"""Energies of an ion over the grid: which to compute, with what, and the landscape they make."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers

from mlipsse.energetics.relaxation.evaluators import Evaluator
from mlipsse.errors import MlipsseError
from mlipsse.screening.landscape.descriptors import IonLandscape
from mlipsse.screening.landscape.grid import LandscapeGrid, grid_operations, site_images


@dataclass(frozen=True)
class Alike:
    """A mobile ion whose landscape is that of another one, turned.

    Attributes
    ----------
    ion : its number
    rotation, translation : (3, 3) and (3,) whole numbers, of points of the other's grid to its own
    """

    ion: int
    rotation: np.ndarray
    translation: np.ndarray


@dataclass(frozen=True)
class DistinctIon:
    """A mobile ion that is computed, and those that are alike by symmetry, itself among them."""

    ion: int
    alike: Sequence[Alike]


def distinct_ions(crystal: Atoms, mobile: str, shape: tuple[int, int, int]) -> list[DistinctIon]:
    """Mobile ions that symmetry does not bring to each other, the first of each kind in order.

    Parameters
    ----------
    crystal : all atoms, periodic
    mobile : symbol
    shape : of the grid, which the symmetries must keep

    Raises
    ------
    MlipsseError
        when the crystal has no such ion, or is not periodic in three directions.
    """
    if not (crystal.pbc.all() and crystal.cell.rank == 3):
        raise MlipsseError(
            "A landscape needs a crystal that is periodic in three directions. Give one with a "
            "whole cell."
        )
    numbers = np.flatnonzero(crystal.numbers == atomic_numbers.get(mobile, 0))
    if not len(numbers):
        raise MlipsseError(
            f"{crystal.get_chemical_formula()} contains no {mobile}. Name one of its elements "
            "(--mobile), or leave the structure out."
        )
    operations = list(grid_operations(crystal, shape))
    images = site_images(crystal, operations, shape)
    found: list[DistinctIon] = []
    known: set[int] = set()
    for ion in numbers.tolist():
        if ion in known:
            continue
        alike: dict[int, Alike] = {}
        for (rotation, translation), image in zip(operations, images, strict=True):
            target = int(image[ion])
            if target >= 0 and target not in alike and target not in known:
                alike[target] = Alike(target, rotation, translation)
        if ion not in alike:
            alike[ion] = Alike(ion, np.eye(3, dtype=np.int64), np.zeros(3, dtype=np.int64))
        known |= set(alike)
        found.append(DistinctIon(ion, [alike[k] for k in sorted(alike)]))
    return found


def energies_eV(grid: LandscapeGrid, points: np.ndarray, evaluator: Evaluator) -> np.ndarray:
    """Energies of the crystal with the ion at points of the grid, eV.

    Parameters
    ----------
    points : numbers of points (n,)

    Returns
    -------
    (n,) float64
        NaN where the potential fails.
    """
    places = grid.fractions(points) @ grid.crystal.cell.array
    structures = []
    for place in places:
        moved = grid.crystal.copy()
        moved.positions[grid.ion] = place
        structures.append(moved)
    return np.array([_energy(found) for found in evaluator.evaluate(structures)])


def site_energy_eV(crystal: Atoms, evaluator: Evaluator) -> float:
    """Energy of the crystal as it is, eV.

    Raises
    ------
    MlipsseError
        when the potential cannot compute it: no landscape means anything then.
    """
    (found,) = evaluator.evaluate([crystal.copy()])
    if isinstance(found, Exception) or not np.isfinite(found.energy_eV):
        reason = str(found) if isinstance(found, Exception) else "its energy is not a number"
        raise MlipsseError(
            f"The potential cannot compute {crystal.get_chemical_formula()} ({reason}). Choose "
            "another potential, or leave the structure out."
        )
    return found.energy_eV


def landscape(grid: LandscapeGrid, computed_eV: np.ndarray, site_eV: float) -> IonLandscape:
    """The whole landscape of an ion from the energies of the grid's `wanted` points.

    Points that are closed, or at which the potential failed, get the largest computed energy.

    Parameters
    ----------
    computed_eV : of `wanted`, in order; NaN where the potential failed
    site_eV : of `site_energy_eV`

    Raises
    ------
    MlipsseError
        when no point could be computed.
    """
    finite = np.isfinite(computed_eV)
    if not finite.any():
        raise MlipsseError(
            f"No point of the landscape of ion {grid.ion} could be computed: all are nearer than "
            f"{grid.closest_A:g} Å to another atom, or the potential failed there."
        )
    values = np.full(len(grid.open), np.nan)
    values[grid.wanted] = computed_eV
    values = values[grid.representative]
    values[~np.isfinite(values)] = computed_eV[finite].max()
    return IonLandscape(
        values.reshape(grid.shape),
        np.asarray(grid.crystal.cell.array),
        site_eV,
        grid.crystal.get_scaled_positions(wrap=True)[grid.ion],
    )


def turned(of: IonLandscape, alike: Alike, crystal: Atoms) -> IonLandscape:
    """The landscape of an ion that is alike."""
    shape = of.energies_eV.shape
    index = np.stack(np.unravel_index(np.arange(of.energies_eV.size), shape), axis=1)
    moved = (index @ alike.rotation.T + alike.translation) % shape
    values = np.empty(of.energies_eV.size)
    values[np.ravel_multi_index(tuple(moved.T), shape)] = of.energies_eV.ravel()
    site = crystal.get_scaled_positions(wrap=True)[alike.ion]
    return IonLandscape(values.reshape(shape), of.cell, of.site_eV, site)


def _energy(found: object) -> float:
    energy_eV = getattr(found, "energy_eV", np.nan)
    return float(energy_eV) if np.isfinite(energy_eV) else float("nan")
