"""Energies between frames of one trajectory, by their labels and along the path between them.

The pair potential that fits the forces gives the energy difference of two frames; what it lacks in
forces and stresses is integrated along the straight path by the trapezoidal rule (a control
variate). In halides, thiophosphates and NaSICON at 300 to 1200 K labels miss that by 2 to 6
meV/atom, and by 1 to 4 where the path is short, as 1 GPa misses 6 meV/Å³: so two sets of energies
in one file and a constant pressure in the stresses show without a model.
"""

from collections import defaultdict
from dataclasses import dataclass
from itertools import product

import numpy as np
from ase.stress import voigt_6_to_full_3x3_stress
from scipy.optimize import nnls

from mlipsse import keys
from mlipsse.dataset.check.measures.labelled_set import labels
from mlipsse.dataset.check.measures.pair_fit import FittedFrame, PairFit
from mlipsse.dataset.check.measures.verdict import Check, Numbers
from mlipsse.units import EV_A3_TO_GPA

LARGEST_PRESSURE_GPA = 1.5
"""Constant pressure that anharmonic paths and small bases explain: up to 1.0 in sound sets."""

_LARGEST_SIGMA = 4.0
_STEPS_MEV_ATOM = (20.0, 25.0, 30.0, 35.0, 40.0, 50.0, 60.0, 80.0, 110.0)
_EXPLAINED_BY_STEP = 0.72
"""What a step may leave of the misfit. Chance leaves 0.56 to 1 of that of sound sets."""

_AT_NO_DISTANCE = 0.25
"""Least misfit of paths of no length, in steps: where half of the frames are raised, half of the
pairs miss by a step. Of 64 sound sets one had 0.21 and so little left, the others 0.18 at most."""

_TOO_FEW = "There are too few frames per trajectory with sound labels to compare"

_WINDOW = 6
_MIN_WINDOWS = 4
_MIN_PAIRS = 24


@dataclass(frozen=True, eq=False)
class Window:
    """Up to six frames of one trajectory that follow one another, and all pairs of them.

    Attributes
    ----------
    ends : (n_pairs, 2) int, places of the frames within the window
    misfit_meV_atom : (n_pairs,) energy difference by the labels less that along the path
    moved_A2 : (n_pairs,) mean squared displacement between the frames
    strain2 : (n_pairs,) sum of the squared strain
    volume_A3_atom : (n_pairs,) change of the volume per atom
    """

    ends: np.ndarray
    misfit_meV_atom: np.ndarray
    moved_A2: np.ndarray
    strain2: np.ndarray
    volume_A3_atom: np.ndarray


def windows(fit: PairFit | None) -> list[Window]:
    """Of all fitted frames with a stress, by trajectory, or by their atoms where none is named."""
    groups: dict[tuple[object, bytes], list[FittedFrame]] = defaultdict(list)
    for frame in fit.fitted if fit is not None else ():
        if keys.STRESS in labels(frame.atoms):
            trajectory = frame.atoms.info.get(keys.TRAJECTORY)
            groups[(trajectory, frame.atoms.numbers.tobytes())].append(frame)
    found = []
    for group in groups.values():
        for start in range(0, len(group), _WINDOW):
            frames = group[start : start + _WINDOW]
            if len(frames) > 2:
                found.append(_window(frames))
    return found


def check_energy_sets(found: list[Window]) -> Check:
    """Energies of one trajectory that jump by one step between frames: two sets mixed."""
    name = "energy sets"
    if not _enough(found):
        return Check(name, "skip", f"{_TOO_FEW} energies.")
    near = _misfit_at_no_distance(found)
    costs = {step: _cost(found, near, step) for step in (0.0, *_STEPS_MEV_ATOM)}
    step = min(_STEPS_MEV_ATOM, key=lambda one: costs[one])
    left = costs[step] / costs[0.0] if costs[0.0] > 0 else 1.0
    numbers: Numbers = {
        "misfit_meV_atom": float(near[0]),
        "step_meV_atom": step,
        "left_by_step": left,
    }
    if left < _EXPLAINED_BY_STEP and near[0] > _AT_NO_DISTANCE * step:
        return Check(
            name,
            "fail",
            f"Energies of one trajectory lie in two sets, about {step:g} meV/atom apart, which "
            "forces and stresses along the way do not explain: labels of two functionals, "
            "settings or programs in one file. Train on one, or give each a head.",
            numbers,
        )
    return Check(
        name,
        "pass",
        f"Energies agree with forces and stresses along trajectories within {near[0]:.2g} "
        "meV/atom.",
        numbers,
    )


def check_constant_pressure(fit: PairFit | None, found: list[Window]) -> Check:
    """A pressure that all stresses have and the energies do not."""
    name = "constant pressure"
    stresses = [] if fit is None else [labels(one.atoms).get(keys.STRESS) for one in fit.fitted]
    known = np.array([stress for stress in stresses if stress is not None])
    if len(known) >= _MIN_WINDOWS and np.ptp(known, axis=0).max() < 1e-9 and known.any():
        return Check(
            name,
            "fail",
            f"All {len(known)} frames have one and the same stress: it was set, not computed. "
            "Label them with stress, or take it out.",
        )
    if not _enough(found):
        return Check(name, "skip", f"{_TOO_FEW} stresses.")
    changes = [window.volume_A3_atom for window in found]
    misfits = [window.misfit_meV_atom for window in found]
    value = _slope(np.concatenate(changes), np.concatenate(misfits))
    without = np.array(
        [
            _slope(
                np.concatenate(changes[:k] + changes[k + 1 :]),
                np.concatenate(misfits[:k] + misfits[k + 1 :]),
            )
            for k in range(len(found))
        ]
    )
    std = float(np.sqrt((len(found) - 1) * np.var(without)))
    # The labels' own work is part of the path: what it has too much, the energies lack.
    pressure_GPa, std_GPa = (1e-3 * one * EV_A3_TO_GPA for one in (value, std))
    numbers: Numbers = {"pressure_GPa": pressure_GPa, "pressure_std_GPa": std_GPa}
    shown = f"{pressure_GPa:+.2f} ± {std_GPa:.1g} GPa"
    if abs(pressure_GPa) > max(LARGEST_PRESSURE_GPA, _LARGEST_SIGMA * std_GPa):
        return Check(
            name,
            "fail",
            f"Stresses contain a constant pressure of {shown} that the change of the energies with "
            "the volume does not have: an external pressure was added, or the basis set is too "
            "small (Pulay stress). Label again, or correct the stresses.",
            numbers,
        )
    return Check(name, "pass", f"The pressure that energies lack is {shown}.", numbers)


def _window(frames: list[FittedFrame]) -> Window:
    ends = [(i, j) for i in range(len(frames)) for j in range(i + 1, len(frames))]
    columns = np.array([_pair(frames[i], frames[j]) for i, j in ends])
    return Window(np.array(ends), *columns.T)


def _pair(first: FittedFrame, second: FittedFrame) -> tuple[float, float, float, float]:
    """Misfit (meV/atom), mean squared displacement (Å²), squared strain, change of volume."""
    atoms = len(first.atoms)
    cells = [frame.atoms.cell[:] for frame in (first, second)]
    inverses = [np.linalg.inv(cell) for cell in cells]
    moved = second.atoms.positions @ inverses[1] - first.atoms.positions @ inverses[0]
    moved -= np.round(moved)
    moved -= moved.mean(axis=0)
    change_A = cells[1] - cells[0]
    misfit_eV = 0.0
    for sign, frame, cell, inverse in zip((-1, 1), (first, second), cells, inverses, strict=True):
        found = labels(frame.atoms)
        misfit_eV += sign * (float(found[keys.ENERGY]) - frame.energy_eV)
        lacking = found[keys.FORCES] - frame.forces_eV_A
        misfit_eV += float(np.sum(lacking * (moved @ cell))) / 2
        tensor = voigt_6_to_full_3x3_stress(found[keys.STRESS] - frame.stress_eV_A3)
        volume_A3 = frame.atoms.get_volume()
        misfit_eV -= volume_A3 * float(np.sum(tensor * (inverse @ change_A))) / 2
    return (
        1e3 * misfit_eV / atoms,
        float(np.mean(np.sum((moved @ cells[0]) ** 2, axis=1))),
        float(np.sum((inverses[0] @ change_A) ** 2)),
        (second.atoms.get_volume() - first.atoms.get_volume()) / atoms,
    )


def _enough(found: list[Window]) -> bool:
    return len(found) >= _MIN_WINDOWS and sum(len(one.ends) for one in found) >= _MIN_PAIRS


def _features(window: Window) -> np.ndarray:
    return np.stack([np.ones(len(window.ends)), window.moved_A2, window.strain2], axis=1)


def _misfit_at_no_distance(found: list[Window]) -> np.ndarray:
    """Size of misfits: of no path (meV/atom), per Å² of displacement, per squared strain."""
    size = np.abs(np.concatenate([window.misfit_meV_atom for window in found]))
    size = np.minimum(size, 2 * np.median(size))  # a few long paths do not decide
    fitted: np.ndarray = nnls(np.concatenate([_features(window) for window in found]), size)[0]
    return fitted


def _cost(found: list[Window], near: np.ndarray, step_meV_atom: float) -> float:
    """Sum of misfits over their usual size, when frames may be of two sets one step apart."""
    total = 0.0
    for window in found:
        usual = 1.0 + _features(window) @ near
        members = int(window.ends.max()) + 1
        of_set = np.array([(0, *rest) for rest in product((0, 1), repeat=members - 1)])
        apart = of_set[:, window.ends[:, 1]] - of_set[:, window.ends[:, 0]]
        left = np.abs(window.misfit_meV_atom - step_meV_atom * apart) / usual
        total += float(left.sum(axis=1).min())
    return total


def _slope(x: np.ndarray, y: np.ndarray) -> float:
    """Of least absolute deviations through zero, with the sign of the stresses' pressure."""
    weights = np.ones(len(x))
    for _ in range(30):  # iteratively reweighted least squares
        slope = float(np.sum(weights * x * y) / max(float(np.sum(weights * x * x)), 1e-12))
        weights = 1 / np.maximum(np.abs(y - slope * x), 0.5)
    return slope
