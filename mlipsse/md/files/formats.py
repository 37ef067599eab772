"""Write structures in the formats that other programs take."""

from collections.abc import Sequence
from pathlib import Path

import ase.io
from ase import Atoms

from mlipsse.errors import MlipsseError
from mlipsse.files import write_aside, write_text
from mlipsse.md.files.data_file import data_text

FORMATS = ("cif", "extxyz", "lammps")
_SUFFIXES = {"cif": ".cif", "extxyz": ".extxyz", "lammps": ".data"}


def check_formats(formats: Sequence[str]) -> None:
    """Refuse formats that there are not; MlipsseError names those that there are."""
    unknown = [name for name in formats if name not in FORMATS]
    if unknown or not formats:
        raise MlipsseError(
            f"Unknown format {', '.join(map(repr, unknown)) or 'nothing'}. Name one or more of "
            f"{', '.join(FORMATS)}."
        )


def write_structures(
    structures: Sequence[tuple[str, Atoms]],
    folder: Path,
    *,
    formats: Sequence[str] = FORMATS,
) -> list[Path]:
    """One file per structure and format in a folder; each is whole or absent.

    Parameters
    ----------
    structures : names, which become file names, and periodic structures
    folder : made when missing
    formats : of `FORMATS`: `cif` (P1, all atoms written out), `extxyz` (`info` and arrays kept)
        and `lammps` (a data file; see `data_text`)

    Returns
    -------
    list
        the files, structure by structure.

    Raises
    ------
    MlipsseError
        for an unknown format, two structures of one name, or a name that is no file name.
    """
    check_formats(formats)
    names = [name for name, _ in structures]
    wrong = [name for name in names if names.count(name) > 1 or Path(name).name != name]
    if wrong:
        raise MlipsseError(
            f"The structure name {wrong[0]!r} is given twice or is not a file name. Give each "
            "structure a file name of its own."
        )
    written = []
    for name, atoms in structures:
        for kind in formats:
            path = Path(folder) / f"{name}{_SUFFIXES[kind]}"
            if kind == "lammps":
                write_text(path, data_text(atoms, title=name))
            else:
                with write_aside(path) as aside:
                    ase.io.write(aside, atoms, format=kind)
            written.append(path)
    return written
