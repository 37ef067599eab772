"""Steady motion of the mobile ions together: a drift of a whole trajectory, or a flow."""

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.transport.ions.drift import RestingPositions

PARTS = 20
CHANCE = 1e-4
"""Probability by which ions without drift are taken for ions that drift."""

LEAST_SHARE = 0.02
"""Share of the ions' mean squared displacement over the run; less drift changes D by less."""


def steady_drift_A(positions: np.ndarray | RestingPositions) -> float | None:
    """How far ions have moved together over the run, Å, where they go one way all the time.

    The mean displacements of `PARTS` parts of the run are compared with 0 by Hotelling's T² test
    (H. Hotelling, Ann. Math. Stat. 2, 360 (1931), doi 10.1214/aoms/1177732979): whatever the ions
    do together, without drift their mean goes as often back as forth.

    Parameters
    ----------
    positions : (n_frames, n_ions, 3), Å, unwrapped; an array, or what is sliced like one

    Returns
    -------
    float or None
        None without a drift, for one that changes D by little (`LEAST_SHARE`), and for runs of
        fewer than two frames a part.
    """
    from scipy import special

    n_frames = positions.shape[0]
    if n_frames < 2 * PARTS:
        return None
    frames = np.linspace(0, n_frames - 1, PARTS + 1).round().astype(int).tolist()
    ends = np.concatenate(
        [np.asarray(positions[slice(frame, frame + 1)], dtype=float) for frame in frames]
    )
    parts = np.diff(ends.mean(axis=1), axis=0)
    mean = parts.mean(axis=0)
    scatter = np.cov(parts.T) + 1e-12 * np.eye(3)
    squared = PARTS * float(mean @ np.linalg.solve(scatter, mean))
    ratio = squared * (PARTS - 3) / (3 * (PARTS - 1))
    drift_A = float(np.linalg.norm(PARTS * mean))
    share = drift_A**2 / max(float(((ends[-1] - ends[0]) ** 2).sum(axis=-1).mean()), 1e-12)
    steady = special.fdtrc(3, PARTS - 3, ratio) < CHANCE and share > LEAST_SHARE
    return drift_A if steady else None


def refuse_steady_drift(positions: np.ndarray) -> None:
    """Refuse a trajectory of mobile ions alone whose mean moves (see `steady_drift_A`).

    Parameters
    ----------
    positions : (n_frames, n_ions, 3), Å, unwrapped; an array, or what is sliced like one

    Raises
    ------
    MlipsseError
        with the length of the drift.
    """
    drift_A = steady_drift_A(positions)
    if drift_A is not None:
        raise MlipsseError(
            f"Every atom is mobile, and all move steadily one way, by {drift_A:.3g} Å over the "
            "run: a drift, which D would include. Give the trajectory with its framework, or "
            "remove the mean motion of the ions themselves by --drift and their symbol (--drift "
            "none keeps it)."
        )
