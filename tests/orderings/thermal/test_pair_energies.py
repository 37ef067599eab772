import itertools

import numpy as np
import pytest

from mlipsse.errors import MlipsseError
from mlipsse.orderings import Supercell, enumerate_orderings, parse_composition
from mlipsse.orderings.cell.ewald import ewald_matrix
from mlipsse.orderings.counting.ordering import site_charges
from mlipsse.orderings.thermal.pairs.file import load_pair_model, save_pair_model
from mlipsse.orderings.thermal.pairs.model import PairModel
from mlipsse.orderings.thermal.pairs.orbits import find_pair_clusters
from tests.support.crystals.pair_models import random_model, random_orderings, simple_host


def brute_force_energy(model, supercell, labels):
    """Double sum over the supercell's sites and their images, orbits distinguished by an operation.

    Every pair of the host within the cutoff is looked up among the images, under the
    supercell's own operations, of one example of each orbit.
    """
    clusters, host = model.clusters, supercell.host
    single = Supercell(host, (1, 1, 1))
    energy = model.constant_eV * supercell.n_cells
    host_site = {}
    for sublattice, sites in zip(host.sublattices, supercell.sites, strict=True):
        own = supercell.positions[sites] @ np.linalg.inv(host.cell)
        for site, place in zip(sites, own, strict=True):
            apart = host.scaled_positions[list(sublattice.sites)] - place
            apart -= np.rint(apart)
            host_site[site] = sublattice.sites[int(np.argmin((apart**2).sum(axis=1)))]
    for number, orbit in enumerate(clusters.site_orbits):
        images = set(single.permutations[:, orbit.sites[0]].tolist())
        start = clusters.offsets[number]
        for site in supercell.sites[orbit.sublattice]:
            if host_site[site] in images:
                energy += model.entries_eV[start + labels[site]]
    # A pair is known by its two host sites and its vector, up to an operation of the host.
    rotations = point_operations(single)
    examples = {}
    for number, orbit in enumerate(clusters.pair_orbits):
        i, j = int(orbit.first[0]), int(orbit.second[0])
        vector = (host.scaled_positions[j] + orbit.cells[0] - host.scaled_positions[i]) @ host.cell
        for permutation, rotation in rotations:
            turned = tuple(np.round(vector @ rotation, 3) + 0.0)
            examples[(permutation[i], permutation[j], turned)] = (number, False)
            back = tuple(np.round(-vector @ rotation, 3) + 0.0)
            examples.setdefault((permutation[j], permutation[i], back), (number, True))
    variable = [
        site
        for sublattice, sites in zip(host.sublattices, supercell.sites, strict=True)
        if len(sublattice.species) > 1
        for site in sites
    ]
    reach = range(-4, 5)
    images = np.array(list(itertools.product(reach, reach, reach))) @ supercell.cell
    for a in variable:
        for b in variable:
            vectors = supercell.positions[b] - supercell.positions[a] + images
            lengths = np.linalg.norm(vectors, axis=1)
            for vector in vectors[(lengths > 1e-6) & (lengths <= clusters.cutoff_A)]:
                key = find(examples, host_site[a], host_site[b], vector)
                number, backwards = examples[key]
                table = model.table_eV(number)
                energy += 0.5 * (table.T if backwards else table)[labels[a], labels[b]]
    return energy


def find(examples, i, j, vector):
    key = (i, j, tuple(np.round(vector, 3) + 0.0))
    if key in examples:
        return key
    near = [k for k in examples if k[:2] == (i, j) and np.allclose(k[2], vector, atol=0.05)]
    (found,) = near
    return found


def point_operations(supercell):
    """Site permutations of the host with the Cartesian rotation (acting on rows) that goes along.

    Found from the permutations alone, by a fit of the vectors between sites.
    """
    import spglib

    host = supercell.host
    labels = np.empty(len(host.scaled_positions), dtype=int)
    for k, sublattice in enumerate(host.sublattices):
        labels[list(sublattice.sites)] = k
    symmetry = spglib.get_symmetry((host.cell, host.scaled_positions, labels), symprec=0.01)
    found = []
    for rotation, translation in zip(symmetry["rotations"], symmetry["translations"], strict=True):
        moved = host.scaled_positions @ rotation.T + translation
        apart = moved[:, None] - host.scaled_positions
        apart -= np.rint(apart)
        permutation = np.linalg.norm(apart @ host.cell, axis=-1).argmin(axis=1)
        found.append((permutation, np.linalg.inv(host.cell) @ rotation.T @ host.cell))
    return found


@pytest.mark.parametrize("factors", [(1, 1, 1), (1, 2, 1)])
def test_halide_energy_equals_the_double_sum(halide, factors):
    model = random_model(halide, cutoff_A=5.0, seed=3)
    assert {orbit.symmetric for orbit in model.clusters.pair_orbits} == {True, False}
    supercell = Supercell(halide, factors)
    lattice = model.lay_on(supercell)
    for labels in random_orderings(supercell, 2, seed=5):
        expected = brute_force_energy(model, supercell, labels)
        assert model.energy_eV(lattice, labels) == pytest.approx(expected, abs=1e-10)


def test_nasicon_energy_equals_the_double_sum(nasicon):
    model = random_model(nasicon, cutoff_A=5.5, seed=4)
    supercell = Supercell(nasicon, (1, 1, 1))
    (labels,) = random_orderings(supercell, 1, seed=6)
    expected = brute_force_energy(model, supercell, labels)
    assert model.energy_eV(model.lay_on(supercell), labels) == pytest.approx(expected, abs=1e-10)


def test_energy_is_invariant_under_the_operations_of_the_supercell(halide):
    model = random_model(halide, cutoff_A=6.0, seed=1, inverse_dielectric=0.2)
    supercell = Supercell(halide, (1, 1, 2))
    lattice = model.lay_on(supercell)
    (labels,) = random_orderings(supercell, 1, seed=2)
    energy = model.energy_eV(lattice, labels)
    for permutation in supercell.permutations:
        assert model.energy_eV(lattice, labels[permutation]) == pytest.approx(energy, abs=1e-9)


@pytest.mark.parametrize("factors", [(1, 1, 1), (2, 1, 1)])
def test_ewald_energy_of_neutral_orderings_equals_the_whole_cells(nasicon, factors):
    supercell = Supercell(nasicon, factors)
    counts = parse_composition("Na3Zr2Si2PO12", nasicon).site_counts(supercell)
    model = random_model(nasicon, cutoff_A=3.0, seed=0, inverse_dielectric=1.0)
    lattice = model.lay_on(supercell)
    matrix = ewald_matrix(supercell.cell, supercell.positions)
    for labels in random_orderings(supercell, 3, seed=1, counts=counts):
        charges = site_charges(supercell, labels)
        assert lattice.ewald_energy_eV(labels) == pytest.approx(
            charges @ matrix @ charges, abs=1e-7
        )


def test_energies_per_cell_do_not_depend_on_the_supercell(nasicon):
    model = random_model(nasicon, cutoff_A=7.0, seed=0, inverse_dielectric=0.1)
    small, large = Supercell(nasicon, (1, 1, 1)), Supercell(nasicon, (2, 2, 1))
    (labels,) = random_orderings(small, 1, seed=1)
    # The large cell's sites are the host's in turn, each in all of its cells.
    repeated = np.repeat(labels, large.n_cells)
    one = model.energy_eV(model.lay_on(small), labels)
    four = model.energy_eV(model.lay_on(large), repeated)
    assert four == pytest.approx(4 * one, rel=1e-11)


def test_background_of_one_charge_equals_the_published_constant():
    # Wigner lattice, simple cubic: -2.837297 k q^2 / (2 a) (Hasimoto 1959; Makov and Payne 1995)
    a = 3.7
    energy = ewald_matrix(a * np.eye(3), np.zeros((1, 3)), background=True)[0, 0]
    assert energy == pytest.approx(-2.837297479 * 14.399645 / (2 * a), rel=1e-7)


def test_pairs_of_a_square_lattice_are_its_shells():
    clusters = find_pair_clusters(simple_host(spacings_A=(2.0, 2.0, 9.0)), 4.0)
    shells = [(round(o.distance_A, 3), len(o.first)) for o in clusters.pair_orbits]
    assert shells == [(2.0, 4), (2.828, 4), (4.0, 4)]


def test_model_survives_its_file(halide, tmp_path):
    model = random_model(halide, cutoff_A=5.0, seed=3, inverse_dielectric=0.15)
    save_pair_model(model, tmp_path / "model.json")
    again = load_pair_model(tmp_path / "model.json", halide)
    supercell = Supercell(halide, (1, 1, 1))
    (labels,) = random_orderings(supercell, 1, seed=2)
    energies = [m.energy_eV(m.lay_on(supercell), labels) for m in (model, again)]
    assert energies[0] == energies[1]


def test_file_of_another_host_is_refused(halide, nasicon, tmp_path):
    save_pair_model(random_model(halide, cutoff_A=5.0, seed=3), tmp_path / "model.json")
    with pytest.raises(MlipsseError, match=r"was made for the host Li3InCl6_C2m.* not those of"):
        load_pair_model(tmp_path / "model.json", nasicon)
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(MlipsseError, match="is not a pair model"):
        load_pair_model(tmp_path / "other.json", halide)
    with pytest.raises(MlipsseError, match="There is no pair model"):
        load_pair_model(tmp_path / "none.json", halide)


def test_model_on_another_hosts_supercell_is_refused(halide, nasicon):
    model = random_model(halide, cutoff_A=5.0, seed=3)
    with pytest.raises(
        MlipsseError, match="another cell and other positions and other sublattices"
    ):
        model.lay_on(Supercell(nasicon, (1, 1, 1)))


def test_table_that_breaks_the_symmetry_is_refused():
    host = simple_host(spacings_A=(2.0, 5.0, 5.0))
    clusters = find_pair_clusters(host, 2.5)
    entries = np.array([0.0, 0.0, 0.0, 0.1, 0.0, 0.0])
    with pytest.raises(MlipsseError, match="table of energies is not symmetric"):
        PairModel(clusters, entries, constant_eV=0.0, inverse_dielectric=None)


def test_ewald_of_a_cell_beyond_memory_is_refused():
    host = simple_host(spacings_A=(2.0, 2.0, 2.0), charges={"A": 1, "B": -1})
    model = random_model(host, cutoff_A=2.5, seed=0, inverse_dielectric=0.1)
    with pytest.raises(MlipsseError, match=r"Ewald matrix of 8400 .* 8 GB; the limit is 8000"):
        model.lay_on(Supercell(host, (20, 20, 21)))


def test_hosts_without_a_choice_and_cutoffs_without_a_pair(halide):
    with pytest.raises(MlipsseError, match="nothing to order"):
        find_pair_clusters(simple_host(spacings_A=(2.0, 2.0, 2.0), species=("A",)), 3.0)
    with pytest.raises(MlipsseError, match="cutoff_A is -1"):
        find_pair_clusters(halide, -1.0)


def test_orderings_of_the_enumeration_have_their_ewald_energy(halide):
    supercell = Supercell(halide, (1, 1, 1))
    composition = parse_composition("Li3InCl6", halide)
    orderings = enumerate_orderings(composition, supercell, max_orderings=4, seed=0)
    model = random_model(halide, cutoff_A=3.0, seed=0, inverse_dielectric=1.0)
    lattice = model.lay_on(supercell)
    for ordering in orderings:
        labels = np.zeros(supercell.n_sites, dtype=np.int8)
        for sublattice, sites in zip(halide.sublattices, supercell.sites, strict=True):
            for site in sites:
                apart = ordering.atoms.positions - supercell.positions[site]
                apart -= np.rint(apart @ np.linalg.inv(supercell.cell)) @ supercell.cell
                here = np.flatnonzero(np.linalg.norm(apart, axis=1) < 1e-3)
                name = ordering.atoms.symbols[here[0]] if len(here) else "vacancy"
                labels[site] = sublattice.species.index(name)
        assert lattice.ewald_energy_eV(labels) == pytest.approx(ordering.ewald_energy_eV, abs=1e-8)
