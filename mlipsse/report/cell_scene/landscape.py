"""A mobile ion's landscape in the cell: what it reaches, and its way around the crystal."""

import numpy as np
from ase import Atoms

from mlipsse.report.cell_scene.mesh import closed_surface
from mlipsse.report.cell_scene.scene import CellScene, ScenePath
from mlipsse.screening.landscape.descriptors import IonLandscape
from mlipsse.screening.landscape.levels import grid_steps
from mlipsse.screening.landscape.percolation import percolating_way

_WITHOUT_A_WAY_EV = 0.5
"""Level of the surface where no way leads around the crystal."""
_LEAST_EV = 1e-3


def landscape_scene(crystal: Atoms, ion: IonLandscape, number: int) -> CellScene:
    """The surface at the ion's percolation level, its way there, and the atoms that stay.

    Parameters
    ----------
    crystal : all atoms
    ion : the landscape of one of them
    number : which
    """
    shape = ion.relative_eV.shape
    steps = grid_steps(ion.cell, (shape[0], shape[1], shape[2]))
    way = percolating_way(ion.relative_eV, ion.lowest, steps, ion.cell)
    level_eV = _WITHOUT_A_WAY_EV if way is None else max(float(way[1].max()), _LEAST_EV)
    frozen = crystal.copy()
    frozen.wrap()
    del frozen[number]
    symbol = crystal.symbols[number]
    return CellScene(
        cell=ion.cell,
        # Linear in the energy, 1 at the level.
        surface=closed_surface(
            np.clip(2 - ion.relative_eV / level_eV, 0, None), ion.cell, centred=False
        ),
        surface_label=f"energy of one {symbol} below {level_eV:.2f} eV",
        atoms=frozen,
        paths=[]
        if way is None
        else [ScenePath(f"path of lowest barrier: {way[1].max():.2f} eV", way[0])],
    )


def _paths(way: tuple[np.ndarray, np.ndarray] | None) -> list[ScenePath]:
    if way is None:
        return []
    path, energies_eV = way
    return [ScenePath(f"path of lowest barrier: {energies_eV.max():.2f} eV", path)]
