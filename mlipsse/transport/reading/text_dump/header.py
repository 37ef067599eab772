"""Headers of LAMMPS text dumps: step, number of atoms, box, columns."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mlipsse.errors import MlipsseError

TIMESTEP = b"ITEM: TIMESTEP"


@dataclass(frozen=True, eq=False)
class DumpHeader:
    """Header of one frame.

    Attributes
    ----------
    step : of the frame
    n_atoms : rows that follow
    cell : (3, 3) float64, Å, rows are lattice vectors
    origin : (3,) float64, Å, where the cell begins
    columns : names of the columns
    start : where its rows begin in the text
    """

    step: int
    n_atoms: int
    cell: np.ndarray
    origin: np.ndarray
    columns: tuple[str, ...]
    start: int


class DumpHeaders:
    """Reads headers; one that repeats the one before is not taken apart again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines = b""
        self._last: DumpHeader | None = None

    def read(self, data: bytearray, begin: int, stop: int) -> DumpHeader | None:
        """Header of the frame at `begin`; None when the text ends, at `stop`, within it."""
        line = data.find(b"\n", begin, stop) + 1
        end = data.find(b"\n", line, stop)
        if line == 0 or end < 0:
            return None
        known = end + len(self._lines)
        if self._last is not None and known <= stop and data[end:known] == self._lines:
            step = whole_number(bytes(data[line:end]), self._path)
            last = self._last
            return DumpHeader(step, last.n_atoms, last.cell, last.origin, last.columns, known)
        header = _header(data, begin, stop, self._path)
        if header is not None:
            self._last, self._lines = header, bytes(data[end : header.start])
        return header


def _header(data: bytearray, begin: int, stop: int, path: Path) -> DumpHeader | None:
    step, n_atoms = None, None
    bounds: list[list[float]] = []
    label = b""
    general = False
    place = begin
    while True:
        end = data.find(b"\n", place, stop)
        if end < 0:
            return None
        line, place = bytes(data[place:end]), end + 1
        if line.startswith(b"ITEM: ATOMS"):
            columns = tuple(line[len(b"ITEM: ATOMS") :].decode().split())
            break
        if line.startswith(b"ITEM:"):
            label = line
            general = general or b"abc origin" in line
        elif label.startswith(TIMESTEP):
            step = whole_number(line, path)
        elif label.startswith(b"ITEM: NUMBER OF ATOMS"):
            n_atoms = whole_number(line, path)
        elif label.startswith(b"ITEM: BOX BOUNDS"):
            bounds.append(_bounds(line, path))
    if step is None or n_atoms is None or len(bounds) != 3 or len(set(map(len, bounds))) > 1:
        raise MlipsseError(f"{path} has a frame without step, number of atoms or box.")
    if n_atoms < 1:
        raise MlipsseError(f"{path} has a frame of {n_atoms} atoms at step {step}.")
    cell, origin = _box(np.array(bounds), general=general)
    return DumpHeader(step, n_atoms, cell, origin, columns, place)


def whole_number(line: bytes, path: Path) -> int:
    """The number that a line is; `MlipsseError` when it is none."""
    try:
        return int(line)
    except ValueError as error:
        raise MlipsseError(
            f"{path} is damaged: {line[:40].decode(errors='replace')!r} stands where a header has "
            "a whole number."
        ) from error


def _bounds(line: bytes, path: Path) -> list[float]:
    try:
        return [float(word) for word in line.split()]
    except ValueError as error:
        raise MlipsseError(
            f"{path} is damaged: {line[:40].decode(errors='replace')!r} stands where a header has "
            "the bounds of the box."
        ) from error


def _box(bounds: np.ndarray, *, general: bool) -> tuple[np.ndarray, np.ndarray]:
    """Lattice vectors and origin from the three lines of BOX BOUNDS (LAMMPS manual, dump)."""
    if general:
        return bounds[:, :3], bounds[:, 3]
    xy, xz, yz = bounds[:, 2] if bounds.shape[1] == 3 else (0.0, 0.0, 0.0)
    low, high = bounds[:, 0].copy(), bounds[:, 1].copy()
    low[0] -= min(0.0, xy, xz, xy + xz)
    high[0] -= max(0.0, xy, xz, xy + xz)
    low[1] -= min(0.0, yz)
    high[1] -= max(0.0, yz)
    length = high - low
    return np.array([[length[0], 0, 0], [xy, length[1], 0], [xz, yz, length[2]]]), low
