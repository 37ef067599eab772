"""What a picture of a crystal's cell shows: a surface, atoms, and paths."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from mlipsse.report.cell_scene.mesh import Mesh
from mlipsse.report.figures.style import COLOURS

SURFACE_COLOUR = COLOURS[4]
PATH_COLOURS = tuple(COLOURS[number] for number in (1, 6, 5, 3))
ATOM_COLOURS = (0, 2, 3, 5, 6)
"""Common colours other than those of the surface and the first path."""


@dataclass(frozen=True, eq=False)
class ScenePath:
    """A path of an ion.

    Attributes
    ----------
    label : what the legend calls it
    fractional : (n, 3) float64, unwrapped
    """

    label: str
    fractional: np.ndarray


@dataclass(frozen=True, eq=False)
class CellScene:
    """A cell with a closed surface in it.

    Attributes
    ----------
    cell : (3, 3) float64, Å, rows are lattice vectors
    surface, surface_label : what it encloses, and what the legend calls it
    atoms : drawn by element
    paths : the first of them is the one that matters
    """

    cell: np.ndarray
    surface: Mesh
    surface_label: str
    atoms: Atoms | None = None
    paths: Sequence[ScenePath] = ()


def cell_edges(cell: np.ndarray) -> np.ndarray:
    """(12, 2, 3) both ends of each edge of a cell, Å."""
    corners = np.indices((2, 2, 2)).reshape(3, -1).T
    pairs = [
        (corners[i], corners[j])
        for i in range(8)
        for j in range(i + 1, 8)
        if np.abs(corners[i] - corners[j]).sum() == 1
    ]
    return np.array(pairs, dtype=float) @ cell


def line_in_cell(path: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """An unwrapped path as a line inside the cell, broken by a row of NaN where it leaves.

    Parameters
    ----------
    path : (n, 3) float64, fractional coordinates
    cell : (3, 3) float64, Å, rows are lattice vectors

    Returns
    -------
    (m, 3) float64, Å; a step across a face is drawn at both ends, out to the next point
    """
    homes = np.floor(path)
    pieces = [path[:1] - homes[0]]
    for k in range(1, len(path)):
        if (homes[k] != homes[k - 1]).any():
            pieces += [path[k : k + 1] - homes[k - 1], np.full((1, 3), np.nan)]
            pieces += [path[k - 1 : k] - homes[k]]
        pieces.append(path[k : k + 1] - homes[k])
    return np.concatenate(pieces) @ cell
