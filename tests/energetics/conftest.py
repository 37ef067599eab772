import numpy as np
import pytest
from ase import Atoms

# Li3InCl6, C2/m, 10.1002/anie.201909805 (cell); positions: In 2a, Li 4g and half of 4h, Cl 8j + 4i.
_CELL = [6.432, 11.093, 6.398, 90.0, 109.8, 90.0]
_CHLORINES = [(0.2385, 0.1674, 0.2381), (0.2385, -0.1674, 0.2381), (0.2458, 0.5, 0.2346)]


def _li3incl6() -> Atoms:
    indium = [(0, 0, 0), (0.5, 0.5, 0)]
    lithium = [(0, 0.327, 0), (0, -0.327, 0), (0.5, 0.827, 0), (0.5, 0.173, 0)]
    lithium += [(0, 0.152, 0.5), (0.5, 0.348, 0.5)]
    half = [tuple(np.multiply(sign, x)) for x in _CHLORINES for sign in (1, -1)]
    chlorine = half + [(x + 0.5, y + 0.5, z) for x, y, z in half]
    return Atoms("In2Li6Cl12", scaled_positions=indium + lithium + chlorine, cell=_CELL, pbc=True)


@pytest.fixture
def li3incl6() -> Atoms:
    return _li3incl6()
