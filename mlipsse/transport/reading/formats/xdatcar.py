"""XDATCAR of VASP: one run or several one after the other, the cell constant or not.

ASE's reader takes neither names behind the coordinates nor numbers that run together (3.29), and
leaves the configurations' numbers aside; hence a reader of our own.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import BufferedReader
from pathlib import Path

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

_SAME_FRACTION = 1e-7
_ROW_BYTES = 33
"""Minimum length of a row; VASP writes 37 or 39."""
_NUMBER = rb"([-+]?(?:\d*\.\d+|\d+)(?:[eEdD][-+]?\d+)?)"
_ROW = re.compile(rb"\s*" + rb"\s*".join([_NUMBER] * 3) + rb"(?:\s+[A-Za-z].*)?\s*", re.DOTALL)


@dataclass(frozen=True, eq=False)
class _Head:
    """What stands before the configurations.

    Attributes
    ----------
    cell : (3, 3) float64, Å, rows are lattice vectors
    names : of the species, as written
    counts : atoms of each
    """

    cell: np.ndarray
    names: tuple[str, ...]
    counts: tuple[int, ...]

    @property
    def n_atoms(self) -> int:
        return sum(self.counts)


def open_xdatcar(path: Path, timestep_fs: float | None) -> Source:
    """An XDATCAR, compressed or not; a configuration that is torn at its end is left out.

    Its numbers count ionic steps (NBLOCK apart), and begin anew in a run that is continued.

    Raises
    ------
    MlipsseError
        when it holds no configuration, or no element symbols (VASP 4).
    """
    first = next(_configurations(path, [], heads=True), None)
    if first is None:
        raise MlipsseError(f"{path} holds no frame.")
    head, number, _, _ = first
    symbols = elements_of(head.names, str(path))
    species = tuple(s for s, count in zip(symbols, head.counts, strict=True) for _ in range(count))
    notes: list[str] = []
    likely = text_bytes(path) // (_ROW_BYTES * head.n_atoms) + 1

    def frames(report: list[str], heads: bool) -> Iterator[OneFrame]:
        return _frames(path, head, report, heads=heads)

    source = framewise_source(path, "XDATCAR", species, frames, notes=notes, likely=likely)
    return replace(source, stamp_ps=step_ps(timestep_fs, number is not None), counts_anew=True)


def _frames(path: Path, first: _Head, notes: list[str], *, heads: bool) -> Iterator[OneFrame]:
    """Configurations with numbers that go on from run to run."""
    offset, last, runs, merged = 0, 0, 1, 0
    before: np.ndarray | None = None
    for number, (head, count, fractions, opens) in enumerate(
        _configurations(path, notes, heads=heads)
    ):
        if head.names != first.names or head.counts != first.counts:
            raise other_atoms(path, number)
        step = np.nan
        if count is not None:
            if number and opens and count + offset <= last:  # a run that was continued
                runs += 1
                offset = last
                if fractions is not None and before is not None and _same(fractions, before):
                    offset -= count
                    merged += 1
                    last = count + offset
                    continue
            last = count + offset
            step = float(last)
        before = fractions
        yield OneFrame(None if fractions is None else fractions @ head.cell, head.cell, step=step)
    if runs > 1:
        notes.append(
            f"{path}: {runs} runs one after the other are joined"
            + (f", and {merged} frame(s) at their seams counted once" if merged else "")
        )


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    apart = one - other
    return bool(np.abs(apart - np.rint(apart)).max() < _SAME_FRACTION)


_Configuration = tuple[_Head, int | None, np.ndarray | None, bool]


def _configurations(path: Path, notes: list[str], *, heads: bool) -> Iterator[_Configuration]:
    """Head, number and fractions of each whole configuration, and whether a head opens it."""
    head: _Head | None = None
    opens = False
    lines: list[bytes] = []  # since the last configuration
    torn = 0
    raw = TornStream(path)
    with BufferedReader(raw, 1 << 20) as stream:
        while line := stream.readline():
            if not line.lstrip()[:11].lower().startswith(b"direct conf"):
                lines.append(line)
                if len(lines) > 1000 and head is None:
                    raise MlipsseError(f"{path} is not an XDATCAR: it has no configuration.")
                continue
            if any(text.strip() for text in lines):
                head, opens = _head(path, lines), True
            lines = []
            if head is None:
                raise MlipsseError(f"{path} does not begin with the head of an XDATCAR.")
            rows = [stream.readline() for _ in range(head.n_atoms)]
            if not (rows[-1].endswith(b"\n") or is_whole(rows)):
                torn += 1
                break
            digits = re.search(rb"=\s*(\d+)", line)
            number = None if digits is None else int(digits[1])
            yield head, number, None if heads else _fractions(path, rows), opens
            opens = False
    if raw.torn:
        notes.append(lost_behind(path))
    if torn or any(text.strip() for text in lines):
        notes.append(f"{path}: {max(torn, 1)} frame(s) are left out that are torn")


def _head(path: Path, lines: list[bytes]) -> _Head:
    """Comment, scale, three vectors, names, counts; what a torn configuration left may precede."""
    text = [line.decode(errors="replace") for line in lines if line.strip()]
    try:
        counts = tuple(int(word) for word in text[-1].split())
        names = tuple(text[-2].split())
        if len(names) != len(counts):
            raise ValueError("names and numbers of atoms are not equally many")
        if min(counts) < 0 or sum(counts) < 1:
            raise ValueError("it has no atoms")
        cell = np.array([[float(word) for word in line.split()[:3]] for line in text[-5:-2]])
        scale = [float(word) for word in text[-6].split()]
        if cell.shape != (3, 3):
            raise ValueError("its lattice vectors are not three by three")
    except (ValueError, IndexError) as error:
        raise MlipsseError(
            f"{path} has a damaged head ({error}). It must have a comment, a scale, three lattice "
            "vectors, element symbols and numbers of atoms."
        ) from error
    if len(scale) == 3:
        return _Head(cell * np.array(scale), names, counts)
    if scale[0] < 0:  # the volume
        return _Head(cell * (-scale[0] / abs(np.linalg.det(cell))) ** (1 / 3), names, counts)
    return _Head(cell * scale[0], names, counts)


def _fractions(path: Path, rows: list[bytes]) -> np.ndarray:
    """(n_atoms, 3) of rows with or without a name behind them, also where numbers touch."""
    words = b" ".join(rows).split()
    try:
        if len(words) == 3 * len(rows):
            return np.array(words).astype(float).reshape(-1, 3)
    except ValueError:
        pass
    found = []
    for row in rows:
        numbers = _ROW.fullmatch(row)
        if numbers is None:
            raise MlipsseError(
                f"{path} is damaged: {row[:60].decode(errors='replace').strip()!r} is not a row "
                "of three coordinates."
            )
        found.append([float(word.lower().replace(b"d", b"e")) for word in numbers.groups()])
    return np.array(found)
