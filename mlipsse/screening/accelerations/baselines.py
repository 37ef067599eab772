"""What the network must beat: the mean, and a ridge on statistics of the accelerations."""

from collections.abc import Sequence

import numpy as np

from mlipsse.screening.accelerations.displaced import Displaced

_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
PENALTY = 1.0
"""Of the squared weights, of features scaled to variance 1."""


def statistics(displacements: Sequence[Displaced]) -> np.ndarray:
    """(7,) of one crystal: log10 of the mean size of accelerations, its spread, its quantiles.

    Parameters
    ----------
    displacements : of the crystal
    """
    sizes = np.log10(
        np.concatenate([np.linalg.norm(one.accelerations_A_ps2, axis=1) for one in displacements])
        + 1e-9
    )
    return np.array([sizes.mean(), sizes.std(), *np.quantile(sizes, _QUANTILES)])


def ridge(features: np.ndarray, targets: np.ndarray, of: np.ndarray) -> np.ndarray:
    """Predictions (m,) for `of` (m, k) of a ridge regression on `features` (n, k).

    Features that do not vary do not count.
    """
    mean, spread = features.mean(axis=0), features.std(axis=0)
    spread = np.where(spread > 0, spread, np.inf)
    known, asked = (features - mean) / spread, (of - mean) / spread
    centre = targets.mean()
    gram = known.T @ known + PENALTY * np.eye(known.shape[1])
    weights = np.linalg.solve(gram, known.T @ (targets - centre))
    return np.asarray(asked @ weights + centre)
