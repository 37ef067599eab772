"""LAMMPS text dumps of anybody's: every coordinate style, triclinic cells, unsorted ids, gzip.

MDAnalysis' reader takes some forty times as long, and gives wrong positions for scaled coordinates
whose box does not start at 0 and for image flags in triclinic cells (2.11); hence a reader of our
own.
"""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.transport.text_header import TIMESTEP, DumpHeader, DumpHeaders, whole_number
from mlipsse.transport.text_stream import text_bytes, text_pieces
from mlipsse.transport.unwrapping import Unwrapping

_AXES = "xyz"


@dataclass(frozen=True, eq=False)
class TextDump:
    """What a text dump holds; atoms by rising id.

    Attributes
    ----------
    steps : (n_frames,) int64
    positions : (n_frames, n_atoms, 3) float64, in the file's unit of length, unwrapped
    cells : (n_frames, 3, 3) float64, rows are lattice vectors
    species : element of each atom; None where the file has no column `element`
    types : (n_atoms,) int64; None where it has no column `type`
    """

    steps: np.ndarray
    positions: np.ndarray
    cells: np.ndarray
    species: tuple[str, ...] | None
    types: np.ndarray | None


@dataclass(frozen=True, eq=False)
class DumpBlock:
    """Consecutive frames as the dump has them.

    Attributes
    ----------
    steps : (n_frames,) int64, rising
    positions : (n_frames, n_atoms, 3) float64; Cartesian, image flags added
    cells : (n_frames, 3, 3) float64, rows are lattice vectors
    origins : (n_frames, 3) float64, where the cells begin
    """

    steps: np.ndarray
    positions: np.ndarray
    cells: np.ndarray
    origins: np.ndarray


@dataclass(frozen=True, eq=False)
class DumpAtoms:
    """The atoms of the first frame, which all others must have.

    Attributes
    ----------
    columns : names of the columns
    slots : (n_columns,) what each column is to `read_atoms`
    scaled : whether positions are in units of the cell
    images : whether ix, iy, iz count cells
    wrapped : whether nothing says in which cell an atom is
    ids : (n_atoms,) rising
    species, types : as in `TextDump`
    frame_bytes : length of the first frame
    first_step : its step
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


def read_text_dump(path: Path) -> TextDump:
    """Read all frames of a LAMMPS text dump (`dump atom` or `dump custom`), plain or `.gz`.

    Of unwrapped coordinates (`xu`, `xsu`), wrapped ones with image flags and wrapped ones alone the
    first that are there are taken. In a cell that changes, coordinates are unwrapped by steps
    whatever they are (see `Unwrapping`): image flags count cells of another size then. A step that
    comes again, as after a restart, counts once, the later time. A last frame that is torn is left
    out.

    Raises
    ------
    MlipsseError
        when the file cannot be read, is no text dump, changes its atoms, or has no positions; and
        as `Unwrapping`.
    """
    path = Path(path)
    atoms = dump_atoms(path)
    (block,) = dump_blocks(path, atoms)
    unwrapping = Unwrapping(where=str(path), trusted=not atoms.wrapped)
    unwrapping.add(block.positions, block.cells, block.origins)
    return TextDump(block.steps, block.positions, block.cells, atoms.species, atoms.types)


def dump_atoms(path: Path) -> DumpAtoms:
    """Read the first frame of a text dump for what all frames share.

    Raises
    ------
    MlipsseError
        as `read_text_dump`.
    """
    path = Path(path)
    for text in text_pieces(path, head=True):
        header = DumpHeaders(path).read(text.data, 0, text.stop)
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


def dump_blocks(
    path: Path,
    atoms: DumpAtoms,
    *,
    block_frames: int | None = None,
    kept: np.ndarray | None = None,
) -> Iterator[DumpBlock]:
    """Frames in blocks of `block_frames`; all in one block without it.

    Parameters
    ----------
    atoms : from `dump_atoms`
    kept : (n_frames,) bool, of the frames that `dump_steps` found those that are wanted.
        Without it steps that come again are left out within a block, the later time counts; they
        must not reach back into the block before.

    Raises
    ------
    MlipsseError
        as `read_text_dump`.
    """
    from mlipsse.transport.text_numbers import MALFORMED, OTHER_ATOMS, RUNS_OUT, read_atoms

    n_atoms = len(atoms.ids)
    headers = DumpHeaders(path)
    seen = np.zeros(n_atoms, dtype=np.int64)
    whole = block_frames is None
    block = _Filling(block_frames or likely_frames(path, atoms), n_atoms)
    last_step: int | None = None
    number = -1  # of the frame in the file
    tries = 0
    length = 0  # of the frame before
    found = False
    for text in text_pieces(path):
        begin = text.data.find(TIMESTEP, 0, text.stop)
        address = text.address
        while begin >= 0:
            if text.stop - begin < length and not text.ended:
                break
            header = headers.read(text.data, begin, text.stop)
            if header is None:
                break
            if header.columns != atoms.columns or header.n_atoms != n_atoms:
                raise MlipsseError(
                    f"{path} changes at step {header.step}: {header.n_atoms} atoms with "
                    f"{' '.join(header.columns)} instead of {n_atoms} with "
                    f"{' '.join(atoms.columns)}. Analyse the parts one by one."
                )
            if block.full:
                if whole:
                    block.grow()
                else:
                    yield block.taken()
                    last_step = int(block.steps[block.count - 1])
                    block = _Filling(block_frames or 1, n_atoms)
            tries += 1
            end = read_atoms(
                address + header.start,
                address + text.stop,
                atoms.slots,
                atoms.ids,
                seen,
                tries,
                header.cell,
                header.origin,
                atoms.scaled,
                atoms.images,
                block.positions[block.count],
            )
            if end == OTHER_ATOMS:
                raise MlipsseError(f"{path} holds other atoms at step {header.step} than before.")
            if end == RUNS_OUT:
                break
            number += 1
            if end == MALFORMED:  # torn where a run was killed, and gone on with
                begin = text.data.find(TIMESTEP, header.start, text.stop)
                text.used = begin if begin >= 0 else text.stop
                continue
            found = True
            end -= address
            length = end - begin
            text.used = end
            begin = text.data.find(TIMESTEP, end, text.stop)
            if kept is not None and not (number < len(kept) and kept[number]):
                continue
            block.put(header)
            if last_step is not None and block.steps[0] <= last_step:
                raise MlipsseError(
                    f"{path}: step {header.step} comes again after step {last_step}. Analyse the "
                    "parts one by one."
                )
        if begin >= 0:
            text.used = begin
    if not found:
        raise MlipsseError(f"{path} holds no whole frame of a LAMMPS text dump.")
    if block.count or whole:
        yield block.taken()


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


def dump_units(path: Path, atoms: DumpAtoms) -> tuple[str | None, float | None]:
    """The units of a dump that says them, and its time per step, in them (`dump_modify time yes`).

    None for what it does not say.
    """
    needed = 2 * atoms.frame_bytes + 4096  # up to the second header
    head = b""
    for text in text_pieces(path, head=True):
        head = bytes(text.data[: min(text.stop, needed)])
        if len(head) == needed:
            break
        text.used = 0
    units = re.search(rb"ITEM: UNITS\s+(\w+)", head)
    clocks = re.findall(rb"ITEM: TIME\s+(\S+)\s+ITEM: TIMESTEP\s+(\d+)\s", head)[:2]
    time_per_step = None
    if len(clocks) == 2:
        (first, first_step), (second, second_step) = clocks
        with contextlib.suppress(ValueError, ZeroDivisionError):
            time_per_step = (float(second) - float(first)) / (int(second_step) - int(first_step))
    return units[1].decode() if units else None, time_per_step


def likely_frames(path: Path, atoms: DumpAtoms) -> int:
    """About as many frames as the file holds; room that is not used costs nothing."""
    return int(1.2 * text_bytes(path) / atoms.frame_bytes) + 16


@dataclass(eq=False)
class _Filling:
    """A block that is being filled."""

    capacity: int
    n_atoms: int
    count: int = 0
    steps: np.ndarray = field(init=False)
    positions: np.ndarray = field(init=False)
    cells: np.ndarray = field(init=False)
    origins: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.steps = np.empty(self.capacity, dtype=np.int64)
        self.positions = np.empty((self.capacity, self.n_atoms, 3))
        self.cells = np.empty((self.capacity, 3, 3))
        self.origins = np.empty((self.capacity, 3))

    @property
    def full(self) -> bool:
        return self.count == self.capacity

    def grow(self) -> None:
        """Make room for half as many frames again."""
        before = self.taken()
        self.capacity += self.capacity // 2 + 1
        self.__post_init__()
        for name in ("steps", "positions", "cells", "origins"):
            getattr(self, name)[: self.count] = getattr(before, name)

    def put(self, header: DumpHeader) -> None:
        """Count the frame whose positions were read into the first free place.

        Frames of this step and of later ones are from before a restart: it takes their place.
        """
        first = self.count
        while first and self.steps[first - 1] >= header.step:
            first -= 1
        if first < self.count:
            self.positions[first] = self.positions[self.count]
        self.steps[first], self.cells[first] = header.step, header.cell
        self.origins[first] = header.origin
        self.count = first + 1

    def taken(self) -> DumpBlock:
        """What is filled."""
        n = self.count
        return DumpBlock(self.steps[:n], self.positions[:n], self.cells[:n], self.origins[:n])


def _first_atoms(path: Path, header: DumpHeader, frame: bytes) -> DumpAtoms:
    from mlipsse.transport.text_numbers import ID, IMAGE, PLACE

    columns = header.columns
    names, scaled, images, wrapped = _style(columns, path)
    if "id" not in columns:
        raise MlipsseError(
            f"{path} has no column `id`, without which atoms cannot be told apart from frame "
            "to frame. Write the dump again with id."
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
