"""Levels on random landscapes against brute force, in crystals of every system."""

import itertools

import numpy as np
import pytest
from ase.cell import Cell

from mlipsse.screening.landscape.levels import grid_steps, level_map
from mlipsse.screening.landscape.percolation import percolating_way, percolation_levels

CELLS = {
    "cubic": [5, 5, 5, 90, 90, 90],
    "tetragonal": [5, 5, 7, 90, 90, 90],
    "orthorhombic": [4, 5, 7, 90, 90, 90],
    "hexagonal": [5, 5, 8, 90, 90, 120],
    "rhombohedral": [6, 6, 6, 55, 55, 55],
    "monoclinic": [6, 9, 5, 90, 115, 90],
    "triclinic": [4, 5, 6, 70, 100, 80],
}
SHAPES = [(5, 4, 6), (3, 7, 4), (1, 6, 5), (4, 4, 4)]


def random_landscape(seed: int, shape: tuple[int, int, int]) -> tuple[np.ndarray, tuple[int, ...]]:
    energies = np.random.default_rng(seed).normal(size=shape).astype(np.float32).astype(float)
    return energies, tuple(int(k) for k in np.unravel_index(energies.argmin(), shape))


def brute_levels(energies: np.ndarray, source: tuple[int, ...], steps: np.ndarray) -> np.ndarray:
    """Every point takes the lowest that a neighbour gives it, until nothing changes."""
    rolled = np.roll(energies, [-k for k in source], axis=(0, 1, 2))
    shape = energies.shape
    tile = rolled[np.ix_(*[np.arange(2 * n + 1) % n for n in shape])] - rolled[0, 0, 0]
    levels = np.full(tile.shape, np.inf)
    levels[shape] = 0.0
    while True:
        before = levels.copy()
        for step in steps:
            source_part = tuple(
                slice(max(0, -d), n - max(0, d)) for d, n in zip(step, tile.shape, strict=True)
            )
            target_part = tuple(
                slice(max(0, d), n + min(0, d)) for d, n in zip(step, tile.shape, strict=True)
            )
            given = np.maximum(levels[source_part], tile[target_part])
            levels[target_part] = np.minimum(levels[target_part], given)
        if (levels == before).all():
            return levels


def brute_windings(
    energies: np.ndarray, source: tuple[int, ...], steps: np.ndarray
) -> tuple[list[float], list[float]]:
    """At every energy in turn: a walk over all points below it, and how it closes on itself."""
    shape = np.array(energies.shape)
    by_dimension, by_axis = [np.inf] * 3, [np.inf] * 3
    for level in np.unique(energies):
        if level < energies[source]:
            continue
        images = {source: np.zeros(3, dtype=int)}
        stack, windings = [source], set()
        while stack:
            here = stack.pop()
            for step in steps:
                place = np.array(here) + step
                other = tuple(int(k) for k in place % shape)
                if energies[other] > level:
                    continue
                image = images[here] + place // shape
                if other not in images:
                    images[other] = image
                    stack.append(other)
                elif (image != images[other]).any():
                    windings.add(tuple(image - images[other]))
        rank = np.linalg.matrix_rank(np.array(sorted(windings))) if windings else 0
        for dimension in range(rank):
            by_dimension[dimension] = min(by_dimension[dimension], level - energies[source])
        for axis in range(3):
            if any(winding[axis] for winding in windings):
                by_axis[axis] = min(by_axis[axis], level - energies[source])
        if rank == 3 and np.isfinite(by_axis).all():
            break
    return by_dimension, by_axis


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("shape", SHAPES)
def test_levels_are_minimax(name, shape):
    cell = Cell.fromcellpar(CELLS[name]).array
    steps = grid_steps(cell, shape)
    energies, source = random_landscape(hash(shape) % 1000, shape)
    found = level_map(energies, source, steps, most_eV=100.0)
    assert found.shape == tuple(2 * n + 1 for n in shape)
    np.testing.assert_allclose(found, brute_levels(energies, source, steps), atol=1e-6)


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("shape", SHAPES)
def test_percolation_in_every_direction(name, shape):
    cell = Cell.fromcellpar(CELLS[name]).array
    steps = grid_steps(cell, shape)
    energies, source = random_landscape(hash(shape) % 1000 + 1, shape)
    by_dimension, by_axis = percolation_levels(energies, source, steps)
    expected = brute_windings(energies, source, steps)
    np.testing.assert_allclose(by_dimension, expected[0], atol=1e-12)
    np.testing.assert_allclose(by_axis, expected[1], atol=1e-12)


@pytest.mark.parametrize("name", CELLS)
def test_the_way_opens_at_the_level_of_percolation(name):
    cell = Cell.fromcellpar(CELLS[name]).array
    for seed, shape in enumerate([(5, 4, 6), (3, 7, 4), (4, 4, 4)]):
        energies, source = random_landscape(seed, shape)
        steps = grid_steps(cell, shape)
        by_dimension, _ = percolation_levels(energies, source, steps)
        path, along_eV = percolating_way(energies, source, steps, cell)
        assert along_eV.max() == pytest.approx(by_dimension[0], abs=1e-6)
        points = np.rint(path * shape).astype(int)
        np.testing.assert_allclose(points / shape, path, atol=1e-9)
        allowed = {tuple(step) for step in steps}
        assert {tuple(step) for step in np.diff(points, axis=0)} <= allowed
        winding = points[-1] - points[0]
        assert winding.any()
        assert not (winding % shape).any()
        found = energies[tuple((points % shape).T)] - energies[source]
        np.testing.assert_allclose(found, along_eV)


def test_no_way_through_closed_points():
    energies = np.full((4, 4, 4), np.inf)
    energies[1, 1, 1] = 0.0
    steps = grid_steps(np.eye(3) * 5, (4, 4, 4))
    assert percolating_way(energies, (1, 1, 1), steps, np.eye(3) * 5) is None


def test_channels_of_one_two_and_three_dimensions():
    energies = np.full((6, 6, 6), np.inf)
    energies[:, 2, 2] = 0.1  # along a
    energies[0, 2, 2] = 0.0
    energies[3, :, 2] = 0.4  # and b
    energies[3, 2, :] = 0.7  # and c
    energies[3, 2, 2] = 0.1
    steps = grid_steps(np.eye(3) * 6, energies.shape)
    by_dimension, by_axis = percolation_levels(energies, (0, 2, 2), steps)
    np.testing.assert_allclose(by_dimension, [0.1, 0.4, 0.7])
    np.testing.assert_allclose(by_axis, [0.1, 0.4, 0.7])
    by_dimension, by_axis = percolation_levels(energies.transpose(1, 2, 0), (2, 2, 0), steps)
    np.testing.assert_allclose(by_dimension, [0.1, 0.4, 0.7])
    np.testing.assert_allclose(by_axis, [0.4, 0.7, 0.1])


def test_a_way_that_winds_twice_before_it_closes():
    """A channel that leads along a and, only after two cells, meets itself: still one dimension."""
    energies = np.full((4, 8, 4), np.inf)
    for i in range(4):  # a helix: one cell along a shifts it by half of b
        energies[i, i, 0] = 0.0
        energies[i, i + 4, 0] = 0.0
    steps = grid_steps(np.diag([4.0, 8.0, 4.0]), energies.shape)
    by_dimension, by_axis = percolation_levels(energies, (0, 0, 0), steps)
    np.testing.assert_allclose(by_dimension, [0.0, np.inf, np.inf])
    np.testing.assert_allclose(by_axis, [0.0, 0.0, np.inf])


def test_the_search_ends_where_it_is_asked_to():
    energies, source = random_landscape(5, (5, 5, 5))
    steps = grid_steps(np.eye(3) * 5, (5, 5, 5))
    all_of_it = level_map(energies, source, steps, most_eV=100.0)
    part = level_map(energies, source, steps, most_eV=2.0)
    np.testing.assert_array_equal(part, np.where(all_of_it <= 2.0, all_of_it, np.inf))
    assert np.isinf(part).any()


@pytest.mark.parametrize("name", CELLS)
def test_steps_are_those_of_the_published_rule(name):
    cell = Cell.fromcellpar(CELLS[name]).array
    steps = {tuple(step) for step in grid_steps(cell, (7, 6, 5)).tolist()}
    vectors = cell / np.array([7, 6, 5])[:, None]
    longest = np.sqrt((vectors**2).sum()) + 1e-4
    for step in itertools.product((-1, 0, 1), repeat=3):
        short = any(step) and np.linalg.norm(np.array(step) @ vectors) <= longest
        assert (step in steps) == short
    assert len(steps) == 26 or name not in ("cubic", "tetragonal", "orthorhombic")
