import numpy as np
import pytest

from mlipsse.errors import MlipsseError
from mlipsse.orderings import Host, Sublattice, Supercell, parse_composition
from mlipsse.orderings.thermal.pairs.fit import fit_pair_model
from mlipsse.orderings.thermal.pairs.orbits import find_pair_clusters
from mlipsse.orderings.thermal.pairs.ridge import PENALTIES, fit_ridge
from tests.support.crystals.pair_models import random_model, random_orderings, simple_host


def energies_of(model, structures):
    cells = {id(cell): cell for cell, _ in structures}
    lattices = {key: model.lay_on(cell) for key, cell in cells.items()}
    return np.array([model.energy_eV(lattices[id(cell)], labels) for cell, labels in structures])


def counts_near(supercell, rng):
    """Random numbers of every species on every sublattice."""
    return [
        np.bincount(
            rng.integers(len(s.species), size=len(sites)), minlength=len(s.species)
        ).tolist()
        for s, sites in zip(supercell.host.sublattices, supercell.sites, strict=True)
    ]


def orderings_of_any_composition(supercell, n, *, seed):
    rng = np.random.default_rng(seed)
    return [
        (
            supercell,
            random_orderings(supercell, 1, seed=[seed, k], counts=counts_near(supercell, rng))[0],
        )
        for k in range(n)
    ]


@pytest.mark.parametrize("inverse_dielectric", [None, 0.13])
def test_fit_recovers_a_pair_hamiltonian_and_predicts_larger_cells(halide, inverse_dielectric):
    truth = random_model(halide, cutoff_A=4.5, seed=1, inverse_dielectric=inverse_dielectric)
    small = Supercell(halide, (2, 1, 2))
    structures = orderings_of_any_composition(small, 90, seed=2)
    model = fit_pair_model(
        halide,
        structures,
        energies_of(truth, structures),
        cutoff_A=4.5,
        ewald=inverse_dielectric is not None,
    )
    assert model.report.ridge < 1e-6
    assert model.report.training_rmse_meV < 1e-6
    assert model.report.k_fold_rmse_meV < 1e-4
    if inverse_dielectric is not None:
        assert model.inverse_dielectric == pytest.approx(inverse_dielectric, abs=1e-8)
    large = orderings_of_any_composition(Supercell(halide, (2, 2, 2)), 5, seed=3)
    assert energies_of(model, large) == pytest.approx(energies_of(truth, large), abs=1e-5)


def test_three_species_on_a_site_without_symmetry():
    host = Host(
        name="skew",
        cell=np.array([[3.0, 0, 0], [0.4, 3.3, 0], [0.2, 0.7, 3.8]]),
        scaled_positions=np.array([[0, 0, 0], [0.4, 0.3, 0.6], [0.7, 0.8, 0.2]]),
        sublattices=(
            Sublattice("A/B/C", (0, 1), ("A", "B", "C")),
            Sublattice("X/Y", (2,), ("X", "Y")),
        ),
        charges=dict.fromkeys("ABCXY", 0),
        symprec_A=0.01,
    )
    truth = random_model(host, cutoff_A=2.9, seed=1)
    assert not all(orbit.symmetric for orbit in truth.clusters.pair_orbits)
    structures = orderings_of_any_composition(Supercell(host, (2, 2, 2)), 120, seed=4)
    model = fit_pair_model(
        host, structures, energies_of(truth, structures), cutoff_A=2.9, ewald=False
    )
    large = orderings_of_any_composition(Supercell(host, (3, 2, 4)), 4, seed=5)
    assert energies_of(model, large) == pytest.approx(energies_of(truth, large), abs=1e-6)


def test_one_composition_gives_differences_at_that_composition(nasicon):
    truth = random_model(nasicon, cutoff_A=4.3, seed=1, inverse_dielectric=0.05)
    small, large = Supercell(nasicon, (1, 1, 1)), Supercell(nasicon, (2, 2, 1))
    composition = parse_composition("Na3Zr2Si2PO12", nasicon)
    orderings = random_orderings(small, 60, seed=3, counts=composition.site_counts(small))
    structures = [(small, labels) for labels in orderings]
    model = fit_pair_model(
        nasicon, structures, energies_of(truth, structures), cutoff_A=4.3, ewald=True
    )
    other = random_orderings(large, 4, seed=4, counts=composition.site_counts(large))
    pairs = [(large, labels) for labels in other]
    assert energies_of(model, pairs) == pytest.approx(energies_of(truth, pairs), abs=1e-5)


def test_errors_of_noisy_energies_are_the_noise():
    host = simple_host(spacings_A=(2.0, 2.3, 2.6))
    truth = random_model(host, cutoff_A=2.7, seed=1)
    supercell = Supercell(host, (3, 3, 3))
    structures = orderings_of_any_composition(supercell, 400, seed=4)
    noise_meV = 2.0
    noise = np.random.default_rng(0).normal(scale=noise_meV * 27e-3, size=400)
    energies = energies_of(truth, structures) + noise
    report = fit_pair_model(host, structures, energies, cutoff_A=2.7, ewald=False).report
    assert report.n_parameters == 5
    # A standard error of 1/sqrt(2 n) on a root mean square
    assert report.training_rmse_meV == pytest.approx(noise_meV, rel=0.12)
    assert report.k_fold_rmse_meV == pytest.approx(noise_meV, rel=0.12)
    assert report.training_rmse_meV < report.loo_rmse_meV
    assert report.spread_meV > 3 * noise_meV
    assert (
        "5 parameters on 400 energies that spread by 7.44 meV per site: RMSE 1.98"
        in report.sentence()
    )


def test_left_out_residuals_equal_fits_without_each_row():
    rng = np.random.default_rng(0)
    columns = np.column_stack([np.ones(30), rng.normal(size=(30, 6))])
    y = columns @ rng.normal(size=7) + rng.normal(scale=0.5, size=30)
    fit = fit_ridge(columns, y, free=2)
    assert fit.penalty in PENALTIES
    scale = columns[:, 2:].std(axis=0)
    penalty = np.diag([0.0, 0.0, *(fit.penalty * 30 * scale**2)])
    for row in range(30):
        rest = np.arange(30) != row
        a = columns[rest].T @ columns[rest] + penalty
        left_out = y[row] - columns[row] @ np.linalg.solve(a, columns[rest].T @ y[rest])
        assert fit.left_out_residuals[row] == pytest.approx(left_out, rel=1e-9)
    whole = np.linalg.solve(columns.T @ columns + penalty, columns.T @ y)
    assert fit.coefficients == pytest.approx(whole, rel=1e-9)


def test_too_few_energies_are_refused(halide):
    structures = orderings_of_any_composition(Supercell(halide, (1, 1, 2)), 12, seed=2)
    with pytest.raises(MlipsseError, match=r"12 energies cannot determine the \d+ parameters"):
        fit_pair_model(halide, structures, np.zeros(12), cutoff_A=5.0, ewald=False)


def test_pairs_that_small_cells_cannot_separate_are_refused():
    host = simple_host(spacings_A=(2.0, 2.3, 2.6))
    structures = orderings_of_any_composition(Supercell(host, (2, 2, 2)), 60, seed=4)
    energies = np.random.default_rng(0).normal(size=60)
    # 4 Å along x leads back to the site itself: that pair is the site's own energy.
    with pytest.raises(MlipsseError, match=r"cannot be separated in these cells: A-A at 4\.00 Å"):
        fit_pair_model(host, structures, energies, cutoff_A=4.1, ewald=False)


def test_ewald_term_of_equal_charges_is_refused():
    host = simple_host(spacings_A=(2.0, 2.3, 2.6), charges={"A": 1, "B": 1})
    structures = orderings_of_any_composition(Supercell(host, (3, 3, 3)), 60, seed=4)
    energies = np.random.default_rng(0).normal(size=60)
    with pytest.raises(MlipsseError, match=r"the Ewald energy.*remove the Ewald term"):
        fit_pair_model(host, structures, energies, cutoff_A=2.7, ewald=True)


@pytest.mark.parametrize("energies", [np.zeros(3), np.array([0.0, np.nan])])
def test_energies_that_do_not_fit_are_refused(halide, energies):
    structures = orderings_of_any_composition(Supercell(halide, (1, 1, 1)), 2, seed=2)
    with pytest.raises(MlipsseError, match="one finite energy per structure: 2 structures"):
        fit_pair_model(halide, structures, energies, cutoff_A=5.0, ewald=False)


def test_a_cutoff_below_the_nearest_pair_leaves_sites_alone():
    host = simple_host(spacings_A=(4.0, 4.0, 4.0))
    assert find_pair_clusters(host, 3.0).pair_orbits == ()
