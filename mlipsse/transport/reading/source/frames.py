"""Frames that a reader gives one after the other, and those that come again after a restart."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.transport.reading.source.protocol import Filling, RawBlock, Source


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


def framewise_source(
    path: Path,
    kind: str,
    species: tuple[str, ...],
    frames: Frames,
    *,
    notes: list[str],
    likely: int | None = None,
) -> Source:
    """A file whose reader gives one frame after the other, without the cells that atoms are in.

    Parameters
    ----------
    path, kind, species, notes : as of `Source`
    frames : gives the frames anew each time it is called
    likely : about how many there are; None where only reading shows it
    """
    room = 64 if likely is None else int(1.1 * likely) + 2
    return Source(
        path=path,
        inputs=(path,),
        kind=kind,
        species=species,
        n_frames=likely,
        trusted=False,
        read=lambda block_frames: blocks_of(path, frames, notes, block_frames, room),
        notes=notes,
    )


def step_ps(timestep_fs: float | None, steps: bool) -> float | None:
    """Time of one unit of the stamps, ps, where they are steps and their length is given."""
    return timestep_fs * 1e-3 if steps and timestep_fs is not None else None


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


@dataclass(frozen=True, eq=False)
class Restarts:
    """Which frames of a file count.

    Attributes
    ----------
    kept : (n_frames,) bool; a stamp that comes again counts once, the later time
    seam : (n_frames,) bool, frames before which others were left out
    """

    kept: np.ndarray
    seam: np.ndarray

    @property
    def left_out(self) -> int:
        """How many frames do not count."""
        return int(np.count_nonzero(~self.kept))

    def note(self, where: str) -> str | None:
        """A sentence on what is left out; None where nothing is."""
        if self.kept.all():
            return None
        return (
            f"{where}: {self.left_out} frames are left out because their steps occur again after "
            "a restart"
        )


def find_restarts(stamps: np.ndarray, where: str) -> Restarts:
    """Find the frames of one file that come again.

    A restart goes back to a step that was reached before; the frames from there on count as they
    were written after it. A counter that falls back further is none: a run that reset its step,
    or another run, and what came before it would be lost.

    Parameters
    ----------
    stamps : (n_frames,) steps or times in the order of the file
    where : names the file

    Raises
    ------
    MlipsseError
        when a stamp falls below all that came before it, or by more than half of them; and when
        most frames would be left out, for stamps that fall or stand still.
    """
    stamps = np.asarray(stamps)
    kept = np.ones(len(stamps), dtype=bool)
    seam = np.zeros(len(stamps), dtype=bool)
    if (np.diff(stamps) > 0).all():
        return Restarts(kept, seam)
    standing: list[int] = []
    for frame, stamp in enumerate(stamps):
        lost = 0
        while standing and stamps[standing[-1]] >= stamp:
            kept[standing.pop()] = False
            lost += 1
        if lost > 1 and lost > len(standing):
            raise MlipsseError(
                f"{where}: the step falls from {stamps[frame - 1]:g} to {stamp:g} after frame "
                f"{frame - 1}, further than a restart goes back: the counter was reset, or another "
                f"run begins, and {lost} frames before it would be lost. Cut the file there, and "
                "analyse the parts one by one."
            )
        seam[frame] = lost > 0
        standing.append(frame)
    left_out = int(np.count_nonzero(~kept))
    if 2 * left_out > len(stamps):
        raise MlipsseError(
            f"{where}: the steps of its frames fall or stand still ({stamps[0]:g} first, "
            f"{stamps[-1]:g} last), and {left_out} of {len(stamps)} frames would be left out as "
            "repeated by a restart. Write the frames in their order, each with its own step."
        )
    return Restarts(kept, seam & kept)
