"""He et al.'s counting estimate."""

import numpy as np
import pytest

from mlipsse.errors import MlipsseError
from mlipsse.transport import mean_squared_displacement
from mlipsse.transport.diffusion.counting import counting_error


@pytest.mark.parametrize(("hops", "percent"), [(100, 38), (1000, 15), (5000, 9)])
def test_the_published_values(hops, percent):
    """N_eff of 100, 1000 and 5000 give 38, 15 and 9 % in the paper's formula."""
    flight = np.linspace(0, 3.0 * np.sqrt(hops / 10), 50)  # the largest MSD is hops/10 squares
    positions = np.zeros((50, 10, 3))
    positions[:, :, 0] = flight[:, None]
    found = counting_error(mean_squared_displacement(positions, frame_spacing_ps=0.1))
    assert found.effective_hops == pytest.approx(hops)
    assert round(100 * found.relative_std) == percent


def test_no_motion_no_error_that_is_finite():
    msd = mean_squared_displacement(np.zeros((5, 2, 3)), frame_spacing_ps=0.1)
    assert counting_error(msd).relative_std == np.inf
    with pytest.raises(MlipsseError, match="hop length"):
        counting_error(msd, hop_length_A=0.0)
