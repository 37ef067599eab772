"""Isosurfaces of periodic grids as closed meshes in the cell."""

from dataclasses import dataclass

import numpy as np


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


def closed_surface(values: np.ndarray, cell: np.ndarray, *, centred: bool) -> Mesh:
    """Mesh around the places where a periodic grid is above 1, closed by flat caps at the faces.

    On the faces of the cell stands the same at both sides of the crystal, so that surfaces meet
    there, and beyond them nothing (marching cubes).

    Parameters
    ----------
    values : (n1, n2, n3), not negative
    cell : (3, 3), Å, rows are lattice vectors
    centred : whether value j stands at (j + 1/2)/n, as in voxels, and not at j/n
    """
    from skimage.measure import marching_cubes

    padded, places = values, []
    for axis, n in enumerate(values.shape):
        first = padded.take([0], axis=axis)
        face = (first + padded.take([-1], axis=axis)) / 2 if centred else first
        nothing = np.zeros_like(face)
        inner = [face, padded, face] if centred else [padded, face]
        padded = np.concatenate([nothing, *inner, nothing], axis=axis)
        middle = (np.arange(n) + 0.5) / n if centred else np.arange(n) / n
        places.append(
            np.concatenate([[0, 0], middle, [1, 1]] if centred else [[0], middle, [1, 1]])
        )
    points, triangles, _, _ = marching_cubes(padded, level=1.0)
    fractional = np.empty_like(points, dtype=float)
    for axis, marks in enumerate(places):
        fractional[:, axis] = np.interp(points[:, axis], np.arange(len(marks)), marks)
    return Mesh(points=fractional @ cell, triangles=triangles.astype(np.int64))


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
