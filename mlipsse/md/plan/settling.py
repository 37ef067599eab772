"""Whether the volume of an NPT part has settled, so that its average is a cell to go on with."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

BLOCKS = 10
"""Equal parts of the averaged half whose mean volumes are compared."""

MAX_DRIFT_PERCENT = 2.0
"""Drift of the volume over the averaged half that does no harm: its average is off by half of it,
which a crystal with a bulk modulus of 20 to 60 GPa answers with 0.2 to 0.6 GPa."""

MIN_ERRORS = 3.0
"""Standard errors that a drift must exceed to be one; noise does so in 2 % of series whose blocks
are independent, in 4 % with an autocorrelation time of half a block."""

MAX_CORRELATION = 0.8
"""Correlation of neighbouring blocks; ten blocks cannot separate a larger one from a drift."""

MAX_GROWTH_PERCENT = 25
"""Change of the volume against the start of the dynamics, either way, that stops a run: thermal
expansion up to melting stays below 10 %."""


@dataclass(frozen=True)
class Settling:
    """Trend of the volume over the second half of an NPT part.

    Attributes
    ----------
    drift_percent : change over that half, of a straight line through its block means, in percent
        of their mean
    error_percent : standard error of `drift_percent`, from the scatter of the blocks about the line
        and the correlation of neighbours
    """

    drift_percent: float
    error_percent: float

    @property
    def settled(self) -> bool:
        """Whether there is no drift that does harm and is more than noise."""
        drift = abs(self.drift_percent)
        return not (drift > MAX_DRIFT_PERCENT and drift > MIN_ERRORS * self.error_percent)


def settling(volumes_A3: np.ndarray) -> Settling:
    """Least-squares line through block means, and the error of its slope.

    The variance of the slope is that of independent residuals times (1 + r) / (1 - r), with the
    correlation r of neighbouring residuals between 0 and `MAX_CORRELATION`: a first-order
    autoregressive process (e.g. Zwiers and von Storch, J. Climate 8, 336, 1995). LAMMPS decks
    compute the same (`lammps_templates/in.lammps.j2`).

    Parameters
    ----------
    volumes_A3 : (n,) means of n equal parts, n above 2, Å³
    """
    n = len(volumes_A3)
    place = np.arange(n) - (n - 1) / 2
    mean = volumes_A3.mean()
    slope = place @ volumes_A3 / (place @ place)
    residual = volumes_A3 - mean - slope * place
    squares = float(residual @ residual)
    correlation = float(residual[1:] @ residual[:-1]) / squares if squares > 0 else 0.0
    correlation = min(max(correlation, 0.0), MAX_CORRELATION)
    variance = squares / (n - 2) / (place @ place) * (1 + correlation) / (1 - correlation)
    percent = 100 * n / mean
    return Settling(float(percent * slope), float(percent * math.sqrt(variance)))


def block_means(step: np.ndarray, volume_A3: np.ndarray, *, npt_steps: int) -> np.ndarray | None:
    """Means of the blocks of the second half of an NPT part, from rows of a thermo log.

    Parameters
    ----------
    step : (n,) int, ascending
    volume_A3 : (n,) at these steps
    npt_steps : length of the NPT part

    Returns
    -------
    (BLOCKS,) or None
        None where there was no NPT part, it has not ended, or a block has no row.
    """
    if not npt_steps or not len(step) or step[-1] < npt_steps:
        return None
    half = npt_steps // 2
    inside = (step > half) & (step <= npt_steps)
    block = ((step[inside] - half - 1) * BLOCKS) // (npt_steps - half)
    rows = np.bincount(block, minlength=BLOCKS)
    if rows.min() == 0:
        return None
    sums: np.ndarray = np.bincount(block, weights=volume_A3[inside], minlength=BLOCKS)
    return sums / rows


def deck_settling(npt_steps: int) -> dict[str, Any]:
    """Numbers by which a deck judges the volume as `settling` does.

    Returns
    -------
    dict
        `blocks`: their numbers from 1; `places`: of them on the line, about its middle; `spread`:
        sum of their squares; `block_steps`; and the limits.
    """
    places = [k - (BLOCKS - 1) / 2 for k in range(BLOCKS)]
    return {
        "blocks": list(range(1, BLOCKS + 1)),
        "places": places,
        "spread": sum(place * place for place in places),
        "block_steps": npt_steps // (2 * BLOCKS),
        "max_drift_percent": MAX_DRIFT_PERCENT,
        "min_errors": MIN_ERRORS,
        "max_correlation": MAX_CORRELATION,
        "max_growth": MAX_GROWTH_PERCENT / 100,
    }
