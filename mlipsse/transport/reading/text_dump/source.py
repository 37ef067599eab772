"""Any LAMMPS text dump: every coordinate style, triclinic cells, unsorted ids, compressed or not.

MDAnalysis' reader takes some four times as long, and gives wrong positions for scaled coordinates
whose box does not start at 0 and for image flags in triclinic cells (2.11); hence a reader of our
own.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.transport.reading.source.file_bytes import lost_behind
from mlipsse.transport.reading.source.frames import Restarts, find_restarts
from mlipsse.transport.reading.source.protocol import Filling, RawBlock
from mlipsse.transport.reading.text_dump.atoms import (
    DumpAtoms,
    dump_atoms,
    dump_steps,
    likely_frames,
)
from mlipsse.transport.reading.text_dump.header import TIMESTEP, DumpHeader, DumpHeaders
from mlipsse.transport.reading.text_dump.rows import MALFORMED, OTHER_ATOMS, RUNS_OUT, read_rows
from mlipsse.transport.reading.text_dump.stream import text_pieces
from mlipsse.transport.reading.unwrapping.ions import Unwrapping

_CLOCK = b"ITEM: TIME\n"
_CLOCK_BYTES = 160
"""Before a frame's step, in which its time stands."""


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


def read_text_dump(path: Path) -> TextDump:
    """Read all frames of a LAMMPS text dump (`dump atom` or `dump custom`), compressed or not.

    Of unwrapped coordinates (`xu`, `xsu`), wrapped ones with image flags and wrapped ones alone the
    first that are there are taken. In a cell that changes, coordinates are unwrapped by steps
    whatever they are (see `Unwrapping`): image flags count cells of another size then. A step that
    comes again, as after a restart, counts once, the later time. A last frame that is torn is left
    out.

    Raises
    ------
    MlipsseError
        when the file cannot be read, is no text dump, changes its atoms, has no positions or resets
        its steps; and as `Unwrapping`.
    """
    path = Path(path)
    atoms = dump_atoms(path)
    (block,) = dump_blocks(path, atoms, [])
    unwrapping = Unwrapping(where=str(path), trusted=not atoms.wrapped)
    unwrapping.add(block.positions, block.cells, block.origins)
    steps = np.asarray(block.stamps)
    return TextDump(steps, block.positions, block.cells, atoms.species, atoms.types)


def dump_blocks(
    path: Path, atoms: DumpAtoms, notes: list[str], *, block_frames: int | None = None
) -> Iterator[RawBlock]:
    """Frames in blocks of `block_frames`; all in one block without it.

    Stamps are steps, and times those of `dump_modify time yes` in the dump's own unit. Positions
    are Cartesian, image flags added.

    Parameters
    ----------
    atoms : from `dump_atoms`
    notes : gets sentences on frames that are left out

    Raises
    ------
    MlipsseError
        as `read_text_dump`.
    """
    n_atoms = len(atoms.ids)
    restarts: Restarts | None = None
    if block_frames is not None:  # what comes again must be known beforehand
        restarts = find_restarts(dump_steps(path), str(path))
    headers = DumpHeaders(path)
    block = Filling(block_frames or likely_frames(path, atoms), n_atoms)
    number = -1  # of the frame in the file
    length = 0  # of the frame before
    found, torn, ends_torn, seam = False, 0, False, False
    strange = 0
    for text in text_pieces(path):
        begin = text.data.find(TIMESTEP, 0, text.stop)
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
                if block_frames is None:
                    block.grow()
                else:
                    yield block.taken()
                    block = Filling(block_frames, n_atoms)
            end = read_rows(text.data, text.stop, atoms, header, block.positions[block.count])
            if end == OTHER_ATOMS:
                raise MlipsseError(f"{path} holds other atoms at step {header.step} than before.")
            if end == RUNS_OUT:
                break
            number += 1
            if restarts is not None and number < len(restarts.seam) and restarts.seam[number]:
                seam = True
            time = _clock(text.data, max(text.used, begin - _CLOCK_BYTES), begin)
            if end == MALFORMED:  # torn where a run was killed, and gone on with
                torn += 1
                begin = text.data.find(TIMESTEP, header.start, text.stop)
                text.used = max(header.start, begin - _CLOCK_BYTES) if begin >= 0 else text.stop
                continue
            found = True
            length = end - begin
            text.used = end
            begin = text.data.find(TIMESTEP, end, text.stop)
            if begin > end:
                strange += _strange(bytes(text.data[end:begin]), atoms, header, path)
            if restarts is not None and not restarts.kept[number : number + 1].any():
                continue
            block.put(header.cell, header.origin, stamp=header.step, time=time, seam=seam)
            seam = False
        ends_torn = text.torn or (text.ended and begin >= 0)
    if not found:
        raise MlipsseError(f"{path} holds no whole frame of a LAMMPS text dump.")
    if text.torn:
        notes.append(lost_behind(path))
    if torn or ends_torn:
        notes.append(
            f"{path}: {torn + ends_torn} frame(s) are left out that are torn"
            + (", the last among them" if ends_torn else "")
        )
    if strange:
        notes.append(f"{path}: text between {strange} frame(s) and the next is left out")
    if restarts is None:
        restarts = find_restarts(block.stamps[: block.count], str(path))
        seams = tuple(np.flatnonzero(restarts.seam[restarts.kept]).tolist())
        yield block.taken(restarts.kept, seams)
    elif block.count:
        yield block.taken()
    if (note := restarts.note(str(path))) is not None:
        notes.append(note)


def _strange(between: bytes, atoms: DumpAtoms, header: DumpHeader, path: Path) -> bool:
    """Whether text that is no item stands behind a frame; rows of atoms there are refused."""
    line = between.lstrip().partition(b"\n")[0]
    if not line or line.startswith(b"ITEM:"):
        return False
    if len(line.split()) == len(atoms.columns):
        raise MlipsseError(
            f"{path} has more rows at step {header.step} than the {header.n_atoms} atoms that its "
            f"head states ({line[:60].decode(errors='replace')!r} follows): atoms would be left "
            "out. Write the dump again, or correct its number of atoms."
        )
    return True


def _clock(data: bytearray, low: int, begin: int) -> float:
    """Time that stands before a frame's step; NaN without one."""
    place = data.rfind(_CLOCK, low, begin)
    if place < 0:
        return float("nan")
    place += len(_CLOCK)
    try:
        return float(data[place : data.find(b"\n", place, begin)])
    except ValueError:
        return float("nan")
