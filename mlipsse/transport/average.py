"""Several runs at one temperature: orderings and replicas."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlipsse.errors import MlipsseError


@dataclass(frozen=True)
class TemperatureAverage:
    """Mean over the runs at one temperature."""

    temperature_K: float
    diffusivity_cm2_s: float
    diffusivity_std_cm2_s: float
    conductivity_mS_cm: float
    conductivity_std_mS_cm: float
    n_runs: int


def average_runs(values: Sequence[float], stds: Sequence[float]) -> tuple[float, float]:
    """Plain mean of several runs' results and its standard error.

    A run's result scatters by its own error (within) and by what tells orderings and replicas
    apart (between). The sample variance of the results holds both, so the larger of it and
    the mean within-variance, over the number of runs, is the variance of the mean (the
    between-variance by the method of moments, never below zero: DerSimonian and Laird,
    Control. Clin. Trials 7, 177 (1986), doi:10.1016/0197-2456(86)90046-2, for equal weights).

    Parameters
    ----------
    values, stds : result of each run and its standard error, in one unit

    Raises
    ------
    MlipsseError
        without values, or with unequally many of the two.
    """
    if not len(values) or len(values) != len(stds):
        raise MlipsseError(
            f"An average needs at least one run, and an error for each; got {len(values)} "
            f"values and {len(stds)} errors."
        )
    within = float(np.mean(np.square(stds)))
    total = float(np.var(values, ddof=1)) if len(values) > 1 else 0.0
    return float(np.mean(values)), float(np.sqrt(max(within, total) / len(values)))
