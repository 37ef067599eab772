import itertools
import math

import numpy as np
import pytest
from pymatgen.core import DummySpecies, Lattice, Structure
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

from mlipsse.orderings import Supercell, count_orderings, parse_composition, read_host
from mlipsse.orderings.arrangements import all_arrangements, distinct_arrangements
from mlipsse.orderings.counting import fixed_arrangements, orbit_count

# x = .5 (In:Y = 1:1), y is the fraction of Br; counted beforehand with other programs
# (Burnside by hand and exhaustive enumeration; icet and bsym where they finish).
Y_0, Y_12, Y_6, Y_2 = (
    "Li3In0.5Y0.5Cl6",
    "Li3In0.5Y0.5Br0.5Cl5.5",
    "Li3In0.5Y0.5BrCl5",
    "Li3In0.5Y0.5Br3Cl3",
)
PUBLISHED = [
    ((1, 1, 1), "Li3InCl6", 10),
    ((1, 1, 1), Y_0, 16),
    ((1, 1, 1), Y_12, 88),
    ((1, 1, 1), Y_6, 520),
    ((1, 1, 1), Y_2, 6_672),
    ((1, 1, 2), "Li3InCl6", 160),
    ((1, 1, 2), Y_0, 836),
    ((1, 1, 2), Y_12, 190_464),
    ((1, 1, 2), "Li3In0.5Y0.5Br0.75Cl5.25", 1_382_640),
    ((1, 1, 2), Y_2, 1_845_803_568),
    ((1, 2, 2), "Li3InCl6", 338_316),
    ((1, 2, 2), Y_0, 23_337_656),
]


@pytest.mark.parametrize(("factors", "formula", "distinct"), PUBLISHED)
def test_burnside_gives_the_known_counts(halide, factors, formula, distinct):
    count = count_orderings(parse_composition(formula, halide), Supercell(halide, factors))
    assert count.distinct == distinct


def test_count_beyond_any_list(halide):
    count = count_orderings(parse_composition(Y_2, halide), Supercell(halide, (1, 2, 2)))
    assert count.raw == math.comb(32, 24) * math.comb(48, 24) * math.comb(8, 4)
    assert count.distinct == pytest.approx(7.42e20, rel=1e-3)
    assert count.route == "sample"


@pytest.mark.parametrize(
    ("factors", "formula"),
    [*(((1, 1, 1), y) for y in (Y_0, Y_12, Y_6, Y_2)), ((1, 1, 2), Y_0), ((1, 1, 2), Y_12)],
)
def test_list_is_as_long_as_the_count_and_stands_for_every_arrangement(halide, factors, formula):
    composition, supercell = parse_composition(formula, halide), Supercell(halide, factors)
    count = count_orderings(composition, supercell)
    sizes = [
        size
        for _, size in distinct_arrangements(
            composition.site_counts(supercell), supercell.sublattice_permutations
        )
    ]
    assert len(sizes) == count.distinct
    assert sum(sizes) == count.raw


def test_three_species_on_a_sublattice_against_exhaustive_orbits(structures):
    host = read_host(
        structures / "Li3InCl6_C2m.cif",
        mobile="Li",
        substitutions={"In": ["In", "Y"], "Cl": ["Cl", "Br", "I"]},
    )
    supercell = Supercell(host, (1, 1, 1))
    composition = parse_composition("Li3In0.5Y0.5Br0.5I0.5Cl5", host)
    tables = [all_arrangements(row) for row in composition.site_counts(supercell)]
    labels = np.empty(supercell.n_sites, dtype=np.int8)
    seen: set[bytes] = set()
    orbits = 0
    for rows in itertools.product(*tables):
        for sites, row in zip(supercell.sites, rows, strict=True):
            labels[sites] = row
        if labels.tobytes() not in seen:
            orbits += 1
            seen.update(image.tobytes() for image in labels[supercell.permutations])
    count = count_orderings(composition, supercell)
    assert (count.raw, count.distinct) == (len(seen), orbits)


@pytest.mark.parametrize(
    ("name", "factors"),
    [("halide", (1, 1, 1)), ("halide", (1, 1, 2)), ("halide", (1, 2, 1)), ("nasicon", (2, 1, 1))],
)
def test_permutations_are_those_of_the_supercell_as_a_crystal(request, name, factors):
    """spglib on the whole supercell, matched by coordinates: another way to the same group."""
    host = request.getfixturevalue(name)
    supercell = Supercell(host, factors)
    labels = np.empty(supercell.n_sites, dtype=int)
    for index, sites in enumerate(supercell.sites):
        labels[sites] = index
    crystal = Structure(
        Lattice(supercell.cell),
        [DummySpecies("X" + "abcd"[label]) for label in labels],
        supercell.positions,
        coords_are_cartesian=True,
    )
    expected = set()
    for operation in SpacegroupAnalyzer(crystal, symprec=0.01).get_symmetry_operations():
        moved = operation.operate_multi(crystal.frac_coords)
        apart = crystal.lattice.get_all_distances(moved, crystal.frac_coords)
        expected.add(tuple(apart.argmin(axis=1)))
    assert {tuple(row) for row in supercell.permutations} == expected


def test_operations_that_break_the_supercell_are_left_out(nasicon):
    # R-3c has 36 operations per hexagonal cell; 2x1x1 keeps those of no three-fold axis, twice.
    assert len(Supercell(nasicon, (1, 1, 1)).permutations) == 36
    assert len(Supercell(nasicon, (2, 2, 1)).permutations) == 4 * 36
    assert len(Supercell(nasicon, (2, 1, 1)).permutations) == 2 * 12


def test_necklaces():
    # 6 beads on a ring that may be turned: 14 two-coloured necklaces in all, 4 with three of each
    # (the cyclic group's cycle index; OEIS A000031, A047996).
    turns = np.array([[(i + k) % 6 for i in range(6)] for k in range(6)])
    by_number = [orbit_count(fixed_arrangements(turns, (6 - k, k))) for k in range(7)]
    assert by_number == [1, 1, 3, 4, 3, 1, 1]
    assert sum(by_number) == 14


def test_route(halide):
    composition, supercell = parse_composition(Y_2, halide), Supercell(halide, (1, 1, 1))
    assert count_orderings(composition, supercell).route == "exact"
    assert count_orderings(composition, supercell, max_orderings=6_672).route == "exact"
    assert count_orderings(composition, supercell, max_orderings=6_671).route == "sample"
    assert count_orderings(composition, supercell, exact_limit=6_671).route == "sample"
