"""Hand a structure to LAMMPS as it is: any cell shape, no wrapping, atom for atom."""

from collections.abc import Sequence

import numpy as np
from ase import Atoms
from ase.calculators.lammps import Prism
from ase.data import atomic_masses, atomic_numbers

from mlipsse.errors import MlipsseError


def data_text(atoms: Atoms, *, elements: Sequence[str], title: str) -> str:
    """LAMMPS data file (`atomic` style, units metal); atom ids are 1, 2, ... as in `atoms`.

    Unlike the files of production runs its tilts are not reduced: a deck that reads it sets
    `box tilt large`.

    Parameters
    ----------
    atoms : periodic in three directions, any cell shape and orientation
    elements : of LAMMPS types 1, 2, ...
    title : first line

    Raises
    ------
    MlipsseError
        when a direction is not periodic, the cell has no volume, or an element is not listed.
    """
    if not (atoms.pbc.all() and abs(atoms.cell.volume) > 1e-6):
        raise MlipsseError(
            f"{atoms.get_chemical_formula()} is not periodic in all three directions "
            f"(pbc = {atoms.pbc.tolist()}, volume {abs(atoms.cell.volume):g} Å^3). "
            "Set its cell and pbc."
        )
    if missing := sorted(set(atoms.get_chemical_symbols()) - set(elements)):
        raise MlipsseError(
            f"{atoms.get_chemical_formula()} contains {', '.join(missing)}, which the potential "
            f"does not know. Give a structure of {', '.join(elements)}."
        )
    prism = Prism(atoms.cell.array)
    xhi, yhi, zhi, xy, xz, yz = prism.get_lammps_prism()
    lines = [
        " ".join(title.split()),
        "",
        f"{len(atoms)} atoms",
        f"{len(elements)} atom types",
        f"0.0 {xhi:.17g} xlo xhi",
        f"0.0 {yhi:.17g} ylo yhi",
        f"0.0 {zhi:.17g} zlo zhi",
        f"{xy:.17g} {xz:.17g} {yz:.17g} xy xz yz",
        "",
        "Masses",
        "",
    ]
    for number, element in enumerate(elements, start=1):
        lines.append(f"{number} {atomic_masses[atomic_numbers[element]]:.6g}  # {element}")
    lines += ["", "Atoms  # atomic", ""]
    types = [elements.index(symbol) + 1 for symbol in atoms.get_chemical_symbols()]
    places = prism.vector_to_lammps(atoms.positions, wrap=False)
    for number, (kind, (x, y, z)) in enumerate(zip(types, places, strict=True), start=1):
        lines.append(f"{number} {kind} {x:.17g} {y:.17g} {z:.17g}")
    return "\n".join([*lines, ""])


def positions_from_lammps(places: np.ndarray, atoms: Atoms) -> np.ndarray:
    """Unwrapped positions that LAMMPS wrote, turned back into the orientation of `atoms`.

    Parameters
    ----------
    places : (n_atoms, 3), Å, sorted by id, of a run that began with `data_text(atoms)`
    """
    return np.asarray(Prism(atoms.cell.array).vector_to_ase(places, wrap=False))
