"""The pair models that a search proposes orderings with: the best fit, and fits to resamples."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.orderings.cell.supercell import Supercell
from mlipsse.orderings.host.model import Host
from mlipsse.orderings.thermal.pairs.fit import fit_best_pair_model, fit_pair_model
from mlipsse.orderings.thermal.pairs.model import PairModel

MOST_TRAINING = 600
"""Energies that a fit takes: the lowest ones, and a quarter of it drawn from the others."""

N_RESAMPLED = 2


@dataclass(frozen=True, eq=False)
class FittedModels:
    """Pair models of one composition.

    Attributes
    ----------
    best : fitted to all energies; None when no fit predicts better than the mean energy does
    resampled : fitted to energies drawn with replacement: where they differ from the best one, its
        parameters are uncertain
    reason : why there is none
    """

    best: PairModel | None
    resampled: tuple[PairModel, ...] = ()
    reason: str = ""

    @property
    def error_meV(self) -> float | None:
        """Of the best one in cross-validation, meV per host cell."""
        if self.best is None or self.best.report is None:
            return None
        return self.best.report.k_fold_rmse_meV


def fit_models(
    host: Host,
    structures: Sequence[tuple[Supercell, np.ndarray]],
    energies_eV: Sequence[float],
    *,
    cutoff_A: float | None,
    rng: np.random.Generator,
) -> FittedModels:
    """Fit to energies of one composition in cells of any size, with an Ewald term where it can be.

    Parameters
    ----------
    structures : supercell and labels (n_sites,) of each
    energies_eV : of the whole cells
    cutoff_A : of the pairs; None for the best in cross-validation
    rng : draws the training set where it is large, and the resamples
    """
    per_cell = np.array(energies_eV) / [cell.n_cells for cell, _ in structures]
    order = np.argsort(per_cell, kind="stable")
    if len(order) > MOST_TRAINING:
        n_lowest = 3 * MOST_TRAINING // 4
        others = rng.choice(order[n_lowest:], MOST_TRAINING - n_lowest, replace=False)
        order = np.concatenate([order[:n_lowest], others])
    best, refusal = None, "there are no energies"
    for ewald in (True, False):
        try:
            best = _fit(host, structures, energies_eV, order, cutoff_A=cutoff_A, ewald=ewald)
            break
        except MlipsseError as error:
            refusal = str(error)
    if best is None:
        return FittedModels(None, reason=refusal)
    report = best.report
    if report is not None and not report.k_fold_rmse_meV < report.spread_meV:
        return FittedModels(
            None,
            reason=f"a pair model is wrong by {report.k_fold_rmse_meV:.1f} meV per host cell, and "
            f"the energies spread by {report.spread_meV:.1f} meV",
        )
    resampled = []
    for _ in range(N_RESAMPLED):
        rows = np.unique(rng.choice(order, len(order)))
        try:
            resampled.append(
                _fit(
                    host,
                    structures,
                    energies_eV,
                    rows,
                    cutoff_A=best.clusters.cutoff_A,
                    ewald=best.inverse_dielectric is not None,
                )
            )
        except MlipsseError:  # too few of them for as many parameters
            continue
    return FittedModels(best, tuple(resampled))


def _fit(
    host: Host,
    structures: Sequence[tuple[Supercell, np.ndarray]],
    energies_eV: Sequence[float],
    rows: np.ndarray,
    *,
    cutoff_A: float | None,
    ewald: bool,
) -> PairModel:
    chosen, energies = [structures[row] for row in rows], [energies_eV[row] for row in rows]
    if cutoff_A is None:
        return fit_best_pair_model(host, chosen, energies, ewald=ewald)
    return fit_pair_model(host, chosen, energies, cutoff_A=cutoff_A, ewald=ewald)
