"""How well a pair model was fitted."""

from dataclasses import dataclass


@dataclass(frozen=True)
class FitReport:
    """Errors of a fit; all energies in meV per host cell.

    Attributes
    ----------
    n_structures, n_parameters : energies given, numbers fitted to them
    ridge : strength of the penalty, 0 for plain least squares; chosen by the leave-one-out error
    spread_meV : standard deviation of the energies themselves: the error of a model that knows
        nothing but their mean
    training_rmse_meV : root mean square residual
    loo_rmse_meV : leave-one-out error at the chosen penalty
    k_fold_rmse_meV : of structures left out in `n_folds` parts, the penalty chosen anew without
        each: the error to quote
    largest_error_meV : largest leave-one-out error
    n_folds : parts of the cross-validation
    sites_per_cell : sites of the host's cell, vacant ones included
    formula_units_per_cell : None where it is not known
    inverse_dielectric : fitted 1 / epsilon; None without the Ewald term
    """

    n_structures: int
    n_parameters: int
    ridge: float
    spread_meV: float
    training_rmse_meV: float
    loo_rmse_meV: float
    k_fold_rmse_meV: float
    largest_error_meV: float
    n_folds: int
    sites_per_cell: int
    formula_units_per_cell: float | None
    inverse_dielectric: float | None

    def sentence(self) -> str:
        """The report in words, errors per formula unit where that is known, else per site."""
        if self.formula_units_per_cell is not None:
            units, unit = self.formula_units_per_cell, "formula unit"
        else:
            units, unit = float(self.sites_per_cell), "site"
        text = (
            f"{self.n_parameters} parameters on {self.n_structures} energies that spread by "
            f"{self.spread_meV / units:.3g} meV per {unit}: RMSE "
            f"{self.training_rmse_meV / units:.3g} in training, "
            f"{self.k_fold_rmse_meV / units:.3g} in {self.n_folds}-fold cross-validation, "
            f"largest leave-one-out error {self.largest_error_meV / units:.3g}"
        )
        if self.inverse_dielectric is None:
            return text + "."
        if self.inverse_dielectric <= 0:
            return (
                text + f"; the fitted 1/epsilon, {self.inverse_dielectric:.3g}, is not positive: "
                "the Ewald term describes something else here."
            )
        return text + f"; dielectric constant {1 / self.inverse_dielectric:.3g}."
