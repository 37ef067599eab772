import numpy as np
import pytest

from mlipsse.transport.diffusion.displacement.msd import COMPONENTS, mean_squared_displacement
from mlipsse.transport.fourier_kernels import transform, transform_columns
from mlipsse.transport.fourier_plan import LANES, ROW, FourierPlan

SIZES = [1, 2, 3, 4, 5, 7, 8, 11, 24, 31, 60, 97, 250, 541, 1000]


@pytest.mark.parametrize("n_frames", SIZES)
def test_every_frequency_has_one_place(n_frames):
    plan = FourierPlan.of(n_frames)
    assert plan.size >= 2 * n_frames
    assert plan.size < 3 * n_frames + 2
    np.testing.assert_array_equal(np.sort(plan.frequencies), np.arange(plan.size))


@pytest.mark.parametrize(
    ("n_columns", "n_rows"), [(2, 3), (4, 4), (5, 8), (9, 2), (16, 25), (60, 60)]
)
def test_transform_is_numpys(n_columns, n_rows):
    """Of 8 series at once, in the order of the plan's rows."""
    plan = FourierPlan(n_columns, n_rows)
    rng = np.random.default_rng(n_rows)
    series = rng.normal(size=(n_rows, LANES)) + 1j * rng.normal(size=(n_rows, LANES))
    numbers = np.stack([series.real, series.imag], axis=1).ravel()
    transform(numbers, 0, n_rows, n_rows, *plan.row_stages)
    found = numbers.reshape(n_rows, 2, LANES)
    order = plan.frequencies[:n_rows] // (2 * n_columns)
    expected = np.fft.fft(series, axis=0)[order]
    np.testing.assert_allclose(found[:, 0] + 1j * found[:, 1], expected, atol=1e-12)


@pytest.mark.parametrize("n_frames", [n for n in SIZES if n > 1])
def test_tensor_of_lone_ions_beside_full_rows(n_frames):
    """One ion more than fill a row: the lanes without an ion add nothing, drift or not."""
    rng = np.random.default_rng(n_frames)
    positions = np.cumsum(rng.normal(size=(n_frames, ROW + 1, 3)), axis=0)
    drift = np.cumsum(rng.normal(size=(n_frames, 3)), axis=0) + 7.0
    msd = mean_squared_displacement(positions, frame_spacing_ps=1.0, drift_A=drift)
    apart = positions - drift[:, None]
    for lag in np.unique(np.linspace(1, n_frames - 1, 9).astype(int)):
        step = apart[lag:] - apart[:-lag]
        direct = [np.mean(step[..., a] * step[..., b]) for a, b in COMPONENTS]
        np.testing.assert_allclose(msd.tensor_A2[lag], direct, rtol=1e-10, atol=1e-10)


def test_work_space_of_other_rows_is_not_written():
    """As it would be for code that was compiled when rows had another size."""
    plan = FourierPlan.of(50)
    columns, work = plan.space()
    frames, means, drift = np.zeros(50 * 3 * ROW), np.zeros(3 * ROW), np.zeros((50, 3))
    plans = (*plan.column_stages, plan.halves, plan.between)
    with pytest.raises(ValueError, match="remove its __pycache__"):
        transform_columns(
            frames, 0, means, np.ones(ROW), drift, *plans, columns, work[::2].copy(),
            np.zeros((50, 6)),
        )  # fmt: skip
