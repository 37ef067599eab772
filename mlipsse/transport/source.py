"""A file of a trajectory as it is: what it says, and its frames block by block."""

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
    cells : (n_frames, 3, 3) float64, Å, rows are lattice vectors
    origins : (n_frames, 3) float64, Å, where the cells begin
    stamps : (n_frames,) rising, step or time of each; None where the file has none
    """

    positions: np.ndarray
    cells: np.ndarray
    origins: np.ndarray
    stamps: np.ndarray | None


@dataclass(frozen=True, eq=False)
class Source:
    """A file of a trajectory, or a folder of ours.

    Attributes
    ----------
    path : of the file
    inputs : files that its frames come from
    kind : of the file, for people
    species : element of each atom
    n_frames : about how many; None where only reading tells
    trusted : whether the file says in which cell each atom is
    read : blocks of at most so many frames, or all frames at once for None
    stamp_ps : time that one unit of the stamps is, ps, where it is known
    spacing_ps : time between frames as the file's record has it, ps
    firm : whether times that are given must be those of the file; converters leave any in an XTC
    first_stamp : that of the first frame
    temperature_K, lattice : as in `Frames`
    single : whether its positions are float32
    """

    path: Path
    inputs: tuple[Path, ...]
    kind: str
    species: tuple[str, ...]
    n_frames: int | None
    trusted: bool
    read: Callable[[int | None], Iterator[RawBlock]]
    stamp_ps: float | None = None
    spacing_ps: float | None = None
    firm: bool = True
    first_stamp: float | None = None
    temperature_K: float | None = None
    lattice: np.ndarray = field(default_factory=lambda: np.eye(3, dtype=int))
    single: bool = False


def raw_block(
    positions: np.ndarray, cells: np.ndarray, stamps: np.ndarray | None = None
) -> RawBlock:
    """Frames whose cells, (3, 3) or one each, begin at the origin."""
    n_frames = len(positions)
    boxes = np.broadcast_to(np.asarray(cells, dtype=float), (n_frames, 3, 3))
    return RawBlock(positions, boxes, np.zeros((n_frames, 3)), stamps)
