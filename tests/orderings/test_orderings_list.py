from collections import Counter

import ase.db
import numpy as np
import pytest
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.io.ase import AseAtomsAdaptor

from mlipsse import keys
from mlipsse.errors import MlipsseError
from mlipsse.orderings import Supercell, count_orderings, enumerate_orderings, parse_composition
from mlipsse.orderings.arrangements import all_arrangements, representatives
from mlipsse.orderings.decorations import decorate_patterns, served_in_turn
from mlipsse.orderings.ordering import decorated_atoms, ordering_name

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
    assert {(o.route, o.pattern_route, o.coverage) for o in orderings} == {("exact", "exact", 1.0)}
    energies = np.array([ordering.ewald_energy_eV for ordering in orderings])
    assert (np.diff(energies) > -1e-6).all()
    assert len({ordering.name for ordering in orderings}) == 6_672
    # Equal charges within the framework: the rank of the pattern is the rank of the ordering.
    assert (np.diff([ordering.mobile_pattern for ordering in orderings]) >= 0).all()


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
    labels = np.ones(supercell.n_sites, dtype=np.int8)
    labels[supercell.sites[2]] = 0  # In
    every = []
    for labels[supercell.sites[0]] in all_arrangements((6, 2)):
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


def test_sample_spreads_over_mobile_patterns(halide):
    """In3+ = Y3+ and Cl- = Br-: the lowest 50 by Ewald would all be one Li pattern."""
    orderings = orderings_of(halide, HALF, max_orderings=50)
    assert Counter(o.mobile_pattern for o in orderings) == {rank: 5 for rank in range(10)}
    assert {o.route for o in orderings} == {"sample"}
    assert orderings[0].coverage == 50 / 6_672
    lowest = orderings_of(halide, HALF, (1, 1, 2), max_orderings=20)
    assert {o.mobile_pattern for o in lowest} == set(range(20))


def test_sample_has_no_duplicates(halide):
    orderings = orderings_of(halide, "Li3In0.5Y0.5Br0.5Cl5.5", max_orderings=80, seed=3)
    everything = orderings_of(halide, "Li3In0.5Y0.5Br0.5Cl5.5")
    assert len(orderings) == 80
    assert len(everything) == 88
    structures = [AseAtomsAdaptor.get_structure(o.atoms) for o in orderings]
    patterns = [o.mobile_pattern for o in orderings]
    for i, a in enumerate(structures):
        for j in range(i):
            assert patterns[i] != patterns[j] or not matcher().fit(a, structures[j])


def test_decorations_are_drawn_uniformly_from_the_distinct_ones(halide):
    supercell = Supercell(halide, (1, 1, 1))
    counts = parse_composition("Li3In0.5Y0.5BrCl5", halide).site_counts(supercell)
    permutations = supercell.sublattice_permutations
    patterns = representatives(all_arrangements(counts[0]), permutations[0])
    symmetric = max(patterns, key=lambda row: (row[permutations[0]] == row).all(axis=1).sum())
    rng = np.random.default_rng(0)
    draws = 4_000
    seen: Counter[tuple[bytes, int]] = Counter()
    for _ in range(draws):
        ((_, labels, size),) = decorate_patterns(
            symmetric[None], counts, permutations, at_most=1, rng=rng
        )
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


def test_sampled_patterns_reach_the_exhaustive_minimum_and_say_so(halide):
    exact = orderings_of(halide, "Li3InCl6", (1, 1, 2))
    sampled = orderings_of(halide, "Li3InCl6", (1, 1, 2), max_orderings=20, exact_limit=100)
    assert {(o.route, o.pattern_route) for o in sampled} == {("sample", "sample")}
    assert sampled[0].coverage == 20 / 160
    assert sampled[0].ewald_energy_eV == pytest.approx(exact[0].ewald_energy_eV, abs=1e-9)
    known = {(round(o.ewald_energy_eV, 6), o.degeneracy) for o in exact}
    assert {(round(o.ewald_energy_eV, 6), o.degeneracy) for o in sampled} <= known


@pytest.mark.parametrize("seed", range(3))
def test_sampled_patterns_are_not_just_random_ones(halide, seed):
    """A 1x2x2 cell holds the best of 1x1x2 doubled; 338,316 patterns hide it from blind draws."""
    small = orderings_of(halide, "Li3InCl6", (1, 1, 2))[0].ewald_energy_eV
    large = orderings_of(halide, "Li3InCl6", (1, 2, 2), max_orderings=10, seed=seed)
    assert large[0].ewald_energy_eV < 2 * small + 1e-6
    assert len({ordering.mobile_pattern for ordering in large}) == 10


def test_same_seed_same_orderings(halide):
    first = orderings_of(halide, HALF, max_orderings=30, seed=5)
    assert same(first, orderings_of(halide, HALF, max_orderings=30, seed=5))
    assert not same(first, orderings_of(halide, HALF, max_orderings=30, seed=6))
    large = orderings_of(halide, HALF, (1, 2, 2), max_orderings=10, seed=5)
    assert same(large, orderings_of(halide, HALF, (1, 2, 2), max_orderings=10, seed=5))
    assert not same(large, orderings_of(halide, HALF, (1, 2, 2), max_orderings=10, seed=6))


def test_names_are_safe_in_files_and_databases(halide, tmp_path):
    assert ordering_name("Na3Zr2(SiO4)2PO4", "1x1x1", 7, 20_000) == (
        "Na3Zr2_SiO4_2PO4-1x1x1-o00007"
    )
    (ordering,) = orderings_of(halide, HALF, max_orderings=1)
    database = ase.db.connect(tmp_path / "orderings.db")
    database.write(
        ordering.atoms,
        **{keys.ORDERING: ordering.name, keys.COMPOSITION: HALF, "supercell": ordering.supercell},
    )
    assert database.get(ordering=ordering.name).toatoms() == ordering.atoms


def test_bad_requests(halide):
    with pytest.raises(MlipsseError, match="max_orderings is 0"):
        orderings_of(halide, HALF, max_orderings=0)
    with pytest.raises(MlipsseError, match="cannot be realised in 1x1x1"):
        orderings_of(halide, "Li3In0.25Y0.75Cl6")
