from collections import Counter
from itertools import combinations

import ase.db
import numpy as np
import pytest
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.io.ase import AseAtomsAdaptor

from mlipsse import keys
from mlipsse.errors import MlipsseError
from mlipsse.orderings import (
    HostSettings,
    Supercell,
    count_orderings,
    enumerate_orderings,
    parse_composition,
    read_host,
)
from mlipsse.orderings.counting.choices import Choices
from mlipsse.orderings.counting.ordering import (
    decorated_atoms,
    framework,
    ordering_name,
    site_labels,
)
from mlipsse.orderings.patterns.decorations import decorate_patterns, served_in_turn
from mlipsse.orderings.patterns.search import SWEEPS, annealed_patterns

HALF = "Li3In0.5Y0.5Br3Cl3"


def orderings_of(host, formula, factors=(1, 1, 1), *, max_orderings=100_000, seed=0, **options):
    return enumerate_orderings(
        parse_composition(formula, host),
        Supercell(host, factors),
        max_orderings=max_orderings,
        seed=seed,
        **options,
    )


def same(a, b):
    return [x.name for x in a] == [y.name for y in b] and all(
        x.atoms == y.atoms for x, y in zip(a, b, strict=True)
    )


def test_exact_list_is_complete_ranked_and_labelled(halide):
    orderings = orderings_of(halide, HALF)
    count = count_orderings(parse_composition(HALF, halide), Supercell(halide, (1, 1, 1)))
    assert len(orderings) == count.distinct == 6_672
    assert sum(ordering.degeneracy for ordering in orderings) == count.raw == 51_744
    assert {(o.route, o.coverage) for o in orderings} == {("exact", 1.0)}
    energies = np.array([ordering.ewald_energy_eV for ordering in orderings])
    assert (np.diff(energies) > -1e-6).all()
    assert len({ordering.name for ordering in orderings}) == 6_672
    # Equal charges within the framework: the rank of the pattern is the rank of the ordering.
    assert (np.diff([ordering.pattern for ordering in orderings]) >= 0).all()


def test_atoms_are_whole_sorted_and_named(halide):
    ordering = orderings_of(halide, HALF, (1, 1, 2), max_orderings=3)[2]
    assert ordering.name == f"{HALF}-1x1x2-o002"
    assert ordering.atoms.info == {keys.COMPOSITION: HALF, keys.ORDERING: ordering.name}
    assert list(ordering.atoms.symbols) == sorted(ordering.atoms.symbols)
    assert Counter(ordering.atoms.symbols) == {"Li": 12, "In": 2, "Y": 2, "Br": 12, "Cl": 12}
    assert ordering.atoms.pbc.all()
    distances = ordering.atoms.get_all_distances(mic=True)
    assert distances[np.triu_indices(len(distances), 1)].min() > 2.4


def matcher():
    return StructureMatcher(ltol=1e-3, stol=1e-3, angle_tol=0.01, primitive_cell=False, scale=False)


def test_every_arrangement_matches_one_of_the_exact_list(halide):
    """pymatgen's StructureMatcher as judge: 28 arrangements, 10 distinct, and their sizes."""
    supercell = Supercell(halide, (1, 1, 1))
    every = []
    for vacant in combinations(supercell.sites[0], 2):
        labels = np.zeros(supercell.n_sites, dtype=np.int8)
        labels[supercell.sites[1]] = 1  # Cl
        labels[list(vacant)] = 1
        every.append(AseAtomsAdaptor.get_structure(decorated_atoms(supercell, labels)))
    orderings = orderings_of(halide, "Li3InCl6")
    assert len(orderings) == 10
    for ordering in orderings:
        structure = AseAtomsAdaptor.get_structure(ordering.atoms)
        hits = sum(matcher().fit(structure, other) for other in every)
        assert hits == ordering.degeneracy, ordering.name
    assert sum(ordering.degeneracy for ordering in orderings) == len(every) == 28


def test_no_two_of_the_exact_list_match(halide):
    structures = [
        AseAtomsAdaptor.get_structure(o.atoms) for o in orderings_of(halide, "Li3In0.5Y0.5Cl6")
    ]
    assert len(structures) == 16
    for i, structure in enumerate(structures):
        assert not any(matcher().fit(structure, other) for other in structures[:i])


def test_orderings_of_a_skew_supercell_are_those_of_the_same_crystal(halide):
    """Rows (1,0,0), (0,1,0), (1,1,2) span another lattice than 1x1x2: distances show a mistake."""
    rows = [[1, 0, 0], [0, 1, 0], [1, 1, 2]]
    orderings = orderings_of(halide, "Li3InCl6", rows, max_orderings=5)
    shortest = orderings_of(halide, "Li3InCl6")[0].atoms.get_all_distances(mic=True)
    least = shortest[np.triu_indices(len(shortest), 1)].min()
    for ordering in orderings:
        assert ordering.name.startswith("Li3InCl6-1.0.0_0.1.0_1.1.2-o")
        distances = ordering.atoms.get_all_distances(mic=True)
        assert distances[np.triu_indices(len(distances), 1)].min() > least - 1e-6


def test_sample_spreads_over_patterns(halide):
    """In3+ = Y3+ and Cl- = Br-: the lowest 50 by Ewald would all be one Li pattern."""
    orderings = orderings_of(halide, HALF, max_orderings=50)
    assert Counter(o.pattern for o in orderings) == {rank: 5 for rank in range(10)}
    assert {o.route for o in orderings} == {"patterns"}
    assert orderings[0].coverage == 50 / 6_672
    lowest = orderings_of(halide, HALF, (1, 1, 2), max_orderings=20)
    assert {o.pattern for o in lowest} == set(range(20))


def test_sample_has_no_duplicates(halide):
    orderings = orderings_of(halide, "Li3In0.5Y0.5Br0.5Cl5.5", max_orderings=80, seed=3)
    everything = orderings_of(halide, "Li3In0.5Y0.5Br0.5Cl5.5")
    assert len(orderings) == 80
    assert len(everything) == 88
    structures = [AseAtomsAdaptor.get_structure(o.atoms) for o in orderings]
    patterns = [o.pattern for o in orderings]
    for i, a in enumerate(structures):
        for j in range(i):
            assert patterns[i] != patterns[j] or not matcher().fit(a, structures[j])


def test_decorations_are_drawn_uniformly_from_the_distinct_ones(halide):
    supercell = Supercell(halide, (1, 1, 1))
    choices = Choices(
        supercell, parse_composition("Li3In0.5Y0.5BrCl5", halide).site_counts(supercell)
    )
    masks, stabilisers = next(choices.patterns())
    symmetric = choices.pattern_labels(masks)[[stabilisers.argmax()]]
    rng = np.random.default_rng(0)
    draws = 4_000
    seen: Counter[tuple[bytes, int]] = Counter()
    for _ in range(draws):
        ((_, labels, size),) = decorate_patterns(choices, symmetric, at_most=1, rng=rng)
        seen[labels.tobytes(), size] += 1
    assert len({size for _, size in seen}) > 1  # orbits of several sizes, or nothing is tested
    expected = draws / len(seen)
    chi_squared = sum((n - expected) ** 2 / expected for n in seen.values())
    freedom = len(seen) - 1
    assert chi_squared < freedom + 4 * np.sqrt(2 * freedom)


def test_served_in_turn():
    assert served_in_turn([1, 5, 2, 9], 8) == [1, 3, 2, 2]
    assert served_in_turn([1, 5], 100) == [1, 5]
    assert served_in_turn([9, 9, 9], 2) == [1, 1, 0]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(("factors", "n_sites"), [((1, 1, 2), 44), ((1, 2, 2), 88)])
def test_every_annealing_finds_the_ground_state(halide, factors, n_sites, seed, ground_states):
    """44 and 88 sites, every seed for itself: annealings of a million trial swaps in all."""
    supercell = Supercell(halide, factors)
    assert supercell.n_sites == n_sites
    starts = 1_000_000 // (SWEEPS * len(supercell.sites[0]))
    choices = Choices(supercell, parse_composition("Li3InCl6", halide).site_counts(supercell))
    found = annealed_patterns(
        choices, at_most=8, rng=np.random.default_rng(seed), most_starts=starts
    )
    assert found.energies_eV[0] == pytest.approx(ground_states[factors], abs=1e-9)


@pytest.fixture(scope="module")
def ground_states(halide):
    """Lowest Ewald energy of all patterns, each of them computed."""
    return {
        factors: orderings_of(halide, "Li3InCl6", factors, max_orderings=1)[0].ewald_energy_eV
        for factors in [(1, 1, 2), (1, 2, 2)]
    }


def test_annealed_patterns_are_among_the_exact_ones_and_state_it(halide):
    exact = orderings_of(halide, "Li3InCl6", (1, 1, 2))
    sampled = orderings_of(halide, "Li3InCl6", (1, 1, 2), max_orderings=20, most_patterns=100)
    assert {o.route for o in sampled} == {"annealing"}
    assert sampled[0].coverage == 20 / 160
    known = {(round(o.ewald_energy_eV, 6), o.degeneracy) for o in exact}
    assert {(round(o.ewald_energy_eV, 6), o.degeneracy) for o in sampled} <= known


def test_annealing_keeps_excluded_pairs_apart(structures):
    host = read_host(
        structures / "LGPS_split_sites.cif",
        HostSettings(mobile="Li", charges={"Li": 1, "Ge": 4, "P": 5, "S": -2}),
    )
    exact = orderings_of(host, "Li10GeP2S12", max_orderings=3)
    found = orderings_of(host, "Li10GeP2S12", max_orderings=30, most_patterns=10)
    assert exact[0].route == "patterns"
    assert found[0].route == "annealing"
    assert found[0].ewald_energy_eV == pytest.approx(exact[0].ewald_energy_eV, abs=1e-9)
    for ordering in [*exact, *found]:
        distances = ordering.atoms.get_all_distances(mic=True)
        assert distances[np.triu_indices(len(distances), 1)].min() > 1.5


def test_patterns_of_unlike_charges_are_ranked_with_their_framework(nasicon):
    """Si4+ and P5+: the Ewald sum sees both sublattices, and the lowest of all pairs is found."""
    from pymatgen.analysis.ewald import EwaldSummation
    from pymatgen.core import Lattice, Structure

    orderings = orderings_of(nasicon, "Na3.833Zr2Si2.833P0.167O12", max_orderings=10)
    count = orderings[0]
    assert count.route == "patterns"
    charges = nasicon.charges
    for ordering in orderings[:3]:
        atoms = ordering.atoms
        structure = Structure(
            Lattice(atoms.cell[:]),
            [f"{s}{abs(charges[s])}{'+-'[charges[s] < 0]}" for s in atoms.symbols],
            atoms.positions,
            coords_are_cartesian=True,
        )
        energy = EwaldSummation(structure).total_energy
        assert ordering.ewald_energy_eV == pytest.approx(energy, abs=1e-8)


def test_same_seed_same_orderings(halide):
    first = orderings_of(halide, HALF, max_orderings=30, seed=5)
    assert same(first, orderings_of(halide, HALF, max_orderings=30, seed=5))
    assert not same(first, orderings_of(halide, HALF, max_orderings=30, seed=6))
    large = orderings_of(halide, HALF, (1, 2, 2), max_orderings=10, seed=5)
    assert same(large, orderings_of(halide, HALF, (1, 2, 2), max_orderings=10, seed=5))
    assert not same(large, orderings_of(halide, HALF, (1, 2, 2), max_orderings=10, seed=6))


def test_codes_are_the_labels(halide):
    for ordering in orderings_of(halide, HALF, max_orderings=20):
        supercell = ordering.supercell
        mobile = site_labels(supercell, ordering.mobile_code[1:], [0])
        assert (mobile == ordering.labels[supercell.sites[0]]).all()
        rest = framework(supercell)
        labels = site_labels(supercell, ordering.decoration_code[1:], rest)
        sites = np.concatenate([supercell.sites[n] for n in rest])
        assert (labels == ordering.labels[sites]).all()


def test_names_are_safe_in_files_and_databases(halide, tmp_path):
    assert ordering_name("Na3Zr2(SiO4)2PO4", "1x1x1", 7, 20_000) == (
        "Na3Zr2_SiO4_2PO4-1x1x1-o00007"
    )
    (ordering,) = orderings_of(halide, HALF, max_orderings=1)
    database = ase.db.connect(tmp_path / "orderings.db")
    database.write(
        ordering.atoms,
        **{keys.ORDERING: ordering.name, keys.COMPOSITION: HALF, "mobile": ordering.mobile_code},
    )
    assert database.get(ordering=ordering.name).toatoms() == ordering.atoms


def test_bad_requests(halide):
    with pytest.raises(MlipsseError, match="max_orderings is 0"):
        orderings_of(halide, HALF, max_orderings=0)
    with pytest.raises(MlipsseError, match="cannot be realised in 1x1x1"):
        orderings_of(halide, "Li3In0.25Y0.75Cl6")
