"""Whether cells are periodic and positions in Å, which labels show too late or not at all."""

import numpy as np
from ase import Atoms
from ase.data import covalent_radii

from mlipsse.dataset.check.measures.labelled_set import LabelledSet
from mlipsse.dataset.check.measures.verdict import Check, Numbers, some
from mlipsse.dataset.frames.isolated import VACUUM_A

LEAST_RATIO, MOST_RATIO = 0.7, 1.6
"""Ratio of the nearest-neighbour distance to the sum of the covalent radii (Cordero et
al. 2008, doi 10.1039/b801115j), median of a set: 0.9 to 1.2 in metals, salts and molecules. Lengths
in bohr that are taken for Å make it 1.7 to 2.3, lengths in Å that are taken for bohr 0.5 to 0.6."""

_REACH_A = 12.0
_MOST_FRAMES = 50

LENGTH_UNIT = "length unit"
"""Name of the check of positions."""


def check_periodic(labelled: LabelledSet) -> Check:
    """Crystals are periodic along every vector of their cell, unless vacuum lies there."""
    open_ = [k for k in labelled.crystals if labelled.finite[k] and _cut_open(labelled.frames[k])]
    return Check.fails_if(
        open_,
        "periodicity",
        {"cut_open": len(open_)},
        fails=f"{len(open_)} frames fill their cell and are not periodic in all directions "
        f"({some(labelled.at(open_))}): training would leave out neighbours across the faces. "
        'Write pbc="T T T" into them.',
        passes="Every crystal is periodic.",
    )


def _cut_open(frame: Atoms) -> bool:
    if frame.cell.rank < 3 or frame.pbc.all():
        return False
    heights_A = frame.get_volume() / np.linalg.norm(
        np.cross(frame.cell[[1, 2, 0]], frame.cell[[2, 0, 1]]), axis=1
    )
    for axis in np.flatnonzero(~frame.pbc):
        places = np.sort(frame.get_scaled_positions(wrap=True)[:, axis])
        gap = np.diff(np.append(places, places[0] + 1)).max()
        if gap * heights_A[axis] < VACUUM_A:
            return True
    return False


def check_lengths(labelled: LabelledSet) -> Check:
    """Neighbours as near as bonds are."""
    chosen = [k for k in labelled.crystals if labelled.finite[k]]
    chosen = chosen[:: max(1, len(chosen) // _MOST_FRAMES)]
    ratios = [ratio for k in chosen if (ratio := _nearest_ratio(labelled.frames[k])) is not None]
    if not ratios:
        return Check(
            LENGTH_UNIT, "skip", f"No frame has a cell and two atoms within {_REACH_A:g} Å."
        )
    median = float(np.median(ratios))
    numbers: Numbers = {"nearest_over_radii": median, "frames": len(ratios)}
    measured = (
        f"Nearest neighbours lie {median:.2f} times as far apart as the sum of covalent radii"
    )
    cause = "in bohr or of another crystal" if median > 1 else "in nm or bohr taken for Å"
    return Check.fails_if(
        not LEAST_RATIO < median < MOST_RATIO,
        LENGTH_UNIT,
        numbers,
        fails=f"{measured}, where crystals have 0.9 to 1.2: positions and cells are {cause}. Write "
        "them in Å.",
        passes=f"{measured}.",
    )


def _nearest_ratio(frame: Atoms) -> float | None:
    """Median over the atoms."""
    from matscipy.neighbours import neighbour_list

    if len(frame) < 2 or frame.cell.rank < 3:
        return None
    for cutoff_A in (4.0, _REACH_A):
        first, second, distance_A = neighbour_list("ijd", frame, cutoff_A)
        if len(np.unique(first)) == len(frame):
            break
    if not len(first):
        return None
    radii_A = covalent_radii[frame.numbers]
    nearest = np.full(len(frame), np.inf)
    np.minimum.at(nearest, first, distance_A / (radii_A[first] + radii_A[second]))
    return float(np.median(nearest[np.isfinite(nearest)]))
