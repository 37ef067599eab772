"""A file of a trajectory as it is: what it holds, and its frames block by block."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np


@dataclass(frozen=True, eq=False)
class RawBlock:
    """Consecutive frames as the file has them.

    Attributes
    ----------
    positions : (n_frames, n_atoms, 3) float64, Å; may be written to
    cells : (n_frames, 3, 3) float64, Å, rows are lattice vectors; 0 where the file has none
    origins : (n_frames, 3) float64, Å, where the cells begin
    stamps : (n_frames,) rising, step of each frame, or its time where the file counts no steps;
        None where the file has neither
    times : (n_frames,) float64, in the source's unit of time; None where the file has none
    seams : frames of the block before which frames were left out, or another file ended
    """

    positions: np.ndarray
    cells: np.ndarray
    origins: np.ndarray
    stamps: np.ndarray | None = None
    times: np.ndarray | None = None
    seams: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Source:
    """A file of a trajectory, or a folder of ours.

    Attributes
    ----------
    path : of the file
    inputs : files that its frames come from
    kind : of the file, for people
    species : element of each atom
    n_frames : about how many; None where only reading shows it
    trusted : whether the file records in which cell each atom is
    read : blocks of at most so many frames, or all frames at once for None
    stamp_ps : time that one unit of the stamps is, ps, where it is known
    time_ps : unit of the frames' times, ps; None where it is not known
    spacing_ps : time between frames as the file's record has it, ps
    spacings_ps : what that may also be, ps, where the file's unit of time depends on its writer
    firm : whether times that are given must be those of the file; converters leave frame numbers
        in an XTC
    counts_anew : whether the stamps of a run that is continued begin anew, as VASP's do
    first_stamp : that of the first frame
    temperature_K, lattice : as in `Trajectory`
    single : whether its positions are float32
    notes : what was left out or assumed, in sentences; grows while the file is read
    """

    path: Path
    inputs: tuple[Path, ...]
    kind: str
    species: tuple[str, ...]
    n_frames: int | None
    trusted: bool
    read: Callable[[int | None], Iterator[RawBlock]]
    stamp_ps: float | None = None
    time_ps: float | None = None
    spacing_ps: float | None = None
    spacings_ps: tuple[float, ...] = ()
    firm: bool = True
    counts_anew: bool = False
    first_stamp: float | None = None
    temperature_K: float | None = None
    lattice: np.ndarray = field(default_factory=lambda: np.eye(3, dtype=int))
    single: bool = False
    notes: list[str] = field(default_factory=list)

    @property
    def positions_GB(self) -> float | None:
        """Memory that all positions take, GB; None where only reading shows it."""
        if self.n_frames is None:
            return None
        return 24e-9 * self.n_frames * len(self.species)


def raw_block(
    positions: np.ndarray, cells: np.ndarray, stamps: np.ndarray | None = None
) -> RawBlock:
    """Frames whose cells, (3, 3) or one each, begin at the origin."""
    n_frames = len(positions)
    boxes = np.broadcast_to(np.asarray(cells, dtype=float), (n_frames, 3, 3))
    return RawBlock(positions, boxes, np.zeros((n_frames, 3)), stamps)


@dataclass(eq=False)
class Filling:
    """A block that is being filled frame by frame.

    Attributes
    ----------
    capacity : frames that there is room for
    n_atoms : of each frame
    count : frames that are there
    exact : whether stamps are whole numbers
    """

    capacity: int
    n_atoms: int
    count: int = 0
    exact: bool = True
    seams: list[int] = field(default_factory=list)
    positions: np.ndarray = field(init=False)
    cells: np.ndarray = field(init=False)
    origins: np.ndarray = field(init=False)
    stamps: np.ndarray = field(init=False)
    times: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.positions = np.empty((self.capacity, self.n_atoms, 3))
        self.cells = np.empty((self.capacity, 3, 3))
        self.origins = np.zeros((self.capacity, 3))
        self.stamps = np.empty(self.capacity, dtype=np.int64 if self.exact else np.float64)
        self.times = np.empty(self.capacity)

    @property
    def full(self) -> bool:
        """Whether no other frame fits in."""
        return self.count == self.capacity

    def grow(self) -> None:
        """Make room for half as many frames again."""
        names = ("positions", "cells", "origins", "stamps", "times")
        before = {name: getattr(self, name)[: self.count] for name in names}
        self.capacity += self.capacity // 2 + 1
        self.__post_init__()
        for name in names:
            getattr(self, name)[: self.count] = before[name]

    def put(
        self,
        cell: np.ndarray,
        origin: np.ndarray | float = 0.0,
        *,
        stamp: float = np.nan,
        time: float = np.nan,
        seam: bool = False,
    ) -> None:
        """Count the frame whose positions were written to the first free place.

        NaN for what the file does not have.
        """
        place = self.count
        self.cells[place], self.origins[place] = cell, origin
        self.times[place] = time
        if self.exact and stamp != stamp:
            self.exact = False
            self.stamps = self.stamps.astype(np.float64)
        self.stamps[place] = stamp
        if seam:
            self.seams.append(place)
        self.count = place + 1

    def taken(self, kept: np.ndarray | None = None, seams: tuple[int, ...] = ()) -> RawBlock:
        """The frames that are there, or those that are `kept`, (count,) bool, with their seams."""
        n = self.count
        some: slice | np.ndarray = slice(0, n)
        if kept is not None and not kept.all():
            some = np.flatnonzero(kept)
        stamps, times = self.stamps[some], self.times[some]
        return RawBlock(
            self.positions[some],
            self.cells[some],
            self.origins[some],
            stamps if self.exact or not np.isnan(stamps).any() else None,
            None if np.isnan(times).any() else times,
            tuple(self.seams) or seams,
        )
