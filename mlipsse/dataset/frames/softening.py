"""Softening: by what factor a model's forces and stresses are smaller than those of its labels.

A model that saw too few strained and hot frames has a potential energy surface of too small
curvature: its forces are the labels' times some 0.5 to 0.9, barriers come out low, D high, and
crystals melt early (Deng et al., npj Comput. Mater. 11, 9, 2025, doi 10.1038/s41524-024-01500-6).
An error of forces alone does not show it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

FORCE_EDGES_EV_A = (0.0, 0.5, 1.5, np.inf)
"""Groups of atoms by the force of the label: vibration at rest, hot crystal, close contact."""

MIN_SLOPE, MAX_SLOPE = 0.9, 1.1
"""A model outside these is no model of its labels; D and melting would be another material's."""

_LEAST_ATOMS = 10
"""Fewer in a group have no slope of their own."""


@dataclass(frozen=True)
class Slope:
    """Slope of predictions on labels.

    Attributes
    ----------
    value : 1 for an equally stiff model, below 1 for a softer one
    std : standard error by leaving out one frame at a time (jackknife); None of a single frame
    n : components that it was taken from
    """

    value: float
    std: float | None
    n: int

    def __str__(self) -> str:
        return f"{self.value:.2f}" + ("" if self.std is None else f" ± {self.std:.2f}")


@dataclass(frozen=True)
class Softening:
    """Slopes of predictions on labels over all frames; None where nothing varies.

    Attributes
    ----------
    forces : through the origin, where forces are zero for both
    stress : about the mean of each component, by which functionals may differ
    forces_by_element : symbol -> slope on atoms of the element
    forces_by_size : range of the label's force in words -> slope on atoms within it
    """

    forces: Slope | None
    stress: Slope | None
    forces_by_element: Mapping[str, Slope]
    forces_by_size: Mapping[str, Slope]


def soft(slope: Slope) -> bool:
    """Whether a slope lies outside `MIN_SLOPE` to `MAX_SLOPE`."""
    return not MIN_SLOPE <= slope.value <= MAX_SLOPE


def softening(
    forces_eV_A: np.ndarray, stress_eV_A3: np.ndarray, *, symbols: np.ndarray, atoms: np.ndarray
) -> Softening:
    """Slopes of predicted on labelled forces and stresses.

    Parameters
    ----------
    forces_eV_A : (2, n_atoms, 3), labels and predictions of all frames
    stress_eV_A3 : (2, n_frames, 9), all components of the tensor
    symbols : (n_atoms,) str, elements of the atoms
    atoms : (n_frames,) int, atoms of each frame; they sum up to n_atoms
    """
    frame = np.repeat(np.arange(len(atoms)), atoms)
    size_eV_A = np.linalg.norm(forces_eV_A[0], axis=1)
    ranges = list(pairwise(FORCE_EDGES_EV_A))
    by_element = {str(s): _of_atoms(forces_eV_A, frame, symbols == s) for s in np.unique(symbols)}
    by_size = {
        _range(low, high): _of_atoms(forces_eV_A, frame, (size_eV_A >= low) & (size_eV_A < high))
        for low, high in ranges
    }
    return Softening(
        forces=_of_atoms(forces_eV_A, frame, np.ones(len(symbols), dtype=bool)),
        stress=_of_stress(stress_eV_A3),
        forces_by_element={name: slope for name, slope in by_element.items() if slope},
        forces_by_size={name: slope for name, slope in by_size.items() if slope},
    )


def _range(low: float, high: float) -> str:
    if low == 0:
        return f"below {high:g} eV/Å"
    return f"above {low:g} eV/Å" if np.isinf(high) else f"{low:g} to {high:g} eV/Å"


def _of_atoms(forces_eV_A: np.ndarray, frame: np.ndarray, chosen: np.ndarray) -> Slope | None:
    finite = np.isfinite(forces_eV_A).all(axis=(0, 2)) & chosen
    if finite.sum() < _LEAST_ATOMS:
        return None
    labels, predictions = forces_eV_A[:, finite]
    return _slope(labels, predictions, frame[finite])


def _of_stress(stress_eV_A3: np.ndarray) -> Slope | None:
    finite = np.isfinite(stress_eV_A3).all(axis=(0, 2))
    if finite.sum() < 2:
        return None
    labels, predictions = stress_eV_A3[:, finite] - stress_eV_A3[:, finite].mean(
        axis=1, keepdims=True
    )
    return _slope(labels, predictions, np.arange(finite.sum()))


def _slope(labels: np.ndarray, predictions: np.ndarray, group: np.ndarray) -> Slope | None:
    """Least squares through the origin; rows of one `group` are left out together for the error."""
    n_groups = int(group.max()) + 1
    product = np.bincount(group, (labels * predictions).sum(axis=1), n_groups)
    square = np.bincount(group, (labels**2).sum(axis=1), n_groups)
    there = np.bincount(group, minlength=n_groups) > 0
    product, square = product[there], square[there]
    if not square.sum() > 0:
        return None
    std, n = None, len(square)
    if n > 1 and np.all(square.sum() > square):
        without = (product.sum() - product) / (square.sum() - square)
        std = float(np.sqrt((n - 1) / n * np.sum((without - without.mean()) ** 2)))
    return Slope(float(product.sum() / square.sum()), std, labels.size)
