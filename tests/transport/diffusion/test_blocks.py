"""Spread of D over the parts of a run."""

import numpy as np
import pytest

from mlipsse.errors import MlipsseError
from mlipsse.transport import fit_diffusivity, mean_squared_displacement
from mlipsse.transport.diffusion.blocks import block_spread


def walk(seed, n_frames=1600, n_ions=16, together=1):
    rng = np.random.default_rng(seed)
    steps = rng.normal(0, 0.6, (n_frames, n_ions // together, 3))
    return np.cumsum(np.repeat(steps, together, axis=1), axis=0)


@pytest.mark.parametrize("together", [1, 4])
def test_it_is_the_scatter_between_walks(together):
    """Also of ions that move together. Over 60 walks its mean square is known to 15 %."""
    values, squares = [], []
    for seed in range(60):
        positions = walk(seed, together=together)
        fit = fit_diffusivity(mean_squared_displacement(positions, frame_spacing_ps=0.1))
        found = block_spread(positions, fit, frame_spacing_ps=0.1)
        assert len(found.values_cm2_s) == 4
        values.append(np.mean(found.values_cm2_s))
        squares.append(found.std_cm2_s**2)
    assert np.sqrt(np.mean(squares)) == pytest.approx(np.std(values), rel=0.25)
    assert np.mean(values) == pytest.approx(0.36 / 2 / 0.1 * 1e-4, rel=0.05)


def test_blocks_that_are_too_short_mean_nothing():
    positions = walk(0, n_frames=300)
    fit = fit_diffusivity(mean_squared_displacement(positions, frame_spacing_ps=0.1))
    assert fit.diffusive
    assert block_spread(positions, fit, frame_spacing_ps=0.1, blocks=20) is None
    with pytest.raises(MlipsseError, match="at least 2 blocks"):
        block_spread(positions, fit, frame_spacing_ps=0.1, blocks=1)
