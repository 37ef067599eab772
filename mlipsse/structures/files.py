"""Structures in files of any kind: CIFs and POSCARs, and what else ASE reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from mlipsse.errors import MlipsseError, first_line

if TYPE_CHECKING:
    from ase import Atoms


def read_structures(path: Path) -> list[Atoms]:
    """All structures of a file, at least one.

    CIFs and POSCARs are read by `read_ordered`: ASE takes the majority species of a mixed site and
    guesses the species of VASP 4 without a word.

    Raises
    ------
    MlipsseError
        when the file is not there, cannot be read, is empty, or holds a disordered crystal.
    """
    from ase.io import read

    from mlipsse.structures import read_ordered

    if not path.is_file():
        raise MlipsseError(f"There is no file {path}. Name a file of structures.")
    if _is_crystal_file(path):
        return read_ordered(path)
    try:
        found = cast("list[Atoms]", read(path, index=":"))
    except Exception as error:  # every reader of ASE has exceptions of its own
        raise MlipsseError(
            f"{path} cannot be read as structures ({first_line(error)}). Name a file that ASE "
            "reads, such as extxyz or CIF."
        ) from error
    if not found:
        raise MlipsseError(f"{path} holds no structures.")
    return found


def _is_crystal_file(path: Path) -> bool:
    name = path.name.lower().removesuffix(".gz")
    return name.endswith((".cif", ".vasp", ".poscar")) or name.startswith(("poscar", "contcar"))
