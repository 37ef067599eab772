"""LAMMPS text dumps of anybody's: every coordinate style, triclinic cells, unsorted ids, gzip.

MDAnalysis reads 61 frames/s of 2,560 atoms, and gives wrong positions for scaled coordinates whose
box does not start at 0 and for image flags in triclinic cells (2.11); hence a reader of our own.
"""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.transport.unwrapping import unwrap, wrap

_TIMESTEP = b"ITEM: TIMESTEP"
_BLOCK_BYTES = 32 << 20
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


@dataclass(frozen=True)
class _Header:
    """Of one frame."""

    step: int
    n_atoms: int
    cell: np.ndarray
    origin: np.ndarray
    columns: tuple[str, ...]
    start: int


@dataclass(frozen=True)
class _Style:
    """Which columns hold positions, and what they mean.

    Attributes
    ----------
    names : of the three columns
    scaled : in units of the cell
    images : whether ix, iy, iz count cells
    wrapped : whether nothing says in which cell an atom is
    """

    names: tuple[str, str, str]
    scaled: bool
    images: bool
    wrapped: bool


def read_text_dump(path: Path) -> TextDump:
    """Read all frames of a LAMMPS text dump (`dump atom` or `dump custom`), plain or `.gz`.

    Of unwrapped coordinates (`xu`, `xsu`), wrapped ones with image flags and wrapped ones alone the
    first that are there are taken. In a cell that changes, coordinates are unwrapped by steps
    whatever they are (see `unwrap`): image flags count cells of another size then. A step that
    comes again, as after a restart, counts once, the later time. A last frame that is torn is left
    out.

    Raises
    ------
    MlipsseError
        when the file cannot be read, is no text dump, changes its atoms, or has no positions; and
        as `unwrap`.
    """
    path = Path(path)
    frames: list[np.ndarray] = []
    headers: list[_Header] = []
    first: _Atoms | None = None
    try:
        with _opened(path) as stream:
            for block in _blocks(stream, path):
                for header in _headers(block, path):
                    if first is None:
                        first = _Atoms.of(block, header, path)
                    positions = first.read(block, header, path)
                    if positions is None:
                        continue
                    while headers and headers[-1].step >= header.step:
                        headers.pop()
                        frames.pop()
                    headers.append(header)
                    frames.append(positions)
    except (OSError, EOFError) as error:
        raise MlipsseError(f"{path} cannot be read: {error}.") from error
    if first is None or not frames:
        raise MlipsseError(f"{path} holds no whole frame of a LAMMPS text dump.")
    cells = np.array([header.cell for header in headers])
    positions = np.array(frames)
    constant = np.allclose(cells, cells[0], rtol=0, atol=1e-6)
    if not constant:
        origins = np.array([header.origin for header in headers])
        positions = wrap(positions, cells, origins)
    if first.style.wrapped or not constant:
        positions = unwrap(positions, cells, where=str(path))
    return TextDump(
        steps=np.array([header.step for header in headers], dtype=np.int64),
        positions=positions,
        cells=cells,
        species=first.species,
        types=first.types,
    )


@dataclass(frozen=True, eq=False)
class _Atoms:
    """The atoms of the first frame, which all others must have.

    Attributes
    ----------
    columns : names of the columns
    slots : (n_columns,) where each goes in a row that is read, -1 for nowhere
    ids : (n_atoms,) rising
    """

    columns: tuple[str, ...]
    slots: np.ndarray
    style: _Style
    ids: np.ndarray
    species: tuple[str, ...] | None
    types: np.ndarray | None

    @classmethod
    def of(cls, block: bytes, header: _Header, path: Path) -> "_Atoms":
        style = _style(header.columns, path)
        wanted = ["id", *style.names, *(f"i{axis}" for axis in _AXES if style.images)]
        if "id" not in header.columns:
            raise MlipsseError(
                f"{path} has no column `id`, without which atoms cannot be told apart from frame "
                "to frame. Write the dump again with id."
            )
        slots = np.full(len(header.columns), -1, dtype=np.int64)
        for slot, name in enumerate(wanted):
            slots[header.columns.index(name)] = slot
        lines = block[header.start :].split(b"\n", header.n_atoms)[: header.n_atoms]
        words = [line.split() for line in lines]
        if any(len(row) != len(header.columns) for row in words) or len(words) < header.n_atoms:
            raise MlipsseError(f"The first frame of {path} is not whole.")
        ids = np.array([int(row[header.columns.index("id")]) for row in words])
        order = np.argsort(ids)
        species, types = None, None
        if "element" in header.columns:
            place = header.columns.index("element")
            species = tuple(words[index][place].decode() for index in order)
        if "type" in header.columns:
            place = header.columns.index("type")
            found = [words[index][place] for index in order]
            types = (
                np.array([int(word) for word in found])
                if all(word.isdigit() for word in found)
                else None
            )
            if types is None and species is None:  # type labels
                species = tuple(word.decode() for word in found)
        return cls(header.columns, slots, style, ids[order], species, types)

    def read(self, block: bytes, header: _Header, path: Path) -> np.ndarray | None:
        """Positions by rising id; None when the frame is torn."""
        from mlipsse.transport.text_numbers import read_rows

        if header.columns != self.columns or header.n_atoms != len(self.ids):
            raise MlipsseError(
                f"{path} changes at step {header.step}: {header.n_atoms} atoms with "
                f"{' '.join(header.columns)} instead of {len(self.ids)} with "
                f"{' '.join(self.columns)}. Analyse the parts one by one."
            )
        buffer = np.frombuffer(block, dtype=np.uint8)
        rows = np.empty((header.n_atoms, int(self.slots.max()) + 1))
        if read_rows(buffer, header.start, self.slots, rows) < 0:
            return None
        ids = rows[:, 0].astype(np.int64)
        if not np.array_equal(ids, self.ids):
            places = self._places(ids)
            if places is None or np.bincount(places).max() > 1:
                raise MlipsseError(f"{path} holds other atoms at step {header.step} than before.")
            unsorted, rows = rows, np.empty_like(rows)
            rows[places] = unsorted
        positions = rows[:, 1:4]
        if self.style.scaled:
            positions = positions @ header.cell + header.origin
        if self.style.images:
            positions = positions + rows[:, 4:7] @ header.cell
        return np.ascontiguousarray(positions)

    def _places(self, ids: np.ndarray) -> np.ndarray | None:
        """Where each id stands among those of the first frame; None when one is not there."""
        first, last = int(self.ids[0]), int(self.ids[-1])
        if last - first + 1 == len(self.ids):  # as a rule: no search
            return ids - first if ids.min() >= first and ids.max() <= last else None
        places = np.searchsorted(self.ids, ids)
        known = places < len(self.ids)
        known[known] = self.ids[places[known]] == ids[known]
        return places if known.all() else None


def _style(columns: tuple[str, ...], path: Path) -> _Style:
    images = all(f"i{axis}" in columns for axis in _AXES)
    for suffix, scaled, unwrapped in (
        ("u", False, True),
        ("su", True, True),
        ("", False, False),
        ("s", True, False),
    ):
        names = (f"x{suffix}", f"y{suffix}", f"z{suffix}")
        if all(name in columns for name in names):
            return _Style(
                names, scaled, images and not unwrapped, wrapped=not (unwrapped or images)
            )
    raise MlipsseError(
        f"{path} has no positions: its columns are {' '.join(columns)}. Write x y z, xu yu zu, "
        "xs ys zs or xsu ysu zsu."
    )


def _opened(path: Path) -> BinaryIO:
    if not path.is_file():
        raise MlipsseError(f"There is no file {path}.")
    with path.open("rb") as stream:
        zipped = stream.read(2) == b"\x1f\x8b"
    return cast(BinaryIO, gzip.open(path, "rb") if zipped else path.open("rb"))


def _blocks(stream: BinaryIO, path: Path) -> Iterator[bytes]:
    """Pieces of the file that begin with a frame and end where one ends, but for the last."""
    rest = stream.read(_BLOCK_BYTES)
    if not rest.lstrip().startswith(b"ITEM:"):
        raise MlipsseError(f"{path} is no LAMMPS text dump: it does not begin with ITEM:.")
    while True:
        more = stream.read(_BLOCK_BYTES)
        if not more:
            yield rest
            return
        rest += more
        cut = rest.rfind(_TIMESTEP)
        if cut > 0:
            yield rest[:cut]
            rest = rest[cut:]


def _headers(block: bytes, path: Path) -> Iterator[_Header]:
    begin = block.find(_TIMESTEP)
    while begin >= 0:
        header = _header(block, begin, path)
        if header is None:  # torn
            return
        yield header
        begin = block.find(_TIMESTEP, header.start)


def _header(block: bytes, begin: int, path: Path) -> _Header | None:
    step, n_atoms = None, None
    bounds: list[list[float]] = []
    label = b""
    place = begin
    while True:
        end = block.find(b"\n", place)
        if end < 0:
            return None
        line, place = block[place:end], end + 1
        if line.startswith(b"ITEM: ATOMS"):
            columns = tuple(line[len(b"ITEM: ATOMS") :].decode().split())
            break
        if line.startswith(b"ITEM:"):
            label = line
        elif label.startswith(_TIMESTEP):
            step = int(line)
        elif label.startswith(b"ITEM: NUMBER OF ATOMS"):
            n_atoms = int(line)
        elif label.startswith(b"ITEM: BOX BOUNDS"):
            bounds.append([float(word) for word in line.split()])
    if step is None or n_atoms is None or len(bounds) != 3:
        raise MlipsseError(f"{path} has a frame without step, number of atoms or box.")
    cell, origin = _box(np.array(bounds), general=b"abc origin" in block[begin:place])
    return _Header(step, n_atoms, cell, origin, columns, place)


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
