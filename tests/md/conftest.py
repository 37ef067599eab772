"""Runs of a 64-atom rock-salt crystal with Lennard-Jones forces: 100,000 steps take a second."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from MDAnalysis.coordinates.DCD import DCDReader

from mlipsse.md.folder import render_folder
from mlipsse.md.protocol import Protocol
from mlipsse.md.record import read_record, record_of

LENNARD_JONES = (
    "pair_style lj/cut 5.0",
    "pair_coeff 1 1 0.02 3.6",
    "pair_coeff 1 2 0.4 2.3",
    "pair_coeff 2 2 0.02 2.9",
    "pair_modify shift yes",  # a jump of energy at the cutoff stalls the relaxation
)
SHORT = {
    "temperature_K": 300.0,
    "equilibration_ps": 2.0,
    "production_ps": 4.0,
    "dump_every_fs": 10.0,
    "restart_every_ps": 1.0,
}


def rock_salt() -> Atoms:
    return bulk("LiCl", "rocksalt", a=5.13, cubic=True).repeat((2, 2, 2))


@pytest.fixture
def crystal() -> Atoms:
    return rock_salt()


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Path]:
    """Render a run and return its folder; keyword arguments change the protocol."""

    def make(
        name: str = "run",
        *,
        pair_commands: tuple[str, ...] = LENNARD_JONES,
        template_dir: Path | None = None,
        replace: bool = False,
        **changes: Any,
    ) -> Path:
        protocol = Protocol(**(SHORT | changes))
        atoms = rock_salt()
        folder = tmp_path / name
        render_folder(
            folder,
            atoms,
            title="LiCl-T0300-r0",
            protocol=protocol,
            record=record_of(
                protocol=protocol,
                formula="LiCl",
                composition="LiCl",
                ordering="LiCl-o000",
                replica=0,
                species=atoms.get_chemical_symbols(),
                mobile="Li",
                mobile_charge_e=1,
            ),
            pair_commands=pair_commands,
            template_dir=template_dir,
            replace=replace,
        )
        return folder

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
