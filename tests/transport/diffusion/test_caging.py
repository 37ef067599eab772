"""Ions that change places in cages, in full ones and alone, and ions that leave them."""

import numpy as np
import pytest

from benchmarks.walks import cage_hops, cage_sites, hopping_walk
from mlipsse.transport import (
    RunKind,
    Trajectory,
    analyse_trajectory,
    fit_diffusivity,
    mean_squared_displacement,
)
from mlipsse.transport.diffusion.caging import reach_A
from mlipsse.transport.ions.drift import RestingPositions
from tests.support.trajectories.lattice_walks import cubic_lattice, independent_walk

SPACING_PS = 0.1


def msd_of(positions):
    return mean_squared_displacement(positions, frame_spacing_ps=SPACING_PS)


@pytest.mark.parametrize("n_frames", [140, 350, 700])
@pytest.mark.parametrize(("n_sites", "spacing_A"), [(3, 4.2), (4, 3.0), (5, 3.0), (6, 3.6)])
def test_full_cages_are_refused(n_sites, spacing_A, n_frames):
    """Ions exchange places often enough for an MSD of a diffusing ion, and nothing is carried."""
    positions = cage_hops(
        np.random.default_rng(n_sites),
        sites_A=cage_sites(n_sites, spacing_A),
        n_cages=12,
        n_frames=n_frames,
        changes_per_frame=n_sites / n_frames,
        full=True,
    )
    msd = msd_of(positions)
    assert msd.collective_A2[n_frames // 2] < 0.3 * msd.total_A2[n_frames // 2]
    fit = fit_diffusivity(msd)
    assert not fit.diffusive
    assert fit.diffusivity_cm2_s is None


def test_a_full_cage_is_named():
    positions = cage_hops(
        np.random.default_rng(1),
        sites_A=cage_sites(5, 3.0),
        n_cages=12,
        n_frames=700,
        changes_per_frame=8 / 700,
        full=True,
    )
    fit = fit_diffusivity(msd_of(positions))
    assert fit.kind is RunKind.CAGED
    assert "collective MSD rises by" in fit.reason


@pytest.mark.parametrize(
    ("n_sites", "spacing_A", "changes"), [(5, 3.0, 3), (3, 3.6, 2), (3, 3.0, 6)]
)
def test_cages_are_named_where_a_window_fails_for_them(n_sites, spacing_A, changes):
    """Windows that would be too short, or whose MSD is bent: not a run to make longer."""
    positions = cage_hops(
        np.random.default_rng(1),
        sites_A=cage_sites(n_sites, spacing_A),
        n_cages=12,
        n_frames=700,
        changes_per_frame=changes / 700,
        full=True,
    )
    assert fit_diffusivity(msd_of(positions)).kind is RunKind.CAGED


def crystal_of(lithium, cell):
    """Lithium beside 64 vibrating chlorine, as a trajectory."""
    rng = np.random.default_rng(0)
    chlorine = rng.uniform(0, 1, (64, 3)) @ cell + rng.normal(0, 0.1, (len(lithium), 64, 3))
    return Trajectory(
        positions=np.concatenate([lithium, chlorine], axis=1),
        species=("Li",) * lithium.shape[1] + ("Cl",) * 64,
        cell=cell,
        frame_spacing_ps=SPACING_PS,
        temperature_K=500.0,
    )


@pytest.mark.parametrize("changes", [0.8, 1.6, 3.0])
@pytest.mark.parametrize(("n_sites", "spacing_A"), [(4, 3.6), (5, 3.0), (6, 3.6)])
def test_ions_alone_in_cages_of_a_crystal_are_refused(n_sites, spacing_A, changes):
    """A few hops per ion: the MSD alone is that of diffusion, and no way leads across the cell."""
    cell = np.diag([32.0, 32.0, 32.0])
    centres, _, _, _ = cubic_lattice((4, 4, 4))
    lithium = cage_hops(
        np.random.default_rng(n_sites),
        sites_A=cage_sites(n_sites, spacing_A),
        n_cages=64,
        n_frames=500,
        changes_per_frame=changes / 250,
        full=False,
    )
    run = analyse_trajectory(crystal_of(lithium + centres @ cell, cell), mobile="Li", charge_e=1)
    assert not run.status.usable
    assert run.conductivity_mS_cm is None


def test_few_hops_on_a_lattice_are_kept():
    """Three hops per ion, on sites that lead across the cell."""
    fractional, cell, neighbours, steps = cubic_lattice((4, 4, 4))
    for seed in range(6):
        rng = np.random.default_rng(seed)
        starts = rng.choice(64, 32, replace=False)
        moved, _ = independent_walk(
            rng, rates=np.full((64, 6), 0.006), neighbours=neighbours, steps_A=steps,
            starts=starts, spacing_ps=SPACING_PS, n_frames=900,
        )  # fmt: skip
        lithium = (fractional @ cell)[starts] + moved + rng.normal(0, 0.2, moved.shape)
        run = analyse_trajectory(crystal_of(lithium, cell), mobile="Li", charge_e=1)
        assert run.status.usable, run.status.reason


def blocked_channels(seed, *, n_sites, rate):
    """(1000, 24, 3): ions in channels of their own, closed at both ends."""
    rng = np.random.default_rng(seed)
    place = rng.uniform(0, 30, (24, 3)) + np.zeros((1000, 24, 3))
    site = rng.integers(0, n_sites, 24)
    for frame in range(1000):
        hops = (rng.random(24) < rate) * np.where(rng.random(24) < 0.5, 1, -1)
        site = np.clip(site + hops, 0, n_sites - 1)
        place[frame, :, 0] += 3.0 * site
    return place + rng.normal(0, 0.12, place.shape)


@pytest.mark.parametrize(("n_sites", "rate"), [(6, 0.01), (8, 0.01), (8, 0.003)])
def test_blocked_channels_are_never_taken_without_a_word(n_sites, rate):
    """They are longer than cages: before an ion meets both ends, it diffuses."""
    cell = np.diag([30.0, 30.0, 30.0])
    taken = 0
    for seed in range(4):
        lithium = blocked_channels(seed, n_sites=n_sites, rate=rate)
        run = analyse_trajectory(crystal_of(lithium, cell), mobile="Li", charge_e=1.0)
        taken += run.diffusivity.diffusive
        cautioned = any("no path across the cell was seen" in words for words in run.cautions)
        assert cautioned == run.diffusivity.diffusive
    assert taken or rate < 0.01


def test_crossing_by_steps_between_frames():
    """An ion that goes once around the cell, in steps of a third of it, and one that returns."""
    cell = np.diag([9.0, 9.0, 9.0])

    def crosses(places):
        positions = np.array([[[x, 1.0, 1.0]] for x in places])
        drift_A = np.zeros((len(places), 3))
        return np.isinf(reach_A(RestingPositions(positions, np.array([0]), drift_A), cell))

    assert crosses([0.1, 3.1, 6.1, 9.1])
    assert crosses([0.1, -2.9, -5.9, -8.9])
    assert not crosses([0.1, 3.1, 6.1, 3.1, 0.1])
    assert not crosses([8.9, 9.1, 8.9])  # over the border and back


@pytest.mark.parametrize("together", [1, 2])
def test_short_runs_of_few_ions_are_kept(together):
    kept = 0
    for seed in range(30):
        positions, _ = hopping_walk(
            np.random.default_rng(seed),
            n_frames=500,
            n_ions=12,
            hops_per_frame=0.03,
            memory=-0.2,
            together=together,
        )
        kept += fit_diffusivity(msd_of(positions)).diffusive
    assert kept >= 0.9 * 30
