"""Isosurfaces of periodic densities as closed meshes in the cell."""

from dataclasses import dataclass

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.transport.density.grid import ProbabilityDensity


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles that enclose where a density is above a level.

    Attributes
    ----------
    points : (n, 3) float64, Å
    triangles : (m, 3) int, indices of their corners
    """

    points: np.ndarray
    triangles: np.ndarray


def isosurface(density: ProbabilityDensity, level_per_A3: float) -> Mesh:
    """Mesh at one level (marching cubes), closed by flat caps at the cell's faces.

    Values stand at the centres of their voxels; on the faces stands the mean of the voxels at both
    sides of the crystal, so that surfaces meet there, and beyond them nothing.

    Parameters
    ----------
    level_per_A3 : 1/Å³, of the density's own normalisation

    Raises
    ------
    MlipsseError
        when the level is not above 0 or not below the density's highest value.
    """
    from skimage.measure import marching_cubes

    highest = float(density.values.max())
    if not 0 < level_per_A3 < highest:
        raise MlipsseError(
            f"There is no isosurface at {level_per_A3:g} Å⁻³. Give a level above 0 and below "
            f"{highest:.3g} Å⁻³, the highest value of this density, which is normalised to "
            f"{'one ion' if density.per_ion else f'all {density.n_ions} ions'}."
        )
    padded = density.values
    for axis in range(3):
        face = (padded.take([0], axis=axis) + padded.take([-1], axis=axis)) / 2
        nothing = np.zeros_like(face)
        padded = np.concatenate([nothing, face, padded, face, nothing], axis=axis)
    # Relative to the level, so that the mesh does not suffer from the size of the numbers.
    points, triangles, _, _ = marching_cubes(padded / level_per_A3, level=1.0)
    fractional = np.empty_like(points, dtype=float)
    for axis, n in enumerate(density.shape):
        places = np.concatenate([[0, 0], (np.arange(n) + 0.5) / n, [1, 1]])
        fractional[:, axis] = np.interp(points[:, axis], np.arange(n + 4), places)
    return Mesh(points=fractional @ density.cell, triangles=triangles.astype(np.int64))


def coarser(mesh: Mesh, most_triangles: int) -> Mesh:
    """A mesh of at most so many triangles: points that come close become one, at their mean.

    Clusters are cubes (Rossignac and Borrel, in Modeling in Computer Graphics, Springer 1993, 455);
    their edge grows by a quarter until the triangles are few enough. The mesh stays closed.
    """
    if len(mesh.triangles) <= most_triangles:
        return mesh
    span_A = np.ptp(mesh.points, axis=0).max()
    edge_A = span_A / np.sqrt(most_triangles)
    found = mesh
    while len(found.triangles) > most_triangles:
        found = _clustered(mesh, edge_A)
        edge_A *= 1.25
    return found


def _clustered(mesh: Mesh, edge_A: float) -> Mesh:
    cubes = np.floor((mesh.points - mesh.points.min(axis=0)) / edge_A).astype(np.int64)
    _, cluster = np.unique(cubes, axis=0, return_inverse=True)
    cluster = cluster.ravel()
    sizes = np.bincount(cluster)
    points = np.stack(
        [np.bincount(cluster, weights=mesh.points[:, axis]) / sizes for axis in range(3)], axis=1
    )
    triangles = cluster[mesh.triangles]
    a, b, c = triangles.T
    return Mesh(points, triangles[(a != b) & (b != c) & (a != c)])


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


def level_label(density: ProbabilityDensity, level_per_A3: float, mobile: str) -> str:
    """The level with its normalisation, without which it means nothing."""
    ions = f"one {mobile}" if density.per_ion else f"all {density.n_ions} {mobile}"
    return f"{ions}: {level_per_A3:.3g} Å⁻³"
