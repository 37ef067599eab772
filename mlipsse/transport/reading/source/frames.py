"""Sources whose readers give one frame after the other."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.transport.reading.source.protocol import Filling, RawBlock
from mlipsse.transport.reading.source.restarts import Restarts, find_restarts


@dataclass(frozen=True, eq=False)
class OneFrame:
    """A frame as its file has it.

    Attributes
    ----------
    positions : (n_atoms, 3) float64, Å; None where only the head of the frame was asked for
    cell : (3, 3) float64, Å, rows are lattice vectors; 0 without one
    step, time : NaN where the file does not have them
    """

    positions: np.ndarray | None
    cell: np.ndarray
    step: float = np.nan
    time: float = np.nan

    @property
    def stamp(self) -> float:
        """What orders the frames: the step, or the time without one."""
        return self.time if self.step != self.step else self.step


Frames = Callable[[list[str], bool], Iterator[OneFrame]]
"""All frames of a file: they get a list for notes, and whether heads alone are wanted."""


def blocks_of(
    path: Path, frames: Frames, notes: list[str], block_frames: int | None, n_frames: int = 64
) -> Iterator[RawBlock]:
    """Frames in blocks of `block_frames`; all in one block without it.

    Frames that come again after a restart count once, the later time.

    Parameters
    ----------
    frames : gives the frames anew each time it is called
    notes : gets sentences on what is left out
    n_frames : about how many there are

    Raises
    ------
    MlipsseError
        as `find_restarts`, and what the reader raises.
    """
    restarts: Restarts | None = None
    if block_frames is not None:  # what comes again must be known beforehand
        stamps = _stamps(frames)
        if stamps is not None:
            restarts = find_restarts(stamps, str(path))
    block: Filling | None = None
    seam = False
    for number, frame in enumerate(frames(notes, False)):
        if frame.positions is None:
            continue
        if restarts is not None and number < len(restarts.kept):
            seam = seam or bool(restarts.seam[number])
            if not restarts.kept[number]:
                continue
        if block is None:
            exact = frame.step == frame.step
            block = Filling(block_frames or n_frames, len(frame.positions), exact=exact)
        if block.full:
            if block_frames is None:
                block.grow()
            else:
                yield block.taken()
                block = Filling(block_frames, len(frame.positions), exact=block.exact)
        block.positions[block.count] = frame.positions
        block.put(frame.cell, stamp=frame.stamp, time=frame.time, seam=seam)
        seam = False
    if block is None:
        return
    if block_frames is not None:
        yield block.taken()
    else:
        stamps = block.stamps[: block.count]
        if np.isnan(stamps).any():
            yield block.taken()
            return
        restarts = find_restarts(stamps, str(path))
        yield block.taken(
            restarts.kept, tuple(np.flatnonzero(restarts.seam[restarts.kept]).tolist())
        )
    if restarts is not None and (note := restarts.note(str(path))) is not None:
        notes.append(note)


def _stamps(frames: Frames) -> np.ndarray | None:
    """Stamps of all frames; None where the first has none."""
    found = []
    for frame in frames([], True):
        if frame.stamp != frame.stamp:
            return None
        found.append(frame.stamp)
    return np.array(found)


def other_atoms(
    path: Path, number: int, names: Sequence[str] = (), first: Sequence[str] = ()
) -> MlipsseError:
    """That a frame holds other atoms than the first, or those of the first in another order."""
    if len(names) and sorted(names) == sorted(first):
        return MlipsseError(
            f"Frame {number} of {path} has its atoms in another order than the first, and no "
            "column `id`. Write them in one order, or with an id."
        )
    return MlipsseError(
        f"Frame {number} of {path} contains other atoms than the first. Analyse the parts one by "
        "one."
    )
