"""The search by energy, against lattices whose ground state is known."""

from fractions import Fraction

import numpy as np
import pytest

from mlipsse.errors import MlipsseError
from mlipsse.orderings import Host, Sublattice, Supercell, enumerate_orderings, parse_composition
from mlipsse.orderings.composition.amounts import Composition
from mlipsse.orderings.search import annealing
from mlipsse.orderings.search.distinct import DistinctOrderings
from mlipsse.orderings.search.energy_search import EnergySearch
from mlipsse.orderings.search.repeated import repeat_labels, smaller_cells, tiles
from mlipsse.orderings.search.settings import SearchSettings
from mlipsse.orderings.thermal.pairs.model import PairModel
from tests.support.crystals.pair_models import random_model, random_orderings, simple_host
from tests.support.crystals.square_ground_state import exact_lowest_eV


def two_species(n_sites: int, ones: int) -> Composition:
    share = Fraction(ones, n_sites)
    return Composition("AB", ((1 - share, share),), (("A", "B"),))


def searched(search: EnergySearch, supercell: Supercell, energy_eV) -> None:
    while proposed := search.proposals():
        for some in proposed.values():
            for proposal in some:
                assert proposal.labels not in search.cells[supercell.name].known
        search.end_round(
            {name: [energy_eV(p.labels) for p in some] for name, some in proposed.items()}
        )


def exact_of(model: PairModel, ones: int) -> float:
    tables = [model.table_eV(number) for number in range(3)]
    lowest_eV = exact_lowest_eV(tables[0], tables[1], tables[2], ones)
    return lowest_eV + float(model.entries_eV[:2] @ [64 - ones, ones]) + 64 * model.constant_eV


def test_rows_are_brute_force():
    """The transfer of rows against all arrangements of few ones."""
    from itertools import combinations

    model = random_model(simple_host(spacings_A=(2.0, 2.2, 9.0)), cutoff_A=3.2, seed=3)
    supercell = Supercell(model.host, (8, 8, 1))
    lattice = model.lay_on(supercell)
    energies = []
    for chosen in combinations(range(64), 3):
        if 0 in chosen:  # every arrangement has an image with a one at the origin
            labels = np.zeros(64, dtype=np.int8)
            labels[list(chosen)] = 1
            energies.append(model.energy_eV(lattice, labels))
    assert min(energies) == pytest.approx(exact_of(model, 3), abs=1e-9)


def gap_to_ground_state_eV(seed: int) -> float:
    model = random_model(simple_host(spacings_A=(2.0, 2.2, 9.0)), cutoff_A=3.2, seed=seed)
    supercell, ones = Supercell(model.host, (8, 8, 1)), (32, 16, 24)[seed % 3]
    lattice = model.lay_on(supercell)
    search = EnergySearch(two_species(64, ones), [supercell], SearchSettings(rounds=20), seed=seed)
    for labels in random_orderings(supercell, 40, seed=seed, counts=[[64 - ones, ones]]):
        search.add(supercell.name, labels, model.energy_eV(lattice, labels))
    searched(search, supercell, lambda labels: model.energy_eV(lattice, labels))
    cell = search.cells[supercell.name]
    assert cell.rounds[-1].lowest_eV == cell.lowest_eV
    assert not any(one.new_lowest for one in cell.rounds[-3:])
    return cell.lowest_eV - exact_of(model, ones)


@pytest.mark.parametrize("seed", [0])
def test_ground_state_of_64_sites_is_found(seed):
    assert gap_to_ground_state_eV(seed) == pytest.approx(0, abs=1e-9)


@pytest.mark.slow
def test_ground_states_of_random_lattices_are_found():
    """Seed 13 has stripes of eight sites, beside which annealings of all 64 end."""
    gaps_eV = [gap_to_ground_state_eV(seed) for seed in range(20)]
    assert gaps_eV == pytest.approx(20 * [0.0], abs=1e-9)


def ionic() -> Host:
    """Ions and vacancies, two metals of one charge, two anions of one charge."""
    return Host(
        name="ionic",
        cell=np.diag([4.0, 4.3, 4.8]),
        scaled_positions=np.array([[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0, 0.5]]),
        sublattices=(
            Sublattice("Li", (0,), ("Li", "vacancy")),
            Sublattice("M", (1,), ("In", "Y")),
            Sublattice("X", (2,), ("Cl", "Br")),
        ),
        charges={"Li": 1, "vacancy": 0, "In": 3, "Y": 3, "Cl": -1, "Br": -1},
        symprec_A=0.01,
    )


def half_of_each(host: Host) -> Composition:
    return Composition(
        "x",
        tuple((Fraction(1, 2), Fraction(1, 2)) for _ in host.sublattices),
        tuple(s.species for s in host.sublattices),
    )


def test_search_reaches_the_lowest_of_all_orderings():
    """A triplet that no pair model knows lies in the energies; the full set is brute force."""
    host = ionic()
    supercell = Supercell(host, (2, 2, 2))
    composition = half_of_each(host)
    model = random_model(host, cutoff_A=4.4, seed=5, inverse_dielectric=None)
    lattice = model.lay_on(supercell)

    def energy_eV(labels: np.ndarray) -> float:
        li, metal, anion = (labels[sites] for sites in supercell.sites)
        return model.energy_eV(lattice, labels) + 0.1 * float(np.sum((li == metal) & (li == anion)))

    names = DistinctOrderings(supercell)
    lowest = np.inf
    from itertools import combinations, product

    halves = []
    for chosen in combinations(range(8), 4):
        row = np.zeros(8, dtype=np.int8)
        row[list(chosen)] = 1
        halves.append(row)
    for parts in product(halves[:35], halves, halves):  # of the first sites the others are images
        labels = np.empty(24, dtype=np.int8)
        for sites, part in zip(supercell.sites, parts, strict=True):
            labels[sites] = part
        lowest = min(lowest, energy_eV(labels))
    search = EnergySearch(composition, [supercell], SearchSettings(rounds=30), seed=1)
    for labels in random_orderings(supercell, 120, seed=1):
        names.add(labels)
        search.add(supercell.name, labels, energy_eV(labels))
    assert search.cells[supercell.name].lowest_eV > lowest + 1e-6
    searched(search, supercell, energy_eV)
    assert search.cells[supercell.name].lowest_eV == pytest.approx(lowest, abs=1e-9)
    assert len(search.cells[supercell.name].known) > len(names)


def test_energies_of_repeats_are_repeated():
    """A crystal is the same one in whatever cell it is written down."""
    host = ionic()
    model = random_model(host, cutoff_A=4.4, seed=2)
    small, large = Supercell(host, (1, 2, 1)), Supercell(host, (2, 2, 3))
    turned = Supercell(host, ((1, 1, 0), (-1, 1, 0), (0, 0, 2)))
    for labels in random_orderings(small, 5, seed=3):
        repeated = repeat_labels(small, labels, large)
        assert model.energy_eV(model.lay_on(large), repeated) == pytest.approx(
            6 * model.energy_eV(model.lay_on(small), labels), abs=1e-8
        )
    assert tiles(small, large)
    assert not tiles(large, small)
    assert not tiles(small, small)
    assert tiles(Supercell(host, (1, 1, 1)), turned)
    assert tiles(Supercell(host, (1, 1, 2)), turned)
    assert not tiles(small, turned)
    assert smaller_cells(turned, half_of_each(host)) == []
    names = [cell.name for cell in smaller_cells(large, half_of_each(host))]
    assert names == ["1x2x3", "2x1x3", "2x2x1", "1x2x1", "2x1x1"]


def test_lowest_orderings_of_a_small_cell_are_proposed_in_a_large_one():
    host = ionic()
    composition = half_of_each(host)
    small, large = Supercell(host, (2, 1, 1)), Supercell(host, (4, 2, 3))
    models = {cell.name: random_model(host, cutoff_A=4.4, seed=5) for cell in (small, large)}

    def energy_eV(cell: Supercell, labels: np.ndarray) -> float:
        li, metal, anion = (labels[sites] for sites in cell.sites)
        model = models[cell.name]
        triplet = 0.1 * float(np.sum((li == metal) & (li == anion)))
        return model.energy_eV(model.lay_on(cell), labels) + triplet

    search = EnergySearch(composition, [small, large], SearchSettings(rounds=1), seed=1)
    for cell, count in ((small, 8), (large, 40)):
        for labels in random_orderings(cell, count, seed=1):
            search.add(cell.name, labels, energy_eV(cell, labels))
    known = search.cells[small.name]
    repeats = [repeat_labels(small, labels, large) for labels in known.lowest_labels(3)]
    proposed = {one.labels.tobytes() for one in search.proposals()[large.name]}
    names = DistinctOrderings(large)
    new = [labels for labels in repeats if names.add(labels)]
    assert {labels.tobytes() for labels in new} <= proposed


def test_images_are_one_ordering(halide):
    supercell = Supercell(halide, (1, 1, 2))
    composition = parse_composition("Li3In0.5Y0.5Br3Cl3", halide)
    rng = np.random.default_rng(0)
    known = DistinctOrderings(supercell)
    for ordering in enumerate_orderings(composition, supercell, max_orderings=12, seed=1):
        assert known.add(ordering.labels)
        assert known.degeneracy(ordering.labels) == ordering.degeneracy
        image = np.empty_like(ordering.labels)
        image[rng.choice(supercell.permutations)] = ordering.labels
        assert image in known
        assert not known.add(image)
    assert len(known) == 12


def test_energies_that_no_pairs_explain_are_searched_at_random():
    host = simple_host(spacings_A=(2.0, 2.2, 9.0))
    supercell = Supercell(host, (4, 4, 1))
    noise = np.random.default_rng(0)
    search = EnergySearch(
        two_species(16, 8), [supercell], SearchSettings(rounds=6, quiet_rounds=2), seed=3
    )
    for labels in random_orderings(supercell, 40, seed=0, counts=[[8, 8]]):
        search.add(supercell.name, labels, float(noise.normal()))
    proposed = search.proposals()[supercell.name]
    assert len(proposed) == 16
    assert all(proposal.model_energy_eV is None for proposal in proposed)
    search.end_round({supercell.name: [None, *noise.normal(size=15)]})
    (first,) = search.cells[supercell.name].rounds
    assert (first.at_random, first.converged, first.model_error_meV) == (16, 15, None)
    assert "a pair model is wrong by" in first.reason


def test_a_crowded_lattice_is_searched_from_what_is_known(monkeypatch):
    """Where no random ordering is found, annealings start from known ones."""

    def none(*arguments, **options):
        raise MlipsseError("No ordering was found.")

    monkeypatch.setattr(annealing, "random_labels", none)
    model = random_model(simple_host(spacings_A=(2.0, 2.2, 9.0)), cutoff_A=3.2, seed=2)
    supercell = Supercell(model.host, (8, 8, 1))
    lattice = model.lay_on(supercell)
    search = EnergySearch(two_species(64, 24), [supercell], SearchSettings(rounds=20), seed=2)
    for labels in random_orderings(supercell, 40, seed=2, counts=[[40, 24]]):
        search.add(supercell.name, labels, model.energy_eV(lattice, labels))
    searched(search, supercell, lambda labels: model.energy_eV(lattice, labels))
    found_eV = search.cells[supercell.name].lowest_eV
    assert found_eV == pytest.approx(exact_of(model, 24), abs=1e-9)


def test_a_small_set_ends_when_all_is_known():
    host = simple_host(spacings_A=(2.0, 2.2, 9.0))
    supercell = Supercell(host, (4, 1, 1))
    search = EnergySearch(two_species(4, 2), [supercell], SearchSettings(), seed=0)
    labels = np.array([1, 1, 0, 0], dtype=np.int8)
    search.add(supercell.name, labels, 0.0)
    (only,) = search.proposals()[supercell.name]  # the other of the two: 1 0 1 0
    assert abs(np.diff(only.labels)).sum() == 3
    search.end_round({supercell.name: [None]})
    assert search.proposals() == {}
    assert search.cells[supercell.name].complete


def test_a_round_depends_on_what_is_known_alone():
    """A search that goes on after an interruption proposes what it would have proposed."""
    host = simple_host(spacings_A=(2.0, 2.2, 9.0))
    model = random_model(host, cutoff_A=3.2, seed=1)
    supercell = Supercell(host, (6, 6, 1))
    lattice = model.lay_on(supercell)
    given = random_orderings(supercell, 40, seed=0, counts=[[18, 18]])

    def begin() -> EnergySearch:
        made = EnergySearch(two_species(36, 18), [supercell], SearchSettings(), seed=4)
        for labels in given:
            made.add(supercell.name, labels, model.energy_eV(lattice, labels))
        return made

    first, second = begin(), begin()
    for _ in range(2):
        one, other = (search.proposals()[supercell.name] for search in (first, second))
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a.labels, b.labels)
        for search, some in ((first, one), (second, other)):
            search.end_round({supercell.name: [model.energy_eV(lattice, p.labels) for p in some]})
