"""A rotor phase and a melt by a real potential, in the decks that are shipped."""

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.io import read

from mlipsse.md.files.data_file import types_of
from mlipsse.md.files.deck import mace_commands
from mlipsse.md.files.folder import render_folder
from mlipsse.md.files.record import RunSubject, read_record, record_of
from mlipsse.md.plan.protocol import Protocol
from mlipsse.md.run import run_folder
from mlipsse.md.watch.health import read_thermo, run_health
from mlipsse.potential.lammps.plugin import build_plugin
from mlipsse.transport import analyse_run


def run(folder: Path, atoms: Atoms, bundle: Path, temperature_K: float) -> Path:
    """10 ps of the atoms, sorted by element, with the shipped potential."""
    atoms = atoms[np.argsort(atoms.numbers, kind="stable")]
    subject = RunSubject(
        formula="X",
        composition="X",
        ordering="X-o000",
        replica=0,
        mobile="Li",
        mobile_charge_e=1,
    )
    protocol = Protocol(
        temperature_K=temperature_K, equilibration_ps=0, production_ps=10, dump_every_fs=50
    )
    render_folder(
        folder,
        atoms,
        record_of(atoms, subject, protocol),
        pair_commands=mace_commands(
            plugin=build_plugin(),
            model=bundle / f"{bundle.name}.pt",
            species=types_of(atoms.get_chemical_symbols()),
        ),
    )
    return folder


@pytest.mark.slow
def test_thiophosphate_groups_turn_at_700_K_and_are_no_melt(
    tmp_path: Path, shipped_bundle: Path
) -> None:
    crystal = read(shipped_bundle / "hosts" / "gamma-Li3PS4_Pmn21.cif").repeat((2, 2, 2))
    folder = run(tmp_path / "rotor", crystal, shipped_bundle, 700.0)
    assert run_folder(folder).status == "done"
    health = run_health(folder, read_record(folder))
    assert health.framework_msd_A2 > 3.0, "its sulphurs turn"
    assert health.framework_displaced < 0.5
    transport = analyse_run(folder)
    assert not transport.framework.melted


@pytest.mark.slow
def test_a_melt_is_found_within_10_ps(tmp_path: Path, shipped_bundle: Path) -> None:
    crystal = bulk("LiCl", "rocksalt", a=5.13, cubic=True).repeat((2, 2, 2))
    folder = run(tmp_path / "melt", crystal, shipped_bundle, 2000.0)
    result = run_folder(folder)
    assert result.status == "melted"
    assert "% of the framework's centres are displaced" in (result.reason or "")
    assert read_thermo(folder).step[-1] <= 10_000
