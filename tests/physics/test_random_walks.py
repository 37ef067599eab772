"""Closed-form truths: walks of known diffusivity, cages, a known activation energy."""

from functools import partial

import numpy as np
import pytest

from benchmarks.walks import (
    changing_walk,
    hopping_walk,
    superdiffusive_walk,
    trapped_walk,
    two_populations,
)
from mlipsse.transport import fit_arrhenius, fit_diffusivity, mean_squared_displacement
from mlipsse.units import BOLTZMANN_EV_K

SPACING_PS = 0.1
N_WALKS = 250


def gaussian_walk(rng, *, n_frames, n_ions, step_A):
    return np.cumsum(rng.normal(0, step_A, (n_frames, n_ions, 3)), axis=0)


def lattice_walk(rng, *, n_frames, n_ions, hops_per_frame, length_A=3.0, vibration_A=0.4):
    axis = rng.integers(0, 3, (n_frames, n_ions))
    sign = rng.choice([-1.0, 1.0], axis.shape) * (rng.random(axis.shape) < hops_per_frame)
    hops = length_A * np.eye(3)[axis] * sign[..., None]
    return np.cumsum(hops, axis=0) + rng.normal(0, vibration_A, hops.shape)


def cage(rng, *, n_frames, n_ions, plateau_A2, relaxation_frames):
    """Overdamped ions in a harmonic well, whose MSD saturates."""
    sigma = np.sqrt(plateau_A2 / 6)
    decay = np.exp(-1 / relaxation_frames)
    positions = np.empty((n_frames, n_ions, 3))
    positions[0] = rng.normal(0, sigma, (n_ions, 3))
    for frame in range(1, n_frames):
        kick = rng.normal(0, sigma * np.sqrt(1 - decay**2), (n_ions, 3))
        positions[frame] = decay * positions[frame - 1] + kick
    return positions


def fits(walk, n_walks=N_WALKS, **options):
    return [
        fit_diffusivity(
            mean_squared_displacement(
                walk(np.random.default_rng(seed), **options), frame_spacing_ps=SPACING_PS
            )
        )
        for seed in range(n_walks)
    ]


@pytest.mark.parametrize(
    ("walk", "options", "msd_per_frame_A2"),
    [
        (gaussian_walk, {"n_frames": 300, "n_ions": 24, "step_A": 0.5}, 3 * 0.25),
        (gaussian_walk, {"n_frames": 1000, "n_ions": 8, "step_A": 0.3}, 3 * 0.09),
        (lattice_walk, {"n_frames": 600, "n_ions": 24, "hops_per_frame": 0.02}, 0.02 * 9),
    ],
)
def test_stated_error_holds(walk, options, msd_per_frame_A2):
    truth = msd_per_frame_A2 / 6 / SPACING_PS * 1e-4
    results = [fit for fit in fits(walk, **options) if fit.diffusive]
    assert len(results) >= 0.95 * N_WALKS
    values = np.array([fit.diffusivity_cm2_s for fit in results])
    errors = np.array([fit.diffusivity_std_cm2_s for fit in results])
    covered = np.mean(np.abs(values - truth) < errors)
    assert 0.60 <= covered <= 0.76
    assert values.mean() == pytest.approx(truth, rel=0.02)


@pytest.mark.parametrize(
    ("plateau_A2", "relaxation_frames"), [(11.0, 5.0), (11.0, 60.0), (40.0, 40.0)]
)
def test_caged_ions_are_refused(plateau_A2, relaxation_frames):
    results = fits(
        cage,
        100,
        n_frames=600,
        n_ions=24,
        plateau_A2=plateau_A2,
        relaxation_frames=relaxation_frames,
    )
    assert not any(fit.diffusive for fit in results)
    assert all(fit.reason and fit.diffusivity_cm2_s is None for fit in results)


def test_anisotropic_walk_gives_its_tensor():
    rng = np.random.default_rng(8)
    steps = np.array([0.6, 0.3, 0.1])
    positions = np.cumsum(rng.normal(size=(4000, 200, 3)) * steps, axis=0)
    fit = fit_diffusivity(mean_squared_displacement(positions, frame_spacing_ps=SPACING_PS))
    truth = steps**2 / 2 / SPACING_PS * 1e-4
    np.testing.assert_allclose(np.diag(fit.tensor_cm2_s), truth, rtol=0.04)
    off = fit.tensor_cm2_s[np.triu_indices(3, 1)]
    assert np.all(np.abs(off) < 0.04 * truth[0])


def test_vibrations_end_in_the_intercept():
    rng = np.random.default_rng(9)
    positions = lattice_walk(rng, n_frames=3000, n_ions=200, hops_per_frame=0.02, vibration_A=0.4)
    fit = fit_diffusivity(mean_squared_displacement(positions, frame_spacing_ps=SPACING_PS))
    assert fit.intercept_A2 == pytest.approx(6 * 0.4**2, abs=0.15)


def test_activation_energy_and_its_error():
    """Walks at four temperatures whose D follow a known Arrhenius line."""
    energy, prefactor = 0.30, 3e-3
    temperatures = np.array([700.0, 800.0, 900.0, 1000.0])
    truths = prefactor * np.exp(-energy / (BOLTZMANN_EV_K * temperatures))
    steps = np.sqrt(2 * truths * 1e4 * SPACING_PS)
    covered, energies = [], []
    for seed in range(120):
        rng = np.random.default_rng(1000 + seed)
        results = [
            fit_diffusivity(
                mean_squared_displacement(
                    gaussian_walk(rng, n_frames=600, n_ions=20, step_A=step),
                    frame_spacing_ps=SPACING_PS,
                )
            )
            for step in steps
        ]
        assert all(fit.diffusive for fit in results)
        fit = fit_arrhenius(
            temperatures,
            [result.diffusivity_cm2_s for result in results],
            [result.diffusivity_std_cm2_s for result in results],
        )
        energies.append(fit.activation_energy_eV)
        covered.append(abs(fit.activation_energy_eV - energy) < fit.activation_energy_std_eV)
    assert 0.60 <= np.mean(covered) <= 0.80
    assert np.mean(energies) == pytest.approx(energy, abs=0.005)  # a third of one run's error


def pairs_walk(rng, *, n_frames, n_ions, hops_per_frame, back, length_A=3.0, vibration_A=0.3):
    """Two ions make each hop at once, and undo the one before it with the probability `back`."""
    steps = length_A * np.concatenate([np.eye(3), -np.eye(3)])
    hops = np.zeros((n_frames, n_ions // 2, 3))
    for pair in range(n_ions // 2):
        last = np.zeros(3)
        for frame in np.flatnonzero(rng.random(n_frames) < hops_per_frame):
            taken_back = rng.random() < back and last.any()
            last = -last if taken_back else steps[rng.integers(6)]
            hops[frame, pair] = last
    places = np.repeat(np.cumsum(hops, axis=0), 2, axis=1)
    return places + rng.normal(0, vibration_A, places.shape)


def test_few_hops_that_are_shared_and_taken_back():
    """Three hops per ion. What the settling lift is like is not known well enough to subtract it.

    Taken for exact, it let the fit turn one such MSD in thirty, straight to the eye, into a
    negative slope.
    """
    hops, back = 0.008, 0.2
    truth = hops * 9 * (1 - back) / (1 + back) / 6 / SPACING_PS * 1e-4
    results = fits(pairs_walk, 150, n_frames=401, n_ions=56, hops_per_frame=hops, back=back)
    assert all(fit.diffusive for fit in results)
    # One in two hundred slows down by chance, as an ion in a cage does.
    slower = [words for fit in results for words in fit.cautions if "the MSD slows down" in words]
    assert 1 <= len(slower) <= 3
    values = np.array([fit.diffusivity_cm2_s for fit in results])
    errors = np.array([fit.diffusivity_std_cm2_s for fit in results])
    assert values.std() < 1.15 * errors.mean()
    assert 0.6 <= np.mean(np.abs(values - truth) < errors) <= 0.76


SIZE = {"n_frames": 1000, "n_ions": 24, "hops_per_frame": 0.03}


@pytest.mark.parametrize(
    "walk",
    [
        pytest.param(partial(trapped_walk, trapped_ps=20.0), id="rest 20 ps"),
        pytest.param(
            partial(trapped_walk, trapped_ps=50.0), id="rest 50 ps", marks=pytest.mark.slow
        ),
        pytest.param(
            partial(hopping_walk, memory=-0.4, length_A=4.2),
            id="4.2 Å taken back",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            partial(hopping_walk, memory=-0.4, length_A=5.5),
            id="5.5 Å taken back",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_stated_error_holds_for_hops_of_other_kinds(walk):
    """Over 500 walks of other seeds it holds in 0.68, 0.66, 0.68 and 0.67 of them, in this order.

    Of 400 walks such a share is known to 0.024, so that one below 0.60 comes by chance once in two
    hundred.
    """
    n_walks, covered, used = 400, 0, 0
    for seed in range(n_walks):
        positions, truth = walk(np.random.default_rng(seed), **SIZE)
        fit = fit_diffusivity(mean_squared_displacement(positions, frame_spacing_ps=SPACING_PS))
        if fit.diffusive:
            used += 1
            covered += abs(fit.diffusivity_cm2_s - truth) < fit.diffusivity_std_cm2_s
    assert used >= 0.95 * n_walks
    assert 0.60 <= covered / used <= 0.76


@pytest.mark.parametrize(
    "walk",
    [
        partial(hopping_walk, memory=0.6),
        partial(two_populations, fast=1 / 6),
        partial(changing_walk, course="step"),
        partial(changing_walk, course="decay"),
    ],
    ids=["hops go on", "two populations", "rate falls", "rate decays"],
)
def test_motion_that_one_diffusivity_does_not_describe_is_refused_or_named(walk):
    named = 0
    for seed in range(20):
        positions, _ = walk(np.random.default_rng(seed), **SIZE)
        fit = fit_diffusivity(mean_squared_displacement(positions, frame_spacing_ps=SPACING_PS))
        named += not fit.diffusive or bool(fit.cautions)
    assert named >= 17


def test_superdiffusion_is_refused():
    for seed in range(10):
        positions = superdiffusive_walk(
            np.random.default_rng(seed), n_frames=1000, n_ions=24, exponent=1.4
        )
        fit = fit_diffusivity(mean_squared_displacement(positions, frame_spacing_ps=SPACING_PS))
        assert not fit.diffusive
        assert "above 1.25" in fit.reason
