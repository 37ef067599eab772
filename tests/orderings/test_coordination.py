"""Shells, short-range order and occupied sites of orderings, against counts by hand."""

import numpy as np
import pytest

from mlipsse.orderings import HostSettings, Supercell, parse_composition, read_host
from mlipsse.orderings.cell.symmetry import wyckoff_positions
from mlipsse.orderings.coordination import Coordination
from mlipsse.orderings.thermal.swaps.random_labels import random_labels
from mlipsse.resources import resource_dir


def motif(supercell: Supercell, labels: np.ndarray) -> np.ndarray:
    """Br around In, Cl around Y: the nearest metal of an anion names it."""
    host = supercell.host
    number = {sublattice.name: k for k, sublattice in enumerate(host.sublattices)}
    metals, anions = supercell.sites[number["In/Y"]], supercell.sites[number["Br/Cl"]]
    apart = supercell.positions[anions][:, None] - supercell.positions[metals]
    scaled = apart @ np.linalg.inv(supercell.cell)
    distance_A = np.linalg.norm((scaled - np.rint(scaled)) @ supercell.cell, axis=-1)
    metal = host.sublattices[number["In/Y"]].species
    anion = host.sublattices[number["Br/Cl"]].species
    own = labels.copy()
    beside_in = own[metals[distance_A.argmin(axis=1)]] == metal.index("In")
    own[anions] = np.where(beside_in, anion.index("Br"), anion.index("Cl"))
    return own


@pytest.fixture
def supercell(halide) -> Supercell:
    return Supercell(halide, (1, 1, 2))


@pytest.fixture
def labels(supercell) -> np.ndarray:
    counts = parse_composition("Li3In0.5Y0.5Br3Cl3", supercell.host).site_counts(supercell)
    return random_labels(supercell, counts, rng=np.random.default_rng(0))


def test_the_published_motif_has_pure_octahedra(supercell, labels):
    own = motif(supercell, labels)
    coordination = Coordination(supercell)
    assert coordination.shells(own) == {("In", "Br6"): 2, ("Y", "Cl6"): 2}
    # P(Br | In) = 1 where half of the anions are Br: 1 - 1 / 0.5 = -1; P(Cl | In) = 0: 1.
    assert coordination.warren_cowley(own) == pytest.approx(
        {("In", "Br"): -1.0, ("In", "Cl"): 1.0, ("Y", "Br"): 1.0, ("Y", "Cl"): -1.0}
    )


def test_shells_add_up(supercell, labels):
    coordination = Coordination(supercell)
    shells = coordination.shells(labels)
    assert sum(shells.values()) == 4
    assert sum(n for (cation, _), n in shells.items() if cation == "In") == 2
    # Weighted over the cations every anion's parameters cancel: 2 of 4 metals are In.
    alpha = coordination.warren_cowley(labels)
    for anion in ("Br", "Cl"):
        assert alpha["In", anion] + alpha["Y", anion] == pytest.approx(0)


def test_random_surroundings_have_no_short_range_order(halide):
    large = Supercell(halide, (4, 4, 4))
    counts = parse_composition("Li3In0.5Y0.5Br3Cl3", halide).site_counts(large)
    labels = random_labels(large, counts, rng=np.random.default_rng(1))
    # 768 neighbours: the standard error of a share of one half is 0.018, doubled in alpha.
    for value in Coordination(large).warren_cowley(labels).values():
        assert abs(value) < 4 * 2 * 0.5 / np.sqrt(384)


def test_sites_have_their_wyckoff_letters(halide, supercell, labels):
    names = wyckoff_positions(halide)
    assert {names[site] for site in halide.sublattices[0].sites} == {"4g", "4h"}
    coordination = Coordination(supercell)
    labels[supercell.sites[0]] = 1  # vacant
    at_4g = [site for site in halide.sublattices[0].sites if names[site] == "4g"]
    labels[supercell.everywhere(at_4g)] = 0
    assert coordination.occupancies(labels) == {"4g": 1.0, "4h": 0.0}


def test_a_primitive_cell_has_the_letters_of_the_conventional_one():
    path = resource_dir("examples") / "nasicon" / "NaSICON.cif"
    settings = {"mobile": "Na", "substitutions": {"Si": ["Si", "P"], "P": ["Si", "P"]}}
    charges = {"Na": 1, "Zr": 4, "Si": 4, "P": 5, "O": -2}
    for primitive in (True, False):
        host = read_host(path, HostSettings(**settings, charges=charges, primitive=primitive))
        names = wyckoff_positions(host)
        assert {names[site] for site in host.sublattices[0].sites} == {"6b", "18e"}
        found = Coordination(Supercell(host, (1, 1, 1)))
        labels = np.zeros(len(host.scaled_positions), dtype=np.int8)
        shells = found.shells(labels)
        assert {anions for _, anions in shells} == {"O4", "O6"}  # tetrahedra, octahedra of Zr
        assert found.warren_cowley(labels) == {}  # one anion
