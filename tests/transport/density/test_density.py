"""Positions in voxels: by hand, by NumPy, by GEMDAT."""

import numpy as np
import pytest

from mlipsse.errors import MlipsseError
from mlipsse.transport.density.grid import probability_density

TRICLINIC = np.array([[8.05, 0, 0], [2.0, 9.1, 0], [-1.5, 3.0, 10.07]])


def walk(*, n_frames: int = 200, n_ions: int = 7, dtype: type = np.float64) -> np.ndarray:
    """Unwrapped, over many images of the cell in either direction."""
    rng = np.random.default_rng(5)
    start = rng.uniform(-40, 40, (n_ions, 3))
    return (start + rng.normal(0, 1.0, (n_frames, n_ions, 3)).cumsum(axis=0)).astype(dtype)


def by_numpy(positions: np.ndarray, cell: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    fractional = (positions.reshape(-1, 3).astype(float) @ np.linalg.inv(cell)) % 1.0
    counts, _ = np.histogramdd(fractional, bins=shape, range=[(0, 1)] * 3)
    return counts


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("per_ion", [False, True])
def test_counts_and_normalisation(dtype: type, per_ion: bool) -> None:
    positions = walk(dtype=dtype)
    found = probability_density(
        positions, TRICLINIC, spacing_A=0.7, per_ion=per_ion, block_frames=33
    )
    lengths = np.linalg.norm(TRICLINIC, axis=1)
    assert found.shape == tuple(np.rint(lengths / 0.7)) == (12, 13, 15)
    counts = by_numpy(positions, TRICLINIC, found.shape)
    assert counts.sum() == 1400
    np.testing.assert_array_equal(found.counts, counts)
    integral = 1.0 if per_ion else 7.0
    volume = 8.05 * 9.1 * 10.07  # of a lower triangle
    assert found.volume_A3 == pytest.approx(volume, rel=1e-12)
    assert found.values.sum() * found.voxel_volume_A3 == pytest.approx(integral, rel=1e-12)
    np.testing.assert_allclose(
        found.values, counts * integral / 1400 / (volume / counts.size), rtol=1e-12
    )
    assert (found.n_ions, found.n_frames, found.per_ion) == (7, 200, per_ion)
    assert found.one_count_per_A3 == pytest.approx(found.values[counts == 1][0], rel=1e-12)


def test_faces_belong_to_the_upper_voxel() -> None:
    cell = np.diag([4.0, 4.0, 8.0])  # faces at multiples of 0.5, exact in binary
    faces = np.array([[[0.5 * k, 0, 0] for k in range(-8, 17)]])
    found = probability_density(faces, cell, spacing_A=0.5)
    counts = np.zeros((8, 8, 16), dtype=int)
    for k in range(-8, 17):
        counts[k % 8, 0, 0] += 1
    np.testing.assert_array_equal(found.counts, counts)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_just_below_a_face_and_far_away(dtype: type) -> None:
    cell = np.diag([4.0, 4.0, 8.0])
    # As a fraction of the cell it is no denormal number, which some libraries flush to zero.
    tiny = 64 * np.finfo(dtype).smallest_normal
    below: np.ndarray = np.array(
        [[[-tiny, 1.0, -tiny], [4096.25, -4096.25, 4e5 + 3.25]]], dtype=dtype
    )
    found = probability_density(below, cell, spacing_A=0.5)
    assert {tuple(map(int, where)) for where in np.argwhere(found.counts)} == {
        (7, 2, 15),
        (0, 7, 6),
    }


def test_noncontiguous_positions_and_left_handed_cells() -> None:
    positions = walk()
    mirrored = TRICLINIC * [1, 1, -1]
    whole = probability_density(positions * [1, 1, -1], mirrored, spacing_A=0.7)
    sliced = np.concatenate([positions, positions], axis=1)[::-1, ::2][:, :7]
    again = probability_density(sliced, TRICLINIC, spacing_A=0.7, block_frames=7)
    assert again.counts.sum() == whole.counts.sum()
    np.testing.assert_array_equal(again.counts, by_numpy(sliced, TRICLINIC, again.shape))
    np.testing.assert_array_equal(
        whole.counts, probability_density(positions, TRICLINIC, spacing_A=0.7).counts
    )


def test_the_grid_of_gemdat() -> None:
    """Alike where length // resolution is also the nearest number of voxels."""
    gemdat = pytest.importorskip("gemdat")
    from gemdat.volume import trajectory_to_volume

    positions = walk(n_ions=7)
    fractional = (positions @ np.linalg.inv(TRICLINIC)) % 1.0
    theirs = trajectory_to_volume(
        gemdat.Trajectory(
            species=["Li"] * 7, coords=fractional, lattice=TRICLINIC, time_step=1e-15
        ),
        resolution=0.25,
    )
    ours = probability_density(positions, TRICLINIC, spacing_A=0.25)
    assert ours.shape == theirs.data.shape == (32, 37, 42)
    np.testing.assert_array_equal(ours.counts, theirs.data)
    np.testing.assert_allclose(
        ours.values, theirs.probability() * 7 / ours.voxel_volume_A3, rtol=1e-12
    )


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_position_that_is_not_finite(value: float, dtype: type) -> None:
    positions = walk(dtype=dtype)
    positions[147, 3, 1] = value
    with pytest.raises(MlipsseError, match="ion 3 in frame 147 is not finite"):
        probability_density(positions, TRICLINIC, block_frames=60)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"positions": np.zeros((0, 3, 3))}, "at least 1 frame and 1 ion"),
        ({"positions": np.zeros((4, 3))}, "at least 1 frame and 1 ion"),
        ({"cell": np.diag([3.0, 0, 3])}, "span a volume"),
        ({"cell": np.diag([3.0, np.nan, 3])}, "span a volume"),
        ({"spacing_A": 0.0}, "above 0 Å"),
        ({"spacing_A": 0.002}, "Give a larger spacing"),
        ({"block_frames": 0}, "at least 1"),
    ],
)
def test_what_is_refused(change: dict, words: str) -> None:
    given = {"positions": walk(), "cell": TRICLINIC, **change}
    with pytest.raises(MlipsseError, match=words):
        probability_density(given.pop("positions"), given.pop("cell"), **given)
