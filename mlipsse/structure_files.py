"""Structures in files of any kind that ASE reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from mlipsse.errors import MlipsseError

if TYPE_CHECKING:
    from ase import Atoms


def read_structures(path: Path) -> list[Atoms]:
    """All structures of a file, at least one.

    Raises
    ------
    MlipsseError
        when the file is not there, cannot be read, or is empty.
    """
    from ase.io import read

    if not path.is_file():
        raise MlipsseError(f"There is no file {path} to read structures from.")
    try:
        found = cast("list[Atoms]", read(path, index=":"))
    except Exception as error:  # every reader of ASE has exceptions of its own
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise MlipsseError(
            f"{path} cannot be read as structures ({reason}). Name a file that ASE reads, such as "
            "extxyz or CIF."
        ) from error
    if not found:
        raise MlipsseError(f"{path} holds no structures.")
    return found
