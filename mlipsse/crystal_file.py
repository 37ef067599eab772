"""Crystal structures from CIF and POSCAR files."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from mlipsse.errors import MlipsseError

if TYPE_CHECKING:
    from pymatgen.core import Structure


def read_crystal(path: Path) -> "Structure":
    """The structure in a file, with partial occupancies where it has them.

    Raises
    ------
    MlipsseError
        when there is no such file, or pymatgen cannot read it.
    """
    from pymatgen.core import Structure

    if not path.is_file():
        raise MlipsseError(f"There is no CIF at {path}. Give the path of a CIF or POSCAR.")
    try:
        with warnings.catch_warnings():
            # pymatgen tells of every rounded coordinate it repaired.
            warnings.simplefilter("ignore")
            return Structure.from_file(path)
    except Exception as error:  # pymatgen raises whatever its parsers run into
        raise MlipsseError(
            f"{path} cannot be read as a CIF or POSCAR ({type(error).__name__}: {error}). Check "
            "that it holds a cell, sites, and occupancies that sum to at most 1 per site."
        ) from error
