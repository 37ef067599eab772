"""Labels against predictions of a potential for the same frames."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator

from mlipsse import keys
from mlipsse.dataset.check.findings.components import judge_components
from mlipsse.dataset.check.measures.labelled_set import LabelledSet, labels
from mlipsse.dataset.check.measures.verdict import Check, Numbers
from mlipsse.dataset.frames.energy_offset import energy_offset
from mlipsse.dataset.frames.evaluation import predict
from mlipsse.dataset.frames.label_units import FORCE_UNITS_EV_A, STRESS_UNITS_EV_A3
from mlipsse.dataset.frames.predictions import Predictions
from mlipsse.dataset.frames.scores import MIN_GROUP
from mlipsse.dataset.frames.softening import MAX_SLOPE, MIN_SLOPE, soft
from mlipsse.errors import MlipsseError

MAX_USUAL_SHIFT_EV_ATOM = 1.0
"""Shift of one element. Functionals differ by some eV per atom, pseudopotentials by hundreds."""

MIN_COSINE = 0.5
"""Between labels and predictions; of a foundation model that knows the elements it is above 0.9."""

MAX_FACTOR = 2.0
"""By which labels may be larger or smaller than predictions; units differ by 3 and more."""


_UNIT_SPREAD = float(np.log(1.4))
"""By which a model may be off a unit's factor: across functionals forces differ by 1.3."""


def check_known_elements(
    labelled: LabelledSet, potential: str, known: frozenset[str] | None
) -> Check:
    """Elements that the potential does not know; `known` is None where it lists none."""
    name = "elements known"
    if known is None:
        return Check(name, "skip", f"{potential} does not list the elements that it knows.")
    found = {s for frame in labelled.frames for s in frame.get_chemical_symbols()}
    unknown = sorted(found - known)
    if unknown:
        return Check(
            name,
            "fail",
            f"{potential} does not know {', '.join(unknown)}. Choose another foundation model, or "
            "leave these frames out.",
            {"unknown": " ".join(unknown)},
        )
    return Check(name, "pass", f"{potential} knows all elements.", {"elements": len(found)})


def check_against_model(
    labelled: LabelledSet, calculator: Calculator, *, most: int | None, seed: int
) -> list[Check]:
    """Offset of the energies, direction and size of forces and stresses.

    Parameters
    ----------
    calculator : energy in eV, forces in eV/Å, stress in eV/Å³
    most : frames that are evaluated, drawn by `seed`; None for all
    """
    chosen = list(labelled.typical)
    if most is not None and len(chosen) > most:
        drawn = np.random.default_rng(seed).choice(len(chosen), most, replace=False)
        chosen = [chosen[k] for k in np.sort(drawn)]
    if not chosen:
        return [Check("energy offset", "skip", "No frame has finite labels.")]
    frames = [_with_stress(labelled.frames[k]) for k in chosen]
    predictions = predict(frames, calculator)
    forces = _direction("forces against model", "eV/Å", predictions.forces_eV_A)
    checks = [_offset(frames, predictions), forces, _stress(predictions)]
    # Labels in another unit or sign say nothing of the model.
    return checks if forces.verdict == "fail" else [*checks, _softening(predictions)]


def disagreements(predictions: Predictions) -> list[str]:
    """Sentences on labels that are the model's in another unit, sign or order of components.

    A model that does not know these materials has none: what is looked for is what a unit, a sign
    or an order would make of labels that it does know.
    """
    found = []
    for name, pair, factors in (
        ("Forces", predictions.forces_eV_A, FORCE_UNITS_EV_A),
        ("Stresses", predictions.stress_eV_A3, STRESS_UNITS_EV_A3),
    ):
        cosine, slope = _cosine_and_slope(pair)
        measured = f"(cosine {cosine:.2f}, labels are {slope:.3g} times the model's)"
        # Labels in a unit of f eV/Å are 1/f times as large.
        units = [
            unit
            for unit, factor in factors.items()
            if factor != 1 and abs(np.log(slope * factor)) < _UNIT_SPREAD
        ]
        if cosine < -MIN_COSINE:
            found.append(f"{name} have the wrong sign {measured}.")
        elif cosine > MIN_COSINE and units:
            found.append(f"{name} are in {' or '.join(units)} {measured}.")
    components = _components(predictions)
    return [*found, components.sentence] if components.verdict == "fail" else found


def _stress(predictions: Predictions) -> Check:
    """Direction and size of all components, and their order."""
    judged = _direction("stress against model", "eV/Å³", predictions.stress_eV_A3)
    order = _components(predictions)
    if judged.verdict in ("pass", "warn") and order.verdict == "fail":
        return replace(order, name=judged.name, numbers=judged.numbers | order.numbers)
    return judged


def _softening(predictions: Predictions) -> Check:
    """Whether the model is as stiff as the labels; its business, not the labels' fault."""
    name, found = "softening of the model", predictions.softening
    if found.forces is None:
        return Check(name, "skip", "There are too few atoms for a slope of the forces.")
    numbers: Numbers = {"force_slope": found.forces.value, "force_slope_std": found.forces.std}
    numbers |= {f"force_slope_{symbol}": s.value for symbol, s in found.forces_by_element.items()}
    numbers |= {f"force_slope {size}": s.value for size, s in found.forces_by_size.items()}
    each = [f"on {symbol} {slope}" for symbol, slope in found.forces_by_element.items()]
    each += [f"{size} {slope}" for size, slope in found.forces_by_size.items()]
    measured = f"The model's forces are {found.forces} times the labels' ({', '.join(each)})"
    if found.stress is not None:
        numbers |= {"stress_slope": found.stress.value, "stress_slope_std": found.stress.std}
        measured += f"; its stresses {found.stress} times"
    if not soft(found.forces):
        return Check(name, "pass", f"{measured}.", numbers)
    return Check(
        name,
        "warn",
        f"{measured}; {MIN_SLOPE:g} to {MAX_SLOPE:g} is usual for a model of these labels. As it "
        "is, its barriers and melting points are not those of the labels.",
        numbers,
    )


def _components(predictions: Predictions) -> Check:
    stress = predictions.stress_eV_A3.reshape(2, -1, 9)[:, :, [0, 4, 8, 5, 2, 1]]
    finite = stress[:, np.isfinite(stress).all(axis=(0, 2))]
    name = "stress components"
    if finite.shape[1] < MIN_GROUP:
        return Check(name, "skip", f"Fewer than {MIN_GROUP} frames have stresses to compare.")
    return judge_components(name, finite, "the model's")


def _with_stress(frame: Atoms) -> Atoms:
    """The frame, its stress NaN where it has none, which `_direction` leaves out."""
    if keys.STRESS in labels(frame):
        return frame
    copy = frame.copy()
    copy.info[keys.STRESS] = np.full(6, np.nan)
    return copy


def _offset(frames: Sequence[Atoms], predictions: Predictions) -> Check:
    name = "energy offset"
    try:
        offset = energy_offset(frames, predictions)
    except MlipsseError as error:
        return Check(name, "fail", str(error), {"frames": len(frames)})
    numbers: Numbers = {f"{element}_eV": shift for element, shift in offset.shift_eV.items()}
    numbers |= {
        "residual_eV_atom": offset.residual_eV_atom,
        "rank": offset.rank,
        "frames": len(frames),
    }
    each = ", ".join(f"{element} {shift:+.2f}" for element, shift in offset.shift_eV.items())
    measured = (
        f"Labels less the model's, in eV per atom: {each}; beyond that "
        f"{1000 * offset.residual_eV_atom:.0f} meV/atom"
    )
    if offset.rank < len(offset.shift_eV):
        measured += " (the compositions do not separate these elements)"
    if max(map(abs, offset.shift_eV.values())) > MAX_USUAL_SHIFT_EV_ATOM:
        return Check(
            name,
            "warn",
            f"{measured}. Several eV/atom mean another functional or other pseudopotentials; "
            "hundreds mean total energies of a code, or another unit. Fine-tune with e0s: "
            "estimated.",
            numbers,
        )
    return Check(name, "pass", f"{measured}.", numbers)


def _direction(name: str, unit: str, pair: np.ndarray) -> Check:
    """Cosine and slope of labels against predictions, over all components."""
    cosine, slope = _cosine_and_slope(pair)
    if not np.isfinite(cosine):
        return Check(name, "skip", "No frame can be compared.")
    numbers: Numbers = {"cosine": cosine, "label_over_model": slope}
    measured = f"Cosine {cosine:.2f}; labels are {slope:.3g} times the model's ({unit})"
    if cosine < 0:
        return Check(
            name, "fail", f"{measured}: the labels have the wrong sign. Normalise them.", numbers
        )
    if not 1 / MAX_FACTOR < slope < MAX_FACTOR and cosine > MIN_COSINE:
        return Check(
            name, "fail", f"{measured}: the labels are in another unit. Normalise them.", numbers
        )
    if cosine < MIN_COSINE:
        return Check(
            name,
            "warn",
            f"{measured}: the model does not know these materials, or the labels belong to other "
            "frames. Inspect some frames.",
            numbers,
        )
    return Check(name, "pass", f"{measured}.", numbers)


def _cosine_and_slope(pair: np.ndarray) -> tuple[float, float]:
    """Cosine and slope of labels against predictions, (2, n); NaN without numbers."""
    reference, predicted = pair[:, np.isfinite(pair).all(axis=0)]
    norms = float(np.linalg.norm(reference)), float(np.linalg.norm(predicted))
    if not min(norms) > 0:
        return np.nan, np.nan
    return float(reference @ predicted) / (norms[0] * norms[1]), norms[0] / norms[1]
