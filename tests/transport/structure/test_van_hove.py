"""Van Hove functions of walks with closed forms."""

import numpy as np
import pytest

from mlipsse.errors import MlipsseError
from mlipsse.transport import mean_squared_displacement
from mlipsse.transport.structure.van_hove import van_hove

CELL = np.array([[14.0, 0.0, 0.0], [-4.0, 13.0, 0.0], [2.0, -3.0, 12.0]])


def test_a_gaussian_walk():
    """4 pi r² G_s is Maxwell's distribution, of width sqrt(lag), and G_d that of a gas."""
    rng = np.random.default_rng(0)
    steps = rng.normal(0, 0.2, (1500, 60, 3))
    positions = rng.random((60, 3)) @ CELL + np.cumsum(steps, axis=0)
    found = van_hove(positions, CELL, frame_spacing_ps=0.1, lags_ps=[1.0, 4.0])
    for lag, line in zip((10, 40), found.self_per_A, strict=True):
        variance = 0.04 * lag
        expected = (
            np.sqrt(2 / np.pi)
            * found.radii_A**2
            * np.exp(-(found.radii_A**2) / (2 * variance))
            / variance**1.5
        )
        # 60 x 1500 / lag displacements are independent: a few per cent of the peak
        assert np.abs(line - expected).max() < 0.08 * expected.max()
        assert line.sum() * 0.1 == pytest.approx(1.0, abs=0.02)
    far = found.radii_A > 2.0
    assert found.distinct[:, far].mean() == pytest.approx(1.0, abs=0.02)


def test_hops_make_a_second_peak_and_followers_fill_the_hole():
    """A row of ions on a chain of sites, all of which move one site on at frame 50."""
    cell = np.diag([30.0, 12.0, 12.0])
    sites = np.zeros((10, 3))
    sites[:, 0] = 3.0 * np.arange(10)
    positions = np.repeat(sites[None], 100, axis=0)
    positions[50:, :, 0] += 3.0
    found = van_hove(positions, cell, frame_spacing_ps=1.0, lags_ps=[60.0], bin_A=0.5)
    # Of the 40 origins of this lag all are before the hop, and all ends after it.
    peak = int(np.argmin(np.abs(found.radii_A - 3.25)))
    assert found.self_per_A[0, peak] * 0.5 == pytest.approx(1.0)
    assert found.distinct[0, 0] > 0  # each ion's place is taken by the one behind it
    early = van_hove(positions, cell, frame_spacing_ps=1.0, lags_ps=[1.0], bin_A=0.5)
    assert early.self_per_A[0, 0] * 0.5 == pytest.approx(98 / 99)
    # at once, others are only at 3 Å: a hole around each ion but for the one frame of the hop
    assert early.distinct[0, 0] < 0.2 * found.distinct[0, 0]


def test_second_moment_is_the_msd():
    rng = np.random.default_rng(1)
    positions = np.cumsum(rng.normal(0, 0.1, (300, 20, 3)), axis=0)
    found = van_hove(positions, CELL, frame_spacing_ps=0.1, lags_ps=[2.0], bin_A=0.01)
    msd = mean_squared_displacement(positions, frame_spacing_ps=0.1)
    moment = (found.self_per_A[0] * found.radii_A**2).sum() * (found.radii_A[1] - found.radii_A[0])
    assert moment == pytest.approx(msd.total_A2[20], rel=1e-3)


def test_one_ion_has_no_others():
    positions = np.cumsum(np.random.default_rng(2).normal(size=(30, 1, 3)), axis=0) * 0.1
    assert van_hove(positions, CELL, frame_spacing_ps=0.1, lags_ps=[1.0]).distinct is None


def test_faults():
    positions = np.zeros((10, 2, 3))
    with pytest.raises(MlipsseError, match="half the cell"):
        van_hove(positions, CELL, frame_spacing_ps=0.1, lags_ps=[0.1], reach_A=50.0)
    with pytest.raises(MlipsseError, match="Lags must lie between"):
        van_hove(positions, CELL, frame_spacing_ps=0.1, lags_ps=[5.0])
