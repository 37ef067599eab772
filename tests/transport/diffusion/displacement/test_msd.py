import numpy as np
import pytest

from mlipsse.errors import MlipsseError
from mlipsse.transport import mean_squared_displacement
from mlipsse.transport.diffusion.displacement import msd as msd_module
from mlipsse.transport.diffusion.displacement.msd import (
    COMPONENTS,
    ion_mean_squared_displacements,
)


def direct_sum(positions):
    n_frames = len(positions)
    tensor = np.zeros((n_frames, 6))
    for lag in range(1, n_frames):
        step = positions[lag:] - positions[:-lag]
        for column, (a, b) in enumerate(COMPONENTS):
            tensor[lag, column] = np.mean(step[..., a] * step[..., b])
    return tensor


@pytest.mark.parametrize(("n_frames", "n_ions"), [(2, 1), (3, 2), (57, 5), (200, 70)])
def test_equal_to_the_direct_sum(n_frames, n_ions):
    rng = np.random.default_rng(n_frames)
    skew = np.array([[1.0, 0.5, 0.0], [0.0, 1.0, -0.3], [0.2, 0.0, 2.0]])
    positions = np.cumsum(rng.normal(size=(n_frames, n_ions, 3)) @ skew, axis=0) + 50.0
    msd = mean_squared_displacement(positions, frame_spacing_ps=0.5)
    np.testing.assert_allclose(msd.tensor_A2, direct_sum(positions), rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(msd.total_A2, msd.tensor_A2[:, :3].sum(axis=1), rtol=0)
    np.testing.assert_allclose(msd.lag_ps, 0.5 * np.arange(n_frames))
    assert (msd.n_frames, msd.n_ions) == (n_frames, n_ions)


def test_straight_flight_is_exact():
    velocity = np.array([1.0, -2.0, 0.5])
    positions = np.arange(40)[:, None, None] * velocity
    msd = mean_squared_displacement(positions, frame_spacing_ps=1.0)
    np.testing.assert_allclose(msd.total_A2, np.arange(40) ** 2 * (velocity @ velocity), atol=1e-9)


def test_excess_is_zero_for_gaussian_and_known_for_hops():
    rng = np.random.default_rng(5)
    n_frames, n_ions, rate, length = 2000, 200, 0.02, 3.0
    gaussian = np.cumsum(rng.normal(0, 0.5, (n_frames, n_ions, 3)), axis=0)
    axis = rng.integers(0, 3, (n_frames, n_ions))
    sign = rng.choice([-1.0, 1.0], (n_frames, n_ions))
    hops = np.eye(3)[axis] * (sign * (rng.random((n_frames, n_ions)) < rate))[..., None] * length
    hopping = np.cumsum(hops, axis=0) + rng.normal(0, 0.3, (n_frames, n_ions, 3))
    for positions, expected in ((gaussian, 0.0), (hopping, rate * length**4)):
        msd = mean_squared_displacement(positions, frame_spacing_ps=0.1)
        k = int(np.argmin(np.abs(msd.excess_lags - 20)))
        lag = msd.excess_lags[k]
        # the spread of a fourth moment over some 20,000 independent displacements: 4 %
        assert msd.excess_A4[k] / lag == pytest.approx(
            expected, abs=0.12 * (2 / 3) * msd.total_A2[lag] ** 2 / lag
        )


def test_needs_two_frames_and_an_ion():
    with pytest.raises(MlipsseError, match="1 frame"):
        mean_squared_displacement(np.zeros((1, 3, 3)), frame_spacing_ps=1.0)
    with pytest.raises(MlipsseError, match="0 ion"):
        mean_squared_displacement(np.zeros((4, 0, 3)), frame_spacing_ps=1.0)


@pytest.mark.parametrize("precision", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("name", "value"), [("BATCH_IONS", 3), ("BATCH_BYTES", 1), ("_NUMBERS_AT_ONCE", 1)]
)
def test_batches_do_not_matter(monkeypatch, precision, name, value):
    rng = np.random.default_rng(2)
    positions = np.cumsum(rng.normal(size=(50, 150, 3)), axis=0).astype(precision)
    ions = rng.permutation(150)[:140]  # three batches, the last of which is small
    drift = np.cumsum(rng.normal(size=(50, 3)), axis=0)
    options = {"ions": ions, "drift_A": drift}
    whole = mean_squared_displacement(positions, frame_spacing_ps=1.0, **options)
    single = ion_mean_squared_displacements(positions, **options)
    apart = positions[:, ions].astype(float) - drift[:, None]
    np.testing.assert_allclose(whole.tensor_A2, direct_sum(apart), rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(
        single, [direct_sum(apart[:, [k]])[:, :3].sum(axis=1) for k in range(140)],
        rtol=1e-10, atol=1e-10,
    )  # fmt: skip
    monkeypatch.setattr(msd_module, name, value)
    pieces = mean_squared_displacement(positions, frame_spacing_ps=1.0, **options)
    fields = ("tensor_A2", "excess_A4", "non_gaussian", "ion_correlation", "part_A2")
    for field in (*fields, "collective_A2"):
        found, expected = getattr(pieces, field), getattr(whole, field)
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10, err_msg=field)
    np.testing.assert_allclose(
        ion_mean_squared_displacements(positions, **options), single, rtol=1e-11, atol=1e-10
    )


@pytest.mark.parametrize("n_frames", [2, 3, 4, 5, 7, 8, 11, 24, 31, 60, 97, 250, 541, 1000])
def test_every_length_is_padded_enough(n_frames):
    """Lengths that are prime, powers of two and between: the ends of a series do not meet."""
    rng = np.random.default_rng(n_frames)
    positions = np.cumsum(rng.normal(size=(n_frames, 17, 3)), axis=0)
    drift = np.cumsum(rng.normal(size=(n_frames, 3)), axis=0) + 7.0
    msd = mean_squared_displacement(positions, frame_spacing_ps=1.0, drift_A=drift)
    apart = positions - drift[:, None]
    np.testing.assert_allclose(msd.tensor_A2, direct_sum(apart), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("offset_A", [0.0, 1e3, 1e6])
def test_large_offsets_cost_no_digits(offset_A):
    """Ions far from the origin that shake by 0.1 Å: beside the walk before it was moved there.

    Positions themselves are rounded to 1e-16 of the offset, which no sum can mend.
    """
    rng = np.random.default_rng(4)
    walk = np.cumsum(rng.normal(0, 0.02, size=(400, 6, 3)), axis=0)
    walk += rng.normal(0, 0.1, walk.shape)
    far = walk + offset_A * rng.normal(size=(6, 3))
    rounded = 2 * np.spacing(4 * offset_A) if offset_A else 0.0
    expected = direct_sum(walk)
    msd = mean_squared_displacement(far, frame_spacing_ps=1.0)
    np.testing.assert_allclose(msd.tensor_A2[:, :3], expected[:, :3], rtol=1e-9 + 10 * rounded)
    together = direct_sum(walk.sum(axis=1)[:, None])[:, :3].sum(axis=1) / 6
    np.testing.assert_allclose(msd.collective_A2, together, rtol=1e-9 + 10 * rounded)
    single = ion_mean_squared_displacements(far)
    np.testing.assert_allclose(single.mean(axis=0), msd.total_A2, rtol=1e-9, atol=1e-15)


def test_ions_on_circles_have_the_msd_of_circles():
    """2 R² (1 - cos w t), whatever the origin, and r² alike for all: no excess, no scatter."""
    radius_A, turn = 1.7, 2 * np.pi / 40
    phase = np.arange(400)[:, None] * turn + np.arange(5)
    positions = np.stack([np.cos(phase), np.sin(phase), 0 * phase], axis=-1) * radius_A + 30.0
    msd = mean_squared_displacement(positions, frame_spacing_ps=0.1)
    expected = 2 * radius_A**2 * (1 - np.cos(np.arange(400) * turn))
    np.testing.assert_allclose(msd.total_A2, expected, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(
        ion_mean_squared_displacements(positions), np.tile(expected, (5, 1)), rtol=1e-9, atol=1e-11
    )
    moving = expected[msd.excess_lags] > 1e-6
    np.testing.assert_allclose(msd.non_gaussian[moving], 3 / 5 - 1, rtol=1e-9)
    for k in np.flatnonzero(moving):
        parts = msd.part_A2[k][~np.isnan(msd.part_A2[k])]
        np.testing.assert_allclose(parts, expected[msd.excess_lags[k]], rtol=1e-9)


def test_parts_of_a_run_hold_their_own_origins():
    """Ions that stand still in the first half of the run and fly in the second."""
    flight = np.maximum(0, np.arange(160) - 80)[:, None] * np.array([0.0, 0.5, 0.0])
    msd = mean_squared_displacement(np.tile(flight[:, None], (1, 3, 1)), frame_spacing_ps=1.0)
    k = int(np.flatnonzero(msd.excess_lags == 5)[0])
    np.testing.assert_allclose(msd.part_A2[k, :7], 0.0, atol=1e-20)  # origins up to frame 69
    np.testing.assert_allclose(msd.part_A2[k, 8:], 25 * 0.25, rtol=1e-12)
    longest = int(msd.excess_lags[-1])
    assert np.isnan(msd.part_A2[-1, -(-(160 - longest) // 10) :]).all()
    assert not np.isnan(msd.part_A2[-1, : (160 - longest) // 10]).any()


def test_moments_are_those_of_the_displacements():
    """Beside sums over all origins, of which as many are taken here."""
    rng = np.random.default_rng(3)
    positions = np.cumsum(rng.normal(size=(60, 70, 3)), axis=0)
    drift = np.cumsum(rng.normal(size=(60, 3)), axis=0)
    msd = mean_squared_displacement(positions, frame_spacing_ps=1.0, drift_A=drift)
    apart = positions - drift[:, None]
    for k, lag in enumerate(msd.excess_lags):
        step = apart[lag:] - apart[:-lag]
        square = (step**2).sum(axis=2)
        second = np.einsum("tia,tib->ab", step, step) / square.size
        excess = square.var() - 2 * (second**2).sum()
        assert msd.excess_A4[k] == pytest.approx(excess, abs=1e-9 * square.var())
        ratio = square.sum(axis=1).var() / square.var(axis=0).sum()
        assert msd.ion_correlation[k] == pytest.approx(ratio, rel=1e-9)
