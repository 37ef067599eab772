"""Energies and forces far from those of like frames, and energies in two bands."""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from mlipsse import keys
from mlipsse.dataset.check.measures.labelled_set import LabelledSet, composition, labels
from mlipsse.dataset.check.measures.verdict import Check, Numbers, some
from mlipsse.dataset.frames.scores import (
    MAX_Z,
    MIN_ENERGY_SPREAD_EV_ATOM,
    MIN_GROUP,
    MIN_LOG_FORCE_SPREAD,
    log_forces,
    robust_z,
    spread,
)

MIN_BAND_GAP_EV_ATOM = 0.12
"""Between two bands of energies of one composition; functionals differ by more, phases by less."""

HIGH_FORCE_EV_A = 30.0

_HIGH_FORCE_FACTOR = 3.0
_STRAINED_VOLUME = 0.1
_MIN_BAND_FRACTION = 0.1
_BAND_GAP_TO_WIDTH = 5.0


def check_energy_outliers(labelled: LabelledSet) -> Check:
    """Energies per atom, less what composition explains, by robust z-scores."""
    name = "energy outliers"
    if len(labelled.typical) < MIN_GROUP:
        return Check(name, "skip", f"There are fewer than {MIN_GROUP} frames of dynamics.")
    residual_eV_atom = energy_residuals(labelled)
    width = max(spread(residual_eV_atom, centre=0.0), MIN_ENERGY_SPREAD_EV_ATOM)
    z = np.abs(residual_eV_atom) / width
    # Atoms pushed together raise the energy and feel it, as a strained cell does; a wrong energy
    # comes with the forces, stresses and volume that are usual in its composition. What a
    # composition of few frames should have is known by a fit per element alone, which formation
    # energies are no part of.
    known, felt = np.zeros(len(z), dtype=bool), np.zeros(len(z), dtype=bool)
    sizes = _largest_forces(labelled), _largest_stresses(labelled)
    for _, members, _ in _groups(labelled):
        known[members] = True
        for size in sizes:
            felt[members] |= size[members] > _HIGH_FORCE_FACTOR * np.median(size[members])
        volumes = np.array([_volume_A3_atom(labelled, position) for position in members])
        felt[members] |= np.abs(volumes / np.median(volumes) - 1) > _STRAINED_VOLUME
    explained = (residual_eV_atom > 0) & felt
    order = np.argsort(-z)
    far = [labelled.typical[k] for k in order if z[k] > MAX_Z]
    wrong = [labelled.typical[k] for k in order if z[k] > MAX_Z and known[k] and not explained[k]]
    numbers: Numbers = {
        "max_z": float(z.max()),
        "spread_eV_atom": width,
        "outliers": len(far),
        "outliers_with_usual_forces": len(wrong),
    }
    measured = f"by up to {np.abs(residual_eV_atom).max():.2g} eV/atom or {z.max():.0f} spreads"
    if len(far) >= _MIN_BAND_FRACTION * len(labelled.typical):
        measured = f"{len(far)} frames are far from the median: see energy bands."
        return Check(name, "pass", measured, numbers)
    if wrong:
        return Check(
            name,
            "fail",
            f"{len(wrong)} frames lie off their composition's energies, {measured}, and their "
            f"forces do not explain it ({some(labelled.at(wrong))}): calculations that did not "
            "converge. Label them again or remove them.",
            numbers,
        )
    if far:
        return Check(
            name,
            "warn",
            f"{len(far)} frames lie off their composition's energies, {measured} "
            f"({some(labelled.at(far))}). Mark intended close contacts by {keys.ORIGIN}=contact; "
            "inspect all others.",
            numbers,
        )
    return Check(name, "pass", f"The largest robust z-score is {z.max():.1f}.", numbers)


def check_force_outliers(labelled: LabelledSet) -> Check:
    """The largest force of every frame."""
    name = "force outliers"
    if not labelled.typical:
        return Check(name, "skip", "No frame is of dynamics.")
    largest_eV_A = _largest_forces(labelled)
    z = robust_z(log_forces(largest_eV_A), floor=MIN_LOG_FORCE_SPREAD)
    far = [
        labelled.typical[k]
        for k in np.argsort(-z)
        if z[k] > MAX_Z and largest_eV_A[k] > HIGH_FORCE_EV_A
    ]
    numbers: Numbers = {
        "max_eV_A": float(largest_eV_A.max()),
        "max_z": float(z.max()),
        "outliers": len(far),
    }
    measured = f"The largest force is {largest_eV_A.max():.3g} eV/Å"
    if far:
        return Check(
            name,
            "warn",
            f"{measured}; {len(far)} frames are far from the others ({some(labelled.at(far))}): "
            f"some atoms are too close. Mark intended contacts by {keys.ORIGIN}=contact; remove "
            "all others.",
            numbers,
        )
    return Check(name, "pass", f"{measured}.", numbers)


def check_bands(labelled: LabelledSet) -> Check:
    """Energies of one composition in two bands: labels of two functionals or settings."""
    name = "energy bands"
    groups = list(_groups(labelled))
    if not groups:
        return Check(name, "skip", f"No composition has {MIN_GROUP} frames of dynamics.")
    split = []
    for formula, _, energies in groups:
        ordered = np.sort(energies)
        least = max(3, int(np.ceil(_MIN_BAND_FRACTION * len(ordered))))
        gaps = np.diff(ordered)[least - 1 : len(ordered) - least]
        if not len(gaps):
            continue
        cut = int(np.argmax(gaps)) + least
        width = max(spread(ordered[:cut]), spread(ordered[cut:]))
        gap = float(gaps.max())
        if gap > max(MIN_BAND_GAP_EV_ATOM, _BAND_GAP_TO_WIDTH * width):
            split.append((formula, gap))
    numbers: Numbers = {
        "compositions": len(groups),
        "in_two_bands": len(split),
        "largest_gap_eV_atom": max((gap for _, gap in split), default=0.0),
    }
    if split:
        measured = some([f"{formula}: {gap:.2g} eV/atom apart" for formula, gap in split])
        return Check(
            name,
            "fail",
            f"Energies of one composition lie in two bands ({measured}): two functionals, "
            "pseudopotentials or units in one head. Train on one, or give each a head.",
            numbers,
        )
    return Check(name, "pass", "Energies of each composition lie in one band.", numbers)


def _largest_forces(labelled: LabelledSet) -> np.ndarray:
    """Largest force of every frame of `labelled.typical`, eV/Å."""
    return np.array(
        [
            np.linalg.norm(labels(labelled.frames[k])[keys.FORCES], axis=1).max()
            for k in labelled.typical
        ]
    )


def _largest_stresses(labelled: LabelledSet) -> np.ndarray:
    """Largest component of every frame of `labelled.typical`, eV/Å³; 0 without a stress."""
    return np.array(
        [
            np.abs(labels(labelled.frames[k]).get(keys.STRESS, np.zeros(6))).max()
            for k in labelled.typical
        ]
    )


def _volume_A3_atom(labelled: LabelledSet, position: int) -> float:
    """Volume per atom of a frame of `labelled.typical`; 1 without a cell."""
    frame = labelled.frames[labelled.typical[position]]
    return float(frame.get_volume() / len(frame)) if frame.cell.rank == 3 else 1.0


def energy_residuals(labelled: LabelledSet) -> np.ndarray:
    """(n_typical,) eV: energies per atom of `labelled.typical`, less a fit and group medians.

    The fit to compositions is of least absolute deviations, one energy per element; compositions
    of eight frames or more are then centred at their median.
    """
    frames = [labelled.frames[k] for k in labelled.typical]
    elements = sorted({z for frame in frames for z in frame.numbers.tolist()})
    fractions = np.array([[np.mean(frame.numbers == z) for z in elements] for frame in frames])
    energy = np.array([float(labels(f)[keys.ENERGY]) / len(f) for f in frames])
    weights = np.ones(len(frames))
    for _ in range(30):  # iteratively reweighted least squares
        fit = np.linalg.lstsq(fractions * weights[:, None], energy * weights, rcond=None)[0]
        residual = energy - fractions @ fit
        weights = 1 / np.sqrt(np.maximum(np.abs(residual), 1e-4))
    for _, members, energies in _groups(labelled):
        residual[members] = energies - np.median(energies)
    return residual


def _groups(labelled: LabelledSet) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Composition, positions in `labelled.typical`, eV/atom; of eight frames or more."""
    groups: dict[str, list[int]] = defaultdict(list)
    for position, k in enumerate(labelled.typical):
        groups[composition(labelled.frames[k])].append(position)
    for formula, members in groups.items():
        if len(members) >= MIN_GROUP:
            frames = [labelled.frames[labelled.typical[position]] for position in members]
            energies = np.array([float(labels(f)[keys.ENERGY]) / len(f) for f in frames])
            yield formula, np.array(members), energies
