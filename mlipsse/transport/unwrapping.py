"""Positions that jump across the cell's faces, made continuous."""

import numpy as np

from mlipsse.errors import MlipsseError

LONGEST_STEP = 1 / 3
"""Of the shortest height of the cell: atoms that move further between two frames may have gone
either way round. From one half on they certainly may."""

SAME_CELL_A = 1e-6
"""Cells whose components differ by no more are one cell, written with other roundings."""


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
    unwrapped = np.array(positions, dtype=float)
    cells = np.broadcast_to(np.asarray(cells, dtype=float), (len(unwrapped), 3, 3))
    _add_steps(unwrapped, cells, unwrapped[0].copy(), unwrapped[0].copy(), 1, where, 0)
    return unwrapped


class Unwrapping:
    """Unwraps a trajectory block by block: what the last frame left behind goes into the next.

    Where the cell is constant, positions that are `trusted` stay as they are and others are
    unwrapped by steps (see `unwrap`). From the first frame on whose cell is another one, all are
    put back into the cell and unwrapped by steps: lattice vectors that were added on the way
    have changed their lengths since. Between two files a step is taken by minimum image whatever
    the source, for a restart may have lost its image flags.

    Parameters
    ----------
    where : names the source in messages
    trusted : whether the source says in which cell each atom is (unwrapped, or by image flags)
    """

    def __init__(self, *, where: str, trusted: bool) -> None:
        self.where = where
        self._trusted = trusted
        self._first: np.ndarray | None = None
        self._cell = np.eye(3)
        self._origin = np.zeros(3)
        self._raw = np.empty((0, 3))
        self._unwrapped = np.empty((0, 3))
        self._shift: np.ndarray | None = None
        self._seam = False
        self._fluctuates = False
        self._frames = 0

    def new_file(self) -> None:
        """Say that the frames that come next are of another file."""
        self._seam = True

    def add(self, positions: np.ndarray, cells: np.ndarray, origins: np.ndarray) -> None:
        """Unwrap the next frames where they lie.

        Parameters
        ----------
        positions : (n_frames, n_atoms, 3) float64, Å, overwritten
        cells : (n_frames, 3, 3) float64, Å, rows are lattice vectors
        origins : (n_frames, 3) float64, Å, where the cells begin

        Raises
        ------
        MlipsseError
            as `unwrap`.
        """
        if not len(positions):
            return
        start = 0
        if self._first is None:
            self._first = np.array(cells[0])
            self._remember(positions[0], positions[0], cells[0], origins[0])
            start = 1
        if not self._fluctuates:
            differs = np.abs(cells - self._first).max(axis=(1, 2), initial=0.0) > SAME_CELL_A
            constant = int(np.argmax(differs)) if differs.any() else len(positions)
            last = constant - 1
            if constant > start:
                raw = positions[last].copy()
                if not self._trusted:
                    _add_steps(
                        positions[:constant], cells[:constant], self._raw, self._unwrapped,
                        start, self.where, self._frames,
                    )  # fmt: skip
                else:
                    self._shift_on(positions[start:constant], cells[start:constant])
                self._remember(raw, positions[last], cells[last], origins[last])
            start = max(start, constant)
            self._fluctuates = constant < len(positions)
            if self._fluctuates:
                self._raw = wrap(self._raw[None], self._cell[None], self._origin[None])[0]
        if self._fluctuates:
            rest = wrap(positions[start:], cells[start:], origins[start:])
            raw = rest[-1].copy()
            _add_steps(
                rest, cells[start:], self._raw, self._unwrapped, 0, self.where,
                self._frames + start,
            )  # fmt: skip
            positions[start:] = rest
            self._remember(raw, rest[-1], cells[-1], origins[-1])
        self._frames += len(positions)

    def _shift_on(self, positions: np.ndarray, cells: np.ndarray) -> None:
        """Bring trusted positions of a file that is not the first to where the one before ended."""
        if self._seam:
            first = positions[:1].copy()
            _add_steps(first, cells[:1], self._raw, self._unwrapped, 0, self.where, self._frames)
            self._shift = first[0] - positions[0]
            self._seam = False
        if self._shift is not None:
            positions += self._shift

    def _remember(
        self, raw: np.ndarray, unwrapped: np.ndarray, cell: np.ndarray, origin: np.ndarray
    ) -> None:
        self._raw, self._unwrapped = raw.copy(), unwrapped.copy()
        self._cell, self._origin = np.array(cell), np.array(origin)


def _add_steps(
    positions: np.ndarray,
    cells: np.ndarray,
    before: np.ndarray,
    unwrapped: np.ndarray,
    start: int,
    where: str,
    first_frame: int,
) -> None:
    """Unwrap frames from `start` on where they lie.

    `before` and `unwrapped` are the frame before as it was given and as it came out; both are
    overwritten. `first_frame` is the number of the first of `positions`.
    """
    from mlipsse.transport.unwrapping_steps import add_steps

    if start >= len(positions):
        return
    inverses = np.linalg.inv(cells)
    limits_A = LONGEST_STEP / np.linalg.norm(inverses, axis=1).max(axis=1)
    frame, longest_A = add_steps(
        positions, np.ascontiguousarray(cells), inverses, limits_A, before, unwrapped, start
    )
    if frame < 0:
        return
    number = first_frame + frame
    if np.isnan(longest_A):
        raise MlipsseError(
            f"Positions of frame {number} of {where} are not finite (NaN or infinite): the run has "
            "blown up or the file is damaged. Look at the run's log, and run it again."
        )
    raise MlipsseError(
        f"An atom of {where} moves by {longest_A:.2f} Å from frame {number - 1} to {number}, "
        f"more than a third of the cell's shortest height ({limits_A[frame]:.2f} Å): which way it "
        "went cannot be told. Write frames more often, or write unwrapped positions."
    )


def wrap(positions: np.ndarray, cells: np.ndarray, origins: np.ndarray) -> np.ndarray:
    """Positions inside the cell of their frame, which begins at its origin.

    Parameters
    ----------
    positions : (n_frames, n_atoms, 3) float64, Å
    cells : (n_frames, 3, 3) float64, Å, rows are lattice vectors
    origins : (n_frames, 3) float64, Å
    """
    relative = positions - origins[:, None]
    images = np.floor(relative @ np.linalg.inv(cells))
    return np.asarray(positions - images @ cells)
