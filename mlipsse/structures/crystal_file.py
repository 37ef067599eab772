"""Crystals from CIF and POSCAR files."""

from pathlib import Path
from typing import TYPE_CHECKING

from mlipsse.errors import MlipsseError
from mlipsse.structures.cif.file import read_cif, read_cif_structures
from mlipsse.structures.cif.text import is_cif, read_text
from mlipsse.structures.crystal.model import Crystal
from mlipsse.structures.crystal.plausibility import judge_distances
from mlipsse.structures.poscar import read_poscar

if TYPE_CHECKING:
    from ase import Atoms


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


def read_ordered(path: Path) -> "list[Atoms]":
    """The structures of a CIF or a POSCAR as atoms, at least one, with every site full.

    Raises
    ------
    MlipsseError
        as `read_crystal`, and for a site that is shared, partly filled or empty.
    """
    path = Path(path)
    if path.is_file() and is_cif(content := read_text(path)):
        crystals = read_cif_structures(content, path.name)
    else:
        crystals = [read_crystal(path)]
    return [_atoms(crystal) for crystal in crystals]


def _atoms(crystal: Crystal) -> "Atoms":
    from ase import Atoms

    for site in crystal.sites:
        if len(site.amounts) > 1 or site.occupancy < 1 - 1e-3:
            parts = ", ".join(f"{name} {part:.3g}" for name, part in site.amounts.items())
            raise MlipsseError(
                f"{crystal.name} is disordered: its site {site.label} holds {parts}. Give an "
                "ordered structure; `mlipsse orderings export` writes orderings of a disordered "
                "one."
            )
    return Atoms(
        [next(iter(site.amounts)) for site in crystal.sites],
        scaled_positions=crystal.scaled_positions,
        cell=crystal.cell,
        pbc=True,
    )
