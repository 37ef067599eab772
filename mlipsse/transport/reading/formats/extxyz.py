"""XYZ files: extended ones of any program, and plain ones of CP2K and LAMMPS.

ASE's reader stops at a blank line without a word, takes no notice of a column `id`, and gives no
stamps of plain files (3.29); hence a reader of our own.
"""

import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.transport.reading.source.element_names import elements_of
from mlipsse.transport.reading.source.file_bytes import (
    TornStream,
    is_whole,
    lost_behind,
    text_bytes,
)
from mlipsse.transport.reading.source.frames import OneFrame, framewise_source, other_atoms, step_ps
from mlipsse.transport.reading.source.protocol import Source
from mlipsse.transport.reading.times.stamps import StampKeys, find_stamp_keys

_SPECIES = ("species", "symbols", "element", "elements", "type", "types", "Z", "numbers")
_PLACES = ("pos", "positions", "xyz", "R")
_IDS = ("id", "ids", "atom_id", "atom_ids", "atomid", "particle_id")
_MAYBE_IDS = ("index", "indices", "idx", "serial", "tag", "number")
"""Ids only where they are whole numbers of which no two are the same."""
_PLAIN = "species:S:1:pos:R:3"


@dataclass(frozen=True)
class _Columns:
    """Where in a row its values stand.

    Attributes
    ----------
    width : words in a row
    species, ids : word of each; None without one
    places : word of x; y and z follow
    unsure : whether the ids may be something else
    """

    width: int
    species: int | None
    places: int
    ids: int | None
    unsure: bool = False


@dataclass(eq=False)
class _Head:
    """Head of one frame.

    Attributes
    ----------
    words : of its comment line, by key
    columns : of its rows
    cell : (3, 3) float64, Å, rows are lattice vectors; 0 without one
    """

    words: dict[str, Any]
    columns: _Columns
    cell: np.ndarray


@dataclass(frozen=True, eq=False)
class _First:
    """What the first frame fixes.

    Attributes
    ----------
    species : element of each atom
    names : (n_atoms,) the atoms' names as written, in the order of the ids
    ids : (n_atoms,) int64 in the order of the file; None without a column of them
    keys : words of the stamps
    frame_bytes : length of the frame
    """

    species: tuple[str, ...]
    names: np.ndarray
    ids: np.ndarray | None
    keys: StampKeys
    frame_bytes: int


def open_extxyz(path: Path, types: Sequence[str] | None, timestep_fs: float | None) -> Source:
    """An XYZ file, compressed or not; frames that are torn at its end are left out.

    Parameters
    ----------
    types : elements of types 1, 2, ..., for files that hold type numbers

    Raises
    ------
    MlipsseError
        when it holds no frame, or no elements.
    """
    notes: list[str] = []
    first = _first(path, types, notes)

    def frames(report: list[str], heads: bool) -> Iterator[OneFrame]:
        return _frames(path, first, report, heads=heads)

    start = next(frames([], True))
    likely = text_bytes(path) // first.frame_bytes + 1
    return replace(
        framewise_source(path, "extxyz", first.species, frames, notes=notes, likely=likely),
        stamp_ps=step_ps(timestep_fs, first.keys.step is not None),
        time_ps=first.keys.time_ps,
        first_stamp=start.stamp if start.stamp == start.stamp else None,
    )


def _first(path: Path, types: Sequence[str] | None, notes: list[str]) -> _First:
    """Read the first two frames for what all have."""
    heads: list[_Head] = []
    names = ids = None
    frame_bytes = 0
    for head, rows, _ in _raw_frames(path, []):
        heads.append(head)
        if names is None:
            columns = head.columns
            words = _table(rows, columns)
            if words is None or columns.species is None:
                raise MlipsseError(f"{path} has no column of species in its first frame.")
            names = words[:, columns.species]
            frame_bytes = sum(map(len, rows)) + 8
            ids = _ids(path, words, columns, 0)
            if columns.unsure and ids is not None and len(np.unique(ids)) < len(ids):
                ids = None
        if len(heads) == 2:
            break
    if names is None:
        raise MlipsseError(f"{path} holds no frame.")
    if ids is not None and len(np.unique(ids)) < len(ids):
        raise MlipsseError(
            f"{path} has a column of ids in which two atoms have one id: write ids that differ, or "
            "leave the column out."
        )
    order = np.arange(len(names)) if ids is None else np.argsort(ids)
    written = [word.decode() for word in names[order].tolist()]
    pbc = heads[0].words.get("pbc")
    if isinstance(pbc, list | np.ndarray) and len(pbc) == 3 and not all(pbc):
        axes = ", ".join(axis for axis, flag in zip("abc", pbc, strict=True) if not flag)
        notes.append(
            f"{path}: the box is not periodic along {axes}; its volume, and conductivities, are "
            "those of the box as it is written"
        )
    keys = find_stamp_keys([head.words for head in heads], str(path))
    species = _named(path, written, types)
    return _First(species, names[order], ids, keys, frame_bytes)


def _named(path: Path, written: list[str], types: Sequence[str] | None) -> tuple[str, ...]:
    if not all(word.isdigit() for word in written):
        return elements_of(written, str(path))
    from ase.data import chemical_symbols

    numbers = [int(word) for word in written]
    if types is None:
        raise MlipsseError(
            f"{path} holds numbers for elements ({', '.join(dict.fromkeys(written))}). Give the "
            "elements of types 1, 2, ..., or write element symbols."
        )
    if min(numbers) < 1 or max(numbers) > len(types):
        if all(chemical_symbols[min(n, 118)] in types for n in set(numbers)):  # atomic numbers
            return tuple(chemical_symbols[n] for n in numbers)
        raise MlipsseError(
            f"{path} holds types {min(numbers)} to {max(numbers)}, but elements of {len(types)} "
            f"types are given ({', '.join(types)})."
        )
    return tuple(types[number - 1] for number in numbers)


def _frames(path: Path, first: _First, notes: list[str], *, heads: bool) -> Iterator[OneFrame]:
    ids = None if first.ids is None else np.sort(first.ids)
    keys = first.keys
    for number, (head, rows, after_torn) in enumerate(_raw_frames(path, notes)):
        step, time = keys.read(head.words, str(path), number)
        if after_torn and keys.step is None and keys.time is None:
            raise MlipsseError(
                f"{path} holds a torn frame before frame {number}, and no steps or times that show "
                "how much is missing there: analyse the parts one by one."
            )
        if heads:
            yield OneFrame(None, head.cell, step, time)
            continue
        columns = head.columns
        words = _table(rows, columns)
        if words is None or columns.species is None:
            raise MlipsseError(f"Frame {number} of {path} is damaged: its rows are not whole.")
        if ids is not None:
            own = _ids(path, words, columns, number)
            own = ids[:0] if own is None else own
            order = np.argsort(own)
            if not np.array_equal(own[order], ids):
                raise other_atoms(path, number)
            words = words[order]
        names = words[:, columns.species]
        if not np.array_equal(names, first.names):
            raise other_atoms(path, number, names.tolist(), np.asarray(first.names).tolist())
        try:
            places = words[:, columns.places : columns.places + 3].astype(float)
        except ValueError as error:
            raise MlipsseError(f"Frame {number} of {path} is damaged ({error}).") from error
        yield OneFrame(places, head.cell, step, time)


def _ids(path: Path, words: np.ndarray, columns: _Columns, number: int) -> np.ndarray | None:
    """Ids of the atoms of a frame; None without, or of numbers that may be something else."""
    if columns.ids is None:
        return None
    try:
        found = words[:, columns.ids].astype(float)
    except ValueError:
        found = np.array([np.nan])
    if np.all(found == np.rint(found)):
        return found.astype(np.int64)
    if columns.unsure:
        return None
    raise MlipsseError(
        f"Frame {number} of {path} has a column of ids that are no whole numbers: write whole "
        "numbers, or leave the column out."
    )


def _table(rows: list[bytes], columns: _Columns) -> np.ndarray | None:
    """(n_atoms, n_columns) words; None where a row has more or fewer."""
    words = b" ".join(rows).split()
    if len(words) == len(rows) * columns.width:
        return np.array(words).reshape(len(rows), columns.width)
    widths = {len(row.split()) for row in rows}
    if len(widths) == 1 and widths.pop() > columns.width:  # plain files with more than xyz
        return np.array(words).reshape(len(rows), -1)
    return None


def _raw_frames(path: Path, notes: list[str]) -> Iterator[tuple[_Head, list[bytes], bool]]:
    """Heads and rows of all whole frames, and whether a torn one lies before; the last may be torn.

    A run that was killed and gone on with leaves a torn frame in the middle: its rows hold the head
    of the next.
    """
    torn, after_torn = 0, False
    cached: _Cached = None
    pending: deque[bytes] = deque()
    raw = TornStream(path)
    with BufferedReader(raw, 1 << 20) as stream:

        def next_line() -> bytes:
            return pending.popleft() if pending else stream.readline()

        while line := next_line():
            if not line.strip():
                continue
            try:
                n_atoms = int(line)
            except ValueError as error:
                raise MlipsseError(
                    f"{path} is damaged: {line[:40].decode(errors='replace').strip()!r} stands "
                    "where a frame begins with the number of its atoms."
                ) from error
            comment = next_line()
            rows = [next_line() for _ in range(n_atoms)]
            inside = _next_head(rows)
            if inside is not None:
                torn, after_torn = torn + 1, True
                # The torn row may have swallowed the number that follows it.
                counted = inside > 0 and rows[inside - 1].strip() == line.strip()
                pending.extendleft(reversed(rows[inside:]))
                pending.appendleft(rows[inside - 1] if counted else line)
                continue
            if not rows or not (rows[-1].endswith(b"\n") or is_whole(rows)):
                torn += 1
                break
            if _is_head(following := next_line()):  # its number ended up in the last row
                torn, after_torn = torn + 1, True
                pending.extendleft((following, line))
                continue
            pending.appendleft(following)
            head, cached = _head(path, comment, cached)
            yield head, rows, after_torn
            after_torn = False
    if raw.torn:
        notes.append(lost_behind(path))
    if torn:
        notes.append(f"{path}: {torn} frame(s) are left out that are torn")


def _next_head(rows: list[bytes]) -> int | None:
    """Row that is the comment of another frame, within what should be one."""
    if not _is_head(b"".join(rows)):
        return None
    return next(place for place, row in enumerate(rows) if _is_head(row))


def _is_head(text: bytes) -> bool:
    """Whether text holds the comment of a frame, as rows of atoms never do."""
    return b"=" in text or b"Timestep" in text


_Cached = tuple[bytes, _Columns] | None


def _head(path: Path, comment: bytes, cached: _Cached) -> tuple[_Head, _Cached]:
    words = _words(path, comment.decode(errors="replace").strip())
    properties = str(words.get("Properties", words.get("properties", _PLAIN)))
    key = properties.encode()
    if cached is None or cached[0] != key:
        cached = (key, _columns(path, properties))
    return _Head(words, cached[1], _cell(path, words)), cached


def _words(path: Path, text: str) -> dict[str, Any]:
    """Keys and values of a comment; those of LAMMPS' `dump xyz` and of i-PI are sentences."""
    from ase.cell import Cell
    from ase.io.extxyz import key_val_str_to_dict

    lammps = re.match(r"Atoms\. Timestep:\s*(\d+)", text)
    if lammps:
        return {"step": int(lammps[1])}
    ipi = re.match(r"#\s*CELL\(abcABC\):((?:\s+\S+){6})\s+Step:\s*(\d+)(.*)", text)
    if ipi is None:
        try:
            return dict(key_val_str_to_dict(text))
        except ValueError:  # a sentence
            return {}
    units = re.findall(r"\{(\w+)\}", ipi[3]) or ["atomic_unit"]
    if set(units) != {"angstrom"}:
        raise MlipsseError(
            f"{path} has lengths in {', '.join(dict.fromkeys(units))}, as i-PI writes them: write "
            "positions and cell in angstrom."
        )
    cell = Cell.fromcellpar([float(word) for word in ipi[1].split()])
    return {"step": int(ipi[2]), "cell": np.array(cell)}


def _cell(path: Path, words: dict[str, Any]) -> np.ndarray:
    """(3, 3), rows are lattice vectors; 0 without a Lattice."""
    key = next((key for key in ("Lattice", "lattice", "cell") if key in words), None)
    try:
        numbers = np.zeros((3, 3)) if key is None else np.asarray(words[key], dtype=float)
    except (TypeError, ValueError):
        numbers = np.empty(0)
    if numbers.shape == (3, 3):  # which ASE turns round for this one word
        return numbers.T if key == "Lattice" else numbers
    if numbers.size == 9:
        return numbers.reshape(3, 3)
    if numbers.size == 3:
        return np.diag(numbers)
    if key != "Lattice":  # a word of a sentence
        return np.zeros((3, 3))
    raise MlipsseError(f"{path} has a Lattice of {numbers.size} numbers, but needs 9.")


def _columns(path: Path, properties: str) -> _Columns:
    parts = properties.split(":")
    place, found = 0, {}
    try:
        for name, _, width in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
            found[name] = (place, int(width))
            place += int(width)
    except ValueError as error:
        raise MlipsseError(
            f"{path} has the Properties {properties!r}, which are damaged."
        ) from error
    places = next((found[name] for name in _PLACES if name in found), None)
    if places is None or places[1] != 3:
        raise MlipsseError(f"{path} has no column of positions among {properties}.")
    species = next((found[name][0] for name in _SPECIES if name in found), None)
    single = {name.lower(): start for name, (start, width) in found.items() if width == 1}
    sure = [single[name] for name in _IDS if name in single]
    unsure = [single[name] for name in _MAYBE_IDS if name in single]
    ids = next(iter([*sure, *unsure]), None)
    return _Columns(place, species, places[0], ids, unsure=not sure)
