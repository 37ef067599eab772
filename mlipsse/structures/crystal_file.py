"""Crystal structures from CIF and POSCAR files."""

import warnings
from pathlib import Path

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.structures.crystal import Crystal, CrystalSite, Occupant


def read_crystal(path: Path) -> Crystal:
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
            structure = Structure.from_file(path)
    except Exception as error:  # pymatgen raises whatever its parsers run into
        raise MlipsseError(
            f"{path} cannot be read as a CIF or POSCAR ({type(error).__name__}: {error}). Check "
            "that it holds a cell, sites, and occupancies that sum to at most 1 per site."
        ) from error
    sites = tuple(
        CrystalSite(
            label=str(site.label),
            occupants=tuple(
                Occupant(
                    element=str(getattr(species, "symbol", species)),
                    occupancy=float(part),
                    oxidation=getattr(species, "oxi_state", None),
                )
                for species, part in site.species.items()
            ),
            labels=(str(site.label),),
        )
        for site in structure
    )
    return Crystal(
        name=path.name,
        cell=np.array(structure.lattice.matrix),
        scaled_positions=np.array(structure.frac_coords),
        sites=sites,
    )
