"""How evenly the motion is spread over the ions and over the run."""

from dataclasses import dataclass

import numpy as np

from mlipsse.transport.diffusion.displacement.msd import PARTS, MeanSquaredDisplacement

SIGNIFICANCE = 0.005
"""Chance at which runs of ions that are alike, at rates that last, are called uneven."""

FEWEST_IONS = 6
"""Below, the spread over the ions is too uncertain."""

_SHUFFLES = 2000

_APART = ((0, 2), (1, 3), (0, 3))
"""Quarters of the run that do not touch: an ion that rests for less than a quarter has forgotten it
in the other one. Two halves touch, and of two fast ions among twelve chance finds the same two in
both halves once in 66."""


@dataclass(frozen=True)
class Evenness:
    """Tests of what a single D takes for granted.

    Attributes
    ----------
    ion_correlation : of the ions' mobility between quarters of the run that do not touch: 0 for
        ions that are alike, 1 for ions that each keep a rate of their own. None where unknown
    ions_differ : whether chance gives such a correlation once in 200 runs
    late_to_early : mobility after over that before the time at which both differ most
    rates_change : whether chance gives such a difference once in 200 runs
    changed_at : that time, as a part of the run
    """

    ion_correlation: float | None = None
    ions_differ: bool = False
    late_to_early: float | None = None
    rates_change: bool = False
    changed_at: float | None = None


def judge_evenness(msd: MeanSquaredDisplacement, *, rise_A2: float) -> Evenness:
    """Test whether ions are alike and whether their rates last.

    Mobility is the mean r² over a short lag, at which the MSD has risen by `rise_A2`, in each of
    `PARTS` parts of the run. Ions that are alike have mobilities in one quarter of the run that
    know nothing of those in another: the mean correlation of quarters that do not touch is compared
    with those of ions in random order. Rates that last give parts that differ by chance: the
    largest difference between the means before and after a time is compared with those of parts in
    random order.

    Parameters
    ----------
    msd : of the mobile ions
    rise_A2 : Å²; where the run is too short for it, the largest rise that parts allow
    """
    parts = msd.part_A2
    if parts is None:
        return Evenness()
    # The lag must be short beside a part, or parts share displacements.
    short = msd.excess_lags <= max(1, msd.n_frames // (2 * PARTS))
    usable = np.flatnonzero(short & ~np.isnan(parts).any(axis=(1, 2)))
    if not len(usable):
        return Evenness()
    totals = parts[usable].mean(axis=(1, 2))
    reached = np.flatnonzero(totals - totals[0] >= rise_A2)
    place = int(usable[reached[0]] if len(reached) else usable[-1])
    correlation, differ = _alike(parts[place], together=max(1.0, float(msd.ion_correlation[place])))
    ratio, change, at = _largest_change(parts[place].mean(axis=1))
    return Evenness(correlation, differ, ratio, change, at)


def _alike(mobility: np.ndarray, *, together: float) -> tuple[float | None, bool]:
    """Correlation of (PARTS, n_ions) between quarters; ions in groups are alike within these."""
    n_ions = mobility.shape[1]
    if n_ions < FEWEST_IONS:
        return None, False
    quarters = mobility.reshape(4, PARTS // 4, n_ions).mean(axis=1)
    quarters -= quarters.mean(axis=1, keepdims=True)
    spreads = quarters.std(axis=1, keepdims=True)
    if not (spreads > 0).all():
        return None, False
    quarters /= spreads
    rng = np.random.default_rng(0)
    shuffled = rng.permuted(np.tile(quarters[:, None], (1, _SHUFFLES, 1)), axis=2)
    value = np.mean([quarters[i] @ quarters[j] for i, j in _APART]) / n_ions
    by_chance = np.mean([(shuffled[i] * shuffled[j]).sum(axis=1) for i, j in _APART], axis=0)
    as_large = by_chance / n_ions * np.sqrt(together) >= value - 1e-12
    return float(value), float(np.mean(as_large)) < SIGNIFICANCE


def _largest_change(means: np.ndarray) -> tuple[float, bool, float]:
    if not (means > 0).all():
        return 1.0, False, 0.5
    rng = np.random.default_rng(0)
    means = np.log(means)  # of which parts of all rates scatter alike
    shuffled = np.tile(means, (_SHUFFLES + 1, 1))
    shuffled[1:] = rng.permuted(shuffled[1:], axis=1)
    before = np.cumsum(shuffled, axis=1)[:, :-1]
    count = np.arange(1, len(means))
    contrast = (shuffled.sum(axis=1)[:, None] - before) / (len(means) - count) - before / count
    # In units of the error of the difference, for parts of equal variance.
    sizes = abs(contrast) / np.sqrt(1 / count + 1 / (len(means) - count))
    largest = sizes.max(axis=1)
    at = int(sizes[0].argmax())
    change = float(np.mean(largest[1:] >= largest[0] * (1 - 1e-12))) < SIGNIFICANCE
    return float(np.exp(contrast[0, at])), change, float(count[at] / len(means))
