"""Runs to try, and a reader of their frames that is not ours."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from MDAnalysis.coordinates.DCD import DCDReader

from mlipsse.md.files.record import read_record
from tests.support.trajectories.lennard_jones import render, rock_salt


@pytest.fixture
def crystal() -> Atoms:
    return rock_salt()


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Path]:
    """Render a run (`lennard_jones.render`) and return its folder."""

    def make(name: str = "run", **changes: Any) -> Path:
        return render(tmp_path / name, **changes)

    return make


@pytest.fixture
def frames_by_step() -> Callable[[Path], dict[int, np.ndarray]]:
    """Reader of positions by step, the later part counting where two overlap (MDAnalysis)."""

    def read(folder: Path) -> dict[int, np.ndarray]:
        record = read_record(folder)
        parts = {int(path.name.split(".")[1]): path for path in folder.glob("traj.*.dcd")}
        found: dict[int, np.ndarray] = {}
        for first_step, path in sorted(parts.items()):
            found = {step: frame for step, frame in found.items() if step < first_step}
            with DCDReader(str(path), dt=1.0) as reader:
                for index, frame in enumerate(reader):
                    found[first_step + index * record.dump_every_steps] = frame.positions.copy()
        return found

    return read
