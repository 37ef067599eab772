"""Steps from frame to frame, compiled: by minimum image, and of positions that are unwrapped."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True, error_model="numpy")
def add_steps(
    positions: np.ndarray,
    cells: np.ndarray,
    inverses: np.ndarray,
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
    cells, inverses : (n_frames, 3, 3) float64, Å and 1/Å
    limits_A : (n_frames,) longest step that is taken for one
    before, unwrapped : (n_atoms, 3) float64, Å, the frame before `start` as it was given and as it
        came out; overwritten by the last
    kinds : (n_atoms,) int64, of the atoms
    squares : (n_frames, n_kinds) float64, Å², gets the sum of squared steps of each kind

    Returns
    -------
    tuple
        (-1, 0), or the first frame with a step above its limit, and the longest in it: NaN where a
        position is not finite.
    """
    for frame in range(start, len(positions)):
        cell, inverse = cells[frame], inverses[frame]
        longest = 0.0
        for atom in range(positions.shape[1]):
            x, y, z = (
                positions[frame, atom, 0],
                positions[frame, atom, 1],
                positions[frame, atom, 2],
            )
            dx, dy, dz = x - before[atom, 0], y - before[atom, 1], z - before[atom, 2]
            a = np.rint(dx * inverse[0, 0] + dy * inverse[1, 0] + dz * inverse[2, 0])
            b = np.rint(dx * inverse[0, 1] + dy * inverse[1, 1] + dz * inverse[2, 1])
            c = np.rint(dx * inverse[0, 2] + dy * inverse[1, 2] + dz * inverse[2, 2])
            dx -= a * cell[0, 0] + b * cell[1, 0] + c * cell[2, 0]
            dy -= a * cell[0, 1] + b * cell[1, 1] + c * cell[2, 1]
            dz -= a * cell[0, 2] + b * cell[1, 2] + c * cell[2, 2]
            square = dx * dx + dy * dy + dz * dz
            if not square <= longest:
                longest = square
                if not np.isfinite(square):
                    return frame, np.nan
            squares[frame, kinds[atom]] += square
            before[atom, 0], before[atom, 1], before[atom, 2] = x, y, z
            unwrapped[atom, 0] += dx
            unwrapped[atom, 1] += dy
            unwrapped[atom, 2] += dz
            positions[frame, atom, 0] = unwrapped[atom, 0]
            positions[frame, atom, 1] = unwrapped[atom, 1]
            positions[frame, atom, 2] = unwrapped[atom, 2]
        if longest > limits_A[frame] ** 2:
            return frame, np.sqrt(longest)
    return -1, 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def judge_steps(
    positions: np.ndarray,
    cell: np.ndarray,
    inverse: np.ndarray,
    limit_A: float,
    before: np.ndarray,
    kinds: np.ndarray,
    squares: np.ndarray,
    jumped: np.ndarray,
    far: np.ndarray,
) -> None:
    """Look at the steps of positions that are unwrapped already, in a constant cell.

    Parameters
    ----------
    positions : (n_frames, n_atoms, 3) float64, Å
    cell, inverse : (3, 3) float64, Å and 1/Å
    limit_A : longest step by minimum image that is taken for one
    before : (n_atoms, 3) float64, Å, the frame before; overwritten by the last
    kinds, squares : as in `add_steps`, of the steps by minimum image
    jumped, far : (n_frames,) int64, get the number of atoms that step by lattice vectors and no
        more than `limit_A` besides, and of those whose step by minimum image is longer
    """
    for frame in range(len(positions)):
        for atom in range(positions.shape[1]):
            x, y, z = (
                positions[frame, atom, 0],
                positions[frame, atom, 1],
                positions[frame, atom, 2],
            )
            dx, dy, dz = x - before[atom, 0], y - before[atom, 1], z - before[atom, 2]
            before[atom, 0], before[atom, 1], before[atom, 2] = x, y, z
            square = dx * dx + dy * dy + dz * dz
            if square <= limit_A * limit_A:  # of no lattice vector
                squares[frame, kinds[atom]] += square
                continue
            a = np.rint(dx * inverse[0, 0] + dy * inverse[1, 0] + dz * inverse[2, 0])
            b = np.rint(dx * inverse[0, 1] + dy * inverse[1, 1] + dz * inverse[2, 1])
            c = np.rint(dx * inverse[0, 2] + dy * inverse[1, 2] + dz * inverse[2, 2])
            dx -= a * cell[0, 0] + b * cell[1, 0] + c * cell[2, 0]
            dy -= a * cell[0, 1] + b * cell[1, 1] + c * cell[2, 1]
            dz -= a * cell[0, 2] + b * cell[1, 2] + c * cell[2, 2]
            square = dx * dx + dy * dy + dz * dz
            if square > limit_A * limit_A:
                far[frame] += 1
            elif a != 0 or b != 0 or c != 0:
                jumped[frame] += 1
            squares[frame, kinds[atom]] += square
