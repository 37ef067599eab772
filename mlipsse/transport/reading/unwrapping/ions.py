"""Positions that jump across the cell's faces, made continuous."""

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.transport.reading.unwrapping.steps import add_steps, judge_steps

LONGEST_STEP = 1 / 3
"""Share of the shortest height of the cell: atoms that move further between frames may have gone
either way round. From one half on they certainly may."""

SUDDEN = 0.05
"""Share of the atoms, at least three, that must move far at one frame for a check."""

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
    Unwrapping(where=where, trusted=False).add(unwrapped, cells, np.zeros((len(unwrapped), 3)))
    return unwrapped


class Unwrapping:
    """Unwraps a trajectory block by block: what the last frame left behind goes into the next.

    Where the cell is constant, positions that are `trusted` stay as they are and others are
    unwrapped by steps (see `unwrap`). Trusted positions of which atoms step by whole lattice
    vectors, and no atom by more than `LONGEST_STEP` besides, have lost their image flags there: the
    step is taken by minimum image, and noted. From the first frame on whose cell is another one,
    all are put back into the cell and unwrapped by steps: lattice vectors that were added on the
    way have changed their lengths since. Between two files a step is taken by minimum image
    whatever the source.

    Parameters
    ----------
    where : names the source in messages
    trusted : whether the source records in which cell each atom is (unwrapped, or by image flags)
    kinds : (n_atoms,) whole numbers from 0 on, e.g. of the elements; one kind by default
    """

    def __init__(self, *, where: str, trusted: bool, kinds: np.ndarray | None = None) -> None:
        self.where = where
        self._trusted = trusted
        self._kinds = kinds
        self._first: np.ndarray | None = None
        self._cell = np.eye(3)
        self._origin = np.zeros(3)
        self._raw = np.empty((0, 3))
        self._unwrapped = np.empty((0, 3))
        self._shift: np.ndarray | None = None
        self._seam = False
        self._fluctuates = False
        self._frames = 0
        self._lost: list[int] = []
        self._far = 0
        self._sudden: list[tuple[int, int]] = []

    def new_file(self) -> None:
        """Announce that the frames that come next are of another file."""
        self._seam = True

    @property
    def note(self) -> str | None:
        """A sentence on image flags that were lost; None where none were."""
        if not self._lost:
            return None
        frames = ", ".join(map(str, self._lost[:5])) + (", ..." if len(self._lost) > 5 else "")
        return (
            f"{self.where}: image flags were lost before {len(self._lost)} frame(s) ({frames}), "
            "where atoms step by whole lattice vectors; these steps are taken by minimum image"
        )

    def judge(self) -> None:
        """Look at trusted positions whose steps are long, when all frames are there.

        Raises
        ------
        MlipsseError
            when many atoms go far at a few frames, and hardly any elsewhere.
        """
        together = sum(count for _, count in self._sudden)
        if not self._sudden or together < 2 * (self._far - together):
            return
        if len(self._sudden) > max(1, self._frames // 100):
            return
        frame, count = self._sudden[0]
        raise MlipsseError(
            f"{self.where}: {count} atoms move by more than a third of the cell's shortest height "
            f"from frame {frame - 1} to {frame}, and hardly any do elsewhere: frames of two runs "
            "meet there, or frames are missing between them. Analyse the parts one by one."
        )

    def add(self, positions: np.ndarray, cells: np.ndarray, origins: np.ndarray) -> np.ndarray:
        """Unwrap the next frames where they lie.

        Parameters
        ----------
        positions : (n_frames, n_atoms, 3) float64, Å, overwritten
        cells : (n_frames, 3, 3) float64, Å, rows are lattice vectors
        origins : (n_frames, 3) float64, Å, where the cells begin

        Returns
        -------
        (n_frames, n_kinds) float64, Å², mean squared step of each kind by minimum image; 0 for the
        first frame.

        Raises
        ------
        MlipsseError
            as `unwrap`, and when steps by lattice vectors and long ones come together.
        """
        kinds = self._kinds
        if kinds is None:
            kinds = np.zeros(positions.shape[1], dtype=np.int64)
        numbers = np.bincount(kinds)
        squares = np.zeros((len(positions), len(numbers)))
        if not len(positions):
            return squares
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
                        start, kinds, squares[:constant], self.where, self._frames,
                    )  # fmt: skip
                else:
                    self._shift_on(
                        positions[start:constant], kinds, squares[start:constant],
                        self._frames + start,
                    )  # fmt: skip
                self._remember(raw, positions[last], cells[last], origins[last])
            start = max(start, constant)
            self._fluctuates = constant < len(positions)
            if self._fluctuates:
                self._raw = wrap(self._raw[None], self._cell[None], self._origin[None])[0]
        if self._fluctuates:
            rest = wrap(positions[start:], cells[start:], origins[start:])
            raw = rest[-1].copy()
            _add_steps(
                rest, cells[start:], self._raw, self._unwrapped, 0, kinds, squares[start:],
                self.where, self._frames + start,
            )  # fmt: skip
            positions[start:] = rest
            self._remember(raw, rest[-1], cells[-1], origins[-1])
        self._frames += len(positions)
        return squares / np.maximum(numbers, 1)

    def _shift_on(
        self, positions: np.ndarray, kinds: np.ndarray, squares: np.ndarray, first_frame: int
    ) -> None:
        """Judge the steps of trusted positions, and take back lattice vectors that come in."""
        inverse = np.linalg.inv(self._cell)
        limit_A = LONGEST_STEP / float(np.linalg.norm(inverse, axis=0).max())
        jumped, far = judge_steps(positions, self._cell, limit_A, self._raw, kinds, squares)
        starts, shifts = [0], [self._shift]
        if self._seam:
            first = positions[:1].copy()
            unused = np.zeros((1, squares.shape[1]))
            _add_steps(
                first, self._cell[None], self._raw, self._unwrapped, 0, kinds, unused,
                self.where, first_frame,
            )  # fmt: skip
            shifts[0] = first[0] - positions[0]
            self._seam = False
            jumped[0] = 0
        self._far += int(far.sum())
        many = max(3, SUDDEN * positions.shape[1])
        self._sudden += [(first_frame + int(k), int(far[k])) for k in np.flatnonzero(far >= many)]
        long_steps = self._far > 2 * int(jumped.sum())
        for frame in np.flatnonzero(jumped):
            if long_steps or far[frame] > jumped[frame]:
                continue
            number = first_frame + int(frame)
            if far[frame]:
                raise MlipsseError(
                    f"{self.where} is not unwrapped: from frame {number - 1} to {number} "
                    f"{jumped[frame]} atom(s) step by whole lattice vectors, and {far[frame]} by "
                    f"more than a third of the cell's shortest height ({limit_A:.2f} Å) besides. "
                    "Image flags were lost there, or frames of two runs meet: cut the file there."
                )
            before = positions[frame - 1] if frame else self._raw
            images = np.rint((positions[frame] - before) @ inverse)
            known = 0.0 if shifts[-1] is None else shifts[-1]
            starts.append(int(frame))
            shifts.append(known - images @ self._cell)
            self._lost.append(number)
        for start, end, shift in zip(starts, [*starts[1:], len(positions)], shifts, strict=True):
            if shift is not None:
                positions[start:end] += shift
        self._shift = shifts[-1]

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
    kinds: np.ndarray,
    squares: np.ndarray,
    where: str,
    first_frame: int,
) -> None:
    """Unwrap frames from `start` on where they lie.

    `first_frame` is the number of the first of `positions`; the others are those of `add_steps`.
    """
    if start >= len(positions):
        return
    limits_A = LONGEST_STEP / np.linalg.norm(np.linalg.inv(cells), axis=1).max(axis=1)
    frame, longest_A = add_steps(
        positions, cells, limits_A, before, unwrapped, start, kinds, squares
    )
    if frame < 0:
        return
    number = first_frame + frame
    if np.isnan(longest_A):
        raise MlipsseError(
            f"Positions of frame {number} of {where} are not finite (NaN or infinite): the run "
            "exploded or the file is damaged. Check the log of the run, and run it again."
        )
    raise MlipsseError(
        f"An atom of {where} moves by {longest_A:.2f} Å from frame {number - 1} to {number}, more "
        f"than a third of the cell's shortest height ({limits_A[frame]:.2f} Å), so its direction "
        "is unknown, or frames of two runs meet there. Write frames more often, or unwrapped "
        "positions; or analyse the parts one by one."
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
