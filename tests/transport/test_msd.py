import numpy as np
import pytest

from mlipsse.errors import MlipsseError
from mlipsse.transport import mean_squared_displacement
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
def test_threads_and_groups_change_no_digit(precision):
    rng = np.random.default_rng(2)
    positions = np.cumsum(rng.normal(size=(50, 150, 3)), axis=0).astype(precision)
    ions = rng.permutation(150)[:140]  # three groups, the last of which is small
    drift = np.cumsum(rng.normal(size=(50, 3)), axis=0)
    one, three = (
        mean_squared_displacement(
            positions, frame_spacing_ps=1.0, ions=ions, drift_A=drift, threads=threads
        )
        for threads in (1, 3)
    )
    for name in ("tensor_A2", "excess_A4", "non_gaussian", "ion_correlation"):
        np.testing.assert_array_equal(getattr(one, name), getattr(three, name))
    apart = positions[:, ions].astype(float) - drift[:, None]
    np.testing.assert_allclose(one.tensor_A2, direct_sum(apart), rtol=1e-10, atol=1e-10)
    single = ion_mean_squared_displacements(positions, ions=ions, drift_A=drift, threads=3)
    np.testing.assert_allclose(
        single, [direct_sum(apart[:, [k]])[:, :3].sum(axis=1) for k in range(140)],
        rtol=1e-10, atol=1e-10,
    )  # fmt: skip


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
