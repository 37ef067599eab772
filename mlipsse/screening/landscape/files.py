"""Landscapes as volumetric files, which VESTA and others draw."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.vasp import VaspChargeDensity
from ase.io.cube import write_cube

from mlipsse.files import write_aside
from mlipsse.screening.landscape.descriptors import IonLandscape


def write_landscape(
    folder: Path, crystal: Atoms, ions: Sequence[IonLandscape], *, name: str
) -> list[Path]:
    """Write the lowest energy of any mobile ion at every point of the cell, eV above the lowest.

    `NAME.cube` (values in eV as they are) and `NAME.CHGCAR` (times the volume of the cell in Å³, as
    the format has it; VESTA divides by it, in Bohr³). An isosurface at a percolation level encloses
    what ions reach there.

    Parameters
    ----------
    ions : landscapes of all mobile ions
    """
    folder.mkdir(parents=True, exist_ok=True)
    lowest_eV = np.min([ion.relative_eV for ion in ions], axis=0)
    cube, chgcar = folder / f"{name}.cube", folder / f"{name}.CHGCAR"
    with write_aside(cube) as aside, aside.open("w", encoding="utf-8") as stream:
        write_cube(stream, crystal, data=lowest_eV)
    volumetric = VaspChargeDensity(filename=None)
    volumetric.atoms.append(crystal)
    volumetric.chg.append(lowest_eV)
    with write_aside(chgcar) as aside:
        volumetric.write(str(aside), format="chgcar")
    return [cube, chgcar]
