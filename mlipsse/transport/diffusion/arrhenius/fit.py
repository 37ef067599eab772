"""Activation energy from diffusivities at several temperatures."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.units import BOLTZMANN_EV_K

ONE_SIGMA = math.erf(math.sqrt(0.5))
"""Confidence level of one standard error, 68.27 %."""

CURVATURE_LIMIT = 2.0
"""Standard errors of the curvature above which one line does not describe all temperatures."""


@dataclass(frozen=True, eq=False)
class ArrheniusFit:
    """ln D = ln D0 - Ea / (kB T).

    Attributes
    ----------
    activation_energy_eV : eV; None below two temperatures
    activation_energy_std_eV : eV; None when neither errors of D nor scatter determine it
    prefactor_cm2_s : D0, cm²/s; None below two temperatures
    covariance : (2, 2) of (ln D0, Ea/eV); None as the error of Ea
    temperature_K : temperatures that were fitted
    curvature_eV2, curvature_sigma : second derivative of ln D by 1/(kB T), and by how many
        standard errors it differs from 0; below 0 where the slope grows steeper on cooling. None
        below three temperatures with errors of D, below four without
    cautions : what the fit cannot know or does not fit, in sentences
    scatter_freedom : degrees of freedom of the scatter that gave the covariance, for Student's t;
        None where errors of D gave it
    """

    activation_energy_eV: float | None
    activation_energy_std_eV: float | None
    prefactor_cm2_s: float | None
    covariance: np.ndarray | None
    temperature_K: tuple[float, ...]
    curvature_eV2: float | None = None
    curvature_sigma: float | None = None
    cautions: tuple[str, ...] = ()
    scatter_freedom: int | None = None

    def diffusivity_cm2_s(self, temperature_K: float) -> float | None:
        """D of the fitted line at a temperature, cm²/s; None when there is no line."""
        if self.activation_energy_eV is None or self.prefactor_cm2_s is None:
            return None
        _check_temperatures([temperature_K])
        exponent = -self.activation_energy_eV / (BOLTZMANN_EV_K * temperature_K)
        with np.errstate(over="ignore", invalid="ignore"):  # of temperatures side by side
            return float(self.prefactor_cm2_s * np.exp(exponent))

    def interval_cm2_s(
        self, temperature_K: float, *, level: float = ONE_SIGMA
    ) -> tuple[float, float] | None:
        """Interval of that D at a confidence level, cm²/s; None when the errors are not known.

        It holds for the line; where the true curve leaves the line outside of the temperatures that
        were fitted, no interval from the fit can know it.
        """
        centre = self.diffusivity_cm2_s(temperature_K)
        if centre is None or self.covariance is None:
            return None
        gradient = np.array([1.0, -1.0 / (BOLTZMANN_EV_K * temperature_K)])
        variance = float(gradient @ self.covariance @ gradient)
        with np.errstate(over="ignore"):
            spread = float(np.exp(self._sigmas(level) * np.sqrt(variance)))
        return centre / spread, centre * spread

    def energy_interval_eV(self, *, level: float = ONE_SIGMA) -> tuple[float, float] | None:
        """Interval of the activation energy at a confidence level, eV; None without its error."""
        energy, error = self.activation_energy_eV, self.activation_energy_std_eV
        if energy is None or error is None:
            return None
        half = self._sigmas(level) * error
        return energy - half, energy + half

    def _sigmas(self, level: float) -> float:
        """Standard errors to each side: normal, or Student's t where scatter alone gave them."""
        if not 0 < level < 1:
            raise MlipsseError(f"A confidence level lies between 0 and 1, but is {level}.")
        from scipy import special

        if self.scatter_freedom is None:
            return float(special.ndtri(0.5 + level / 2))
        return float(special.stdtrit(self.scatter_freedom, 0.5 + level / 2))


def fit_arrhenius(
    temperature_K: Sequence[float],
    diffusivity_cm2_s: Sequence[float],
    diffusivity_std_cm2_s: Sequence[float] | None = None,
) -> ArrheniusFit:
    """Fit a line to ln D against 1/T.

    With errors of D the points are weighted by (D/std)², and the error of Ea is the one that
    those errors imply, also at two temperatures. When the points scatter more than their errors
    allow (reduced chi² beyond its own 95 % limit), they are widened by the root of the reduced chi²
    (the scale factor of the Particle Data Group, PTEP 2022, 083C01, doi:10.1093/ptep/ptac097,
    section 5.2.2); points that scatter less do not narrow it. Without errors all points weigh alike
    and the scatter alone gives the error (pymatgen's `fit_arrhenius` in its linear mode); where the
    scatter does, intervals are those of Student's t.

    A parabola beside the line shows whether one activation energy describes all temperatures, and a
    step beside it whether D jumps between two of them.

    Parameters
    ----------
    temperature_K : temperatures, K, each once
    diffusivity_cm2_s : D at each, cm²/s
    diffusivity_std_cm2_s : standard error of each D, cm²/s

    Returns
    -------
    ArrheniusFit
        without Ea below two temperatures, and without its error where neither errors nor scatter
        give it: what cannot be known is None, and `cautions` states it.

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
        raise MlipsseError("A temperature is given twice. Average its runs first.")
    if not np.all(np.isfinite(values) & (values > 0)):
        raise MlipsseError("An Arrhenius fit takes diffusivities above 0 cm²/s only.")
    sigma = np.ones(len(values))
    known = diffusivity_std_cm2_s is not None
    if known:
        sigma = np.asarray(diffusivity_std_cm2_s, dtype=float) / values
        if not np.all(np.isfinite(sigma) & (sigma > 0)):
            raise MlipsseError("Standard errors of D must be above 0 cm²/s.")
    fitted = tuple(float(value) for value in temperatures)
    if len(values) < 2:
        caution = (
            "one temperature gives no activation energy and no extrapolation: run at least two"
            if len(values)
            else "no temperature has a diffusivity"
        )
        return ArrheniusFit(None, None, None, None, fitted, cautions=(caution,))

    from scipy import special

    inverse = 1.0 / (BOLTZMANN_EV_K * temperatures)
    logarithm = np.log(values)
    line = _polynomial(inverse, logarithm, sigma, 1)
    freedom = len(values) - 2
    cautions: list[str] = []
    factor: float | None = 1.0 if known else None
    scatter_freedom: int | None = None
    if freedom:
        scatter = line.chi2 / freedom
        if not known:
            factor, scatter_freedom = scatter, freedom
        elif line.chi2 > float(special.chdtri(freedom, 0.05)):
            factor, scatter_freedom = scatter, freedom
            cautions.append(
                f"the diffusivities scatter {np.sqrt(scatter):.1f} times as much around the line "
                "as their errors allow: the error of Ea is widened by as much"
            )
    if len(values) == 2:
        cautions.append(
            "two temperatures give an activation energy but cannot show whether it holds elsewhere"
            + ("" if known else "; without errors of D it has no error")
        )
    if not line.coefficients[1] < 0:
        cautions.append(
            f"the activation energy is {-float(line.coefficients[1]):.3g} eV, not above 0: D does "
            "not rise with temperature; check for wrong temperatures and melted or unsettled runs"
        )
    jump = _jump(inverse, logarithm, sigma, known)
    if jump is not None:
        cold, warm, ratio, in_errors = jump
        cautions.append(
            f"D jumps by a factor {ratio:.3g} between {cold:g} and {warm:g} K ({in_errors:.1f} "
            "standard errors off one line): two phases, or runs of different kinds, require two "
            "lines"
        )
    covariance = None if factor is None else factor * line.covariance * np.outer([1, -1], [1, -1])
    curvature, in_sigmas = _curvature(inverse, logarithm, sigma, known)
    if in_sigmas is not None and abs(in_sigmas) > CURVATURE_LIMIT:
        cautions.append(
            f"ln D is bent against 1/T by {abs(in_sigmas):.1f} standard errors, "
            + (
                "steeper when cold"
                if curvature is not None and curvature < 0
                else "flatter when cold"
            )
            + ": one activation energy does not hold for all temperatures, and the line must not "
            "be extrapolated"
        )
    with np.errstate(over="ignore"):
        prefactor = float(np.exp(line.coefficients[0]))
    return ArrheniusFit(
        activation_energy_eV=-float(line.coefficients[1]),
        activation_energy_std_eV=None if covariance is None else float(np.sqrt(covariance[1, 1])),
        prefactor_cm2_s=prefactor,
        covariance=covariance,
        temperature_K=fitted,
        curvature_eV2=curvature,
        curvature_sigma=in_sigmas,
        cautions=tuple(cautions),
        scatter_freedom=scatter_freedom,
    )


@dataclass(frozen=True, eq=False)
class _Polynomial:
    """Least squares of ln D in powers of 1/(kB T).

    Attributes
    ----------
    coefficients : (degree + 1,) the constant first
    covariance : (degree + 1, degree + 1), for sigma as stated
    chi2 : sum of squared residuals over sigma
    """

    coefficients: np.ndarray
    covariance: np.ndarray
    chi2: float


def _polynomial(
    inverse: np.ndarray, logarithm: np.ndarray, sigma: np.ndarray, degree: int
) -> _Polynomial:
    design = inverse[:, None] ** np.arange(degree + 1) / sigma[:, None]
    solution, *_ = np.linalg.lstsq(design, logarithm / sigma, rcond=None)
    residual = logarithm / sigma - design @ solution
    return _Polynomial(solution, np.linalg.inv(design.T @ design), float(residual @ residual))


def _curvature(
    inverse: np.ndarray, logarithm: np.ndarray, sigma: np.ndarray, known: bool
) -> tuple[float | None, float | None]:
    """Second derivative of ln D by 1/(kB T), and its size in standard errors."""
    freedom = len(inverse) - 3
    if freedom < (0 if known else 1):
        return None, None
    middle = inverse.mean()  # the second derivative is the same everywhere; here it is well fitted
    parabola = _polynomial(inverse - middle, logarithm, sigma, 2)
    value = 2 * float(parabola.coefficients[2])
    variance = 4 * float(parabola.covariance[2, 2])
    if not known:
        variance *= parabola.chi2 / freedom
    if not variance > 0:
        return value, None
    return value, value / float(np.sqrt(variance))


def _jump(
    inverse: np.ndarray, logarithm: np.ndarray, sigma: np.ndarray, known: bool
) -> tuple[float, float, float, float] | None:
    """Largest step beside the line: temperatures around it, K, factor of D, and its size in errors.

    None where it is no larger than chance gives in one of a hundred series; each side of a step
    must hold two temperatures.
    """
    from scipy import special

    n = len(inverse)
    freedom = n - 3
    if n < 4 or (not known and freedom < 2):
        return None
    order = np.argsort(-inverse)
    inverse, logarithm, sigma = inverse[order], logarithm[order], sigma[order]  # cold to hot
    best: tuple[float, float, int] | None = None
    for split in range(2, n - 1):
        design = np.stack([np.ones(n), inverse - inverse.mean(), np.arange(n) >= split], axis=1)
        design = design / sigma[:, None]
        covariance = np.linalg.pinv(design.T @ design)
        solution = covariance @ design.T @ (logarithm / sigma)
        variance = float(covariance[2, 2])
        if not known:
            residual = logarithm / sigma - design @ solution
            variance *= float(residual @ residual) / freedom
        size = float(solution[2]) / np.sqrt(variance) if variance > 0 else 0.0
        if best is None or abs(size) > abs(best[0]):
            best = size, float(solution[2]), split
    if best is None:
        return None
    size, step, split = best
    chance = 0.01 / (n - 3)
    limit = special.ndtri(1 - chance / 2) if known else special.stdtrit(freedom, 1 - chance / 2)
    if abs(size) < limit:
        return None
    kelvin = 1 / (BOLTZMANN_EV_K * inverse)
    return float(kelvin[split - 1]), float(kelvin[split]), float(np.exp(step)), abs(size)


def _check_temperatures(temperatures: Sequence[float] | np.ndarray) -> None:
    for temperature in temperatures:
        if not (np.isfinite(temperature) and temperature > 0):
            raise MlipsseError(f"Temperatures must be above 0 K, but one is {temperature}.")
