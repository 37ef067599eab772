"""Whether forces belong to their structures, and whether the components of stresses are in order.

Both rest on the pair potential that fits the forces (`mlipsse.dataset.check.measures.pair_fit`).
"""

from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np

from mlipsse.dataset.check.measures.pair_fit import (
    CLEAR_CORRELATION,
    PairFit,
    correlation,
    without_pressure,
)
from mlipsse.dataset.check.measures.verdict import Check, Numbers
from mlipsse.dataset.frames.label_names import TENSOR_ORDERS
from mlipsse.dataset.frames.scores import MIN_GROUP

MIN_EXPLAINED = 0.5
"""Share of the variance of forces that pairs explain. In halides, thiophosphates, oxides and EMT
metals: 0.86 to 0.99; of those of other frames or of another order of atoms: below 0.05; turned by
90 degrees about one axis, which keeps a third of them: 0.1 to 0.2; of elements in reversed order:
0.4."""

USUAL_EXPLAINED = 0.7
"""Below it something may be wrong with part of the forces, or the axes are turned a little."""

MOST_TURNED_DEG = 5.0

_WELL_EXPLAINED = 0.6
_ENOUGH_FRAMES = 16
"""Frames with forces so well explained that a correlation of 0.3 differs from one of 0.9."""

_CLEAR_Z = 4.0
"""Standard errors, in Fisher's z, by which another order must be better than the one given."""

_NAMES = ("xx", "yy", "zz", "yz", "xz", "xy")


def check_forces_belong(fit: PairFit | None) -> Check:
    """Forces that distances of their own frames explain."""
    name = "forces and structures"
    if fit is None:
        return Check(
            name,
            "skip",
            "There are too few frames, or the forces are too small, for a pair potential.",
        )
    numbers: Numbers = {
        "explained": fit.explained,
        "turned_deg": fit.turned_deg,
        "frames": fit.frames,
    }
    measured = f"A pair potential explains {max(fit.explained, 0.0):.0%} of the forces' variance"
    # What a turn of all forces leaves of what is explained (a fit by pairs keeps their mean).
    left = ((1 + 2 * np.cos(np.radians(fit.turned_deg))) / 3) ** 2
    turned = MOST_TURNED_DEG < fit.turned_deg < 100.0
    if turned and fit.explained > USUAL_EXPLAINED * left:
        return Check(
            name,
            "fail",
            f"The forces of {fit.frames} frames are turned by {fit.turned_deg:.0f} degrees "
            "against their positions, by a pair potential fitted to them: the cell was put into "
            "another orientation after the calculation. Turn the forces with it.",
            numbers,
        )
    if fit.explained < MIN_EXPLAINED:
        return Check(
            name,
            "fail",
            f"{measured} in {fit.frames} frames, less than in any crystal. The forces belong to "
            "other frames or another atom order, or are in another orientation. Match structures "
            "and labels again.",
            numbers,
        )
    if fit.explained < USUAL_EXPLAINED:
        return Check(
            name,
            "warn",
            f"{measured} in {fit.frames} frames, less than the 86 to 99% of sound sets: some "
            "forces may be of other atoms or frames, or their axes turned. Compare some frames "
            "with what labelled them.",
            numbers,
        )
    return Check(name, "pass", f"{measured}.", numbers)


def check_stress_components(fit: PairFit | None) -> Check:
    """Components of the stress in the order xx yy zz yz xz xy, along the axes of the frames."""
    name = "stress components"
    if fit is None or fit.explained < MIN_EXPLAINED:
        return Check(name, "skip", "There is no pair potential for comparison.")
    if fit.stress_eV_A3.shape[1] < MIN_GROUP:
        return Check(name, "skip", f"Fewer than {MIN_GROUP} frames have stresses to compare.")
    judged = judge_components(name, fit.stress_eV_A3, fit.ratios.stress_basis)
    shear = judged.numbers["shear_correlation"]
    low = isinstance(shear, float) and abs(shear) < CLEAR_CORRELATION / 2
    if judged.verdict == "pass" and low:
        if fit.explained <= _WELL_EXPLAINED or fit.stress_eV_A3.shape[1] < _ENOUGH_FRAMES:
            return replace(judged, verdict="skip")
        return replace(
            judged,
            verdict="fail",
            sentence=f"{judged.sentence[:-1]}, where correct stresses correlate by 0.9. They are "
            "in another orientation or belong to other frames. Match structures and "
            "labels again.",
        )
    return judged


def judge_components(name: str, stress_eV_A3: np.ndarray, basis: str) -> Check:
    """Whether components stand where they should.

    Parameters
    ----------
    stress_eV_A3 : (2, n_frames, 6), Voigt, labels and what they are compared with
    basis : what that is, for sentences
    """
    label, expected = without_pressure(stress_eV_A3 - stress_eV_A3.mean(axis=1, keepdims=True))
    parts = {
        (3, 4, 5): best_order(label[:, 3:], expected[:, 3:]),
        (0, 1, 2): best_order(label[:, :3], expected[:, :3]),
    }
    shear = parts[3, 4, 5]
    numbers: Numbers = {
        "shear_correlation": shear.correlation,
        "deviator_correlation": parts[0, 1, 2].correlation,
    }
    for places, found in parts.items():
        if found.order != (0, 1, 2):
            stand = " ".join(_NAMES[places[k]] for k in np.argsort(found.order))
            vasp = places[0] == 3 and TENSOR_ORDERS["vasp"][3:] == tuple(3 + k for k in found.order)
            cure = (
                "that is VASP's order: normalise with --stress-order vasp"
                if vasp
                else "write them in the order xx yy zz yz xz xy"
            )
            return Check(
                name,
                "fail",
                f"The components stand as {stand} where {' '.join(_NAMES[k] for k in places)} "
                f"should (correlation {found.other:.2f}, not {found.correlation:.2f}, with "
                f"{basis}): {cure}.",
                numbers,
            )
    measured = f"Sheared components correlate by {shear.correlation:.2f} with {basis}"
    return Check(name, "pass", f"{measured}.", numbers)


@dataclass(frozen=True)
class Order:
    """How three components agree with what is expected, as they stand and otherwise.

    Attributes
    ----------
    correlation : as they stand
    order : places of the expected components among those given; (0, 1, 2) unless another order is
        clearly better
    other : correlation of `order`
    """

    correlation: float
    order: tuple[int, ...]
    other: float


def best_order(label: np.ndarray, expected: np.ndarray) -> Order:
    """Order of three components, (n_frames, 3) each, centred; a turned sign of all is no order."""
    scores = {
        order: correlation(label[:, list(order)], expected) for order in permutations(range(3))
    }
    stand = (0, 1, 2)
    best = max(scores, key=lambda order: abs(scores[order]))
    highest, here = np.clip(
        [abs(scores[best]), np.sign(scores[best]) * scores[stand]], -0.9999, 0.9999
    )
    # Components of one frame vary together: each frame counts as two numbers, not three.
    error = np.sqrt(2 / max(2 * len(label) - 3, 1))
    clear = highest > CLEAR_CORRELATION and (
        np.arctanh(highest) - np.arctanh(here) > _CLEAR_Z * error
    )
    return Order(
        correlation=scores[stand],
        order=best if clear else stand,
        other=scores[best],
    )
