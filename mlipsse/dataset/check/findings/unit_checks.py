"""Units and signs: by work, by a pair potential fitted to the forces, else by magnitudes."""

from collections import defaultdict
from dataclasses import replace

import numpy as np
from ase import Atoms

from mlipsse import keys
from mlipsse.dataset.check.measures.labelled_set import LabelledSet, composition, labels
from mlipsse.dataset.check.measures.pair_fit import PairFit
from mlipsse.dataset.check.measures.verdict import Check, Numbers
from mlipsse.dataset.check.measures.work import AGREES, Ratios, work_ratios
from mlipsse.dataset.frames.label_units import (
    ENERGY_UNITS_EV,
    FORCE_UNITS_EV_A,
    PER_ATOM,
    STRESS_UNITS_EV_A3,
)
from mlipsse.units import EV_A3_TO_GPA

USUAL_FORCE_EV_A = (0.02, 12.0)
"""Root mean square over all components; crystals at 300 to 1500 K have 0.3 to 3."""

MAX_USUAL_STRESS_EV_A3 = 0.3
"""Median of the largest component, 48 GPa; a crystal strained by 3 % has up to 0.05."""

_MIN_GROUP = 8
_CLEAR_CORRELATION = 0.4
_CLEAR_MISFIT = 0.85
_FITTED = 0.8  # what fits give of a factor, in halides at 800 K and copper: 0.68 to 1
_AS_LIKELY = 0.5  # causes this close to the likeliest are named too
_TURN = 0.4  # what a turned sign costs a cause that explains the factor as well as another


def check_units(labelled: LabelledSet, fit: PairFit | None = None) -> list[Check]:
    """Energy, force and stress, each against the others.

    By work where frames of one basin allow it, else by the pair potential that fits the forces.
    """
    if not labelled.sound:
        return [
            Check(name, "skip", "No frame has finite labels.")
            for name in ("energy unit", "force unit and sign", "stress unit and sign")
        ]
    ratios = work_ratios(labelled)
    if fit is not None:
        ratios = _completed(ratios, fit.ratios)
    energy_off = _energy_is_off(ratios)
    return [
        _energy(labelled, ratios, off=energy_off),
        _forces(labelled, ratios, energy_off=energy_off),
        _stress(labelled, ratios, energy_off=energy_off),
    ]


def _completed(work: Ratios, pairs: Ratios) -> Ratios:
    """The ratios by work, and those of the pair potential where work leaves them open.

    Work along paths over barriers can mislead: where it finds a fault that the pair potential does
    not, the pair potential is believed. Another unit or sign shows in both.
    """
    if _gives_way((work.forces, work.forces_within), (pairs.forces, pairs.forces_within)):
        work = replace(
            work,
            forces=pairs.forces,
            forces_per_atom=pairs.forces_per_atom,
            forces_basis=pairs.forces_basis,
            forces_within=pairs.forces_within,
        )
    if _gives_way((work.stress, work.stress_within), (pairs.stress, pairs.stress_within)):
        work = replace(
            work,
            stress=pairs.stress,
            stress_per_volume=pairs.stress_per_volume,
            stress_basis=pairs.stress_basis,
            stress_within=pairs.stress_within,
        )
    return work


def _gives_way(work: tuple[float | None, float], pairs: tuple[float | None, float]) -> bool:
    """Whether a ratio, with the factor that it agrees within, is unknown or not believed."""
    return work[0] is None or (not _agree(*work) and _agree(*pairs))


def _agree(ratio: float | None, within: float = AGREES) -> bool:
    return ratio is not None and 1 / within < ratio < within


def _energy_is_off(ratios: Ratios) -> bool:
    """Forces and stresses agree with each other and not with the energies."""
    if ratios.forces is None or ratios.forces < 0 or _agree(ratios.forces, ratios.forces_within):
        return False
    if ratios.stress is not None:
        return _agree(ratios.stress / ratios.forces)
    return _agree(ratios.forces_per_atom)


def _energy(labelled: LabelledSet, ratios: Ratios, *, off: bool) -> Check:
    per_atom = [float(labels(f)[keys.ENERGY]) / len(f) for f in _frames(labelled)]
    numbers: Numbers = {
        "median_eV_atom": float(np.median(per_atom)),
        "pairs": ratios.pairs,
    }
    name = "energy unit"
    if off and ratios.forces is not None:
        in_units = {unit: 1 / value for unit, value in ENERGY_UNITS_EV.items()}
        if ratios.forces_per_atom is not None:
            in_units[PER_ATOM] = ratios.forces / ratios.forces_per_atom
        cause = _cause(in_units, ratios.forces)
        numbers["factor_wanted"] = 1 / ratios.forces
        return Check(
            name,
            "fail",
            f"Energy differences are {ratios.forces:.3g} times what forces and stresses imply: "
            f"{cause}. Normalise with the right --energy-unit.",
            numbers,
        )
    if ratios.forces is None:
        return Check(
            name,
            "skip",
            f"The median is {numbers['median_eV_atom']:.4g} eV/atom; too few frames lie in one "
            "basin to check whether the unit is eV. Check with a model (--potential).",
            numbers,
        )
    return Check(name, "pass", f"The median is {numbers['median_eV_atom']:.4g} eV/atom.", numbers)


def _forces(labelled: LabelledSet, ratios: Ratios, *, energy_off: bool) -> Check:
    squares = [np.mean(labels(frame)[keys.FORCES] ** 2) for frame in _frames(labelled)]
    rms_eV_A = float(np.sqrt(np.median(squares)))
    numbers: Numbers = {
        "rms_eV_A": rms_eV_A,
        "energy_over_work": ratios.forces,
        "pairs": ratios.pairs,
    }
    name = "force unit and sign"
    if (
        ratios.forces is not None
        and not energy_off
        and not _agree(ratios.forces, ratios.forces_within)
    ):
        factor = ratios.forces
        causes = []
        if factor < 0:
            causes.append("they are gradients, with the wrong sign: multiply them by -1")
        if not _agree(-factor):
            causes.append(f"{_cause(FORCE_UNITS_EV_A, abs(factor))} (--force-unit)")
        if ratios.stress is None and factor > 0:  # nothing else that the energies could agree with
            in_units = {unit: 1 / value for unit, value in ENERGY_UNITS_EV.items()}
            causes.append(f"or, of the energies, {_cause(in_units, factor)} (--energy-unit)")
        return Check(
            name,
            "fail",
            f"Forces would have to be {factor:.3g} times as large to agree with "
            f"{ratios.forces_basis}: {'; '.join(causes)}.",
            numbers,
        )
    measured = f"Their root mean square is {rms_eV_A:.3g} eV/Å"
    low, high = USUAL_FORCE_EV_A
    if not low < rms_eV_A < high:
        return Check(
            name,
            "warn",
            f"{measured}, outside the {low:g} to {high:g} of crystals at temperature. Relaxed "
            "frames have less; otherwise check the units (Ha/bohr is 51 eV/Å, kcal/mol/Å 0.043).",
            numbers,
        )
    if ratios.forces is None:
        return Check(
            name,
            "skip",
            f"{measured}, which is usual; the sign cannot be checked with these frames.",
            numbers,
        )
    if energy_off:
        return Check(name, "pass", f"{measured}; they agree with the stresses.", numbers)
    return Check(
        name,
        "pass",
        f"{measured}; they agree with {ratios.forces_basis} (factor {ratios.forces:.2f}).",
        numbers,
    )


def _stress(labelled: LabelledSet, ratios: Ratios, *, energy_off: bool) -> Check:
    name = "stress unit and sign"
    stresses = [labels(f)[keys.STRESS] for f in _frames(labelled) if keys.STRESS in labels(f)]
    if not stresses:
        return Check(name, "skip", "No frame has a stress.")
    largest = float(np.median([np.abs(stress).max() for stress in stresses]))
    numbers: Numbers = {
        "median_largest_eV_A3": largest,
        "energy_over_work": ratios.stress,
        "pairs": ratios.pairs,
    }
    measured = f"The median of the largest components is {largest:.3g} eV/Å³"
    if (
        ratios.stress is not None
        and not energy_off
        and not _agree(ratios.stress, ratios.stress_within)
    ):
        forces = ""
        if ratios.forces is None and ratios.stress > 0:
            forces = f"; or of the forces, {_cause(FORCE_UNITS_EV_A, 1 / ratios.stress)}"
        return Check(
            name,
            "fail",
            f"Stresses would have to be {ratios.stress:.3g} times as large to agree with "
            f"{ratios.stress_basis}: {_stress_cause(ratios)}{forces}.",
            numbers,
        )
    if ratios.stress is not None:
        return Check(
            name,
            "pass",
            f"{measured}; they agree with {ratios.stress_basis} (factor {ratios.stress:.2f}).",
            numbers,
        )
    if largest > MAX_USUAL_STRESS_EV_A3:
        return Check(
            name,
            "fail",
            f"{measured}, {largest * EV_A3_TO_GPA:.0f} GPa: the unit is kB or GPa. Normalise with "
            "the right --stress-unit.",
            numbers,
        )
    correlation = _correlation_with_volume(labelled)
    numbers["correlation_with_volume"] = correlation
    if correlation is None or abs(correlation) < _CLEAR_CORRELATION:
        return Check(
            name,
            "skip",
            f"{measured}, which is usual; the cells of one composition differ too little to check "
            "the sign. Check with a model (--potential).",
            numbers,
        )
    if correlation < 0:
        return Check(
            name,
            "fail",
            f"The mean stress falls as the volume grows (correlation {correlation:.2f}), so the "
            "sign is wrong. Normalise with --stress-sign compression.",
            numbers,
        )
    return Check(
        name,
        "pass",
        f"{measured} and rises with the volume (correlation {correlation:.2f}).",
        numbers,
    )


def _stress_cause(ratios: Ratios) -> str:
    """The unit and sign, or virials, that come nearest to the fitted factor."""
    factor = ratios.stress or 0.0
    turned = "their sign is wrong (ASE's is positive under tension, VASP's is not)"
    if _agree(-factor):
        return f"{turned}. Normalise with --stress-sign compression"
    unit = min(STRESS_UNITS_EV_A3, key=lambda unit: _distance(STRESS_UNITS_EV_A3[unit], factor))
    scores = {}
    if factor > 0:
        as_unit = f"they are in {unit} (--stress-unit {unit})"
    else:
        as_unit = (
            f"they are in {unit} and {turned} (--stress-unit {unit} --stress-sign compression)"
        )
    scores[as_unit] = _distance(STRESS_UNITS_EV_A3[unit], factor) + (_TURN if factor < 0 else 0.0)
    if (virials := ratios.stress_per_volume) is not None:
        turn = "" if virials < 0 else " --stress-sign compression"
        as_virial = f"these are virials, not divided by the volume (--virial-key NAME{turn})"
        scores[as_virial] = _distance(1.0, virials) + (_TURN if virials > 0 else 0.0)
        if not _CLEAR_MISFIT < ratios.virial_misfit < 1 / _CLEAR_MISFIT:
            scores.pop(as_unit if ratios.virial_misfit < 1 else as_virial)
    best = min(scores.values())
    likely = [
        cause
        for cause in sorted(scores, key=lambda c: scores[c])
        if scores[cause] < min(best + _AS_LIKELY, np.log(AGREES) + _TURN)
    ]
    return f"{'; or '.join(likely) or 'in no known unit'}. Normalise accordingly"


def _distance(unit: float, factor: float) -> float:
    """Distance of a fitted factor from the expectation for a unit, on a logarithmic scale."""
    return abs(float(np.log(_FITTED * unit / abs(factor))))


def _cause(units: dict[str, float], factor: float) -> str:
    """The unit that explains a factor, or those that do nearly as well."""
    distances = {unit: _distance(value, factor) for unit, value in units.items()}
    likely = [
        unit
        for unit in sorted(distances, key=lambda unit: distances[unit])
        if distances[unit] < min(min(distances.values()) + _AS_LIKELY, np.log(AGREES))
    ]
    if not likely or _agree(units[likely[0]]):
        return "in no known unit"
    return f"they are in {' or '.join(likely)}"


def _correlation_with_volume(labelled: LabelledSet) -> float | None:
    """Correlation of the mean stress with the volume per atom, within compositions."""
    groups: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for frame in _frames(labelled):
        found = labels(frame)
        if keys.STRESS in found and frame.cell.rank == 3:
            volume_A3 = frame.get_volume() / len(frame)
            groups[composition(frame)].append((volume_A3, float(found[keys.STRESS][:3].mean())))
    whole = [np.array(group) for group in groups.values() if len(group) >= _MIN_GROUP]
    if not whole:
        return None
    volumes, stresses = np.concatenate([group - group.mean(axis=0) for group in whole]).T
    if volumes.std() < 0.003 * np.mean([group[:, 0].mean() for group in whole]):
        return None
    return float(np.corrcoef(volumes, stresses)[0, 1]) if stresses.std() > 0 else None


def _frames(labelled: LabelledSet) -> list[Atoms]:
    return [labelled.frames[k] for k in labelled.sound]
