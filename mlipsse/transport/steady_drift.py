"""Steady motion of a whole trajectory that holds nothing but mobile ions."""

import numpy as np

from mlipsse.errors import MlipsseError

PARTS = 20
CHANCE = 1e-4
"""Probability by which ions without drift are refused."""

LEAST_SHARE = 0.02
"""Of the ions' mean squared displacement over the run: less drift changes D by less."""


def refuse_steady_drift(positions: np.ndarray) -> None:
    """Refuse ions whose common motion goes the same way all the time.

    The mean displacements of `PARTS` parts of the run are compared with 0 by Hotelling's T² test
    (H. Hotelling, Ann. Math. Stat. 2, 360 (1931), doi 10.1214/aoms/1177732979): whatever the ions
    do together, without drift their mean goes as often back as forth.

    Parameters
    ----------
    positions : (n_frames, n_ions, 3), Å, unwrapped; an array, or what is sliced like one

    Raises
    ------
    MlipsseError
        with the length of the drift.
    """
    from scipy import special

    n_frames = len(positions)
    if n_frames < 2 * PARTS:
        return
    frames = np.linspace(0, n_frames - 1, PARTS + 1).round().astype(int)
    ends = np.array([np.asarray(positions[int(frame)], dtype=float) for frame in frames])
    parts = np.diff(ends.mean(axis=1), axis=0)
    mean = parts.mean(axis=0)
    scatter = np.cov(parts.T) + 1e-12 * np.eye(3)
    squared = PARTS * float(mean @ np.linalg.solve(scatter, mean))
    ratio = squared * (PARTS - 3) / (3 * (PARTS - 1))
    drift_A = float(np.linalg.norm(PARTS * mean))
    share = drift_A**2 / max(float(((ends[-1] - ends[0]) ** 2).sum(axis=1).mean()), 1e-12)
    if special.fdtrc(3, PARTS - 3, ratio) < CHANCE and share > LEAST_SHARE:
        raise MlipsseError(
            f"Every atom is mobile, and all of them move steadily one way, by {drift_A:.3g} Å over "
            "the run: a drift, which D would hold. Give the trajectory with its framework, or "
            "remove the mean motion of the ions themselves by --drift and their symbol (--drift "
            "none keeps it)."
        )
