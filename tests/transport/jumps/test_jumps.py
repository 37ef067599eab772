"""Jumps of walks whose every jump is known, by hand, by theory, and as GEMDAT counts them."""

import itertools
import warnings

import numpy as np
import pytest

from mlipsse.errors import MlipsseError
from mlipsse.transport import fit_diffusivity, mean_squared_displacement
from mlipsse.transport.jumps import counting
from mlipsse.transport.jumps.collective import collective_jumps
from mlipsse.transport.jumps.counting import find_jumps
from mlipsse.transport.jumps.rates import jump_diffusivity, jump_rates, kind_occupancies
from mlipsse.transport.jumps.sites import SiteSize, make_sites
from mlipsse.transport.jumps.states import NO_SITE, SiteStates, site_states
from mlipsse.transport.structure.vibration import vibration
from mlipsse.units import BOLTZMANN_EV_K
from tests.support.trajectories.lattice_walks import (
    cubic_lattice,
    independent_walk,
    vacancy_correlation,
    vacancy_walk,
)

SPACING_PS = 0.05
TEMPERATURE_K = 800.0
PER_NEIGHBOUR_PS = {"A": 0.02, "B": 0.04}
KEYS = ("ion", "origin", "destination", "start_frame", "arrival_frame")


def rows(jumps):
    return np.stack([getattr(jumps, key) for key in KEYS], axis=1)


def chain(labels="ABC", spacing_A=3.0):
    """Sites in a row along x."""
    count = len(labels)
    fractional = np.zeros((count, 3))
    fractional[:, 0] = np.arange(count) / count
    return make_sites(
        fractional, np.diag([count * spacing_A, 9.0, 9.0]), list(labels), SiteSize(radius_A=1.0)
    )


def jumps_along(x_A, sites=None, **options):
    """Jumps of one ion whose x is given, Å."""
    positions = np.zeros((len(x_A), 1, 3))
    positions[:, 0, 0] = x_A
    return find_jumps(positions, sites or chain(), frame_spacing_ps=SPACING_PS, **options)


def test_there_and_back_is_no_jump():
    assert len(jumps_along([0, 0, 1.5, 1.5, 0, 0])) == 0


def test_times_of_a_jump():
    found = jumps_along([0, 0, 1.5, 0, 1.5, 1.5, 3, 3, 3, 1.5])
    assert rows(found).tolist() == [[0, 0, 1, 3, 6]]
    assert found.stay_frames.tolist() == [3]
    np.testing.assert_allclose(found.displacement_A, [[3, 0, 0]])


def test_a_short_visit_is_no_jump_and_no_origin():
    """GEMDAT rejects the visit to B and then counts a jump from B."""
    x_A = [0, 0, 0, 3, 3, 0, 0, 0, 0, 3, 6, 6, 6, 6, 6]
    found = jumps_along(x_A, minimal_residence_frames=3)
    assert rows(found).tolist() == [[0, 0, 2, 8, 10]]
    assert rows(jumps_along(x_A))[:, 1:3].tolist() == [[0, 1], [1, 0], [0, 1], [1, 2]]


def test_a_stay_that_breaks_off_for_a_frame_counts_in_the_end():
    """GEMDAT drops the jump to B for good, and goes on from B."""
    found = jumps_along([0, 0, 3, 3, 1.5, 3, 3, 3, 3, 6, 6, 6], minimal_residence_frames=3)
    assert rows(found)[:, 1:].tolist() == [[0, 1, 1, 5], [1, 2, 8, 9]]


def test_the_last_stay_counts_its_frames():
    """Two frames are two at the end of the run too."""
    assert len(jumps_along([0, 0, 1.5, 3, 3], minimal_residence_frames=3)) == 0
    assert len(jumps_along([0, 0, 1.5, 3, 3], minimal_residence_frames=2)) == 1


def test_the_inner_radius_has_to_be_reached():
    brushed = [0, 0, 2.2, 2.3, 2.2, 1.5, 0, 0]
    assert len(jumps_along(brushed)) == 2
    assert len(jumps_along(brushed, inner_fraction=0.5)) == 0
    assert len(jumps_along([0, 0, 2.2, 2.6, 2.2, 1.5, 0, 0], inner_fraction=0.5)) == 2


def test_a_site_and_its_own_image():
    """One site per cell: an ion still travels, which the site's index does not show."""
    sites = make_sites(np.zeros((1, 3)), np.diag([3.0, 9.0, 9.0]), ["A"], SiteSize(radius_A=1.0))
    found = jumps_along([0, 0, 1.5, 3, 3, 4.5, 6, 7.5, 6, 4.5, 3], sites)
    assert found.displacement_A[:, 0].tolist() == [3, 3, -3]
    assert found.origin.tolist() == found.destination.tolist() == [0, 0, 0]


def test_the_long_way_round_a_small_cell():
    """Two sites along a: from B on to the next A is +3 Å, not -3 Å."""
    found = jumps_along([0, 0, 3, 3, 6, 6], chain("AB"))
    assert found.displacement_A[:, 0].tolist() == [3, 3]


def brute_force_jumps(site, inner, minimal):
    """Straight from the definition, for sites whose images are never mixed up."""
    found = []
    for ion in range(site.shape[1]):
        stays, first = [], 0
        for place, group in itertools.groupby(site[:, ion]):
            length = len(list(group))
            if place != NO_SITE:
                reached = inner[first : first + length, ion].any()
                stays.append((place, first, length, first == 0 or (reached and length >= minimal)))
            first += length
        settled = [stay for stay in stays if stay[3]]
        for before, after in itertools.pairwise(settled):
            if before[0] != after[0]:
                ends = [s[1] + s[2] - 1 for s in stays if s[0] == before[0] and s[1] < after[1]]
                found.append([ion, before[0], after[0], max(ends), after[1]])
    return sorted(found, key=lambda row: (row[4], row[0]))


@pytest.mark.parametrize("minimal", [1, 2, 4])
def test_random_states_against_brute_force(minimal, monkeypatch):
    rng = np.random.default_rng(minimal)
    sites = chain("ABCDE", 4.0)
    held = np.repeat(rng.integers(-1, 5, (400, 20)), rng.integers(1, 4, 400), axis=0)[:700]
    inner = (held != NO_SITE) & (rng.random(held.shape) < 0.7)
    positions = np.zeros((*held.shape, 3))
    positions[..., 0] = 4.0 * np.maximum(held, 0)
    states = SiteStates(held.astype(np.int32), inner)
    monkeypatch.setattr(counting, "site_states", lambda *_, **__: states)
    found = find_jumps(
        positions,
        sites,
        frame_spacing_ps=SPACING_PS,
        minimal_residence_frames=minimal,
    )
    expected = brute_force_jumps(held, inner, minimal)
    assert len(expected) > 200
    assert rows(found).tolist() == expected


def alternating_walk(seed, n_ions=48, n_frames=6000, repeats=(4, 4, 4)):
    """Simple cubic, A and B like the colours of a chess board, with vibrations."""
    rng = np.random.default_rng(seed)
    fractional, cell, neighbours, steps = cubic_lattice(repeats)
    colour = np.rint(fractional * repeats).sum(axis=1) % 2 == 0
    labels = np.where(colour, "A", "B")
    rates = np.where(colour, *PER_NEIGHBOUR_PS.values())[:, None] * np.ones(6)
    weights = 1 / rates.sum(axis=1)
    starts = rng.choice(len(fractional), n_ions, p=weights / weights.sum())
    moved, on = independent_walk(
        rng,
        rates=rates,
        neighbours=neighbours,
        steps_A=steps,
        starts=starts,
        spacing_ps=SPACING_PS,
        n_frames=n_frames,
    )
    positions = (fractional @ cell)[starts] + moved + rng.normal(0, 0.15, moved.shape)
    amplitude_A = vibration(positions, frame_spacing_ps=SPACING_PS).amplitude_A
    return positions, make_sites(fractional, cell, labels, SiteSize(amplitude_A=amplitude_A)), on


@pytest.fixture(scope="module")
def walk():
    positions, sites, on = alternating_walk(0)
    return positions, sites, on, find_jumps(positions, sites, frame_spacing_ps=SPACING_PS)


def test_every_jump_of_a_vibrating_walk_is_found(walk):
    _, sites, on, jumps = walk
    frame, ion = np.nonzero(on[1:] != on[:-1])
    assert 0.7 < sites.radius_A[0] < 0.8
    np.testing.assert_array_equal(jumps.ion, ion)
    np.testing.assert_array_equal(jumps.destination, on[frame + 1, ion])
    np.testing.assert_array_equal(jumps.origin, on[frame, ion])
    assert np.mean(jumps.arrival_frame == frame + 1) > 0.99  # a vibration may be outside


def test_rates_occupancies_and_residence_times_of_a_walk(walk):
    *_, jumps = walk
    rates = {(one.origin, one.destination): one for one in jump_rates(jumps)}
    occupancies = {one.label: one for one in kind_occupancies(jumps)}
    # A walker is on A for two thirds of its time: k_B / (k_A + k_B).
    for label, other, share in (("A", "B", 2 / 3), ("B", "A", 1 / 3)):
        truth = 6 * PER_NEIGHBOUR_PS[label]
        rate = rates[label, other]
        assert abs(rate.rate_per_ps - truth) < 3 * rate.rate_std_per_ps
        assert rate.rate_std_per_ps == pytest.approx(rate.rate_per_ps / rate.n_jumps**0.5, rel=0.6)
        one = occupancies[label]
        assert one.share == pytest.approx(share, abs=0.03)
        assert abs(one.occupancy - 48 * share / 32) < 3 * one.occupancy_std
        assert abs(one.residence_ps - 1 / truth) < 3 * one.residence_std_ps
        assert rate.frequency_per_ps == pytest.approx(rate.rate_per_ps * one.share, rel=1e-9)
    assert jumps.on_sites > 0.999
    assert not any(one.interstitial for one in occupancies.values())


def test_errors_of_rates_hold():
    """The stated error covers the truth as often as one standard deviation does."""
    hits, values = [], []
    for seed in range(60):
        positions, sites, _ = alternating_walk(100 + seed, n_ions=12, n_frames=3000)
        jumps = find_jumps(positions, sites, frame_spacing_ps=SPACING_PS)
        for one in jump_rates(jumps):
            if one.origin != one.destination:
                truth = 6 * PER_NEIGHBOUR_PS[one.origin]
                hits.append(abs(one.rate_per_ps - truth) < one.rate_std_per_ps)
                values.append(one.rate_per_ps / truth)
    assert len(hits) == 120
    assert 0.52 <= np.mean(hits) <= 0.80
    # Two jumps between two frames are seen as one or none: 1 % at 0.18 jumps/ps and 0.05 ps.
    assert np.mean(values) == pytest.approx(1.0, abs=0.025)


def test_activation_energies_are_those_of_the_rates(walk):
    *_, jumps = walk
    attempt_THz = 5.0
    for one in jump_rates(jumps, attempt_frequency_THz=attempt_THz, temperature_K=TEMPERATURE_K):
        if one.origin == one.destination:
            continue
        truth = (
            -BOLTZMANN_EV_K * TEMPERATURE_K * np.log(6 * PER_NEIGHBOUR_PS[one.origin] / attempt_THz)
        )
        assert abs(one.activation_energy_eV - truth) < 3 * one.activation_energy_std_eV
        assert one.activation_energy_std_eV < 0.005


def test_one_kind_keeps_its_barrier():
    """GEMDAT halves the rate between sites of one kind: kB T ln 2 = 48 meV too much at 800 K."""
    rng = np.random.default_rng(2)
    fractional, cell, neighbours, steps = cubic_lattice((4, 4, 4))
    barrier_eV, attempt_THz = 0.3, 8.0
    rate = attempt_THz * np.exp(-barrier_eV / (BOLTZMANN_EV_K * TEMPERATURE_K))
    moved, _ = independent_walk(
        rng, rates=np.full((64, 6), rate / 6), neighbours=neighbours, steps_A=steps,
        starts=np.arange(32), spacing_ps=SPACING_PS, n_frames=4000,
    )  # fmt: skip
    positions = (fractional @ cell)[:32] + moved
    sites = make_sites(fractional, cell, ["A"] * 64, SiteSize(radius_A=0.7))
    jumps = find_jumps(positions, sites, frame_spacing_ps=SPACING_PS)
    (one,) = jump_rates(jumps, attempt_frequency_THz=attempt_THz, temperature_K=TEMPERATURE_K)
    assert abs(one.activation_energy_eV - barrier_eV) < 3 * one.activation_energy_std_eV
    assert one.activation_energy_std_eV < 0.006


def test_independent_walkers_are_uncorrelated():
    """Unequal barriers of sites alone do not correlate jumps: f = 1."""
    positions, sites, _ = alternating_walk(3, n_ions=200, n_frames=8000)
    tracer = fit_diffusivity(mean_squared_displacement(positions, frame_spacing_ps=SPACING_PS))
    jumps = find_jumps(positions, sites, frame_spacing_ps=SPACING_PS)
    found = jump_diffusivity(jumps, tracer)
    jumps_per_ps = 2 / 3 * 6 * PER_NEIGHBOUR_PS["A"] + 1 / 3 * 6 * PER_NEIGHBOUR_PS["B"]
    truth = jumps_per_ps * 9 / 6 * 1e-4
    # Two jumps between two frames are lost, about 0.8 % of them; 12,800 scatter by 0.9 %.
    assert found.diffusivity_cm2_s == pytest.approx(truth, rel=0.03)
    assert abs(found.correlation_factor - 1) < 3 * found.correlation_factor_std
    assert found.correlation_factor_std < 0.05


def test_correlation_of_a_single_vacancy():
    """Simple cubic: 0.6531 in an infinite crystal, and by linear algebra in ours."""
    assert vacancy_correlation((12, 12, 12)) == pytest.approx(0.6531, abs=1e-3)
    truth = vacancy_correlation((5, 5, 5))
    assert truth == pytest.approx(0.6626, abs=1e-3)
    factors = []
    for seed in range(8):
        positions, fractional, cell = vacancy_walk(
            np.random.default_rng(seed), repeats=(5, 5, 5), n_frames=12_000
        )
        sites = make_sites(fractional, cell, ["A"] * 125, SiteSize(radius_A=1.0))
        jumps = find_jumps(positions, sites, frame_spacing_ps=SPACING_PS)
        assert len(jumps) == 11_999  # one in each frame, none lost
        tracer = fit_diffusivity(mean_squared_displacement(positions, frame_spacing_ps=SPACING_PS))
        found = jump_diffusivity(jumps, tracer)
        exact = 9 / (6 * 124 * SPACING_PS) * 1e-4
        assert found.diffusivity_cm2_s == pytest.approx(exact, rel=1e-9)
        factors.append(found.correlation_factor)
    assert np.mean(factors) == pytest.approx(truth, abs=3 * np.std(factors, ddof=1) / 8**0.5)
    assert np.std(factors, ddof=1) < 0.025
    assert kind_occupancies(jumps)[0].occupancy == pytest.approx(124 / 125)


def brute_force_pairs(jumps, most_frames, max_distance_A):
    sites = jumps.sites
    found = []
    for i, j in itertools.combinations(range(len(jumps)), 2):
        if jumps.ion[i] == jumps.ion[j]:
            continue
        early = jumps.start_frame[j] - jumps.arrival_frame[i] > most_frames
        late = jumps.start_frame[i] - jumps.arrival_frame[j] > most_frames
        if early or late:
            continue
        ends = [
            sites.fractional[[one.origin[k], one.destination[k]]]
            for one, k in ((jumps, i), (jumps, j))
        ]
        apart = ends[0][:, None] - ends[1][None]
        apart = (apart - np.rint(apart)) @ sites.cell
        if (np.linalg.norm(apart, axis=-1) < max_distance_A).any():
            found.append([i, j])
    return found


@pytest.mark.parametrize(("within_ps", "max_distance_A"), [(0.0, 1.0), (0.12, 1.0), (0.3, 3.5)])
def test_collective_jumps_against_brute_force(within_ps, max_distance_A):
    positions, sites, _ = alternating_walk(7, n_ions=24, n_frames=3000)
    jumps = find_jumps(positions, sites, frame_spacing_ps=SPACING_PS)
    found = collective_jumps(jumps, within_ps=within_ps, max_distance_A=max_distance_A)
    expected = brute_force_pairs(jumps, int(np.ceil(within_ps / SPACING_PS)), max_distance_A)
    assert len(expected) > 10
    assert found.pairs.tolist() == expected
    assert found.n_solo == len(jumps) - len(set(np.ravel(expected)))
    assert found.solo_fraction == found.n_solo / len(jumps)


def test_a_follower_is_collective_and_a_stranger_is_not():
    x_A = np.zeros((12, 3, 3))
    x_A[:, 0, 0] = [3, 3, 3, 6, 6, 6, 6, 6, 6, 6, 6, 6]  # B to C
    x_A[:, 1, 0] = [0, 0, 0, 0, 3, 3, 3, 3, 3, 3, 3, 3]  # A to B, a frame later
    x_A[:, 2, 0] = [9, 9, 9, 9, 9, 12, 12, 12, 12, 12, 12, 12]  # D to E
    jumps = find_jumps(x_A, chain("ABCDEF"), frame_spacing_ps=SPACING_PS)
    assert len(jumps) == 3
    found = collective_jumps(jumps, within_ps=2 * SPACING_PS)
    assert found.pairs.tolist() == [[0, 1]]
    assert (found.n_solo, found.solo_fraction) == (1, 1 / 3)


def test_what_is_refused():
    for options, what in (
        ({"minimal_residence_frames": 0}, "at least 1 frame"),
        ({"inner_fraction": 0.0}, "above 0"),
        ({"inner_fraction": 1.2}, "at most 1"),
    ):
        with pytest.raises(MlipsseError, match=what):
            jumps_along([0, 0, 3, 3], **options)
    with pytest.raises(MlipsseError, match="3 frames"):
        jumps_along([0, 3])
    jumps = jumps_along([0, 0, 3, 3])
    with pytest.raises(MlipsseError, match="temperature"):
        jump_rates(jumps, attempt_frequency_THz=5.0, temperature_K=0.0)
    with pytest.raises(MlipsseError, match="below 0"):
        collective_jumps(jumps, within_ps=-1.0)


def test_a_run_without_jumps():
    jumps = jumps_along([0.0, 0.1, 0.0, -0.1, 0.0])
    assert (len(jumps), jump_rates(jumps)) == (0, [])
    assert collective_jumps(jumps, within_ps=0.1).solo_fraction is None
    found = jump_diffusivity(jumps)
    assert (found.diffusivity_cm2_s, found.correlation_factor) == (0.0, None)
    assert [one.residence_ps for one in kind_occupancies(jumps)] == [None] * 3


def in_gemdat(positions, sites):
    gemdat = pytest.importorskip("gemdat")
    from pymatgen.core import Element, Lattice, Structure

    trajectory = gemdat.Trajectory(
        species=[Element("Li")] * positions.shape[1],
        coords=positions @ np.linalg.inv(sites.cell),
        lattice=Lattice(sites.cell),
        time_step=SPACING_PS * 1e-12,
        constant_lattice=True,
        metadata={"temperature": TEMPERATURE_K},
    )
    structure = Structure(
        Lattice(sites.cell), ["Li"] * len(sites), sites.fractional, labels=list(sites.labels)
    )
    return trajectory, structure


@pytest.mark.parametrize("radius_A", [None, 0.4])
def test_as_gemdat_counts(radius_A):
    """The small radius leaves ions between sites for 6 % of their time."""
    positions, sites, _ = alternating_walk(5, n_ions=6, n_frames=2000, repeats=(4, 4, 6))
    trajectory, structure = in_gemdat(positions, sites)
    transitions = trajectory.transitions_between_sites(structure, "Li", site_radius=radius_A)
    if radius_A is None:
        found_A = float(transitions.site_radius.radius[""])
        assert sites.radius_A[0] == pytest.approx(found_A, rel=1e-9)
    else:
        sites = sites.with_radius(radius_A)
    theirs = transitions.jumps()
    jumps = find_jumps(positions, sites, frame_spacing_ps=SPACING_PS)
    shaken = vibration(positions, frame_spacing_ps=SPACING_PS)
    assert shaken.amplitude_A == pytest.approx(
        float(trajectory.metrics().vibration_amplitude()), rel=1e-9
    )
    frequency, scatter = trajectory.metrics().attempt_frequency()
    assert shaken.frequency_THz == pytest.approx(float(frequency) * 1e-12, rel=1e-9)
    assert shaken.frequency_std_THz == pytest.approx(float(scatter) * 1e-12, rel=1e-9)

    states = site_states(positions, sites).site
    assert np.mean(states == NO_SITE) == pytest.approx(0.0 if radius_A is None else 0.07, abs=0.02)
    np.testing.assert_array_equal(states, transitions.states)
    columns = ["atom index", "start site", "destination site", "start time", "stop time"]
    expected = theirs.data[columns].to_numpy()
    assert len(expected) > 50
    np.testing.assert_array_equal(
        rows(jumps), expected[np.lexsort((expected[:, 0], expected[:, 4]))]
    )

    for label, occupancy in transitions.occupancy_by_site_type().items():
        own = next(one for one in kind_occupancies(jumps) if one.label == label)
        assert own.occupancy == pytest.approx(occupancy, rel=1e-9)
        assert own.share == pytest.approx(transitions.atom_locations()[label], rel=1e-9)
    # GEMDAT's run of n frames lasts n intervals; ours n - 1.
    longer = len(positions) / (len(positions) - 1)
    own_cm2_s = jump_diffusivity(jumps).diffusivity_cm2_s
    assert own_cm2_s == pytest.approx(float(theirs.jump_diffusivity(3)) * 1e4 * longer, rel=1e-9)
    counts = {(one.origin, one.destination): one.n_jumps for one in jump_rates(jumps)}
    assert counts == dict(theirs.counter())
    together = collective_jumps(jumps, within_ps=1 / shaken.frequency_THz)
    assert together.n_solo == theirs.n_solo_jumps


def test_gemdat_turns_cells_that_do_not_begin_along_x():
    """Its tree takes lengths and angles of the cell, and the positions as they lie: in a cell whose
    first vector is not along x, it looks for ions where they are not."""
    pytest.importorskip("gemdat")
    from pymatgen.core import Lattice

    rng = np.random.default_rng(6)
    cell = np.array(Lattice.from_parameters(9.0, 10.0, 11.0, 70, 105, 80).matrix)
    fractional = rng.random((4, 3))
    sites = make_sites(fractional, cell, list("ABCD"), SiteSize(radius_A=0.8))
    positions = (fractional @ cell)[None] + rng.normal(0, 0.2, (200, 4, 3))
    own = site_states(positions, sites).site
    assert np.mean(own == np.arange(4)) > 0.98
    trajectory, structure = in_gemdat(positions, sites)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = trajectory.transitions_between_sites(structure, "Li", site_radius=0.8).states
    assert np.mean(theirs == own) < 0.98


@pytest.mark.parametrize(
    ("x_A", "ours", "theirs"),
    [
        # A rejected visit becomes an origin: jumps from B that nothing led to.
        ([0, 0, 0, 3, 3, 0, 0, 0, 0, 3, 6, 6, 6, 6, 6], [[0, 2]], [[1, 0], [1, 2]]),
        # A stay that breaks off for a frame is dropped, and the next jump starts from it.
        ([0, 0, 3, 3, 1.5, 3, 3, 3, 3, 6, 6, 6], [[0, 1], [1, 2]], [[1, 2]]),
        # Two frames at the end of the run count as three.
        ([0, 0, 1.5, 3, 3], [], [[0, 1]]),
    ],
)
def test_where_gemdat_counts_otherwise(x_A, ours, theirs):
    positions = np.zeros((len(x_A), 1, 3))
    positions[:, 0, 0] = x_A
    sites = chain()
    found = find_jumps(positions, sites, frame_spacing_ps=SPACING_PS, minimal_residence_frames=3)
    assert np.stack([found.origin, found.destination], axis=1).tolist() == ours
    trajectory, structure = in_gemdat(positions, sites)
    transitions = trajectory.transitions_between_sites(structure, "Li", site_radius=1.0)
    data = transitions.jumps(minimal_residence=3).data
    assert data[["start site", "destination site"]].to_numpy().tolist() == theirs


def test_a_long_way_is_collective_where_gemdat_stops_looking():
    """Ion 0 goes C to B; ion 2 leaves B in time, but is long on its way and arrives last; ion 1,
    far off, arrives between. GEMDAT goes by arrivals and stops at ion 1."""
    positions = np.zeros((40, 3, 3))
    positions[:, 0, 0] = np.repeat([6.0, 3.0], [10, 30])
    positions[:, 1, 0] = np.repeat([12.0, 15.0], [20, 20])
    positions[:, 2, 0] = np.repeat([3.0, 1.5, 0.0], [8, 22, 10])
    sites = chain("ABCDEF")
    jumps = find_jumps(positions, sites, frame_spacing_ps=SPACING_PS)
    assert rows(jumps)[:, :3].tolist() == [[0, 2, 1], [1, 4, 5], [2, 1, 0]]
    found = collective_jumps(jumps, within_ps=3 * SPACING_PS)
    assert found.pairs.tolist() == [[0, 2]]
    assert brute_force_pairs(jumps, 3, 1.0) == [[0, 2]]
    trajectory, structure = in_gemdat(positions, sites)
    transitions = trajectory.transitions_between_sites(structure, "Li", site_radius=1.0)
    from gemdat.collective import Collective

    theirs = Collective(transitions.jumps(), structure, structure.lattice, max_steps=3)
    assert theirs.n_coll_jumps == 0
    with pytest.raises(ValueError, match=r"Not enough|No jumps"):
        transitions.jumps().rates()
    assert {one.n_jumps for one in jump_rates(jumps)} == {1}
