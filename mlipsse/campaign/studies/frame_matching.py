"""Which frames of two files are the same crystal, whatever program wrote them."""

from collections.abc import Iterator, Sequence

import numpy as np
from ase import Atoms

_SAME_A = 1e-3
"""Places of two frames differ by less when they are the same frame, written by two programs."""


def matching_frames(
    frames: Sequence[Atoms], others: Sequence[Atoms]
) -> Iterator[tuple[Atoms, Atoms]]:
    """Pairs of frames that are the same, atom by atom, up to lattice vectors; each is used once."""
    waiting = list(others)
    for frame in frames:
        for number, other in enumerate(waiting):
            if _same(frame, other):
                yield frame, waiting.pop(number)
                break


def _same(one: Atoms, other: Atoms) -> bool:
    if len(one) != len(other) or (one.numbers != other.numbers).any():
        return False
    if np.abs(one.cell.array - other.cell.array).max() > _SAME_A:
        return False
    apart = (one.positions - other.positions) @ np.linalg.inv(one.cell.array)
    return bool(np.abs((apart - np.rint(apart)) @ one.cell.array).max() < _SAME_A)
