"""The trajectory of a run on disk: one DCD file per part, and how far they reach together.

`traj.<step>.dcd` starts at that step. A part counts up to the first step of the next one, because
a run that was killed goes on from its last restart and records again what came after it.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.md.files.record import RunRecord

_PART = re.compile(r"traj\.(\d+)\.dcd")


@dataclass(frozen=True)
class Part:
    """One DCD file of a run.

    Attributes
    ----------
    path : of the file
    first_step : of its first frame
    frames : how many are whole
    """

    path: Path
    first_step: int
    frames: int


def find_parts(folder: Path, *, n_atoms: int) -> tuple[Part, ...]:
    """Parts in `folder` by first step."""
    found = []
    for path in folder.iterdir():
        match = _PART.fullmatch(path.name)
        if match and path.is_file():
            found.append(Part(path, int(match[1]), whole_frames(path, n_atoms=n_atoms)))
    return tuple(sorted(found, key=lambda part: part.first_step))


def recorded_before(parts: Sequence[Part], record: RunRecord) -> int:
    """First step at which a frame is missing; beyond the last step when the run is complete."""
    missing = record.equilibration_steps
    for part in parts:
        if part.first_step > missing:
            break
        missing = part.first_step + part.frames * record.dump_every_steps
    return missing


def whole_frames(path: Path, *, n_atoms: int) -> int:
    """Number of whole frames at the start of a DCD file with a cell in every frame.

    A frame is four Fortran records (cell, x, y, z), each between two lengths in bytes; the first
    frame whose lengths are not what they should be ends the count, as does a torn one.

    Raises
    ------
    MlipsseError
        when the file was written for another number of atoms.
    """
    return _whole(path, n_atoms)[0]


def cut_torn_frame(path: Path, *, n_atoms: int) -> None:
    """Cut off what follows the last whole frame of a DCD file that no process writes to."""
    _, end = _whole(path, n_atoms)
    if end < path.stat().st_size:
        os.truncate(path, end)


def _whole(path: Path, n_atoms: int) -> tuple[int, int]:
    """Whole frames, and where the last of them ends, bytes."""
    size = path.stat().st_size
    frames_start = 0
    with path.open("rb") as stream:
        for _ in range(3):  # control, titles, number of atoms
            length = int.from_bytes(stream.read(4), "little")
            if frames_start + length + 8 > size:
                return 0, 0
            body = stream.read(length)
            stream.read(4)
            frames_start += length + 8
    written_for = int.from_bytes(body, "little")
    if written_for != n_atoms:
        raise MlipsseError(
            f"{path} contains {written_for} atoms but the run has {n_atoms}: it belongs to "
            "another run. Remove it."
        )
    record_bytes = 4 * n_atoms + 8
    layout = np.dtype(
        {
            "names": ["cell", "x", "y", "z"],
            "formats": ["<i4"] * 4,
            "offsets": [0, 56, 56 + record_bytes, 56 + 2 * record_bytes],
            "itemsize": 56 + 3 * record_bytes,
        }
    )
    count = (size - frames_start) // layout.itemsize
    if count == 0:
        return 0, frames_start
    lengths = np.memmap(path, dtype=layout, mode="r", offset=frames_start, shape=(count,))
    good = lengths["cell"] == 48
    for axis in "xyz":
        good &= lengths[axis] == 4 * n_atoms
    whole = int(count if good.all() else np.argmin(good))
    return whole, frames_start + whole * layout.itemsize
