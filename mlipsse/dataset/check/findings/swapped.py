"""Forces of two atoms that were exchanged in every frame of a trajectory.

The pair potential that fits the forces of a set knows which force is whose: where two atoms have
each other's, it explains nothing of them as they stand, and most of them exchanged.
"""

from collections import defaultdict

import numpy as np

from mlipsse import keys
from mlipsse.dataset.check.measures.labelled_set import labels
from mlipsse.dataset.check.measures.pair_fit import FittedFrame, PairFit
from mlipsse.dataset.check.measures.verdict import Check, Numbers, some

_MIN_FRAMES = 3
_LEFT_AS_THEY_STAND, _LEFT_EXCHANGED, _GAIN = 0.7, 0.5, 0.4
"""Of the squared forces of two atoms: what the fit leaves at least as they stand and at most
exchanged, and the largest ratio of the second to the first. No pair of sound sets comes near."""


def check_swapped(fit: PairFit | None) -> Check:
    """Pairs of atoms that have each other's forces throughout a trajectory."""
    name = "forces of swapped atoms"
    groups: dict[tuple[object, bytes], list[FittedFrame]] = defaultdict(list)
    for frame in fit.fitted if fit is not None else ():
        trajectory = frame.atoms.info.get(keys.TRAJECTORY)
        groups[(trajectory, frame.atoms.numbers.tobytes())].append(frame)
    whole = [group for group in groups.values() if len(group) >= _MIN_FRAMES]
    if not whole:
        return Check(name, "skip", f"No trajectory has {_MIN_FRAMES} frames that were fitted.")
    found: dict[str, int] = {}
    frames = 0
    for group in whole:
        pairs = _exchanged(group)
        frames += len(group) if pairs else 0
        for first, second in pairs:
            symbols = group[0].atoms.get_chemical_symbols()
            pair = f"{symbols[first]} {first} and {symbols[second]} {second}"
            found[pair] = found.get(pair, 0) + len(group)
    numbers: Numbers = {"trajectories": len(whole), "frames_with_swapped_forces": frames}
    if found:
        named = some(sorted(found, key=lambda one: -found[one]))
        return Check(
            name,
            "fail",
            f"In {frames} frames atoms have each other's forces ({named}, counted from 0), by "
            "a pair potential fitted to all: the order of the atoms changed between positions and "
            "labels. Pair them anew.",
            numbers,
        )
    return Check(name, "pass", "No two atoms have each other's forces.", numbers)


def _exchanged(group: list[FittedFrame]) -> list[tuple[int, int]]:
    """Pairs of atoms whose forces the fit explains exchanged and not as they stand."""
    stand: np.ndarray | float = 0.0
    exchanged: np.ndarray | float = 0.0
    whole: np.ndarray | float = 0.0
    for frame in group:
        forces = labels(frame.atoms)[keys.FORCES]
        squares = np.sum(forces**2, axis=1)
        size = max(float(squares.mean()), 1e-12)
        apart = np.sum((forces[:, None] - frame.forces_eV_A[None]) ** 2, axis=2) / size
        own = np.diag(apart)
        stand = stand + np.add.outer(own, own)
        exchanged = exchanged + apart + apart.T
        whole = whole + np.add.outer(squares, squares) / size
    wrong = (
        (stand > _LEFT_AS_THEY_STAND * whole)
        & (exchanged < _LEFT_EXCHANGED * whole)
        & (exchanged < _GAIN * stand)
    )
    first, second = np.nonzero(np.triu(wrong, 1))
    return list(zip(first.tolist(), second.tolist(), strict=True))
