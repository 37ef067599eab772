import json

import numpy as np
import pytest

from tests.support.trajectories.dcd import write_dcd

DIMENSIONS = (11.0, 12.0, 13.0, 80.0, 75.0, 65.0)
SPECIES = ("Li", "Li", "In", "Cl", "Cl")
FIRST, EVERY, PRODUCTION = 500, 100, 2000


@pytest.fixture
def full() -> np.ndarray:
    """Every frame of a run of 21 frames and 5 atoms, float32 as a DCD holds them."""
    walk = np.random.default_rng(3).normal(0, 0.4, (PRODUCTION // EVERY + 1, len(SPECIES), 3))
    return np.cumsum(walk, axis=0).astype(np.float32)


@pytest.fixture
def make_run(tmp_path, full):
    """Write a run folder; `parts` maps a first step to a number of frames."""

    def make(parts, *, positions=full, record=(), dimensions=None):
        content = {
            "formula": "Li2InCl2",
            "composition": "Li2InCl2",
            "ordering": "o001",
            "temperature_K": 800.0,
            "replica": 0,
            "timestep_fs": 2.0,
            "dump_every_steps": EVERY,
            "equilibration_steps": FIRST,
            "production_steps": PRODUCTION,
            "species": list(SPECIES),
            "mobile": "Li",
            "mobile_charge_e": 1,
        }
        content.update(record)
        (tmp_path / "run.json").write_text(json.dumps(content))
        for step, count in parts.items():
            start = (step - FIRST) // EVERY
            cell = (dimensions or {}).get(step, DIMENSIONS)
            write_dcd(tmp_path / f"traj.{step}.dcd", positions[start : start + count], cell)
        return tmp_path

    return make
