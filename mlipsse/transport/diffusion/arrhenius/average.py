"""Several runs at one temperature: orderings and replicas."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlipsse.errors import MlipsseError


@dataclass(frozen=True)
class TemperatureAverage:
    """Mean over the runs at one temperature.

    Attributes
    ----------
    temperature_K : K
    diffusivity_cm2_s, diffusivity_std_cm2_s : tracer diffusivity and its standard error, cm²/s
    conductivity_mS_cm, conductivity_std_mS_cm : Nernst-Einstein's and its standard error, mS/cm;
        NaN where they are not known
    n_runs : runs averaged over
    """

    temperature_K: float
    diffusivity_cm2_s: float
    diffusivity_std_cm2_s: float
    conductivity_mS_cm: float
    conductivity_std_mS_cm: float
    n_runs: int


def average_runs(
    values: Sequence[float], stds: Sequence[float], weights: Sequence[float] | None = None
) -> tuple[float, float]:
    """Mean of several runs' results and its standard error.

    A run's result scatters by its own error (within) and by what distinguishes orderings and
    replicas (between). The sample variance of the results holds both, so the larger of it and
    the mean within-variance, over the number of runs, is the variance of the mean (the
    between-variance by the method of moments, never below zero: DerSimonian and Laird, Control.
    Clin. Trials 7, 177 (1986), doi:10.1016/0197-2456(86)90046-2, for equal weights).

    With weights w (of sum 1) the mean is sum w x, and the variance of the mean is the larger of sum
    w² std² (within) and sum w² times the scatter sum w (x - mean)² / (1 - sum w²) (both).

    Parameters
    ----------
    values, stds : result of each run and its standard error, in one unit
    weights : of each run, at least 0 and not all 0 (of a Boltzmann
        distribution, for example); None weighs all alike

    Raises
    ------
    MlipsseError
        without values, with unequally many of the lists, or for a weight below 0.
    """
    if not len(values) or len(values) != len(stds):
        raise MlipsseError(
            f"An average needs at least one run, and an error for each; got {len(values)} "
            f"values and {len(stds)} errors."
        )
    share = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=float)
    if len(share) != len(values) or not (share >= 0).all() or not share.sum() > 0:
        raise MlipsseError(
            f"{len(values)} runs need as many weights, none below 0 and not all 0; got "
            f"{share.tolist()}."
        )
    share = share / share.sum()
    together = float(np.sum(share**2))
    mean = float(share @ np.asarray(values))
    within = float(share**2 @ np.square(stds))
    total = 0.0
    if together < 1 - 1e-12:
        scatter = float(share @ (np.asarray(values) - mean) ** 2) / (1 - together)
        total = together * scatter
    return mean, float(np.sqrt(max(within, total)))
