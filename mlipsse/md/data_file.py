"""Write a structure as LAMMPS reads it.

ASE's writer turns the cell into LAMMPS' orientation (a along x, b in the xy plane) and reduces the
tilts to what LAMMPS accepts; distances between periodic images are what they were.
"""

import io

import numpy as np
from ase import Atoms
from ase.io.lammpsdata import write_lammps_data

from mlipsse.errors import MlipsseError


def species_by_type(atoms: Atoms) -> tuple[str, ...]:
    """Elements in the order of their LAMMPS types 1, 2, ...: alphabetical."""
    return tuple(sorted(set(atoms.get_chemical_symbols())))


def data_text(atoms: Atoms, *, title: str) -> str:
    """LAMMPS data file: type labels, masses, `atomic` style, triclinic box, atoms wrapped.

    Atom ids are 1, 2, ... in the order of `atoms`.

    Parameters
    ----------
    atoms : periodic in three directions
    title : first line of the file

    Raises
    ------
    MlipsseError
        for an empty, non-periodic or non-finite structure.
    """
    if len(atoms) == 0:
        raise MlipsseError("A LAMMPS data file needs a structure with at least one atom.")
    if not (atoms.pbc.all() and abs(atoms.cell.volume) > 1e-6):
        raise MlipsseError(
            "A LAMMPS data file of a crystal needs a cell that is periodic in three directions; "
            f"got pbc = {atoms.pbc.tolist()} and a volume of {abs(atoms.cell.volume):g} Å^3."
        )
    if not np.isfinite(atoms.positions).all():
        raise MlipsseError("The structure has positions that are not finite numbers.")
    stream = io.StringIO()
    # force_skew: cell relaxation in all six components needs a triclinic box, and ASE would
    # otherwise drop small tilts.
    write_lammps_data(
        stream,
        Atoms(atoms.symbols, positions=atoms.positions, cell=atoms.cell, pbc=True),
        specorder=list(species_by_type(atoms)),
        reduce_cell=True,
        force_skew=True,
        masses=True,
        atom_type_labels=True,
        units="metal",
        atom_style="atomic",
    )
    first_line, rest = stream.getvalue().split("\n", 1)
    return f"{' '.join(title.split())} {first_line}\n{rest}"
