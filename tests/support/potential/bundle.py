"""What the bundle of the tests is made of."""

import numpy as np

from tests.support.potential.tiny_potential import random_cell

FILES = {"tiny.model", "tiny.pt", "README.md", "in.example", "example.data"}

EXAMPLE = random_cell(cell=np.diag([8.0, 8.5, 9.0]), n_atoms=12, closest_A=2.2, seed=1)
