"""Ions that differ, rates that change, hops of a length: what the moments of r² show of them."""

import numpy as np
import pytest

from benchmarks.walks import (
    changing_walk,
    gaussian_walk,
    hopping_walk,
    trapped_walk,
    two_populations,
)
from mlipsse.transport import fit_diffusivity, mean_squared_displacement
from mlipsse.transport.diffusion.judgement.evenness import judge_evenness
from mlipsse.transport.diffusion.judgement.hop_length import measured_hop_length_A

SIZE = {"n_frames": 1000, "n_ions": 24, "hops_per_frame": 0.03}


def msd_of(positions):
    return mean_squared_displacement(positions, frame_spacing_ps=0.1)


def test_moments_of_parts_are_those_of_a_direct_sum():
    rng = np.random.default_rng(0)
    drift = np.cumsum(rng.normal(0, 0.1, (501, 3)), axis=0)
    places = np.cumsum(rng.normal(0, 0.3, (501, 70, 3)), axis=0)
    msd = mean_squared_displacement(places + drift[:, None], frame_spacing_ps=0.1, drift_A=drift)
    n_parts = msd.part_A2.shape[1]
    for row, lag in enumerate(msd.excess_lags):
        origins = np.arange(0, 501 - lag, max(1, (501 - lag) // 400))
        squares = ((places[origins + lag] - places[origins]) ** 2).sum(axis=2)
        for part in range(n_parts):
            chosen = origins * n_parts // 501 == part
            if chosen.any():
                np.testing.assert_allclose(squares[chosen].mean(axis=0), msd.part_A2[row, part])
            else:
                assert np.isnan(msd.part_A2[row, part]).all()
    together = places.sum(axis=1)
    for lag in (1, 7, 100, 500):
        direct = ((together[lag:] - together[:-lag]) ** 2).sum(axis=1).mean() / 70
        assert msd.collective_A2[lag] == pytest.approx(direct, rel=1e-9)


@pytest.mark.parametrize("length_A", [2.0, 3.0, 4.2, 5.5])
def test_hop_length_is_that_of_the_walk(length_A):
    positions, _ = hopping_walk(
        np.random.default_rng(0), n_frames=2000, n_ions=96, hops_per_frame=0.01, length_A=length_A
    )
    found = measured_hop_length_A(msd_of(positions), earliest_ps=1.0)
    assert found == pytest.approx(1.1 * length_A, rel=0.06)


def test_small_steps_have_no_hop_length():
    positions, _ = gaussian_walk(
        np.random.default_rng(0), n_frames=2000, n_ions=96, msd_per_frame_A2=0.2
    )
    assert measured_hop_length_A(msd_of(positions), earliest_ps=1.0) < 0.8


def test_even_walks_are_rarely_called_uneven():
    called = 0
    for seed in range(30):
        positions, _ = hopping_walk(np.random.default_rng(seed), **SIZE)
        found = judge_evenness(msd_of(positions), rise_A2=4.5)
        called += found.ions_differ + found.rates_change
    assert called <= 2


@pytest.mark.parametrize("course", ["step", "ramp"])
def test_rates_that_change_are_stated_and_widen_the_error(course):
    named = covered = 0
    for seed in range(10):
        positions, truth = changing_walk(np.random.default_rng(seed), **SIZE, course=course)
        fit = fit_diffusivity(msd_of(positions))
        named += any("rates change during the run" in caution for caution in fit.cautions)
        covered += abs(fit.diffusivity_cm2_s - truth) < 2.5 * fit.diffusivity_std_cm2_s
    assert named >= 9
    assert covered >= 9


@pytest.mark.parametrize("n_ions", [12, 24])
def test_two_populations_are_stated(n_ions):
    named = 0
    for seed in range(10):
        size = SIZE | {"n_ions": n_ions}
        positions, _ = two_populations(np.random.default_rng(seed), **size, fast=1 / 6)
        fit = fit_diffusivity(msd_of(positions))
        named += not fit.diffusive or any("ions differ" in caution for caution in fit.cautions)
    assert named >= 9


def test_ions_that_rest_for_less_than_a_quarter_of_the_run_are_alike():
    differ = 0
    for seed in range(20):
        positions, _ = trapped_walk(np.random.default_rng(seed), **SIZE, trapped_ps=15.0)
        differ += judge_evenness(msd_of(positions), rise_A2=4.5).ions_differ
    assert differ <= 2


def test_runs_of_few_frames_and_ions_are_not_judged():
    positions, _ = gaussian_walk(
        np.random.default_rng(0), n_frames=9, n_ions=1, msd_per_frame_A2=1.0
    )
    found = judge_evenness(msd_of(positions), rise_A2=4.5)
    assert (found.ions_differ, found.rates_change) == (False, False)
