"""Bottlenecks and paths: landscapes known in closed form, brute force on tiles, GEMDAT."""

import numpy as np
import pytest
from scipy import ndimage, sparse
from scipy.sparse.csgraph import dijkstra

from mlipsse.errors import MlipsseError
from mlipsse.structures.periodic_grid import STEPS
from mlipsse.transport.density.grid import ProbabilityDensity, probability_density
from mlipsse.transport.density.percolation import free_energy_eV, percolating_paths
from mlipsse.units import BOLTZMANN_EV_K

T_K = 700.0
KT_EV = BOLTZMANN_EV_K * T_K
CUBIC = np.eye(3) * 10
TRICLINIC = np.array([[8.0, 0, 0], [2.0, 9.0, 0], [-1.5, 3.0, 10.0]])


def density(values: np.ndarray, cell: np.ndarray = CUBIC, *, frames: int = 10**9):
    """Of so many frames that no voxel of a smooth landscape counts as empty."""
    voxel_A3 = abs(np.linalg.det(cell)) / values.size
    return ProbabilityDensity(values / (values.sum() * voxel_A3), cell, 1, frames, True)


def landscape(energies: np.ndarray, cell: np.ndarray = CUBIC) -> ProbabilityDensity:
    return density(np.exp(-energies / KT_EV), cell)


def centres(*shape: int) -> list[np.ndarray]:
    """Fractional coordinates from the centre of voxel 0, so that extremes lie on centres."""
    return list(np.meshgrid(*(np.arange(n) / n for n in shape), indexing="ij"))


def filled(voxels: list, shape: tuple[int, ...], values: object = 1.0) -> np.ndarray:
    grid = np.zeros(shape)
    grid[tuple(np.array(voxels).T)] = values
    return grid


@pytest.mark.parametrize("cell", [CUBIC, TRICLINIC])
def test_a_cosine_landscape(cell: np.ndarray) -> None:
    """The sum of a cosine along each axis: its saddles lie on the axes, of known height."""
    heights = {"a": 0.30, "b": 0.12, "c": 0.21}
    axes = centres(20, 24, 18)
    energies = sum(
        height / 2 * (1 - np.cos(2 * np.pi * x))
        for height, x in zip(heights.values(), axes, strict=True)
    )
    found = percolating_paths(landscape(energies, cell), T_K)
    for axis, (name, height) in enumerate(heights.items()):
        path = found[name]
        assert path.barrier_eV == pytest.approx(height, abs=1e-12)
        assert path.reason is None
        assert path.winding == tuple(np.eye(3, dtype=int)[axis])
        assert path.length_A == pytest.approx(np.linalg.norm(cell[axis]), rel=1e-12)
        start = 0.5 / np.array(energies.shape)
        np.testing.assert_allclose(path.path[0], start, atol=1e-12)
        np.testing.assert_allclose(path.path[-1], start + path.winding, atol=1e-12)
        np.testing.assert_allclose(path.bottleneck, start + np.eye(3)[axis] / 2, atol=1e-12)
        assert path.free_energy_eV.max() == pytest.approx(height, abs=1e-12)
        assert path.free_energy_eV[0] == path.free_energy_eV[-1] == 0
    assert found["any"].barrier_eV == found["b"].barrier_eV
    assert found["any"].winding == (0, 1, 0)


def test_a_slanted_landscape_counts_for_both_its_axes() -> None:
    """Valleys along a + b only: over the ridge between them is 0.4 eV, along them 0.1 eV."""
    a, b, c = centres(24, 24, 12)
    energies = 0.2 * (1 - np.cos(2 * np.pi * (a - b))) + 0.05 * (1 - np.cos(2 * np.pi * a))
    energies = energies + 0.15 * (1 - np.cos(2 * np.pi * c))
    found = percolating_paths(landscape(energies, TRICLINIC), T_K)
    for name in ("a", "b", "any"):
        assert found[name].barrier_eV == pytest.approx(0.1, abs=1e-12)
        assert found[name].winding == (1, 1, 0)
    assert found["a"].length_A == pytest.approx(np.linalg.norm(TRICLINIC[0] + TRICLINIC[1]))
    assert found["c"].barrier_eV == pytest.approx(0.3, abs=1e-12)


def test_the_path_visits_the_site_beside_it() -> None:
    """Sites lie 3 Å beside the passes: the shortest way past them starts two thirds up."""
    a, b, c = centres(40, 40, 12)
    height, stiff = 0.30, 2.5
    aside = (b - 0.5 - 0.15 * np.cos(2 * np.pi * a) + 0.5) % 1 - 0.5
    energies = height / 2 * (1 - np.cos(2 * np.pi * a)) + stiff * aside**2
    energies = energies + 0.2 * (1 - np.cos(2 * np.pi * c))
    straight = energies[:, 14, 0]  # through the pass, a = 1/2
    assert straight.max() == pytest.approx(height, abs=1e-12)
    assert 0.09 < np.ptp(straight) < 0.11
    found = percolating_paths(landscape(energies), T_K)["a"]
    assert found.free_energy_eV.max() == pytest.approx(height, abs=1e-12)
    assert height - 0.3 * KT_EV < found.barrier_eV <= height
    assert np.ptp(found.path[:, 1]) > 0.2


@pytest.mark.parametrize("winding", [(1, 1, 1), (1, -1, 1), (1, 1, -1), (1, -1, -1)])
def test_channels_along_the_body_diagonals(winding: tuple[int, int, int]) -> None:
    """Of voxels that share corners only; GEMDAT sees two of these four."""
    pytest.importorskip("gemdat")
    from gemdat.volume import Volume

    voxels = [tuple(np.array(winding) * m % 6) for m in range(6)]
    grid = density(filled(voxels, (6, 6, 6), [10, 9, 8, 5, 8, 9]))
    found = percolating_paths(grid, T_K)
    for path in found.values():
        assert path.winding in (winding, tuple(-x for x in winding))
        assert path.barrier_eV == pytest.approx(KT_EV * np.log(2), rel=1e-12)
        assert len(path.path) == 7
    assert found["b"].winding[1] == 1
    theirs = (
        Volume(grid.counts, _lattice())
        .get_free_energy(T_K)
        .optimal_percolating_path(peaks=np.array([voxels[0]]), percolate="xyz")
    )
    assert (theirs is not None) == (winding in ((1, 1, 1), (1, -1, -1)))
    if theirs is not None:
        energies = np.array(theirs.energy)
        assert np.ptp(energies) == pytest.approx(found["a"].barrier_eV, rel=1e-6)


def _lattice() -> object:
    from pymatgen.core import Lattice

    return Lattice(CUBIC)


def test_a_long_way_over_a_low_pass() -> None:
    """GEMDAT adds free energies up, and so takes the short way over the high pass."""
    pytest.importorskip("gemdat")
    from gemdat.volume import Volume

    short = {(0, 0, 0): 1000, (1, 0, 0): 1000, (2, 0, 0): 10, (3, 0, 0): 1000, (4, 0, 0): 1000}
    detour = [(1, 1, 0), (1, 2, 0), (2, 3, 0), (3, 2, 0), (3, 1, 0)]
    counts = short | dict.fromkeys(detour, 100)
    grid = density(filled(list(counts), (5, 7, 3), list(counts.values())), frames=4510)
    found = percolating_paths(grid, T_K)["a"]
    assert found.barrier_eV == pytest.approx(KT_EV * np.log(10), rel=1e-12)
    assert len(found.path) == 10
    theirs = (
        Volume(grid.counts, _lattice())
        .get_free_energy(T_K)
        .optimal_percolating_path(peaks=np.array([(0, 0, 0)]), percolate="x")
    )
    assert np.ptp(theirs.energy) == pytest.approx(KT_EV * np.log(100), rel=1e-9)


def test_gemdat_agrees_on_a_straight_channel() -> None:
    pytest.importorskip("gemdat")
    from gemdat.volume import Volume

    a, b, c = centres(10, 8, 8)
    steep = 1.0 * (2 - np.cos(2 * np.pi * b) - np.cos(2 * np.pi * c))
    grid = landscape(0.1 * (1 - np.cos(2 * np.pi * a)) + steep)
    theirs = (
        Volume(grid.counts, _lattice())
        .get_free_energy(T_K)
        .optimal_percolating_path(peaks=np.array([(0, 0, 0)]), percolate="x")
    )
    ours = percolating_paths(grid, T_K)["a"]
    assert np.ptp(theirs.energy) == pytest.approx(ours.barrier_eV, abs=1e-6)
    np.testing.assert_array_equal(np.array(theirs.sites)[:, 0], np.arange(11))
    np.testing.assert_allclose(ours.path[:, 0], (np.arange(11) + 0.5) / 10)


COPIES = 9


def percolates(allowed: np.ndarray, axis: int) -> bool:
    """Whether a voxel joins an image of itself in another cell along `axis`, on a large tile."""
    tile = np.tile(allowed, (COPIES,) * 3)
    labels, _ = ndimage.label(tile, structure=np.ones((3, 3, 3)))
    split = labels.reshape([n for size in allowed.shape for n in (COPIES, size)])
    by_cell = split.transpose(0, 2, 4, 1, 3, 5).reshape(*(COPIES,) * 3, -1)
    middle = COPIES // 2
    others = np.moveaxis(by_cell, axis, 0)
    home = by_cell[middle, middle, middle]
    others = np.delete(others, middle, axis=0)
    return bool(((others == home) & (home > 0)).any())


@pytest.mark.parametrize("seed", range(24))
def test_brute_force_on_random_grids(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = tuple(int(n) for n in rng.integers(2, 6, 3))
    counts = rng.integers(0, 12, shape) * rng.integers(0, 2, shape)  # with ties and empty voxels
    counts[0, 0, 0] = 30
    cell = TRICLINIC * rng.uniform(0.8, 1.2, (3, 1))
    frames = int(counts.sum())
    grid = density(counts.astype(float), cell, frames=frames)
    np.testing.assert_array_equal(grid.counts, counts)
    found = percolating_paths(grid, T_K)
    best = []
    for axis, name in enumerate("abc"):
        levels = [n for n in np.unique(counts[counts > 0]) if percolates(counts >= n, axis)]
        best.append(max(levels, default=0))
        check_path(found[name], best[-1], axis, counts, cell)
    check_path(found["any"], max(best), None, counts, cell)


def check_path(path, level: int, axis: int | None, counts: np.ndarray, cell: np.ndarray) -> None:
    if level == 0:
        assert path.barrier_eV is path.path is path.winding is path.bottleneck_counts is None
        assert "no ion was seen" in path.reason
        return
    assert path.bottleneck_counts == level
    assert path.winding[axis] > 0 if axis is not None else any(path.winding)
    np.testing.assert_allclose(path.path[-1] - path.path[0], path.winding, atol=1e-12)
    steps = np.rint(np.diff(path.path, axis=0) * counts.shape)
    assert np.abs(steps).max() == 1  # neighbours, and no two voxels alike
    voxels = np.floor(path.path * counts.shape).astype(int) % counts.shape
    assert len(np.unique(voxels[:-1], axis=0)) == len(voxels) - 1
    seen = counts[tuple(voxels.T)]
    assert (seen.min(), seen.max()) == (level, seen[0])
    np.testing.assert_allclose(path.free_energy_eV, -KT_EV * np.log(seen / 30), atol=1e-12)
    assert path.barrier_eV == pytest.approx(KT_EV * np.log(seen[0] / level), abs=1e-12)
    assert path.barrier_std_eV == pytest.approx(KT_EV * np.sqrt(1 / level + 1 / seen[0]))
    lengths = np.linalg.norm(np.diff(path.path, axis=0) @ cell, axis=1)
    assert path.length_A == pytest.approx(lengths.sum())
    resistance = (lengths * (30 / seen[1:] + 30 / seen[:-1]) / 2).sum()
    least = least_resistance(counts, level, path.bottleneck, axis, cell)
    assert resistance == pytest.approx(least, rel=1e-9)


def least_resistance(
    counts: np.ndarray, level: int, bottleneck: np.ndarray, axis: int | None, cell: np.ndarray
) -> float:
    """From the bottleneck to its images, on a tile of the voxels that are fuller, and itself."""
    home = tuple(np.floor(bottleneck * counts.shape).astype(int))
    around = sum(
        np.roll(counts, tuple(step), axis=(0, 1, 2)) for step in [*STEPS, np.zeros(3, dtype=int)]
    )
    place = np.arange(counts.size).reshape(counts.shape)
    allowed = counts > level
    for other in np.argwhere(counts == level):
        key = (around[tuple(other)], -place[tuple(other)])
        allowed[tuple(other)] = key >= (around[home], -place[home])
    copies = 5
    tile = np.tile(np.where(allowed, 30 / np.maximum(counts, 1), np.inf), (copies,) * 3)
    number = np.arange(tile.size).reshape(tile.shape)
    rows, columns, weights = [], [], []
    for step in STEPS:
        here = tuple(
            slice(max(0, -s), n - max(0, s)) for s, n in zip(step, tile.shape, strict=True)
        )
        there = tuple(
            slice(max(0, s), n - max(0, -s)) for s, n in zip(step, tile.shape, strict=True)
        )
        weight = (tile[here] + tile[there]) / 2 * np.linalg.norm(step / counts.shape @ cell)
        kept = np.isfinite(weight)
        rows.append(number[here][kept])
        columns.append(number[there][kept])
        weights.append(weight[kept])
    graph = sparse.csr_matrix(
        (np.concatenate(weights), (np.concatenate(rows), np.concatenate(columns))),
        shape=(tile.size, tile.size),
    )
    middle = copies // 2
    start = number[tuple(np.array(home) + middle * np.array(counts.shape))]
    reached = dijkstra(graph, indices=start).reshape(tile.shape)
    ends = reached[tuple(slice(h, None, n) for h, n in zip(home, counts.shape, strict=True))]
    windings = np.stack(np.indices(ends.shape) - middle, axis=-1)
    winds = windings.any(axis=-1) if axis is None else windings[..., axis] != 0
    return float(ends[winds].min())


def test_a_double_helix_winds_twice() -> None:
    """A channel that closes only after two cells along a."""
    voxels = [(m % 4, 3 * m // 4 % 6, 0) for m in range(8)]
    grid = density(filled(voxels, (4, 6, 3)))
    found = percolating_paths(grid, T_K)
    assert found["a"].winding == (2, 1, 0)
    assert found["c"].path is None


def test_an_image_of_one_voxel_is_its_neighbour() -> None:
    found = percolating_paths(density(np.ones((1, 4, 4))), T_K)["a"]
    assert (found.winding, found.barrier_eV) == ((1, 0, 0), 0.0)
    assert found.length_A == pytest.approx(10.0)


def test_empty_voxels_block() -> None:
    grid = np.zeros((6, 6, 6))
    grid[:, 2, 2] = [50, 8, 4, 3, 8, 50]
    made = density(grid, frames=int(grid.sum()))
    found = percolating_paths(made, T_K)
    assert found["a"].bottleneck_counts == found["any"].bottleneck_counts == 3
    assert "every path along b crosses voxels in which no ion was seen in 123" in (
        found["b"].reason
    )
    none = percolating_paths(made, T_K, min_counts=4)
    assert "seen fewer than 4 times" in none["a"].reason
    assert "in any direction" in none["any"].reason
    energies = free_energy_eV(made, T_K)
    assert np.isnan(energies).sum() == 210
    assert energies[0, 2, 2] == 0
    assert energies[3, 2, 2] == pytest.approx(KT_EV * np.log(50 / 3))


def test_a_drawn_trajectory_gives_its_landscape_back() -> None:
    """Positions by Boltzmann's law: each barrier within its error, which is below 4 %."""
    rng = np.random.default_rng(2)
    heights, axes = (0.2, 0.3, 0.4), centres(16, 16, 16)
    energies = sum(
        height / 2 * (1 - np.cos(2 * np.pi * x)) for height, x in zip(heights, axes, strict=True)
    )
    weights = np.exp(-energies / KT_EV).ravel()
    picked = rng.choice(weights.size, 2_000_000, p=weights / weights.sum())
    corners = np.stack(np.unravel_index(picked, energies.shape), axis=1)
    positions = (corners + rng.uniform(0.01, 0.99, (len(picked), 3))) / 16 * 8.0
    grid = probability_density(positions.reshape(-1, 10, 3), np.eye(3) * 8, spacing_A=0.5)
    found = percolating_paths(grid, T_K)
    for name, height in zip("abc", heights, strict=True):
        path = found[name]
        assert path.winding == tuple(int(name == axis) for axis in "abc")
        assert abs(path.barrier_eV - height) < 3 * path.barrier_std_eV
        assert path.barrier_std_eV < 0.04 * height


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"temperature_K": 0.0}, "above 0 K"),
        ({"temperature_K": np.nan}, "above 0 K"),
        ({"temperature_K": 300.0, "min_counts": 0}, "at least 1"),
    ],
)
def test_what_is_refused(options: dict, words: str) -> None:
    with pytest.raises(MlipsseError, match=words):
        percolating_paths(density(np.ones((3, 3, 3))), **options)
