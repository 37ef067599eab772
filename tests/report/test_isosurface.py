"""Meshes of known bodies: closed, of the right volume, in place."""

import numpy as np
import pytest

from mlipsse.errors import MlipsseError
from mlipsse.report.cell_scene.mesh import Mesh, closed_surface, coarser
from mlipsse.report.cell_scene.scene import cell_edges, line_in_cell
from mlipsse.report.transport_figures.density import isosurface, level_label
from mlipsse.transport.density.grid import ProbabilityDensity

CELL = np.array([[10.0, 0, 0], [2.0, 11.0, 0], [-1.0, 3.0, 12.0]])


def ball(centre: tuple[float, float, float], radius_A: float = 3.0) -> ProbabilityDensity:
    """Density 2 - r/R around a place and its images, which is 1 on a sphere of radius R."""
    shape = (50, 56, 62)
    grid = np.stack(np.meshgrid(*((np.arange(n) + 0.5) / n for n in shape), indexing="ij"), axis=-1)
    away = grid - centre
    distances = np.full(shape, np.inf)
    for image in np.ndindex(3, 3, 3):
        vectors = (away + np.array(image) - 1) @ CELL
        distances = np.minimum(distances, np.linalg.norm(vectors, axis=-1))
    return ProbabilityDensity(np.clip(2 - distances / radius_A, 0, None), CELL, 1, 1, True)


def volume_A3(mesh: Mesh) -> float:
    corners = mesh.points[mesh.triangles]
    return abs(np.einsum("ti,ti->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2]))) / 6


def is_closed(mesh: Mesh) -> bool:
    """Each directed edge has its opposite."""
    edges = np.concatenate([mesh.triangles[:, pair] for pair in ([0, 1], [1, 2], [2, 0])])
    there = np.unique(edges, axis=0, return_counts=True)
    back = np.unique(edges[:, ::-1], axis=0, return_counts=True)
    return all(np.array_equal(x, y) for x, y in zip(there, back, strict=True))


@pytest.mark.parametrize("centre", [(0.5, 0.5, 0.5), (0.0, 0.5, 0.5), (0.0, 0.0, 0.02)])
def test_a_ball_wherever_the_faces_cut_it(centre: tuple[float, float, float]) -> None:
    mesh = isosurface(ball(centre), 1.0)
    assert is_closed(mesh)
    assert volume_A3(mesh) == pytest.approx(4 / 3 * np.pi * 27, rel=0.01)
    fractional = mesh.points @ np.linalg.inv(CELL)
    assert fractional.min() >= -1e-6
    assert fractional.max() <= 1 + 1e-6
    inside = (fractional > 1e-6).all(axis=1) & (fractional < 1 - 1e-6).all(axis=1)
    away = fractional[inside] - centre
    radii = np.linalg.norm((away - np.rint(away)) @ CELL, axis=1)
    np.testing.assert_allclose(radii, 3.0, atol=0.05)


def test_opposite_faces_match() -> None:
    """What is cut off at a = 0 goes on at a = 1."""
    fractional = isosurface(ball((0.0, 0.5, 0.5)), 1.0).points @ np.linalg.inv(CELL)
    low, high = (fractional[np.abs(fractional[:, 0] - end) < 1e-6, 1:] for end in (0, 1))
    assert len(low) > 100
    np.testing.assert_allclose(
        np.sort(low.round(5), axis=0), np.sort(high.round(5), axis=0), atol=2e-5
    )


def test_values_on_the_points_of_a_grid() -> None:
    """Half a spacing from those of voxels, and the same ball."""
    shape, centre = (50, 56, 62), np.array((0.0, 0.5, 0.02))
    grid = np.stack(np.meshgrid(*(np.arange(n) / n for n in shape), indexing="ij"), axis=-1)
    away = grid - centre
    vectors = (away - np.rint(away)) @ CELL
    values = np.clip(2 - np.linalg.norm(vectors, axis=-1) / 2.5, 0, None)
    mesh = closed_surface(values, CELL, centred=False)
    assert is_closed(mesh)
    assert volume_A3(mesh) == pytest.approx(4 / 3 * np.pi * 2.5**3, rel=0.01)
    fractional = mesh.points @ np.linalg.inv(CELL)
    inside = (fractional > 1e-6).all(axis=1) & (fractional < 1 - 1e-6).all(axis=1)
    away = fractional[inside] - centre
    radii = np.linalg.norm((away - np.rint(away)) @ CELL, axis=1)
    np.testing.assert_allclose(radii, 2.5, atol=0.05)


def test_a_coarser_mesh() -> None:
    fine = isosurface(ball((0.5, 0.5, 0.5)), 1.0)
    few = coarser(fine, 1500)
    assert 500 < len(few.triangles) <= 1500 < len(fine.triangles)
    assert is_closed(few)
    assert volume_A3(few) == pytest.approx(volume_A3(fine), rel=0.03)
    assert coarser(fine, len(fine.triangles)) is fine


def test_levels() -> None:
    density = ball((0.5, 0.5, 0.5))
    for level in (0.0, 2.0, np.nan):
        with pytest.raises(MlipsseError, match="the highest value of this density"):
            isosurface(density, level)
    small = ProbabilityDensity(density.values * 1e-6, CELL, 1, 1, True)
    np.testing.assert_allclose(
        isosurface(small, 1e-6).points, isosurface(density, 1.0).points, atol=1e-5
    )


def test_cell_edges() -> None:
    edges = cell_edges(CELL)
    lengths = np.sort(np.linalg.norm(edges[:, 1] - edges[:, 0], axis=1))
    np.testing.assert_allclose(lengths, np.sort(np.repeat(np.linalg.norm(CELL, axis=1), 4)))


def test_a_line_stays_in_the_cell() -> None:
    path = np.array([[0.7, 0.1, 0.5], [0.9, 0.1, 0.5], [1.1, -0.1, 0.5], [1.3, -0.1, 0.5]])
    found = line_in_cell(path, np.eye(3))
    expected = [
        *([0.7, 0.1, 0.5], [0.9, 0.1, 0.5], [1.1, -0.1, 0.5], [np.nan] * 3),
        *([-0.1, 1.1, 0.5], [0.1, 0.9, 0.5], [0.3, 0.9, 0.5]),
    ]
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_a_level_reports_its_normalisation() -> None:
    density = ball((0.5, 0.5, 0.5))
    assert level_label(density, 1e-4, "Li") == "one Li: 0.0001 Å⁻³"
    of_all = ProbabilityDensity(density.values, CELL, 96, 1, False)
    assert level_label(of_all, 0.0096, "Li") == "all 96 Li: 0.0096 Å⁻³"
