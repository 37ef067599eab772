"""Crystals from CIF and POSCAR files."""

from pathlib import Path

from mlipsse.errors import MlipsseError
from mlipsse.structures.cif import read_cif
from mlipsse.structures.cif_text import is_cif, read_text
from mlipsse.structures.crystal import Crystal
from mlipsse.structures.plausibility import judge_distances
from mlipsse.structures.poscar import read_poscar


def read_crystal(path: Path) -> Crystal:
    """The crystal in a file, with partial occupancies where it has them.

    The text decides whether it is a CIF or a POSCAR, not the file's name. See `Crystal.notes` for
    what the reading decided.

    Raises
    ------
    MlipsseError
        when there is no such file, or it cannot be read without doubt.
    """
    path = Path(path)
    if not path.is_file():
        raise MlipsseError(f"There is no CIF at {path}. Give the path of a CIF or POSCAR.")
    try:
        content = read_text(path)
    except (OSError, EOFError) as error:
        raise MlipsseError(f"{path} cannot be opened ({error}).") from error
    if is_cif(content):
        return read_cif(content, path.name)
    crystal = read_poscar(content, path.name)
    clashes = judge_distances(crystal.cell, crystal.scaled_positions, crystal.sites).clashes
    if clashes:
        raise MlipsseError(
            f"{path.name} cannot be read: its atoms overlap ({'; '.join(clashes[:3])}). Check its "
            "coordinates."
        )
    return crystal
