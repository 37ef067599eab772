import itertools
import math

import numpy as np
import pytest

from mlipsse.errors import MlipsseError
from mlipsse.orderings import (
    Host,
    HostSettings,
    Sublattice,
    Supercell,
    parse_composition,
    read_host,
)
from mlipsse.orderings.thermal.monte_carlo import (
    MonteCarloRun,
    MonteCarloSettings,
    run_monte_carlo,
)
from mlipsse.orderings.thermal.pairs.model import PairModel
from mlipsse.orderings.thermal.pairs.orbits import find_pair_clusters
from mlipsse.orderings.thermal.swaps.arrays import arrange, interactions
from mlipsse.orderings.thermal.swaps.ladder import (
    MOST_RUNGS,
    cooling_lengths,
    measured_lengths,
    place_rungs,
)
from mlipsse.orderings.thermal.swaps.moves import coupling_energy, swap_energy
from mlipsse.orderings.thermal.swaps.random_labels import clashes, filled_sites, random_labels
from mlipsse.orderings.thermal.swaps.sweeps import SHARES, Sweeps
from mlipsse.units import BOLTZMANN_EV_K
from tests.support.crystals.pair_models import (
    even_counts,
    random_model,
    random_orderings,
    simple_host,
)


def sampled(model, supercell, *, counts=None, start=None, excluded=None, folder=None, **settings):
    """`run_monte_carlo`, with the settings as keywords."""
    return run_monte_carlo(
        model,
        supercell,
        MonteCarloSettings(**settings),
        counts=counts,
        start=start,
        excluded=excluded,
        folder=folder,
    )


def ising(spacings_A, *, coupling_eV, cutoff_A):
    """Unlike neighbours cost `coupling_eV`, like ones gain it."""
    clusters = find_pair_clusters(simple_host(spacings_A=spacings_A), cutoff_A)
    (_,) = clusters.pair_orbits
    entries = np.array([0.0, 0.0, -coupling_eV, coupling_eV, coupling_eV, -coupling_eV])
    return PairModel(clusters, entries, constant_eV=0.0, inverse_dielectric=None)


def three_sublattices():
    """Ions and vacancies, two framework species and three anions in a low-symmetry cell."""
    return Host(
        name="ionic",
        cell=np.array([[4.0, 0, 0], [0.4, 4.3, 0], [0.2, 0.7, 4.8]]),
        scaled_positions=np.array([[0, 0, 0], [0.45, 0.4, 0.5], [0.7, 0.8, 0.2]]),
        sublattices=(
            Sublattice("Li", (0,), ("Li", "vacancy")),
            Sublattice("M", (1,), ("Zr", "Y")),
            Sublattice("X", (2,), ("Cl", "O", "Br")),
        ),
        charges={"Li": 1, "vacancy": 0, "Zr": 4, "Y": 3, "Cl": -1, "O": -2, "Br": -1},
        symprec_A=0.01,
    )


@pytest.mark.parametrize("inverse_dielectric", [None, 0.2])
@pytest.mark.parametrize("material", ["ionic", "halide"])
def test_energy_of_many_swaps_equals_the_recomputed_one(material, inverse_dielectric, halide):
    host, factors = (
        (halide, (1, 1, 2)) if material == "halide" else (three_sublattices(), (4, 3, 3))
    )
    model = random_model(host, cutoff_A=6.0, seed=1, inverse_dielectric=inverse_dielectric)
    supercell = Supercell(host, factors)
    lattice = model.lay_on(supercell)
    (labels,) = random_orderings(supercell, 1, seed=2)
    walker, accepted = Sweeps(model, lattice).walker(labels), np.zeros(3)
    while accepted.sum() < 100_000:
        run = walker.run(np.full(500, 2.0 / BOLTZMANN_EV_K), rng=np.random.default_rng(3))
        accepted += run.accepted
    assert accepted.min() > 1000  # of every kind of move
    assert run.proposed / run.proposed.sum() == pytest.approx(SHARES, abs=0.02)
    expected_eV = model.energy_eV(lattice, walker.labels)
    assert walker.energy_eV == pytest.approx(expected_eV, abs=1e-10, rel=0)
    now, (fresh, _) = walker.arrangement, arrange(model, lattice, walker.labels)
    assert np.abs(now.fields - fresh.fields).max() < 1e-10
    assert np.abs(now.potentials - fresh.potentials).max() < 1e-10


def test_every_swap_energy_equals_the_difference_of_two_energies():
    host = three_sublattices()
    model = random_model(host, cutoff_A=6.0, seed=1, inverse_dielectric=0.2)
    supercell = Supercell(host, (2, 2, 1))  # several images of a neighbour within the cutoff
    lattice = model.lay_on(supercell)
    (labels,) = random_orderings(supercell, 1, seed=2)
    now, _ = arrange(model, lattice, labels)
    on, before = interactions(model, lattice), model.energy_eV(lattice, labels)
    tried = 0
    for i, j in itertools.combinations(range(len(lattice.sites)), 2):
        if lattice.sublattice[i] != lattice.sublattice[j]:
            continue
        swapped = labels.copy()
        ends = lattice.sites[[i, j]]
        swapped[ends] = labels[ends[::-1]]
        expected = model.energy_eV(lattice, swapped) - before
        assert swap_energy(on, now, i, j) == pytest.approx(expected, abs=1e-10)
        tried += labels[ends[0]] != labels[ends[1]]
    assert tried >= 10


@pytest.mark.parametrize("factors", [(2, 2, 1), (3, 2, 2)])
def test_two_swaps_cost_both_and_their_coupling(factors):
    host = three_sublattices()
    model = random_model(host, cutoff_A=6.0, seed=1, inverse_dielectric=0.2)
    supercell = Supercell(host, factors)
    lattice = model.lay_on(supercell)
    (labels,) = random_orderings(supercell, 1, seed=2)
    now, _ = arrange(model, lattice, labels)
    on, before = interactions(model, lattice), model.energy_eV(lattice, labels)
    rng, tried = np.random.default_rng(0), 0
    for _ in range(200):
        k, m = rng.choice(np.unique(lattice.sublattice), 2, replace=False)
        i, j = rng.choice(np.flatnonzero(lattice.sublattice == k), 2, replace=False)
        x, y = rng.choice(np.flatnonzero(lattice.sublattice == m), 2, replace=False)
        swapped = labels.copy()
        swapped[lattice.sites[[i, j, x, y]]] = labels[lattice.sites[[j, i, y, x]]]
        expected = model.energy_eV(lattice, swapped) - before
        cost = swap_energy(on, now, i, j) + swap_energy(on, now, x, y)
        cost += coupling_energy(on, now, i, j, x, y)
        assert cost == pytest.approx(expected, abs=1e-10)
        tried += labels[lattice.sites[i]] != labels[lattice.sites[j]]
    assert tried > 50


def all_labels(supercell, counts):
    """Every arrangement of the counts, one after the other."""
    each = []
    for row in counts:
        one = np.repeat(np.arange(len(row)), row).tolist()
        each.append(sorted(set(itertools.permutations(one))))
    for parts in itertools.product(*each):
        labels = np.zeros(supercell.n_sites, dtype=np.int8)
        for sites, part in zip(supercell.sites, parts, strict=True):
            labels[sites] = part
        yield labels


def exact_averages(model, supercell, counts, temperature_K, *, excluded=None):
    """Mean energy and variance of all arrangements by their Boltzmann factors."""
    lattice = model.lay_on(supercell)
    allowed = [
        labels
        for labels in all_labels(supercell, counts)
        if excluded is None or not len(clashes(filled_sites(supercell, labels), excluded))
    ]
    energies = np.array([model.energy_eV(lattice, labels) for labels in allowed])
    weights = np.exp(-(energies - energies.min()) / (BOLTZMANN_EV_K * temperature_K))
    weights /= weights.sum()
    mean = weights @ energies
    return len(allowed), mean, weights @ (energies - mean) ** 2


@pytest.mark.parametrize(("hottest_K", "samples"), [(1500.0, 2000), (3000.0, 400)])
@pytest.mark.parametrize("with_exclusion", [False, True])
def test_averages_equal_full_enumeration(with_exclusion, hottest_K, samples):
    host, temperature_K = three_sublattices(), 1500.0
    supercell = Supercell(host, (3, 2, 1))
    model = random_model(host, cutoff_A=5.0, seed=7, inverse_dielectric=0.02, scale_eV=0.06)
    counts = [(2, 4), (3, 3), (4, 1, 1)]
    sites = supercell.sites[0]
    excluded = np.array([[sites[0], sites[1]], [sites[2], sites[4]]]) if with_exclusion else None
    number, mean, variance = exact_averages(
        model, supercell, counts, temperature_K, excluded=excluded
    )
    assert number == (13 if with_exclusion else 15) * 20 * 30
    assert variance > (0.5 * BOLTZMANN_EV_K * temperature_K) ** 2
    run = sampled(
        model,
        supercell,
        counts=counts,
        temperature_K=temperature_K,
        hottest_K=hottest_K,
        samples=samples,
        seed=1,
        chains=4,
        excluded=excluded,
    )
    assert run.effective_samples > 2 * samples
    assert len(run.exchange_rates) == (0 if hottest_K == temperature_K else 4)
    assert run.mean_energy_error_eV < 0.03 * math.sqrt(variance)
    assert run.mean_energy_eV == pytest.approx(mean, abs=4 * run.mean_energy_error_eV)
    # Samples are independent: their mean has the error of so many of them.
    assert run.independent
    error = math.sqrt(variance / samples)
    assert run.energies_eV.mean() == pytest.approx(mean, abs=4 * error)
    # The variance of Gaussian-like energies has a relative error of sqrt(2 / n).
    assert run.energies_eV.var() == pytest.approx(variance, rel=5 * math.sqrt(2 / samples))
    for labels in run.labels:
        assert [
            np.bincount(labels[s], minlength=len(c)).tolist()
            for s, c in zip(supercell.sites, counts, strict=True)
        ] == [list(c) for c in counts]
        assert excluded is None or not len(clashes(filled_sites(supercell, labels), excluded))


def ring_mean_energy(n, n_up, coupling_eV, beta):
    """Closed form: a ring with 2 k walls has (n / k) C(up - 1, k - 1) C(down - 1, k - 1) states."""
    down = n - n_up
    walls = range(1, min(n_up, down) + 1)
    energies = [coupling_eV * (4 * k - n) for k in walls]
    states = [n / k * math.comb(n_up - 1, k - 1) * math.comb(down - 1, k - 1) for k in walls]
    weights = [g * math.exp(-beta * e) for g, e in zip(states, energies, strict=True)]
    return sum(w * e for w, e in zip(weights, energies, strict=True)) / sum(weights)


@pytest.mark.parametrize("coupling_eV", [0.04, -0.04])
def test_ising_ring_has_its_closed_form(coupling_eV):
    model = ising((2.0, 9.0, 9.0), coupling_eV=coupling_eV, cutoff_A=3.0)
    supercell = Supercell(model.host, (40, 1, 1))
    run = sampled(
        model,
        supercell,
        counts=[(16, 24)],
        temperature_K=600.0,
        hottest_K=600.0,
        samples=2000,
        seed=5,
        chains=3,
    )
    expected = ring_mean_energy(40, 16, coupling_eV, 1 / (BOLTZMANN_EV_K * 600))
    assert run.mean_energy_error_eV < 0.004
    assert run.mean_energy_eV == pytest.approx(expected, abs=4 * run.mean_energy_error_eV)


def test_annealing_finds_the_checkerboard():
    model = ising((2.0, 2.0, 9.0), coupling_eV=-0.1, cutoff_A=2.5)
    supercell = Supercell(model.host, (8, 8, 1))
    run = sampled(
        model,
        supercell,
        counts=[(32, 32)],
        temperature_K=2000.0,
        hottest_K=2000.0,
        samples=4,
        seed=2,
        anneal_from_K=20_000.0,
    )
    x, y = np.rint(supercell.positions[:, :2] / 2.0).astype(int).T
    board = (-1) ** (x + y)
    for labels in run.labels:
        assert abs(board @ (2 * labels - 1)) / 64 > 0.85
    ground_eV = -0.1 * 2 * 64
    assert ground_eV < run.mean_energy_eV < 0.9 * ground_eV


def test_same_seed_same_samples_stopped_or_not(halide, tmp_path):
    model = random_model(halide, cutoff_A=5.0, seed=1, inverse_dielectric=0.05, scale_eV=0.02)
    supercell = Supercell(halide, (1, 1, 2))
    settings = {"counts": even_counts(supercell), "temperature_K": 1500.0, "seed": 4}
    whole = sampled(model, supercell, samples=7, **settings)
    sampled(model, supercell, samples=3, folder=tmp_path, **settings)
    # A sample more in chain 0 and none in chain 1, as after a kill between the two.
    resumed = sampled(model, supercell, samples=7, folder=tmp_path, **settings)
    assert (resumed.labels == whole.labels).all()
    assert (resumed.energies_eV == whole.energies_eV).all()
    assert resumed.acceptance == whole.acceptance
    other = sampled(model, supercell, samples=7, **{**settings, "seed": 5})
    assert (other.labels != whole.labels).any()
    for labels, energy in zip(whole.labels, whole.energies_eV, strict=True):
        assert model.energy_eV(model.lay_on(supercell), labels) == pytest.approx(energy, abs=1e-9)
    with pytest.raises(MlipsseError, match="holds a chain of another run"):
        sampled(model, supercell, samples=7, folder=tmp_path, **{**settings, "seed": 5})
    (tmp_path / "chain-01.npz").write_bytes(b"PK torn")
    with pytest.raises(MlipsseError, match="cannot be read as a chain"):
        sampled(model, supercell, samples=7, folder=tmp_path, **settings)


def test_samples_are_atoms_of_the_composition(halide):
    model = random_model(halide, cutoff_A=5.0, seed=1, scale_eV=0.02)
    supercell = Supercell(halide, (1, 2, 2))
    composition = parse_composition("Li3In0.5Y0.5Br3Cl3", halide)
    run = sampled(
        model,
        supercell,
        counts=composition.site_counts(supercell),
        temperature_K=2000.0,
        samples=2,
        seed=0,
    )
    symbols = run.atoms(1).get_chemical_symbols()
    assert {name: symbols.count(name) for name in set(symbols)} == {
        "Li": 24,
        "In": 4,
        "Y": 4,
        "Br": 24,
        "Cl": 24,
    }
    assert run.chain_of.tolist() == [0, 1]
    assert "2 samples of 1x2x2 (88 sites) at 2000 K from 2 chain(s)" in run.sentence()


def test_always_filled_site_cannot_exclude(nasicon):
    model = random_model(nasicon, cutoff_A=4.0, seed=1)
    supercell = Supercell(nasicon, (1, 1, 1))
    oxygen = next(s for s in nasicon.sublattices if s.name == "O").sites[0]
    excluded = np.array([[supercell.sites[0][0], oxygen]])
    with pytest.raises(MlipsseError, match="holds one that is always filled"):
        interactions(model, model.lay_on(supercell), excluded)


def test_chains_in_different_orders_are_reported():
    # Below its critical temperature a square lattice of unlike numbers that attract each other
    # holds one drop, or a stripe: chains of either start do not agree.
    model = ising((2.0, 2.0, 9.0), coupling_eV=0.05, cutoff_A=2.5)
    supercell = Supercell(model.host, (12, 12, 1))
    lattice = model.lay_on(supercell)
    x, y = np.rint(supercell.positions[:, :2] / 2.0).astype(int).T
    stripe, checkers = (x < 6).astype(np.int8), ((x + y) % 2).astype(np.int8)
    chains = []
    for start, temperature_K in ((stripe, 700.0), (checkers, 3000.0)):
        run = sampled(
            model,
            supercell,
            start=start,
            temperature_K=temperature_K,
            hottest_K=temperature_K,
            samples=4,
            seed=0,
            chains=2,
            anneal_sweeps=0,
        )
        assert run.chains_agree
        assert "NOT agree" not in run.sentence()
        chains.append(run.chains[0])
    mixed = MonteCarloRun(supercell, 700.0, tuple(chains))
    assert not mixed.chains_agree
    assert "do NOT agree" in mixed.sentence()
    apart = chains[0].trace_eV.mean() - chains[1].trace_eV.mean()
    assert mixed.mean_energy_error_eV >= abs(apart) / 2 * (1 - 1e-12)
    assert model.energy_eV(lattice, stripe) < mixed.mean_energy_eV < 0


def test_random_labels_heed_excluded_pairs(nasicon):
    supercell = Supercell(nasicon, (1, 1, 1))
    counts = parse_composition("Na3Zr2Si2PO12", nasicon).site_counts(supercell)
    sites = supercell.sites[0]
    excluded = np.stack([sites[:12], sites[12:]], axis=1)[:6]
    rng = np.random.default_rng(0)
    assert len(
        clashes(filled_sites(supercell, random_labels(supercell, counts, rng=rng)), excluded)
    )
    for _ in range(20):
        labels = random_labels(supercell, counts, rng=rng, excluded=excluded)
        assert not len(clashes(filled_sites(supercell, labels), excluded))
        assert np.bincount(labels[sites]).tolist() == list(counts[0])
    all_pairs = np.array(list(itertools.combinations(sites, 2)))
    with pytest.raises(MlipsseError, match="No ordering of 1x1x1 without two atoms"):
        random_labels(supercell, counts, rng=rng, excluded=all_pairs)


def test_what_cannot_be_run_is_refused(halide):
    model = random_model(halide, cutoff_A=4.0, seed=1)
    supercell = Supercell(halide, (1, 1, 1))
    counts, start = even_counts(supercell), random_orderings(supercell, 1, seed=0)[0]

    def run(**changes):
        settings = {"counts": counts, "temperature_K": 1000.0, "samples": 2, "seed": 0}
        return sampled(model, supercell, **{**settings, **changes})

    with pytest.raises(MlipsseError, match="either counts or a start"):
        run(start=start)
    with pytest.raises(MlipsseError, match="samples is 0"):
        run(samples=0)
    with pytest.raises(MlipsseError, match=r"temperature is 0 K \(temperature_K\)"):
        run(temperature_K=0.0)
    with pytest.raises(MlipsseError, match="Li has 8 sites"):
        run(counts=[[3, 4], *counts[1:]])
    with pytest.raises(MlipsseError, match="labels of shape"):
        run(counts=None, start=start[:-1])
    with pytest.raises(MlipsseError, match="labels from 0 to 5"):
        run(counts=None, start=np.where(start == 1, 5, start))
    with pytest.raises(MlipsseError, match="nothing to swap"):
        run(counts=[[8, 0], [12, 0], [2, 0]])
    with pytest.raises(MlipsseError, match=r"not at equilibrium after .* no move was accepted"):
        run(temperature_K=0.5, anneal_from_K=3000.0, max_sweeps=2000)
    filled = np.flatnonzero(filled_sites(supercell, start))[:2]
    with pytest.raises(MlipsseError, match="fills both sites of 1 excluded pairs"):
        run(counts=None, start=start, excluded=filled[None])


def test_samples_keep_to_what_may_sit_where_and_to_excluded_pairs(structures):
    """LGPS: Ge on one of two metal sites only, and Li on one of each pair of split sites."""
    host = read_host(
        structures / "LGPS_split_sites.cif",
        HostSettings(mobile="Li", charges={"Li": 1, "Ge": 4, "P": 5, "S": -2}),
    )
    model = random_model(host, cutoff_A=3.0, seed=1, scale_eV=0.01)
    supercell = Supercell(host, (1, 1, 2))
    counts = parse_composition("Li10GeP2S12", host).site_counts(supercell)
    run = sampled(model, supercell, counts=counts, temperature_K=1000.0, samples=4, seed=2)
    assert not all(mask.all() for mask in supercell.allowed)
    for labels in run.labels:
        for sites, mask in zip(supercell.sites, supercell.allowed, strict=True):
            assert mask[np.arange(len(sites)), labels[sites]].all()
        assert not len(clashes(filled_sites(supercell, labels), supercell.excluded_pairs))
    assert run.acceptance > 0


def test_rungs_are_equally_far_from_each_other():
    """A constant heat capacity C: lengths are sqrt(C / k) times the step of ln T, nearly."""
    capacity_eV_K, temperatures_K = 200 * BOLTZMANN_EV_K, np.geomspace(500.0, 1500.0, 200)
    lengths = cooling_lengths(temperatures_K, capacity_eV_K * temperatures_K)
    assert lengths.sum() == pytest.approx(math.sqrt(200) * math.log(3), rel=1e-3)
    rungs_K = place_rungs(temperatures_K, lengths)
    assert len(rungs_K) == math.ceil(lengths.sum() / 1.32) + 1
    assert rungs_K[[0, -1]].tolist() == [500.0, 1500.0]
    assert np.diff(np.log(rungs_K)) == pytest.approx(math.log(3) / (len(rungs_K) - 1), rel=1e-2)
    # An energy that rises in one place only: the rungs gather there.
    step_eV = 4.0 / (1 + np.exp(-(temperatures_K - 900) / 5))
    rungs_K = place_rungs(temperatures_K, cooling_lengths(temperatures_K, step_eV))
    assert ((rungs_K > 850) & (rungs_K < 950)).sum() >= len(rungs_K) - 2
    # Energies that do not rise at all leave the ends.
    assert place_rungs(np.array([300.0, 400.0, 600.0]), np.zeros(2)).tolist() == [300.0, 600.0]
    rates = np.array([0.35, 0.0, 1.0])
    found = measured_lengths(1000 * rates, np.full(3, 1000))
    assert found[0] == pytest.approx(1.32, abs=0.01)
    assert found[1] > 4 > 0.01 > found[2] > 0
    with pytest.raises(MlipsseError, match=rf"at most {MOST_RUNGS} are possible"):
        place_rungs(np.array([300.0, 600.0]), np.array([500.0]))


def test_tempering_crosses_what_swaps_alone_do_not():
    """Stripes or drops, below the critical temperature: two starts, one mean energy."""
    model = ising((2.0, 2.0, 9.0), coupling_eV=0.05, cutoff_A=2.5)
    supercell = Supercell(model.host, (8, 8, 1))
    x, y = np.rint(supercell.positions[:, :2] / 2.0).astype(int).T
    means = []
    for start in ((x < 4).astype(np.int8), ((x + y) % 2).astype(np.int8)):
        run = sampled(
            model,
            supercell,
            start=start,
            temperature_K=700.0,
            hottest_K=2100.0,
            samples=8,
            seed=0,
            anneal_sweeps=0,
            equilibration_sweeps=3000,
        )
        assert run.chains_agree
        assert run.descents >= 8
        assert 0.2 < run.exchange_rates.min() <= run.exchange_rates.max() < 0.6
        assert "of the exchanges accepted" in run.sentence()
        means.append((run.mean_energy_eV, run.mean_energy_error_eV))
    (one, error), (other, other_error) = means
    assert abs(one - other) < 4 * math.hypot(error, other_error)


def test_ions_that_are_bound_to_dopants_move_with_them():
    """A dopant on chains of sites, and an ion that it takes 0.6 eV to part from.

    By swaps alone the two take turns and stay on their chain; together they go anywhere.
    """
    host = Host(
        name="chains",
        cell=np.diag([4.0, 4.0, 4.0]),
        scaled_positions=np.array([[0, 0, 0], [0.5, 0, 0]]),
        sublattices=(
            Sublattice("M", (0,), ("Zr", "Y")),
            Sublattice("Li", (1,), ("Li", "vacancy")),
        ),
        charges={"Li": 1, "vacancy": 0, "Zr": 4, "Y": 3},
        symprec_A=0.01,
    )
    clusters = find_pair_clusters(host, 2.5)
    (orbit,) = clusters.pair_orbits
    entries = np.zeros(clusters.n_entries)
    assert [host.sublattices[k].name for k in orbit.sublattices] == ["M", "Li"]
    entries[clusters.offsets[-1] + 2] = -0.6  # Y and Li
    model = PairModel(clusters, entries, constant_eV=0.0, inverse_dielectric=None)
    supercell = Supercell(host, (4, 4, 4))
    start = random_labels(supercell, [(63, 1), (1, 63)], rng=np.random.default_rng(0))
    changes = {}
    for name, shares in (("swaps", (1.0, 0.0, 0.0)), ("clusters", (0.5, 0.0, 0.5))):
        rng = np.random.default_rng(1)
        walker = Sweeps(model, model.lay_on(supercell), shares=shares).walker(start)
        walker.run(np.geomspace(4000, 400, 400), rng=rng)
        chains = []
        for _ in range(500):
            assert walker.run(np.full(2, 400.0), rng=rng).energies_eV[-1] <= -0.6 + 1e-12
            (dopant,) = supercell.sites[0][walker.labels[supercell.sites[0]] == 1]
            chains.append(supercell.positions[dopant, 1:])
        changes[name] = int((np.abs(np.diff(chains, axis=0)) > 0.1).any(axis=1).sum())
    assert changes["swaps"] == 0
    assert changes["clusters"] > 50


def test_a_stop_before_equilibrium_loses_nothing(halide, tmp_path):
    model = random_model(halide, cutoff_A=5.0, seed=1, inverse_dielectric=0.05, scale_eV=0.02)
    supercell = Supercell(halide, (1, 1, 2))
    settings = {"counts": even_counts(supercell), "temperature_K": 300.0, "seed": 4, "samples": 2}
    few = {"equilibration_sweeps": 20, "max_sweeps": 80}
    with pytest.raises(MlipsseError, match=r"not at equilibrium after 80 sweeps .*hottest_K, now"):
        sampled(model, supercell, folder=tmp_path, **settings, **few)
    more = {"equilibration_sweeps": 20, "max_sweeps": 50_000}
    lines: list[str] = []
    resumed = run_monte_carlo(
        model,
        supercell,
        MonteCarloSettings(**{k: v for k, v in settings.items() if k != "counts"}, **more),
        counts=settings["counts"],
        folder=tmp_path,
        report=lines.append,
    )
    assert lines[0].startswith("Chain 0: 80 sweeps at 300 K")  # 20 and 40 are not done again
    whole = sampled(model, supercell, **settings, **more)
    assert (resumed.labels == whole.labels).all()
