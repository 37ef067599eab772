import math
from itertools import combinations

import numpy as np
import pytest
from pymatgen.core import DummySpecies, Lattice, Structure
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

from mlipsse.orderings import (
    Exclusion,
    Host,
    HostSettings,
    Supercell,
    count_orderings,
    enumerate_orderings,
    parse_composition,
    read_host,
)
from mlipsse.orderings.cell.fixed import Rules, fixed_arrangements
from mlipsse.orderings.counting.burnside import orbit_count
from mlipsse.orderings.counting.choices import Choices
from mlipsse.orderings.host.model import make_sublattices

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


@pytest.mark.parametrize(
    ("factors", "formula", "distinct"), [row for row in PUBLISHED if row[2] < 30_000_000]
)
def test_walk_meets_as_many_and_they_stand_for_every_arrangement(
    halide, factors, formula, distinct
):
    """23,337,656 of them too: the walk is over in a second or two."""
    composition, supercell = parse_composition(formula, halide), Supercell(halide, factors)
    count = count_orderings(composition, supercell)
    choices = Choices(supercell, composition.site_counts(supercell))
    met = stands_for = 0
    for masks, stabilisers in choices.orderings():
        met += len(masks)
        stands_for += int((choices.n_operations // stabilisers).sum())
    assert met == distinct
    assert stands_for == count.raw


def test_count_beyond_any_list(halide):
    count = count_orderings(parse_composition(Y_2, halide), Supercell(halide, (1, 2, 2)))
    assert count.raw == math.comb(32, 24) * math.comb(48, 24) * math.comb(8, 4)
    assert count.distinct == pytest.approx(7.42e20, rel=1e-3)
    assert count.route == "patterns"


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

    def rules(k):
        return Rules((6 - k, k), np.ones((6, 2), bool), np.empty((0, 4), int))

    by_number = [orbit_count(fixed_arrangements(turns, rules(k))) for k in range(7)]
    assert by_number == [1, 1, 3, 4, 3, 1, 1]
    assert sum(by_number) == 14


def test_independent_sets_of_a_ring():
    # k sites of a ring of 8, no two neighbours: 8/(8-k) C(8-k, k) (Kaplansky, 1943); up to turns
    # they are necklaces of 8-k beads, k of one kind, as every chosen site takes a gap along.
    turns = np.array([[(i + k) % 8 for i in range(8)] for k in range(8)])
    pairs = np.array([[i, 0, (i + 1) % 8, 0] for i in range(8)])
    for k, necklaces in enumerate([1, 1, 3, 2, 1]):
        rules = Rules((k, 8 - k), np.ones((8, 2), bool), pairs)
        fixed = fixed_arrangements(turns, rules)
        assert fixed[0] == 8 * math.comb(8 - k, k) // (8 - k)
        assert orbit_count(fixed) == necklaces


def test_per_sublattice(halide):
    supercell = Supercell(halide, (1, 1, 1))
    count = count_orderings(parse_composition(Y_2, halide), supercell)
    found = {part.name: (part.sites, part.raw, part.distinct) for part in count.sublattices}
    expected = {}
    for name, permutations, chosen in zip(
        ("Li", "Br/Cl", "In/Y"), supercell.sublattice_permutations, (6, 6, 1), strict=True
    ):
        n = permutations.shape[1]
        sets = list(combinations(range(n), chosen))
        orbits = {min(tuple(sorted(row[list(s)])) for row in permutations) for s in sets}
        expected[name] = (n, len(sets), len(orbits))
    assert found == expected
    assert (count.patterns_raw, count.patterns_distinct) == (28, 10)


def test_nasicon_beyond_a_machine_word_is_counted(nasicon):
    """2x2x1 of the hexagonal cell has 96 sites for Na: no mask, but a number."""
    count = count_orderings(
        parse_composition("Na3Zr2Si2PO12", nasicon), Supercell(nasicon, (2, 2, 1))
    )
    assert count.raw == math.comb(96, 72) * math.comb(72, 48)
    assert count.distinct * 144 > count.raw  # 144 operations, and some arrangements are symmetric
    assert count.route == "annealing"


def test_excluded_pairs_of_lgps(structures):
    """Sites of Li 0.42 Å apart: 4 of the 8 at most, and with them C(32, 20 - k) C(4, k) 2^k."""
    host = read_host(
        structures / "LGPS_split_sites.cif",
        HostSettings(mobile="Li", charges={"Li": 1, "Ge": 4, "P": 5, "S": -2}),
    )
    supercell = Supercell(host, (1, 1, 1))
    assert len(supercell.excluded_pairs)
    composition = parse_composition("Li10GeP2S12", host)
    count = count_orderings(composition, supercell)
    choices = Choices(supercell, composition.site_counts(supercell))
    sizes = [choices.n_operations // orders for _, orders in choices.patterns()]
    assert sum(map(len, sizes)) == count.patterns_distinct
    assert sum(int(part.sum()) for part in sizes) == count.patterns_raw


def test_impossible_is_a_count_of_none(halide):
    count = count_orderings(
        parse_composition("Li3In0.25Y0.75Cl6", halide), Supercell(halide, (1, 1, 1))
    )
    assert (count.raw, count.distinct, count.route) == (0, 0, "impossible")
    assert "The smallest supercells that can: 1x1x2" in count.reason


def test_route(halide):
    composition, supercell = parse_composition(Y_2, halide), Supercell(halide, (1, 1, 1))
    assert count_orderings(composition, supercell).route == "exact"
    assert count_orderings(composition, supercell, max_orderings=6_672).route == "exact"
    assert count_orderings(composition, supercell, max_orderings=6_671).route == "patterns"
    assert count_orderings(composition, supercell, most_patterns=9).route == "annealing"


def rocks_apart(n):
    """Ions on a simple cubic lattice, no two of them neighbours, beside full sites."""
    shifts = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
    host = Host(
        name="cubic",
        cell=4.0 * np.eye(3),
        scaled_positions=np.array([[0.0, 0.0, 0.0], [0.5, 0.5, 0.5]]),
        sublattices=make_sublattices([("Li", "vacancy"), ("Cl",)], mobile="Li"),
        charges={"Li": 27, "Cl": -4, "vacancy": 0},
        exclusions=tuple(Exclusion(0, 0, shift, 4.0) for shift in shifts),
    )
    return parse_composition("Li4Cl27", host), Supercell(host, (n, n, n))


def test_net_of_excluded_pairs():
    composition, supercell = rocks_apart(3)
    pairs = {tuple(pair) for pair in supercell.excluded_pairs.tolist()}
    assert len(pairs) == 81
    free = [
        sites
        for sites in combinations(range(27), 4)
        if not any(pair in pairs for pair in combinations(sites, 2))
    ]
    assert count_orderings(composition, supercell).raw == len(free)


def test_net_beyond_counting_is_none_with_a_reason_and_is_sampled():
    composition, supercell = rocks_apart(6)
    count = count_orderings(composition, supercell)
    assert (count.raw, count.distinct, count.route) == (None, None, "annealing")
    assert "networks that are too large" in count.reason
    assert count.sublattices[1].raw == 1
    (ordering,) = enumerate_orderings(composition, supercell, max_orderings=1, seed=0)
    assert ordering.coverage is None
    ions = ordering.atoms[ordering.atoms.symbols == "Li"]
    distances = ions.get_all_distances(mic=True)
    assert len(ions) == 32
    assert distances[distances > 0].min() > 4.1


def test_ions_that_are_there_in_any_case_exclude_their_neighbours():
    """Both sites of Li are filled, one of them beside a site of Na, which is left empty."""
    places = np.array([[0.0, 0.0, 0.0], [0.5, 0.1, 0.0], [0.1, 0.05, 0.2], [0.3, 0.6, 0.5],
                       [0.7, 0.5, 0.6], [0.2, 0.3, 0.8]])  # fmt: skip
    allowed = [("Li", "vacancy")] * 2 + [("Na", "vacancy")] * 3 + [("Cl",)]
    host = Host(
        name="two ions",
        cell=np.array([[5.0, 0.0, 0.0], [0.3, 6.0, 0.0], [0.2, 0.5, 7.0]]),
        scaled_positions=places,
        sublattices=make_sublattices(allowed, mobile="Li"),
        charges={"Li": 1, "Na": 1, "Cl": -3, "vacancy": 0},
        exclusions=(Exclusion(0, 2, (0, 0, 0), 1.4),),
    )
    composition, supercell = parse_composition("Li2NaCl", host), Supercell(host, (1, 1, 1))
    assert count_orderings(composition, supercell).raw == 2
    found = enumerate_orderings(composition, supercell, max_orderings=10, seed=0)
    assert len(found) == 2
    for ordering in found:
        (sodium,) = ordering.atoms.positions[ordering.atoms.symbols == "Na"]
        assert np.linalg.norm(sodium - supercell.positions[2]) > 1.0


def cubic(n, allowed):
    """A simple cubic lattice of n x n x n sites beside full ones."""
    host = Host(
        name="cubic",
        cell=4.0 * np.eye(3),
        scaled_positions=np.array([[0.0, 0.0, 0.0], [0.5, 0.5, 0.5]]),
        sublattices=make_sublattices([allowed, ("Cl",)], mobile="Li"),
        charges={"Li": 1, "Na": 1, "Mg": 2, "Cl": -1, "vacancy": 0},
    )
    return host, Supercell(host, (n, n, n))


class Counts:
    """A composition by its counts."""

    formula = "counts"

    def __init__(self, *counts):
        self.counts = counts

    def site_counts(self, supercell):
        return self.counts


@pytest.mark.parametrize(
    ("n", "allowed", "counts"),
    [
        (5, ("Li", "vacancy"), (122, 3)),
        (5, ("Li", "vacancy"), (121, 4)),
        (5, ("Li", "Mg", "vacancy"), (122, 1, 2)),
        (5, ("Li", "Na", "vacancy"), (2, 121, 2)),
    ],
)
def test_sublattices_of_several_words_are_listed(n, allowed, counts):
    """Beyond 64 sites; the walk against Burnside, and every arrangement stood for once."""
    _, supercell = cubic(n, allowed)
    given = counts, (n**3,)
    count = count_orderings(Counts(*given), supercell, max_orderings=100_000)
    assert count.route == "exact"
    choices = Choices(supercell, given)
    blocks = list(choices.orderings())
    masks = np.concatenate([block for block, _ in blocks])
    sizes = choices.n_operations // np.concatenate([order for _, order in blocks])
    assert (len(masks), int(sizes.sum())) == (count.distinct, count.raw)
    labels = choices.labels(masks)
    assert len({row.tobytes() for row in labels}) == count.distinct
    for label, number in enumerate(counts):
        assert ((labels[:, supercell.sites[0]] == label).sum(axis=1) == number).all()


def test_pair_of_vacancies_by_its_distance():
    """Two vacancies on a cubic lattice of 5: as many orderings as distances between two sites."""
    _, supercell = cubic(5, ("Li", "vacancy"))
    apart = {tuple(sorted((i, j, k))) for i in range(3) for j in range(3) for k in range(3)}
    count = count_orderings(Counts((123, 2), (125,)), supercell)
    assert count.distinct == len(apart - {(0, 0, 0)})


def test_large_sublattice_with_many_orderings_is_searched():
    _, supercell = cubic(5, ("Li", "vacancy"))
    assert count_orderings(Counts((65, 60), (125,)), supercell).route == "annealing"


@pytest.mark.parametrize("bits", [0, 10**9])
def test_both_ways_to_hold_polynomials(monkeypatch, bits):
    monkeypatch.setattr("mlipsse.orderings.cell.fixed._MOST_BITS", bits)
    composition, supercell = rocks_apart(3)
    pairs = {tuple(pair) for pair in supercell.excluded_pairs.tolist()}
    free = [s for s in combinations(range(27), 4) if not pairs & set(combinations(s, 2))]
    assert count_orderings(composition, supercell).raw == len(free)
