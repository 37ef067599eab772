"""Charge diffusivity and Haven ratio of walkers alone, in pairs, and against each other."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.walks import hopping_walk
from mlipsse.transport import (
    ChargeDiffusivity,
    WindowSettings,
    charge_diffusivity,
    fit_diffusivity,
    mean_squared_displacement,
)

D_A2_PS, SPACING_PS = 0.05, 0.2
TO_CM2_S = 1e-4
SETTINGS = WindowSettings(window_ps=(1.0, 12.0))


def analysed(walk: np.ndarray) -> ChargeDiffusivity:
    fit = fit_diffusivity(mean_squared_displacement(walk, frame_spacing_ps=SPACING_PS), SETTINGS)
    return charge_diffusivity(walk, fit, frame_spacing_ps=SPACING_PS)


def hops(rng: np.random.Generator, n_ions: int, n_frames: int = 800) -> np.ndarray:
    return rng.normal(0, np.sqrt(2 * D_A2_PS * SPACING_PS), (n_frames, n_ions, 3))


def test_errors_of_independent_ions_hold() -> None:
    rng = np.random.default_rng(3)
    found = [analysed(np.cumsum(hops(rng, 16), axis=0)) for _ in range(300)]
    values = np.array([one.diffusivity.diffusivity_cm2_s for one in found], dtype=float)
    errors = np.array([one.diffusivity.diffusivity_std_cm2_s for one in found], dtype=float)
    assert values.mean() == pytest.approx(D_A2_PS * TO_CM2_S, rel=0.05)
    hits = (np.abs(values - D_A2_PS * TO_CM2_S) < errors).mean()
    assert 0.60 <= hits <= 0.76
    # The inverse equals that of the ratio, and its error is symmetric where the ratio's is not.
    inverse = np.array([1 / (one.haven_ratio or np.nan) for one in found])
    assert inverse.mean() == pytest.approx(1.0, abs=0.05)


def test_ions_that_move_in_pairs() -> None:
    """Both ions of a pair make the same hops: charge diffuses twice as fast as an ion."""
    rng = np.random.default_rng(4)
    inverse = []
    for _ in range(60):
        walk = np.cumsum(np.repeat(hops(rng, 8), 2, axis=1), axis=0)
        inverse.append(1 / (analysed(walk).haven_ratio or np.nan))
    assert np.mean(inverse) == pytest.approx(2.0, abs=4 * np.std(inverse) / 60**0.5)


def test_ions_that_exchange_places_carry_no_charge() -> None:
    """One goes where the other came from: ions diffuse, and charge does not."""
    rng = np.random.default_rng(5)
    half = hops(rng, 8)
    vibration = rng.normal(0, 0.1, (800, 16, 3))
    walk = np.cumsum(np.concatenate([half, -half], axis=1), axis=0) + vibration
    found = analysed(walk)
    fit = found.diffusivity
    if fit.diffusivity_cm2_s is None:
        assert fit.reason is not None
        assert found.haven_ratio is None
    else:
        assert fit.diffusivity_cm2_s < 0.05 * D_A2_PS * TO_CM2_S


def test_without_a_tracer_diffusivity_there_is_none() -> None:
    rng = np.random.default_rng(6)
    caged = rng.normal(0, 0.3, (400, 10, 3))
    fit = fit_diffusivity(mean_squared_displacement(caged, frame_spacing_ps=SPACING_PS))
    found = charge_diffusivity(caged, fit, frame_spacing_ps=SPACING_PS)
    assert not found.diffusivity.diffusive
    assert found.diffusivity.reason == fit.reason
    assert (found.diffusivity.diffusivity_cm2_s, found.haven_ratio) == (None, None)


@pytest.mark.parametrize(
    ("ratio", "std", "warns"), [(2.9, 0.01, False), (3.3, 0.2, True), (3.3, 0.6, False)]
)
def test_a_large_haven_ratio_is_stated_where_it_is_no_noise(
    ratio: float, std: float, warns: bool
) -> None:
    found = analysed(np.cumsum(hops(np.random.default_rng(7), 16), axis=0))
    stated = replace(found, haven_ratio=ratio, haven_ratio_std=std).cautions
    assert stated == () or f"the Haven ratio is {ratio}" in stated[0]
    assert bool(stated) is warns


def test_independent_ions_come_without_a_word_on_their_haven_ratio() -> None:
    """In runs so short that one ratio in fifteen is above 3 by chance."""
    found = []
    for seed in range(80):
        walk, _ = hopping_walk(
            np.random.default_rng(seed), n_frames=401, n_ions=24, hops_per_frame=0.012
        )
        fit = fit_diffusivity(mean_squared_displacement(walk, frame_spacing_ps=0.1))
        found.append(charge_diffusivity(walk, fit, frame_spacing_ps=0.1))
    assert any((one.haven_ratio or 0.0) > 3 for one in found)
    assert not any(one.cautions for one in found)
