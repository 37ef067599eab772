"""What all frames of a LAMMPS text dump share: its atoms, columns, units."""

import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.transport.reading.source.file_bytes import text_bytes
from mlipsse.transport.reading.text_dump.header import (
    TIMESTEP,
    DumpHeader,
    DumpHeaders,
    whole_number,
)
from mlipsse.transport.reading.text_dump.stream import text_pieces

_AXES = "xyz"

ID, PLACE, IMAGE = 0, 1, 4
"""First slots of what is taken from a row: id; x y z; ix iy iz."""


@dataclass(frozen=True, eq=False)
class DumpAtoms:
    """The atoms of the first frame, which all others must have.

    Attributes
    ----------
    columns : names of the columns
    slots : (n_columns,) int64, what each column is (`ID`, `PLACE` + axis, `IMAGE` + axis), or -1
    scaled : whether positions are in units of the cell
    images : whether ix, iy, iz count cells
    wrapped : whether nothing shows in which cell an atom is
    ids : (n_atoms,) rising
    species, types : as in `TextDump`
    frame_bytes : length of the first frame
    first_step : its step
    units : LAMMPS' system of units, where the file has it (`dump_modify units yes`)
    open_axes : those along which the box is not periodic
    cell, origin : (3, 3) and (3,) float64, of the first frame
    """

    columns: tuple[str, ...]
    slots: np.ndarray
    scaled: bool
    images: bool
    wrapped: bool
    ids: np.ndarray
    species: tuple[str, ...] | None
    types: np.ndarray | None
    frame_bytes: int
    first_step: int
    units: str | None = None
    open_axes: str = ""
    cell: np.ndarray = field(default_factory=lambda: np.zeros((3, 3)))
    origin: np.ndarray = field(default_factory=lambda: np.zeros(3))

    @cached_property
    def row_type(self) -> np.dtype:
        """Of a row: numbers where a column has a slot, and one letter of other words."""
        return np.dtype([(f"{k}", "S1" if slot < 0 else "f8") for k, slot in enumerate(self.slots)])


def dump_atoms(path: Path) -> DumpAtoms:
    """Read the first frame of a text dump for what all frames share.

    Raises
    ------
    MlipsseError
        as `read_text_dump`.
    """
    path = Path(path)
    for text in text_pieces(path, head=True):
        begin = max(0, text.data.find(TIMESTEP, 0, text.stop))
        header = DumpHeaders(path).read(text.data, begin, text.stop)
        if header is None:
            if text.ended:
                break
        else:
            end = header.start
            for _ in range(header.n_atoms):
                end = text.data.find(b"\n", end, text.stop) + 1
                if end == 0:
                    break
            if end or text.ended:
                return _first_atoms(path, header, bytes(text.data[: end or text.stop]))
        text.used = 0  # the frame is longer than what is there
    raise MlipsseError(f"{path} holds no whole frame of a LAMMPS text dump.")


def likely_frames(path: Path, atoms: DumpAtoms) -> int:
    """About as many frames as the file holds; room that is not used costs nothing."""
    return int(1.2 * text_bytes(path) / atoms.frame_bytes) + 16


def dump_steps(path: Path) -> np.ndarray:
    """(n_frames,) int64, the steps of all frames in the order of the file, torn ones too.

    Ten times as fast as reading the frames, where they are not zipped.
    """
    steps = []
    for text in text_pieces(path):
        begin = text.data.find(TIMESTEP, 0, text.stop)
        text.used = text.stop if begin < 0 else begin
        while begin >= 0:
            line = text.data.find(b"\n", begin, text.stop) + 1
            end = text.data.find(b"\n", line, text.stop)
            if line == 0 or end < 0:
                text.used = begin
                break
            steps.append(whole_number(bytes(text.data[line:end]), path))
            text.used = end
            begin = text.data.find(TIMESTEP, end, text.stop)
        else:
            # A heading may be cut where the text is.
            text.used = max(text.used, text.stop - len(TIMESTEP))
    return np.array(steps, dtype=np.int64)


def _first_atoms(path: Path, header: DumpHeader, frame: bytes) -> DumpAtoms:
    columns = header.columns
    names, scaled, images, wrapped = _style(columns, path)
    if "id" not in columns:
        raise MlipsseError(
            f"{path} has no column `id`, so atoms cannot be followed from frame to frame. Write "
            "the dump again with id."
        )
    slots = np.full(len(columns), -1, dtype=np.int64)
    slots[columns.index("id")] = ID
    for axis, name in enumerate(names):
        slots[columns.index(name)] = PLACE + axis
        if images:
            slots[columns.index(f"i{_AXES[axis]}")] = IMAGE + axis
    words = [line.split() for line in frame[header.start :].split(b"\n")[: header.n_atoms]]
    if any(len(row) != len(columns) for row in words) or len(words) < header.n_atoms:
        raise MlipsseError(f"The first frame of {path} is not whole.")
    ids = np.array([whole_number(row[columns.index("id")], path) for row in words])
    order = np.argsort(ids)
    species, types = None, None
    if "element" in columns:
        place = columns.index("element")
        species = tuple(words[index][place].decode() for index in order)
    if "type" in columns:
        found = [words[index][columns.index("type")] for index in order]
        if all(word.isdigit() for word in found):
            types = np.array([int(word) for word in found])
        elif species is None:  # type labels
            species = tuple(word.decode() for word in found)
    units = re.search(rb"ITEM: UNITS\s+(\w+)", frame)
    flags = re.search(rb"ITEM: BOX BOUNDS[^\n]*?((?: [pfsm][pfsm]){3})\s*\n", frame)
    return DumpAtoms(
        columns,
        slots,
        scaled,
        images,
        wrapped,
        ids[order],
        species,
        types,
        len(frame),
        header.step,
        units=units[1].decode() if units else None,
        open_axes="".join(
            axis
            for axis, flag in zip(_AXES, flags[1].split() if flags else (), strict=False)
            if flag != b"pp"
        ),
        cell=header.cell,
        origin=header.origin,
    )


def _style(columns: tuple[str, ...], path: Path) -> tuple[tuple[str, str, str], bool, bool, bool]:
    """Columns of the positions, and whether they are scaled, have images, are wrapped."""
    images = all(f"i{axis}" in columns for axis in _AXES)
    for suffix, scaled, unwrapped in (
        ("u", False, True),
        ("su", True, True),
        ("", False, False),
        ("s", True, False),
    ):
        names = (f"x{suffix}", f"y{suffix}", f"z{suffix}")
        if all(name in columns for name in names):
            return names, scaled, images and not unwrapped, not (unwrapped or images)
    raise MlipsseError(
        f"{path} has no positions: its columns are {' '.join(columns)}. Write x y z, xu yu zu, "
        "xs ys zs or xsu ysu zsu."
    )
