"""g(r) against MDAnalysis, its difference against known ones, strain undone."""

import numpy as np
import pytest
from ase import Atoms

from mlipsse.dataset.frames.strain import strain_frames
from mlipsse.errors import MlipsseError
from mlipsse.potential.acceptance import LIMITS
from mlipsse.potential.acceptance.judgements import judge_distributions
from mlipsse.potential.acceptance.pair_distribution import (
    BIN_A,
    REACH_A,
    at_one_temperature,
    compare,
    difference,
    radial_distributions,
    unstrained,
)
from tests.support.potential.pair_potential import argon


def gas(seed, frames=5):
    rng = np.random.default_rng(seed)
    return [
        Atoms("Li20Cl40", positions=rng.random((60, 3)) * 13, cell=[13, 13, 13], pbc=True)
        for _ in range(frames)
    ]


def warm(seed, *, frames=30, factor=1.0, width_A=0.15):
    rng = np.random.default_rng(seed)
    crystal = argon(2)
    crystal.set_cell(crystal.cell[:] * factor, scale_atoms=True)
    found = []
    for _ in range(frames):
        frame = crystal.copy()
        frame.positions += rng.normal(0, width_A, frame.positions.shape)
        found.append(frame)
    return found


def test_like_mdanalysis():
    import MDAnalysis
    from MDAnalysis.analysis.rdf import InterRDF

    frames = gas(0)
    universe = MDAnalysis.Universe.empty(60, trajectory=True)
    universe.add_TopologyAttr("name", frames[0].get_chemical_symbols())
    universe.load_new(np.array([frame.positions for frame in frames]),
                      dimensions=np.array([[13, 13, 13, 90, 90, 90]] * 5))  # fmt: skip
    bins = round(REACH_A / BIN_A)
    lithium, chlorine = (universe.select_atoms(f"name {name}") for name in ("Li", "Cl"))
    theirs = InterRDF(lithium, chlorine, nbins=bins, range=(0, REACH_A)).run()
    radii_A, ours = radial_distributions(frames, [("Li", "Cl")])
    assert radii_A == pytest.approx(theirs.results.bins)
    # MDAnalysis works in single precision: a distance at the edge of a bin may change sides.
    assert np.abs(ours[:, 0].mean(axis=0) - theirs.results.rdf)[5:].max() < 0.05
    assert ours[:, 0].mean(axis=0)[20:].mean() == pytest.approx(1.0, abs=0.05)


def test_images_beyond_half_the_cell_count():
    """A simple cubic crystal of one atom per cell: 6 neighbours at a, 12 at a sqrt 2."""
    atoms = Atoms("Li", cell=[3.05] * 3, pbc=True)
    radii_A, g = radial_distributions([atoms], [("Li", "Li")])
    neighbours = g[0, 0] * 4 / 3 * np.pi * np.diff((np.append(radii_A, 6.05) - 0.05) ** 3)
    neighbours /= atoms.get_volume()
    assert neighbours[30] == pytest.approx(6, rel=1e-9)
    assert neighbours[43] == pytest.approx(12, rel=1e-9)


def test_difference_of_equal_and_of_disjoint_functions():
    one = np.zeros(60)
    other = np.zeros(60)
    one[:30], other[30:] = 2.0, 2.0
    assert difference(one, one) == 0
    assert difference(one, other) == 1
    few = np.zeros(60)
    few[-1] = 1.0
    assert difference(few, np.zeros(60)) == pytest.approx(1 / 30)


def several(make, seed, **change):
    """Runs that differ by their random numbers."""
    return [make(10_000 * (number + 1) + seed, **change) for number in range(5)]


def leaning(seed, frames=12):
    """Four atoms that keep one random distortion over a run, as slow modes do in a short one."""
    rng = np.random.default_rng(seed)
    bent = rng.normal(0, 0.3, (len(argon(1)), 3))
    found = []
    for _ in range(frames):
        frame = argon(1)
        frame.positions += bent + rng.normal(0, 0.1, bent.shape)
        found.append(frame)
    return found


def test_what_a_run_keeps_to_its_end_is_chance_too():
    """The halves of a run share it: by them half of the runs of one model are refused."""
    refused, by_halves = 0, 0
    for seed in range(20):
        reference = leaning(500 + seed)
        (pair,) = compare(several(leaning, seed), reference, of=argon(1))
        refused += int(pair.excess > LIMITS.rdf_difference)
        g = [
            radial_distributions(one, [("Ar", "Ar")])[1][:, 0] for one in (leaning(seed), reference)
        ]
        halves = [difference(one[:6].mean(axis=0), one[6:].mean(axis=0)) for one in g]
        apart = difference(g[0].mean(axis=0), g[1].mean(axis=0))
        excess = apart**2 - np.mean(np.square(halves)) / 2
        by_halves += int(excess > LIMITS.rdf_difference**2)
    assert refused <= 1
    assert by_halves >= 10


def test_chance_alone_passes_and_stays_below_its_scale():
    ratios = []
    for seed in range(12):
        (pair,) = compare(several(warm, seed), warm(1000 + seed), of=argon(2))
        ratios.append(pair.difference / pair.scale)
        assert judge_distributions([pair], temperature_K=1.0, limits=LIMITS).verdict == "pass"
        assert pair.excess < 0.05
    assert 0.4 < np.mean(ratios) < 0.9  # the scale is what chance makes at most


@pytest.mark.parametrize("change", [{"factor": 1.05}, {"width_A": 0.5}])
def test_another_lattice_and_a_melt_are_refused(change):
    (pair,) = compare(several(warm, 1, **change), warm(2), of=argon(2))
    line = judge_distributions([pair], temperature_K=800.0, limits=LIMITS)
    assert line.verdict == "fail"
    assert line.value == pair.excess > LIMITS.rdf_difference


def hopping(seed, *, rate, until=30, frames=30):
    """Argon of which some atoms hop to holes of the lattice, up to a frame, and stay there."""
    rng = np.random.default_rng(seed)
    crystal = argon(2)
    hole = 0.5 * crystal.cell[:].sum(axis=0) / 2 / 2
    found = []
    for step in range(frames):
        for atom in np.flatnonzero(rng.random(len(crystal)) < rate * (step < until)):
            crystal.positions[atom] += rng.choice([-1, 1]) * hole
        frame = crystal.copy()
        frame.positions += rng.normal(0, 0.15, frame.positions.shape)
        found.append(frame)
    return found


def test_runs_that_hopped_a_little_are_not_judged_by_it():
    """Each run keeps hops of its own."""
    for seed in range(12):
        reference = hopping(seed, rate=0.1, until=4)
        runs = several(hopping, 100 + seed, rate=0.1, until=4)
        (pair,) = compare(runs, reference, of=argon(2))
        assert 0.05 < pair.left_sites[1] < 0.8
        line = judge_distributions([pair], temperature_K=800.0, limits=LIMITS)
        assert line.verdict == "skip"
        assert "too short to judge Ar-Ar" in line.sentence


def test_a_model_that_hops_where_the_reference_does_not_is_judged():
    (pair,) = compare(several(hopping, 1, rate=0.1), warm(2), of=argon(2))
    assert pair.left_sites[0] > 0.5
    assert pair.left_sites[1] == 0
    line = judge_distributions([pair], temperature_K=800.0, limits=LIMITS)
    assert line.verdict == "fail"


def test_a_mobile_ion_that_hopped_in_one_run_is_not_judged():
    (pair,) = compare(several(hopping, 1, rate=0.1), warm(2), of=argon(2), mobile="Ar")
    line = judge_distributions([pair], temperature_K=800.0, limits=LIMITS)
    assert line.verdict == "skip"
    (pair,) = compare(several(warm, 1), warm(2), of=argon(2), mobile="Ar")
    assert pair.comparable
    (pair,) = compare(several(hopping, 1, rate=0.1), warm(2), of=argon(2), mobile="Li")
    assert pair.comparable


def test_a_drift_of_the_whole_crystal_is_no_hop():
    runs = several(warm, 5)
    for frames in runs:
        for step, frame in enumerate(frames):
            frame.positions += 0.1 * step
            frame.wrap()
    (pair,) = compare(runs, warm(6), of=argon(2))
    assert pair.left_sites == (0, 0)


def test_too_few_frames():
    with pytest.raises(MlipsseError, match="3 frames; at least 4 are required"):
        compare(several(warm, 1, frames=3), warm(2), of=argon(2))
    with pytest.raises(MlipsseError, match="cannot be measured by 1 runs"):
        compare([warm(1)], warm(2), of=argon(2))


def test_strain_is_undone():
    frames = warm(3, frames=4)
    strained = strain_frames(frames, max_strain=0.03, kind="full", seed=1)
    assert np.abs(strained[0].positions - frames[0].positions).max() > 0.05
    restored, count = unstrained(strained, frames[0].cell[:])
    assert count == 4
    for one, other in zip(restored, frames, strict=True):
        assert one.positions == pytest.approx(other.positions, abs=1e-9)


def test_frames_of_different_atoms_or_cells_are_refused():
    frames = warm(3, frames=4)
    other = frames[1].copy()
    other.symbols[0] = "Li"
    with pytest.raises(MlipsseError, match="frame 1 is"):
        unstrained([frames[0], other])
    far = frames[1].copy()
    far.set_cell(far.cell[:] * 1.3)
    with pytest.raises(MlipsseError, match="differs by 30%"):
        unstrained([far], frames[0].cell[:])


def test_the_temperature_that_is_nearest():
    frames = warm(1, frames=4)
    for frame, temperature_K in zip(frames, (500.0, 800.0, 1200.0, 800.0), strict=True):
        frame.info["temperature_K"] = temperature_K
    assert at_one_temperature(frames, nearest_K=900.0) == [frames[1], frames[3]]
    assert at_one_temperature([], nearest_K=900.0) == []
