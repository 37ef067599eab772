"""Steps from frame to frame: by minimum image, and of positions that are unwrapped."""

from collections.abc import Iterator

import numpy as np

_POSITIONS_AT_ONCE = 20_000
"""Frames are taken together up to so many positions: more leave the processor's cache."""


def add_steps(
    positions: np.ndarray,
    cells: np.ndarray,
    limits_A: np.ndarray,
    before: np.ndarray,
    unwrapped: np.ndarray,
    start: int,
    kinds: np.ndarray,
    squares: np.ndarray,
) -> tuple[int, float]:
    """Unwrap `positions` from frame `start` on where they lie.

    Parameters
    ----------
    positions : (n_frames, n_atoms, 3) float64, Å
    cells : (n_frames, 3, 3) float64, Å
    limits_A : (n_frames,) longest step that is taken for one
    before, unwrapped : (n_atoms, 3) float64, Å, the frame before `start` as it was given and as it
        came out
    kinds : (n_atoms,) int64, of the atoms
    squares : (n_frames, n_kinds) float64, Å², gets the sum of squared steps of each kind

    Returns
    -------
    tuple
        (-1, 0), or the first frame with a step above its limit, and the longest in it: NaN where a
        position is not finite.
    """
    for frames in _pieces(start, *positions.shape[:2]):
        raw = positions[frames].copy()
        steps = np.diff(raw, axis=0, prepend=before[None])
        with np.errstate(invalid="ignore"):  # positions that are not finite
            steps -= np.rint(steps @ np.linalg.inv(cells[frames])) @ cells[frames]
        lengths = np.einsum("tia,tia->ti", steps, steps)
        squares[frames] += _by_kind(lengths, kinds, squares.shape[1])
        longest_A = np.sqrt(lengths.max(axis=1, initial=0.0))
        wrong = ~(longest_A <= limits_A[frames])
        if wrong.any():
            first = int(np.argmax(wrong))
            finite = np.isfinite(longest_A[first])
            return frames.start + first, float(longest_A[first]) if finite else np.nan
        steps[0] += unwrapped
        np.cumsum(steps, axis=0, out=positions[frames])
        before, unwrapped = raw[-1], positions[frames][-1]
    return -1, 0.0


def judge_steps(
    positions: np.ndarray,
    cell: np.ndarray,
    limit_A: float,
    before: np.ndarray,
    kinds: np.ndarray,
    squares: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Look at the steps of positions that are unwrapped already, in a constant cell.

    Parameters
    ----------
    positions : (n_frames, n_atoms, 3) float64, Å
    cell : (3, 3) float64, Å
    limit_A : longest step by minimum image that is taken for one
    before : (n_atoms, 3) float64, Å, the frame before
    kinds, squares : as in `add_steps`, of the steps by minimum image

    Returns
    -------
    tuple
        jumped, far : (n_frames,) int64, numbers of atoms that step by lattice vectors and no more
        than `limit_A` besides, and of those whose step by minimum image is longer.
    """
    jumped = np.zeros(len(positions), dtype=np.int64)
    far = np.zeros(len(positions), dtype=np.int64)
    inverse = np.linalg.inv(cell)
    for frames in _pieces(0, *positions.shape[:2]):
        steps = np.diff(positions[frames], axis=0, prepend=before[None])
        before = positions[frames][-1]
        lengths = np.einsum("tia,tia->ti", steps, steps)
        frame, atom = np.nonzero(~(lengths <= limit_A**2))
        if len(frame):
            with np.errstate(invalid="ignore"):  # positions that are not finite
                images = np.rint(steps[frame, atom] @ inverse)
                apart = steps[frame, atom] - images @ cell
            lengths[frame, atom] = (apart**2).sum(axis=1)
            is_far = lengths[frame, atom] > limit_A**2
            size = len(steps)
            far[frames] += np.bincount(frame[is_far], minlength=size)
            shifted = ~is_far & images.any(axis=1)
            jumped[frames] += np.bincount(frame[shifted], minlength=size)
        squares[frames] += _by_kind(lengths, kinds, squares.shape[1])
    return jumped, far


def _pieces(start: int, n_frames: int, n_atoms: int) -> Iterator[slice]:
    size = max(1, _POSITIONS_AT_ONCE // n_atoms)
    for first in range(start, n_frames, size):
        yield slice(first, min(first + size, n_frames))


def _by_kind(lengths: np.ndarray, kinds: np.ndarray, n_kinds: int) -> np.ndarray:
    """Sums over the atoms of each kind, (n_frames, n_kinds), of (n_frames, n_atoms)."""
    return np.stack([lengths[:, kinds == kind].sum(axis=1) for kind in range(n_kinds)], axis=1)
