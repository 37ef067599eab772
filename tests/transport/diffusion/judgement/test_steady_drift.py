"""Trajectories of mobile ions alone: drift is refused, common motion is not."""

import numpy as np
import pytest

from mlipsse.errors import MlipsseError
from mlipsse.transport.diffusion.judgement.steady_drift import refuse_steady_drift


def ions(seed: int, *, drift_A: float = 0.0, together: float = 0.0) -> np.ndarray:
    """(600, 24, 3): a walk, a part of whose steps all ions make together."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(0, 0.5, (600, 24, 3)) + together * rng.normal(0, 0.5, (600, 1, 3))
    return steps.cumsum(axis=0) + np.linspace(0, drift_A, 600)[:, None, None] * [0.6, 0.8, 0]


@pytest.mark.parametrize("together", [0.0, 1.0, 3.0])
def test_ions_without_drift_are_taken(together: float) -> None:
    for seed in range(300):
        refuse_steady_drift(ions(seed, together=together))


def test_drift_is_refused() -> None:
    for seed in range(10):
        with pytest.raises(MlipsseError, match=r"move steadily one way, by 2\d(\.\d)? Å"):
            refuse_steady_drift(ions(seed, drift_A=25.0))
    refuse_steady_drift(ions(0, drift_A=1.0))  # beside walks of 21 Å it changes nothing
