"""How near two sites may lie and both be filled: rules by species, against geometry and by hand."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from mlipsse.errors import MlipsseError
from mlipsse.orderings import (
    Host,
    HostSettings,
    Supercell,
    count_orderings,
    enumerate_orderings,
    parse_composition,
    read_host,
)
from mlipsse.orderings.cell.crowding import greatest_content
from mlipsse.orderings.host.distances import CLOSEST_A, Sites, distance_rules, find_exclusions
from mlipsse.orderings.host.model import make_sublattices
from tests.support.crystals.random_hosts import brute_force_orbits

CIFS = Path(__file__).parents[1] / "data" / "cifs"

ORDERED = {
    # Lattice constants as in the docstring of CLOSEST_A, and textbooks.
    "Li": Structure.from_spacegroup(
        "P6/mmm", Lattice.hexagonal(3.648, 3.875), ["Li", "Li"], [[0, 0, 0.5], [1 / 3, 2 / 3, 0]]
    ),
    "Na": Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.55), ["Na"], [[0.25] * 3]),
    "K": Structure.from_spacegroup("Fm-3m", Lattice.cubic(6.436), ["K"], [[0.25] * 3]),
    "Rb": Structure.from_spacegroup("Fm-3m", Lattice.cubic(6.74), ["Rb"], [[0.25] * 3]),
    "Ag": Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.086), ["Ag"], [[0, 0, 0]]),
    "Cu": Structure.from_spacegroup("Fm-3m", Lattice.cubic(3.615), ["Cu"], [[0, 0, 0]]),
    "Mg": Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.212), ["Mg"], [[0, 0, 0]]),
    "Ca": Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.811), ["Ca"], [[0, 0, 0]]),
    "Zn": Structure.from_spacegroup(
        "P6_3/mmc", Lattice.hexagonal(2.665, 4.947), ["Zn"], [[1 / 3, 2 / 3, 0.25]]
    ),
    "F": Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.463), ["F"], [[0.25] * 3]),
}


@pytest.mark.parametrize("ion", ORDERED)
def test_defaults_keep_ordered_crystals(ion):
    shortest_A = min(n.nn_distance for n in ORDERED[ion].get_neighbors(ORDERED[ion][0], 6.0))
    others = [n.nn_distance for site in ORDERED[ion] for n in ORDERED[ion].get_neighbors(site, 6.0)]
    assert CLOSEST_A[ion] <= min(shortest_A, *others)


@pytest.mark.parametrize(
    ("name", "mobile", "formula"),
    [
        ("Al-LLZO", "Li", "Li6.25Al0.25La3Zr2O12"),
        ("Li6PS5Cl_Neutron", "Li", "Li6PS5Cl"),
        ("LATP", "Li", "LiTi2(PO4)3"),
        ("LGPS", "Li", "Li10GeP2S12"),
    ],
)
def test_no_ordering_holds_ions_on_top_of_each_other(name, mobile, formula):
    charges = {"Li": 1, "Al": 3, "La": 3, "Zr": 4, "O": -2, "P": 5, "S": -2, "Ge": 4, "Ti": 4}
    host = read_host(CIFS / f"{name}.cif", HostSettings(mobile=mobile, charges=charges))
    supercell = Supercell(host, (1, 1, 1))
    found = enumerate_orderings(
        parse_composition(formula, host), supercell, max_orderings=8, seed=1, most_patterns=1000
    )
    assert len(found) == 8
    for ordering in found:
        ions = ordering.atoms[np.isin(ordering.atoms.symbols, [mobile, "Al"])]
        ions = ions[ions.symbols == mobile] if name == "LATP" else ions
        distances = ions.get_all_distances(mic=True)
        assert distances[distances > 0].min() >= 2.0
    (pair,) = [d for d in host.distances if d.species == (mobile, mobile)]
    assert (pair.least_A, pair.source) == (2.0, "the default for Li")
    assert pair.shortest_A < 2.0 <= pair.shortest_filled_A


def test_argyrodite_pairs_are_those_of_the_published_cage():
    host = read_host(CIFS / "Li6PS5Cl_Neutron.cif", HostSettings(mobile="Li"))
    assert {round(pair.distance_A, 2) for pair in host.exclusions} == {1.96}
    assert len(host.exclusions) == 24


def test_crowding_names_the_greatest_content_the_distances_and_the_setting():
    host = read_host(CIFS / "Cu6PS5Cl.cif", HostSettings(mobile="Cu", closest_A=2.4))
    count = count_orderings(parse_composition("Cu6PS5Cl", host), Supercell(host, (1, 1, 1)))
    assert count.route == "impossible"
    assert "1x1x1 holds at most 16 Cu, and 24 are asked for" in count.reason
    assert "Sites 1.96, 2.25 Å apart are not filled together" in count.reason
    assert "Cu-Cu 2.4 Å (`closest_A`)" in count.reason


def test_what_is_too_large_to_count_but_cannot_fit_is_impossible():
    """At 3 Å the sites form one network; the greatest content is known all the same."""
    host = read_host(CIFS / "Cu6PS5Cl.cif", HostSettings(mobile="Cu", closest_A=3.0))
    cell = Supercell(host, (1, 1, 1))
    count = count_orderings(parse_composition("Cu6PS5Cl", host), cell)
    assert (count.route, count.raw) == ("impossible", 0)
    assert "and 24 are asked for" in count.reason


def test_greatest_content_by_hand():
    rng = np.random.default_rng(3)
    for _ in range(5):
        sites = rng.random((9, 3))
        allowed = [("Li", "vacancy")] * 9
        points = Sites("random", 6.0 * np.eye(3), sites, allowed)
        exclusions, _ = find_exclusions(points, {"Li": 1, "vacancy": 0}, distance_rules(2.6, "Li"))
        host = Host("random", 6.0 * np.eye(3), sites, make_sublattices(allowed, mobile="Li"),
                    {"Li": 1, "vacancy": 0}, exclusions)  # fmt: skip
        pairs = {frozenset((pair.first, pair.second)) for pair in exclusions}
        assert pairs
        most = max(
            n
            for n in range(1, 10)
            for chosen in combinations(range(9), n)
            if not any(frozenset(pair) in pairs for pair in combinations(chosen, 2))
        )
        assert greatest_content(Supercell(host, (1, 1, 1)), "Li") == most


def test_bonds_of_the_framework_are_left_alone():
    """Nb on split sites, 1.74 Å from O: whatever distance is asked of lithium."""
    host = read_host(CIFS / "nb_split.cif", HostSettings(mobile="Li", closest_A=2.5))
    kinds = {tuple(sorted((pair.first, pair.second))) for pair in host.exclusions}
    niobium = next(s for s in host.sublattices if s.name == "Nb")
    assert kinds == {niobium.sites}
    assert host.exclusions[0].distance_A == pytest.approx(0.12 * 3.95, abs=1e-3)


def square(allowed, closest_A, charges):
    """Four sites on a square of 2 Å in a large cell, and a full anion."""
    cell = 12.0 * np.eye(3)
    places = np.array([[0, 0, 0], [2, 0, 0], [2, 2, 0], [0, 2, 0], [7, 7, 7]]) / 12.0
    allowed = [*allowed, ("Cl",)]
    sites = Sites("square", cell, places, allowed)
    charges = {**charges, "Cl": -1, "vacancy": 0}
    exclusions, _ = find_exclusions(sites, charges, distance_rules(closest_A, "Li"))
    return Host("square", cell, places, make_sublattices(allowed, mobile="Li"), charges, exclusions)


@pytest.mark.parametrize(
    ("closest_A", "raw"),
    [
        # Two Li and one Al on four corners: 12 arrangements.
        (1.5, 12),
        # Only opposite corners together, sites of the mobile ion, whatever fills them.
        (2.5, 0),
        # Li-Li only: the two Li on a diagonal, Al on one of the others.
        ({"Li-Li": 2.5, "Al-Li": 1.0}, 4),
        # Al beside no Li: Li on the two... none is left.
        ({"Li-Al": 2.5, "Li-Li": 1.0}, 0),
        ({"Al-Al": 2.5, "Li-Li": 1.0, "Al-Li": 1.0}, 12),
    ],
)
def test_rules_by_species_count_as_by_hand(closest_A, raw):
    allowed = [("Al", "Li", "vacancy")] * 4
    host = square(allowed, closest_A, {"Li": 1, "Al": 3})
    supercell, counts = Supercell(host, (1, 1, 1)), ((1, 2, 1), (1,))
    assert host.sublattices[0].species == ("Al", "Li", "vacancy")
    assert brute_force_orbits(supercell, counts)[0] == raw

    class Fixed:
        formula = "square"

        def site_counts(self, supercell):
            return counts

    assert count_orderings(Fixed(), supercell).raw == raw


def test_named_pair_on_sites_that_are_always_full():
    host = square([("P", "Si")] * 4, {"Si-Si": 2.5}, {"P": 5, "Si": 4, "Li": 1})
    supercell = Supercell(host, (1, 1, 1))
    index = next(n for n, s in enumerate(host.sublattices) if s.name == "P/Si")
    counts: list[tuple[int, ...]] = [(1,), (1,)]
    counts[index] = (2, 2)
    # The two Si on one of the two diagonals.
    assert brute_force_orbits(supercell, tuple(counts)) == (2, 1)


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ({"Li": 2.0}, "closest_A names 'Li': name pairs of elements"),
        ({"Li-Cl": 2.0, "Cl-Li": 2.1}, "closest_A gives Cl-Li two distances, 2 and 2.1 Å"),
        ({"Li-Xx": 2.0}, "closest_A names 'Li-Xx'"),
        ({"Li-Li": -1.0}, "closest_A Li-Li is -1.0: a distance is above 0"),
        (0.0, "closest_A is 0.0: a distance is above 0"),
    ],
)
def test_settings_that_cannot_be(setting, sentence):
    with pytest.raises(MlipsseError, match=sentence):
        distance_rules(setting, "Li")


def test_a_pair_of_a_species_that_no_site_holds_is_refused():
    with pytest.raises(MlipsseError, match=r"names Li-S, but no site of .* may hold S: .* Li, P"):
        square([("Li", "vacancy"), ("P",)] * 2, {"Li-S": 2.0}, {"Li": 1, "P": 5})


def test_scalar_is_of_the_mobile_ions_sites():
    rules = distance_rules(1.5, "Li")
    assert rules.least_A(("Li", "Li"), same_sign=True, mobile_sites=True) == 1.5
    assert rules.least_A(("Al", "Li"), same_sign=True, mobile_sites=True) == 1.5
    # No bond is that short, whatever the setting.
    assert rules.least_A(("Li", "S"), same_sign=False, mobile_sites=False) == pytest.approx(1.398)


def test_species_that_could_never_sit_there_is_refused():
    with pytest.raises(MlipsseError, match=r"closer than 2.50 Å, the least for Li-P.*`closest_A: "):
        square([("Li", "vacancy"), ("P",)] * 2, {"Li-P": 2.5}, {"Li": 1, "P": 5})


def test_monte_carlo_of_large_cells_states_what_it_cannot_keep_to():
    host = square([("Al", "Li", "vacancy")] * 4, {"Li-Li": 2.5, "Al-Li": 1.0}, {"Li": 1, "Al": 3})
    with pytest.raises(MlipsseError, match="Li-Li in square exclude only some species of a site"):
        Supercell(host, (1, 1, 1)).excluded_pairs  # noqa: B018
