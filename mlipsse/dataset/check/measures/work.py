"""Energy differences between frames against the work of forces and stresses along the way.

Two frames of one trajectory lie in the same basin. Along the straight path between them the
trapezoidal rule gives their energy difference from both ends' forces and stresses; it is exact for
a harmonic crystal, whatever the distance. So units and signs show without a model.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.stress import voigt_6_to_full_3x3_stress

from mlipsse import keys
from mlipsse.dataset.check.measures.labelled_set import LabelledSet, labels

MAX_DISPLACEMENT_A = 0.9
"""Largest move of an atom between two frames; beyond it the atom has hopped over a barrier."""

MAX_STRAIN = 0.15
AGREES = 2.5
"""Work and energy agree within this factor. Units differ by 10 at least, signs by -1; anharmonic
paths lower the fitted factor, to 0.7 for copper strained by 3 % and halides at 800 K."""

_STILL = 1e-4  # strain whose work may go uncounted where there is no stress
_OFFSETS = (1, 2)  # frames apart, within a trajectory
_MAX_PAIRS = 4000
_MIN_PAIRS = 8
_MAX_RELATIVE_ERROR = 0.15


@dataclass(frozen=True)
class Ratios:
    """Factors by which work has to be multiplied to give the energy differences; 1 when right.

    Attributes
    ----------
    forces, stress : None where the frames do not determine it within 15 %
    forces_per_atom : `forces` were the energies divided by the numbers of atoms
    stress_per_volume : `stress` were the stresses virials, not divided by volumes
    virial_misfit : misfit of that fit over the misfit as stresses; 1 where volumes are alike
    pairs : of frames
    forces_basis, stress_basis : what `forces` and `stress` were found to agree with or not
    forces_within, stress_within : factor within which 1 agrees with them
    """

    forces: float | None
    stress: float | None
    forces_per_atom: float | None
    stress_per_volume: float | None
    virial_misfit: float
    pairs: int
    forces_basis: str = ""
    stress_basis: str = ""
    forces_within: float = AGREES
    stress_within: float = AGREES


@dataclass(frozen=True)
class _Pair:
    energy_eV: float
    forces_eV: float
    stress_eV: float | None
    atoms: int
    volume_A3: float


def work_ratios(labelled: LabelledSet) -> Ratios:
    """Fit energy differences to the work of forces and of stresses, by least absolute deviations.

    Frames are paired within a trajectory (`keys.TRAJECTORY`; where there is none, within the frames
    of the same atoms in the same order), one and two frames apart.
    """
    pairs = _pairs([labelled.frames[k] for k in labelled.typical])
    with_stress = [pair for pair in pairs if pair.stress_eV is not None]
    chosen = with_stress if len(with_stress) >= _MIN_PAIRS else pairs
    if len(chosen) < _MIN_PAIRS:
        return Ratios(None, None, None, None, 1.0, len(chosen))
    energy = np.array([pair.energy_eV for pair in chosen])
    atoms = np.array([pair.atoms for pair in chosen])
    volumes = np.array([pair.volume_A3 for pair in chosen])
    columns = [np.array([pair.forces_eV for pair in chosen])]
    if chosen is with_stress:
        columns.append(np.array([pair.stress_eV for pair in chosen], dtype=float))
    ratios, misfit = _fit(columns, energy)
    per_atom, _ = _fit(columns, energy * atoms)
    per_volume: list[float | None] = [None, None]
    virial_misfit = misfit
    if len(columns) > 1:
        per_volume, virial_misfit = _fit([columns[0], columns[1] / volumes], energy)
    return Ratios(
        forces=ratios[0],
        stress=ratios[1] if len(columns) > 1 else None,
        forces_per_atom=per_atom[0],
        stress_per_volume=per_volume[1],
        virial_misfit=virial_misfit / misfit if misfit > 0 else 1.0,
        pairs=len(chosen),
        forces_basis=(basis := f"the energy differences of {len(chosen)} pairs of frames"),
        stress_basis=basis,
    )


def _fit(columns: Sequence[np.ndarray], target: np.ndarray) -> tuple[list[float | None], float]:
    """Coefficients of least absolute deviations, None where not determined; mean misfit."""
    scales = np.array([np.sqrt(np.mean(column**2)) for column in columns])
    scales[scales == 0] = 1.0  # a column of zeros gets the coefficient 0: not determined
    design = np.stack(columns, axis=1) / scales
    solution, misfit = _least_absolute(design, target)
    spread = 1.4826 * float(np.median(misfit))
    errors = spread * np.sqrt(np.diag(np.linalg.pinv(design.T @ design)))
    determined = errors < _MAX_RELATIVE_ERROR * np.abs(solution)
    # What scatters is the work (anharmonic paths), not the energy, and scatter on that side lowers
    # the coefficients. The work fitted to the energy is free of it.
    lowered, _ = _least_absolute(target[:, None], design @ solution)
    if lowered[0] > 0:
        solution = solution / lowered[0]
    coefficients = [
        float(value / scale) if known else None
        for value, known, scale in zip(solution, determined, scales, strict=True)
    ]
    return coefficients, float(misfit.mean())


def _least_absolute(design: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients of least absolute deviations and the deviations."""
    weights = np.ones(len(target))
    floor = 1e-3 * np.median(np.abs(target)) + 1e-12
    for _ in range(50):  # iteratively reweighted least squares
        solution = np.linalg.lstsq(design * weights[:, None], target * weights, rcond=None)[0]
        misfit = np.abs(target - design @ solution)
        weights = 1 / np.sqrt(np.maximum(misfit, floor))
    return solution, misfit


def _pairs(frames: Sequence[Atoms]) -> list[_Pair]:
    groups: dict[tuple[object, bytes], list[Atoms]] = defaultdict(list)
    for frame in frames:
        if frame.pbc.all() and frame.cell.rank == 3:
            groups[(frame.info.get(keys.TRAJECTORY), frame.numbers.tobytes())].append(frame)
    both = [
        (group[k], group[k + offset])
        for group in groups.values()
        for offset in _OFFSETS
        for k in range(len(group) - offset)
    ]
    thinned = both[:: max(1, len(both) // _MAX_PAIRS)]
    pairs = (_pair(first, second) for first, second in thinned)
    return [pair for pair in pairs if pair is not None]


def _pair(first: Atoms, second: Atoms) -> _Pair | None:
    """Energy difference and work from first to second; None when they are too far apart.

    With fractional coordinates s and the cell h (rows), dE/ds = -F h^T and, at fixed s,
    dE = V tr(stress h^-1 dh) for a symmetric stress that is positive under tension.
    """
    cells = first.cell[:], second.cell[:]
    inverses = [np.linalg.inv(cell) for cell in cells]
    moved = second.positions @ inverses[1] - first.positions @ inverses[0]
    moved -= np.round(moved)
    moved -= moved.mean(axis=0)
    path_A = moved @ (cells[0] + cells[1]) / 2
    change_A = cells[1] - cells[0]
    strain = np.abs(inverses[0] @ change_A).max()
    has_stress = all(keys.STRESS in labels(frame) for frame in (first, second))
    most_strain = MAX_STRAIN if has_stress else _STILL
    if np.abs(path_A).max() > MAX_DISPLACEMENT_A or strain > most_strain:
        return None
    energy_eV = forces_eV = stress_eV = 0.0
    for sign, frame, cell, inverse in zip((-1, 1), (first, second), cells, inverses, strict=True):
        found = labels(frame)
        energy_eV += sign * float(found[keys.ENERGY])
        forces_eV -= float(np.sum(found[keys.FORCES] * (moved @ cell))) / 2
        if has_stress:
            tensor = voigt_6_to_full_3x3_stress(found[keys.STRESS])
            stress_eV += frame.get_volume() * float(np.sum(tensor * (inverse @ change_A))) / 2
    return _Pair(
        energy_eV, forces_eV, stress_eV if has_stress else None, len(first), first.get_volume()
    )
