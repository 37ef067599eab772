"""Whether labels are there, are numbers, and add up to no net force."""

from collections.abc import Mapping

import numpy as np

from mlipsse import keys
from mlipsse.dataset.check.measures.forceless import constrained_atoms
from mlipsse.dataset.check.measures.labelled_set import LabelledSet, labels
from mlipsse.dataset.check.measures.verdict import Check, Numbers, some
from mlipsse.energetics.single_point import force_noise_eV_A

WARN_FORCE_NOISE_EV_A = 0.01
FAIL_FORCE_NOISE_EV_A = 0.05
"""Errors of forces as net forces show them (`force_noise_eV_A`). Forces of a model sum to zero by
construction, so it cannot learn the error; above the second it is as large as that of a good
fine-tuning. Grids that are fine enough leave a few meV/Å."""


def check_keys(labelled: LabelledSet) -> Check:
    """Energy and forces in every frame; an isolated atom needs no forces."""
    alone = set(labelled.isolated)
    lacking = {
        key: [
            k
            for k, frame in enumerate(labelled.frames)
            if key not in labels(frame) and not (k in alone and key == keys.FORCES)
        ]
        for key in (keys.ENERGY, keys.FORCES)
    }
    numbers = {"frames": len(labelled.frames)} | {
        f"without_{key}": len(frames) for key, frames in lacking.items()
    }
    gaps = [
        f"{len(frames)} frames lack {key} ({some(labelled.at(frames))})"
        for key, frames in lacking.items()
        if frames
    ]
    return Check.fails_if(
        gaps,
        "keys",
        dict(numbers),
        fails=f"{'; '.join(gaps)}. Label them, remove them, or name the keys of the labels "
        "(--energy-key, --forces-key).",
        passes="Every frame has an energy and forces.",
    )


def check_stress_present(labelled: LabelledSet) -> Check:
    """A stress in every crystal."""
    lacking = [k for k in labelled.crystals if keys.STRESS not in labels(labelled.frames[k])]
    return Check.fails_if(
        lacking,
        "stress present",
        {"without_stress": len(lacking)},
        fails=f"{len(lacking)} of {len(labelled.crystals)} frames have no stress "
        f"({some(labelled.at(lacking))}): training would read it as absent or zero. Label them "
        "with stress, remove them, or name its key (--stress-key, --virial-key).",
        passes="Every crystal has a stress.",
    )


def check_finite(labelled: LabelledSet) -> Check:
    """No NaN, no infinity, no labels that are all zero."""
    bad = [k for k, finite in enumerate(labelled.finite) if not finite]
    return Check.fails_if(
        bad,
        "finite",
        {"not_finite": len(bad)},
        fails=f"{len(bad)} frames contain numbers that are not finite "
        f"({some(labelled.at(bad))}). Remove them, or label them again.",
        passes="All labels, positions and cells are finite.",
    )


def check_zero(labelled: LabelledSet) -> Check:
    """Labels that are all zero, and atoms whose forces constraints have zeroed."""
    found = {}
    for key in (keys.ENERGY, keys.FORCES, keys.STRESS):
        with_key = [k for k in labelled.sound if key in labels(labelled.frames[k])]
        zero = [k for k in with_key if not labels(labelled.frames[k])[key].any()]
        if zero and len(zero) == len(with_key):
            found[key] = len(zero)
    unstressed = [k for k in labelled.crystals if _is_unstressed(labels(labelled.frames[k]))]
    frames = [labelled.frames[k] for k in labelled.sound]
    constrained = constrained_atoms(frames, [labels(frame)[keys.FORCES] for frame in frames])
    places = labelled.at([labelled.sound[k] for k in constrained])
    numbers: Numbers = {f"zero_{k}": v for k, v in found.items()}
    numbers["frames_with_forceless_atoms"] = len(constrained)
    numbers["frames_without_stress"] = len(unstressed)
    if found:
        return Check(
            "zero labels",
            "fail",
            f"{', '.join(found)} are zero in every frame, as after a reader that found no labels. "
            "Label again, or name the keys of the labels.",
            numbers,
        )
    if unstressed:
        return Check(
            "zero labels",
            "fail",
            f"{len(unstressed)} of {len(labelled.crystals)} frames have forces, but a stress of "
            f"exactly zero ({some(labelled.at(unstressed))}): it was not computed there. Label "
            "them again with stress, or remove them.",
            numbers,
        )
    if constrained:
        return Check(
            "zero labels",
            "fail",
            f"In {len(constrained)} frames or more up to {max(constrained.values())} atoms have "
            f"forces of exactly zero, which no symmetry explains ({some(places)}): constraints "
            "zeroed them. Label again without constraints, or write the forces before they were "
            "applied.",
            numbers,
        )
    return Check("zero labels", "pass", "No label is zero throughout.", numbers)


def _is_unstressed(found: Mapping[str, np.ndarray]) -> bool:
    """Whether a frame has forces that are not zero, and a stress of which all components are."""
    forces, stress = found.get(keys.FORCES), found.get(keys.STRESS)
    return bool(stress is not None and not stress.any() and forces is not None and forces.any())


def check_net_force(labelled: LabelledSet) -> Check:
    """Forces of a frame sum to zero."""
    if not labelled.sound:
        return Check("net force", "skip", "No frame has forces.")
    noise_eV_A = np.array(
        [force_noise_eV_A(labels(labelled.frames[k])[keys.FORCES]) for k in labelled.sound]
    )
    above = [
        k
        for k, noise in zip(labelled.sound, noise_eV_A, strict=True)
        if noise > FAIL_FORCE_NOISE_EV_A
    ]
    numbers: Numbers = {
        "max_noise_eV_A": float(noise_eV_A.max()),
        "median_noise_eV_A": float(np.median(noise_eV_A)),
        "frames_above_limit": len(above),
    }
    worst = f"By net forces, errors of forces are up to {1000 * noise_eV_A.max():.2g} meV/Å"
    if above:
        return Check(
            "net force",
            "fail",
            f"{worst}, above {1000 * FAIL_FORCE_NOISE_EV_A:g} in {len(above)} frames "
            f"({some(labelled.at(above))}): the grid is too coarse, the calculation did not "
            "converge, forces of fixed atoms were zeroed, or atoms are missing. Label them again.",
            numbers,
        )
    if noise_eV_A.max() > WARN_FORCE_NOISE_EV_A:
        return Check(
            "net force",
            "warn",
            f"{worst}, above {1000 * WARN_FORCE_NOISE_EV_A:g}. A finer grid would be better.",
            numbers,
        )
    return Check("net force", "pass", f"{worst}.", numbers)
