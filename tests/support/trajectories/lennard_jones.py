"""Runs of a 64-atom rock-salt crystal with Lennard-Jones forces: 100,000 steps take a second."""

from pathlib import Path
from typing import Any

from ase import Atoms
from ase.build import bulk

from mlipsse.engines import EngineName
from mlipsse.md.files.folder import render_folder
from mlipsse.md.files.record import RunSubject, record_of
from mlipsse.md.plan.protocol import Protocol

LENNARD_JONES = (
    "pair_style lj/cut 5.0",
    "pair_coeff 1 1 0.02 3.6",
    "pair_coeff 1 2 0.4 2.3",
    "pair_coeff 2 2 0.02 2.9",
    "pair_modify shift yes",  # a jump of energy at the cutoff stalls the relaxation
)
CONDUCTOR = (  # Li between the atoms of a stiff fcc lattice of Cl: D near 1e-4 cm²/s at 400 K
    "pair_style lj/cut 5.0",
    "pair_coeff 1 1 0.4 3.24",
    "pair_coeff 1 2 0.02 1.9",
    "pair_coeff 2 2 0.005 2.0",
    "pair_modify shift yes",
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


SUBJECT = RunSubject(
    formula="LiCl",
    composition="LiCl",
    ordering="LiCl-o000",
    replica=0,
    mobile="Li",
    mobile_charge_e=1,
)


def render(
    folder: Path,
    *,
    pair_commands: tuple[str, ...] = LENNARD_JONES,
    template_dir: Path | None = None,
    replace: bool = False,
    engine: EngineName = "mlipsse",
    **changes: Any,
) -> Path:
    """Render a run into `folder` and return it; keyword arguments change the protocol."""
    atoms = rock_salt()
    render_folder(
        folder,
        atoms,
        record_of(atoms, SUBJECT, Protocol(**(SHORT | changes))),
        pair_commands=pair_commands,
        engine=engine,
        template_dir=template_dir,
        replace=replace,
    )
    return folder
