"""The atoms of one frame of a LAMMPS text dump, line by line, as positions."""

from collections.abc import Sequence

import numpy as np

from mlipsse.transport.reading.text_dump.atoms import ID, IMAGE, PLACE, DumpAtoms
from mlipsse.transport.reading.text_dump.header import TIMESTEP, DumpHeader

RUNS_OUT, MALFORMED, OTHER_ATOMS = -1, -2, -3
"""What `read_rows` answers where it does not end after the last line."""


def read_rows(
    data: bytearray, stop: int, atoms: DumpAtoms, header: DumpHeader, positions: np.ndarray
) -> int:
    """Read a line of words for each atom of a frame, by rising id.

    Parameters
    ----------
    data : text, which ends at `stop`
    atoms : that each frame has
    header : of the frame
    positions : (n_atoms, 3) float64, Å, written; a word that is no number becomes NaN

    Returns
    -------
    int
        place in `data` at which the last line ends, or `RUNS_OUT` (the text ends before),
        `MALFORMED` (a line of fewer or more words), `OTHER_ATOMS` (other ids than in `atoms`)
    """
    n_atoms = len(atoms.ids)
    following = data.find(TIMESTEP, header.start, stop)
    text = bytes(data[header.start : stop if following < 0 else following])
    *lines, rest = text.split(b"\n", n_atoms)
    if len(lines) < n_atoms:
        return RUNS_OUT if following < 0 else MALFORMED
    table = _table(lines, atoms)
    if table is None:
        return MALFORMED
    order = np.argsort(table[_name(atoms, ID)], kind="stable")
    table = table[order]
    if not np.array_equal(table[_name(atoms, ID)], atoms.ids):
        return OTHER_ATOMS
    places = _three(table, atoms, PLACE)
    if atoms.scaled:
        places = places @ header.cell + header.origin
    if atoms.images:
        places = places + _three(table, atoms, IMAGE) @ header.cell
    positions[:] = places
    return header.start + len(text) - len(rest)


def _table(lines: Sequence[bytes], atoms: DumpAtoms) -> np.ndarray | None:
    """Rows of `atoms.row_type`; None where a line has fewer or more words."""
    if not lines[0].strip():
        return None
    try:
        found = np.atleast_1d(np.loadtxt(lines, dtype=atoms.row_type, comments=None))
    except ValueError:  # another number of words, or a word that is no number
        rows = [line.split() for line in lines]
        if any(len(row) != len(atoms.columns) for row in rows):
            return None
        found = np.array(
            [
                tuple(
                    word if slot < 0 else _number(word)
                    for word, slot in zip(row, atoms.slots, strict=True)
                )
                for row in rows
            ],
            dtype=atoms.row_type,
        )
    return found if len(found) == len(lines) else None  # empty lines are skipped


def _number(word: bytes) -> float:
    try:
        return float("nan") if b"_" in word else float(word)
    except ValueError:
        return float("nan")


def _name(atoms: DumpAtoms, slot: int) -> str:
    names: tuple[str, ...] = atoms.row_type.names or ()
    return names[int(np.flatnonzero(atoms.slots == slot)[0])]


def _three(table: np.ndarray, atoms: DumpAtoms, first: int) -> np.ndarray:
    return np.stack([table[_name(atoms, first + axis)] for axis in range(3)], axis=-1)
