"""Write a structure as LAMMPS reads it.

ASE's writer turns the cell into LAMMPS' orientation (a along x, b in the xy plane) and reduces the
tilts to what LAMMPS accepts; distances between periodic images are what they were.
"""

import io
from collections.abc import Iterable

import numpy as np
from ase import Atoms

from mlipsse.errors import MlipsseError


def types_of(symbols: Iterable[str]) -> tuple[str, ...]:
    """Elements in the order of their LAMMPS types 1, 2, ...: alphabetical."""
    return tuple(sorted(set(symbols)))


def species_by_type(atoms: Atoms) -> tuple[str, ...]:
    """`types_of` the atoms."""
    return types_of(atoms.get_chemical_symbols())


def atom_style(atoms: Atoms) -> str:
    """LAMMPS' atom style of a structure: `charge` when any atom has one, else `atomic`."""
    return "charge" if np.any(atoms.get_initial_charges()) else "atomic"


def data_text(atoms: Atoms, *, title: str) -> str:
    """LAMMPS data file: type labels, masses, triclinic box, atoms wrapped, initial charges if any.

    Atom ids are 1, 2, ... in the order of `atoms`; what turns its frame back: `LammpsFrame`.

    Parameters
    ----------
    atoms : periodic in three directions
    title : first line of the file

    Raises
    ------
    MlipsseError
        for an empty, non-periodic or non-finite structure.
    """
    from ase.io.lammpsdata import write_lammps_data

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
        Atoms(
            atoms.symbols,
            positions=atoms.positions,
            cell=atoms.cell,
            pbc=True,
            charges=atoms.get_initial_charges(),
        ),
        specorder=list(species_by_type(atoms)),
        reduce_cell=True,
        force_skew=True,
        masses=True,
        atom_type_labels=True,
        units="metal",
        atom_style=atom_style(atoms),
    )
    first_line, rest = stream.getvalue().split("\n", 1)
    return f"{' '.join(title.split())} {first_line}\n{rest}"
