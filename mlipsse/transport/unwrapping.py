"""Positions that jump across the cell's faces, made continuous."""

import numpy as np

from mlipsse.errors import MlipsseError

LONGEST_STEP = 1 / 3
"""Of the shortest height of the cell: atoms that move further between two frames may have gone
either way round. From one half on they certainly may."""


def unwrap(
    positions: np.ndarray, cells: np.ndarray, *, where: str = "the trajectory"
) -> np.ndarray:
    """Continuous positions from wrapped ones, by minimum-image steps from frame to frame.

    The toroidal view of von Bülow, Bullerjahn and Hummer, J. Chem. Phys. 153, 021101 (2020), doi
    10.1063/5.0008316: u(t+1) = u(t) + [w(t+1) - w(t)], the bracket by minimum image in the cell of
    frame t+1. Where the cell fluctuates, other schemes (whole lattice vectors, image flags)
    multiply the fluctuation by the number of images travelled, and give a wrong diffusivity.

    Parameters
    ----------
    positions : (n_frames, n_atoms, 3) float64, Å, wrapped or not
    cells : (3, 3) or (n_frames, 3, 3) float64, Å, rows are lattice vectors
    where : names the source in messages

    Returns
    -------
    (n_frames, n_atoms, 3) float64, Å; the first frame is that of `positions`.

    Raises
    ------
    MlipsseError
        when an atom moves by more than a third of the cell's shortest height between two frames.
    """
    cells = np.broadcast_to(np.asarray(cells, dtype=float), (len(positions), 3, 3))
    unwrapped = np.empty_like(positions, dtype=float)
    unwrapped[0] = positions[0]
    for frame in range(1, len(positions)):
        cell = cells[frame]
        inverse = np.linalg.inv(cell)
        steps = positions[frame] - positions[frame - 1]
        steps -= np.rint(steps @ inverse) @ cell
        limit_A = LONGEST_STEP / np.linalg.norm(inverse, axis=0).max()
        longest_A = float(np.sqrt((steps**2).sum(axis=1).max(initial=0.0)))
        if not longest_A <= limit_A:
            raise MlipsseError(
                f"An atom of {where} moves by {longest_A:.2f} Å from frame {frame - 1} to {frame}, "
                f"more than a third of the cell's shortest height ({limit_A:.2f} Å): which way it "
                "went cannot be told. Write frames more often, or write unwrapped positions."
            )
        np.add(unwrapped[frame - 1], steps, out=unwrapped[frame])
    return unwrapped


def wrap(positions: np.ndarray, cells: np.ndarray, origins: np.ndarray) -> np.ndarray:
    """Positions inside the cell of their frame, which begins at its origin.

    Parameters
    ----------
    positions : (n_frames, n_atoms, 3) float64, Å
    cells : (n_frames, 3, 3) float64, Å, rows are lattice vectors
    origins : (n_frames, 3) float64, Å
    """
    relative = positions - origins[:, None]
    images = np.floor(np.einsum("fai,fij->faj", relative, np.linalg.inv(cells)))
    return positions - np.einsum("fai,fij->faj", images, cells)
