"""Diffusivity of parts of a run, whose spread is an error that assumes nothing of the ions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.transport.diffusion.diffusivity import Diffusivity, fit_diffusivity
from mlipsse.transport.diffusion.displacement.msd import mean_squared_displacement
from mlipsse.transport.diffusion.displacement.window import WindowSettings
from mlipsse.transport.ions.drift import RestingPositions


@dataclass(frozen=True)
class BlockSpread:
    """D of every part, in one window.

    Attributes
    ----------
    values_cm2_s : of the parts, in order; a trend among them shows a run that was not in
        equilibrium
    std_cm2_s : standard error of their mean; itself uncertain by 1 / sqrt(2 (n - 1)): 41 % of four
    window_ps : lags of the fit in every part
    """

    values_cm2_s: tuple[float, ...]
    std_cm2_s: float
    window_ps: tuple[float, float]


def block_spread(
    positions: np.ndarray | RestingPositions,
    fit: Diffusivity,
    *,
    frame_spacing_ps: float,
    blocks: int = 4,
    settings: WindowSettings | None = None,
) -> BlockSpread | None:
    """Fit D in each of some equal parts of the run, from where the whole's window starts.

    Parameters
    ----------
    positions : (n_frames, n_ions, 3), Å, unwrapped, drift removed: an array, or `RestingPositions`
    fit : of the whole run, diffusive
    frame_spacing_ps : time between frames, ps
    blocks : parts, at least two
    settings : rules of the window

    Returns
    -------
    BlockSpread or None
        None where a part is too short: it must be twice as long as the last lag of its window,
        which must be 1.5 times the first.

    Raises
    ------
    MlipsseError
        for fewer than two parts.
    """
    if blocks < 2:
        raise MlipsseError(f"A spread needs at least 2 blocks, but {blocks} is asked for.")
    if fit.window_ps is None or not fit.diffusive:
        return None
    length = positions.shape[0] // blocks
    first = round(fit.window_ps[0] / frame_spacing_ps)
    last = min(round(fit.window_ps[1] / frame_spacing_ps), (length - 1) // 2)
    if last < max(1.5 * first, first + 4):
        return None
    window_ps = (first * frame_spacing_ps, last * frame_spacing_ps)
    rules = replace(settings or WindowSettings(), window_ps=window_ps, judged=False)
    values = []
    for block in range(blocks):
        part = slice(block * length, (block + 1) * length)
        msd = mean_squared_displacement(positions[part], frame_spacing_ps=frame_spacing_ps)
        values.append(fit_diffusivity(msd, rules).diffusivity_cm2_s or 0.0)
    return BlockSpread(tuple(values), _standard_error(values), window_ps)


def _standard_error(values: Sequence[float]) -> float:
    return float(np.std(values, ddof=1) / np.sqrt(len(values)))
