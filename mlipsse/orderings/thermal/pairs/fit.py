"""Fit a pair model to energies of small cells, and measure its error."""

from collections.abc import Sequence

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.orderings.cell.supercell import Supercell
from mlipsse.orderings.host.model import Host
from mlipsse.orderings.thermal.pairs.columns import PairColumns, determined, pair_columns
from mlipsse.orderings.thermal.pairs.lattice import PairLattice, lay_pairs
from mlipsse.orderings.thermal.pairs.model import PairModel, check_host
from mlipsse.orderings.thermal.pairs.orbits import find_pair_clusters
from mlipsse.orderings.thermal.pairs.report import FitReport
from mlipsse.orderings.thermal.pairs.ridge import fit_ridge

N_FOLDS = 10
CUTOFFS_A = (3.0, 3.5, 4.0, 4.5, 5.0, 5.5, 6.0, 7.0, 8.0)
"""Tried where no cutoff is given."""


def fit_best_pair_model(
    host: Host,
    structures: Sequence[tuple[Supercell, np.ndarray]],
    energies_eV: Sequence[float] | np.ndarray,
    *,
    ewald: bool,
    formula_units_per_cell: float | None = None,
    seed: int = 0,
) -> PairModel:
    """The fit of `fit_pair_model` whose cutoff of `CUTOFFS_A` is best in cross-validation.

    Raises
    ------
    MlipsseError
        when no cutoff can be fitted, as `fit_pair_model`.
    """
    models, refusal = [], None
    for cutoff_A in CUTOFFS_A:
        try:
            models.append(
                fit_pair_model(
                    host,
                    structures,
                    energies_eV,
                    cutoff_A=cutoff_A,
                    ewald=ewald,
                    formula_units_per_cell=formula_units_per_cell,
                    seed=seed,
                )
            )
        except MlipsseError as error:
            # Small cells do not resolve distant pairs; nearer ones may suffice.
            refusal = error
    if not models and refusal is not None:
        raise refusal
    return min(models, key=lambda model: model.report.k_fold_rmse_meV if model.report else np.inf)


def fit_pair_model(
    host: Host,
    structures: Sequence[tuple[Supercell, np.ndarray]],
    energies_eV: Sequence[float] | np.ndarray,
    *,
    cutoff_A: float,
    ewald: bool,
    formula_units_per_cell: float | None = None,
    seed: int = 0,
) -> PairModel:
    """Fit energies of orderings by energies of species on sites and of pairs up to a cutoff.

    Ridge regression on energies per host cell, every structure counted once; the penalty is chosen
    by leave-one-out cross-validation, none (plain least squares) being one of the choices. Give
    symmetry-distinct orderings: copies make the cross-validation look better than it is.

    Totals of species that the structures' compositions leave open (one composition alone, or
    neutral ones alone) are left out: they shift energies between compositions, not within one.

    Parameters
    ----------
    host : the disordered crystal
    structures : supercells of the host, and labels (n_sites,) that index the sublattices' species
    energies_eV : (n,) of the whole supercells, eV, all of one potential and either all relaxed or
        none
    cutoff_A : largest distance of a pair
    ewald : whether to add the Ewald energy of the formal charges with one fitted factor
    formula_units_per_cell : of the host's cell, for the report
    seed : of the parts of the cross-validation

    Raises
    ------
    MlipsseError
        for numbers that do not fit together, and for energies too few or cells too small to
        determine every parameter.
    """
    energies = np.asarray(energies_eV, dtype=float)
    if energies.shape != (len(structures),) or not np.isfinite(energies).all():
        raise MlipsseError(
            f"A fit takes one finite energy per structure: {len(structures)} structures came with "
            f"energies of shape {energies.shape}, "
            f"{int(np.isfinite(energies).sum())} of them finite."
        )
    clusters = find_pair_clusters(host, cutoff_A)
    lattices: dict[int, PairLattice] = {}
    for supercell, _ in structures:
        if id(supercell) not in lattices:
            check_host(host, supercell.host)
            lattices[id(supercell)] = lay_pairs(clusters, supercell, ewald=ewald)
    per_cell = np.array([1 / supercell.n_cells for supercell, _ in structures])
    counts = np.array([lattices[id(cell)].counts(labels) for cell, labels in structures])
    coulomb = np.array([lattices[id(c)].ewald_energy_eV(labels) for c, labels in structures])
    columns = pair_columns(
        clusters, counts * per_cell[:, None], coulomb * per_cell if ewald else None
    )
    columns = determined(columns, clusters)
    y = energies * per_cell
    fit = fit_ridge(columns.values, y, free=columns.free)
    constant, factor, entries = columns.model(fit.coefficients)
    k_fold = _k_fold_residuals(columns, y, seed=seed)
    report = FitReport(
        n_structures=len(y),
        n_parameters=columns.values.shape[1],
        ridge=fit.penalty,
        spread_meV=1e3 * float(y.std()),
        training_rmse_meV=1e3 * _rms(fit.residuals),
        loo_rmse_meV=1e3 * _rms(fit.left_out_residuals),
        k_fold_rmse_meV=1e3 * _rms(k_fold),
        largest_error_meV=1e3 * float(np.abs(fit.left_out_residuals).max()),
        n_folds=min(N_FOLDS, len(y)),
        sites_per_cell=len(host.scaled_positions),
        formula_units_per_cell=formula_units_per_cell,
        inverse_dielectric=factor,
    )
    return PairModel(clusters, entries, constant, factor, report)


def _k_fold_residuals(columns: PairColumns, y: np.ndarray, *, seed: int) -> np.ndarray:
    """Errors of every structure when its part was left out, the penalty chosen by the others."""
    order = np.random.default_rng(seed).permutation(len(y))
    residuals = np.empty(len(y))
    for part in np.array_split(order, min(N_FOLDS, len(y))):
        rest = np.setdiff1d(order, part)
        fit = fit_ridge(columns.values[rest], y[rest], free=columns.free)
        residuals[part] = y[part] - columns.values[part] @ fit.coefficients
    return residuals


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))
