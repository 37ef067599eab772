"""Frames that are there twice: within a split they count double, across splits they leak."""

import numpy as np

from mlipsse import keys
from mlipsse.dataset.check.measures.copies import (
    NEAR_A,
    SAME_A,
    find_twins,
    neighbours_across,
)
from mlipsse.dataset.check.measures.labelled_set import LabelledSet, labels
from mlipsse.dataset.check.measures.verdict import Check, Numbers, some

MAX_NEAR_FRACTION = 0.05
"""Share of frames with a near-identical one in their split; above it, sampling was too dense."""

MAX_ENERGY_GAP_EV_ATOM = 0.001
"""Between labels of the same structure: SCF convergence gives far less."""


def check_copies(labelled: LabelledSet) -> list[Check]:
    """Duplicates within splits and leakage between them."""
    kept = [k for k in labelled.crystals if labelled.finite[k]]
    twins = find_twins([labelled.frames[k] for k in kept])
    index = np.array(kept, dtype=int)
    first, second = index[twins.first], index[twins.second]
    splits = np.array(labelled.splits)
    across = splits[first] != splits[second]
    within = [(int(a), int(b)) for a, b in zip(first[~across], second[~across], strict=True)]
    between = [(int(a), int(b)) for a, b in zip(first[across], second[across], strict=True)]
    near = neighbours_across([labelled.frames[k] for k in kept], [labelled.splits[k] for k in kept])
    neighbours = [(int(index[a]), int(index[b])) for a, b, _ in near]
    return [
        _duplicates(labelled, within, twins.apart_A[~across], len(kept)),
        _leakage(labelled, list(dict.fromkeys([*between, *neighbours]))),
    ]


def _duplicates(
    labelled: LabelledSet, pairs: list[tuple[int, int]], apart_A: np.ndarray, frames: int
) -> Check:
    same = [pair for pair, distance in zip(pairs, apart_A, strict=True) if distance < SAME_A]
    torn = [pair for pair in same if _energy_gap(labelled, pair) > MAX_ENERGY_GAP_EV_ATOM]
    near = {k for pair in pairs for k in pair}
    numbers: Numbers = {
        "identical_pairs": len(same),
        "near_identical_frames": len(near),
        "identical_with_other_energy": len(torn),
    }
    if same:
        findings = f"{len(same)} pairs of frames are identical ({_shown(labelled, same)})"
        if torn:
            findings += (
                f"; in {len(torn)} of them energies differ, so labels come from two settings "
                f"({_shown(labelled, torn)})"
            )
        return Check("duplicates", "fail", f"{findings}. Keep one of each.", numbers)
    if len(near) > MAX_NEAR_FRACTION * frames:
        return Check(
            "duplicates",
            "warn",
            f"{len(near)} of {frames} frames have another within {NEAR_A:g} Å "
            f"({_shown(labelled, pairs)}): their labels add little. Take frames further apart.",
            numbers,
        )
    return Check("duplicates", "pass", "No frame occurs twice.", numbers)


def _leakage(labelled: LabelledSet, pairs: list[tuple[int, int]]) -> Check:
    splits_of: dict[str, set[str]] = {}
    for frame, split in zip(labelled.frames, labelled.splits, strict=True):
        if keys.TRAJECTORY in frame.info:
            splits_of.setdefault(str(frame.info[keys.TRAJECTORY]), set()).add(split)
    shared = [name for name, found in splits_of.items() if len(found) > 1]
    numbers: Numbers = {
        "shared_trajectories": len(shared),
        "near_identical_pairs": len(pairs),
        "frames_without_trajectory": sum(
            keys.TRAJECTORY not in frame.info for frame in labelled.frames
        ),
    }
    if len(set(labelled.splits)) < 2:
        return Check(
            "leakage",
            "skip",
            "There is only one split. Give the others with --valid and --test.",
            numbers,
        )
    findings = []
    if shared:
        findings.append(f"{len(shared)} trajectories have frames in two splits ({some(shared)})")
    if pairs:
        findings.append(
            f"{len(pairs)} pairs of frames are near-identical ({_shown(labelled, pairs)})"
        )
    if findings:
        return Check(
            "leakage",
            "fail",
            f"Between splits {'; '.join(findings)}: errors on them would be too small. Split by "
            "whole trajectories.",
            numbers,
        )
    return Check("leakage", "pass", "Splits share no trajectory and no structure.", numbers)


def _energy_gap(labelled: LabelledSet, pair: tuple[int, int]) -> float:
    energies = [labels(labelled.frames[k]).get(keys.ENERGY) for k in pair]
    if energies[0] is None or energies[1] is None:
        return 0.0
    return abs(float(energies[0] - energies[1])) / len(labelled.frames[pair[0]])


def _shown(labelled: LabelledSet, pairs: list[tuple[int, int]]) -> str:
    return some([" = ".join(labelled.at(pair)) for pair in pairs])
