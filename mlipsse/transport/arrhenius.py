"""Activation energy from diffusivities at several temperatures."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.units import BOLTZMANN_EV_K


@dataclass(frozen=True, eq=False)
class ArrheniusFit:
    """ln D = ln D0 - Ea / (kB T).

    activation_energy_eV : eV; None below two temperatures
    activation_energy_std_eV : eV; None below three temperatures
    prefactor_cm2_s : D0, cm²/s; None below two temperatures
    covariance : (2, 2) of (ln D0, Ea/eV); None below three temperatures
    temperature_K : temperatures that were fitted
    """

    activation_energy_eV: float | None
    activation_energy_std_eV: float | None
    prefactor_cm2_s: float | None
    covariance: np.ndarray | None
    temperature_K: tuple[float, ...]

    def diffusivity_cm2_s(self, temperature_K: float) -> float | None:
        """D of the fitted line at a temperature, cm²/s; None when there is no line."""
        if self.activation_energy_eV is None or self.prefactor_cm2_s is None:
            return None
        _check_temperatures([temperature_K])
        exponent = -self.activation_energy_eV / (BOLTZMANN_EV_K * temperature_K)
        return float(self.prefactor_cm2_s * np.exp(exponent))

    def interval_cm2_s(self, temperature_K: float) -> tuple[float, float] | None:
        """68 % interval of that D, cm²/s; None when the errors are not known."""
        centre = self.diffusivity_cm2_s(temperature_K)
        if centre is None or self.covariance is None:
            return None
        gradient = np.array([1.0, -1.0 / (BOLTZMANN_EV_K * temperature_K)])
        spread = float(np.exp(np.sqrt(gradient @ self.covariance @ gradient)))
        return centre / spread, centre * spread


def fit_arrhenius(
    temperature_K: Sequence[float],
    diffusivity_cm2_s: Sequence[float],
    diffusivity_std_cm2_s: Sequence[float] | None = None,
) -> ArrheniusFit:
    """Fit a line to ln D against 1/T.

    With errors of D the points are weighted by (D/std)², and the error of Ea is the one that
    those errors imply, times the root of the reduced chi² when that is above one: points that
    scatter more than their errors allow widen the result, points that scatter less do not
    narrow it (the scale factor of the Particle Data Group, PTEP 2022, 083C01,
    doi:10.1093/ptep/ptac097, section 5.2.2). Without errors all points weigh alike and the
    scatter alone gives the error (pymatgen's `fit_arrhenius` in its linear mode).

    Parameters
    ----------
    temperature_K : temperatures, K, each once
    diffusivity_cm2_s : D at each, cm²/s
    diffusivity_std_cm2_s : standard error of each D, cm²/s

    Returns
    -------
    ArrheniusFit
        without Ea below two temperatures and without its error below three: what cannot be
        known is None.

    Raises
    ------
    MlipsseError
        for temperatures, diffusivities or errors that are not above zero, or a temperature
        given twice (average its runs first).
    """
    temperatures = np.asarray(temperature_K, dtype=float)
    values = np.asarray(diffusivity_cm2_s, dtype=float)
    _check_temperatures(temperatures)
    if len(values) != len(temperatures) or (
        diffusivity_std_cm2_s is not None and len(diffusivity_std_cm2_s) != len(temperatures)
    ):
        raise MlipsseError("Temperatures, diffusivities and errors must be equally many.")
    if len(np.unique(temperatures)) != len(temperatures):
        raise MlipsseError("A temperature is given twice: average the runs at it first.")
    if not np.all(np.isfinite(values) & (values > 0)):
        raise MlipsseError("An Arrhenius fit takes diffusivities above 0 cm²/s only.")
    fitted = tuple(float(value) for value in temperatures)
    if len(values) < 2:
        return ArrheniusFit(None, None, None, None, fitted)

    design = np.stack([np.ones(len(values)), -1.0 / (BOLTZMANN_EV_K * temperatures)], axis=1)
    sigma = np.ones(len(values))
    if diffusivity_std_cm2_s is not None:
        sigma = np.asarray(diffusivity_std_cm2_s, dtype=float) / values
        if not np.all(np.isfinite(sigma) & (sigma > 0)):
            raise MlipsseError("Standard errors of D must be above 0 cm²/s.")
    scaled = design / sigma[:, None]
    solution, *_ = np.linalg.lstsq(scaled, np.log(values) / sigma, rcond=None)
    covariance = None
    if len(values) > 2:
        residual = (np.log(values) - design @ solution) / sigma
        scatter = float(residual @ residual) / (len(values) - 2)
        factor = scatter if diffusivity_std_cm2_s is None else max(1.0, scatter)
        covariance = factor * np.linalg.inv(scaled.T @ scaled)
    return ArrheniusFit(
        activation_energy_eV=float(solution[1]),
        activation_energy_std_eV=None if covariance is None else float(np.sqrt(covariance[1, 1])),
        prefactor_cm2_s=float(np.exp(solution[0])),
        covariance=covariance,
        temperature_K=fitted,
    )


def _check_temperatures(temperatures: Sequence[float] | np.ndarray) -> None:
    for temperature in temperatures:
        if not (np.isfinite(temperature) and temperature > 0):
            raise MlipsseError(f"Temperatures must be above 0 K, but one is {temperature}.")
