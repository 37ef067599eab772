"""A rotor phase and a melt by a real potential, in the decks that are shipped."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.io import read

from mlipsse.md.files.data_file import types_of
from mlipsse.md.files.deck import mace_commands
from mlipsse.md.files.folder import render_folder
from mlipsse.md.files.record import record_of
from mlipsse.md.plan.protocol import Protocol
from mlipsse.md.run import run_folder
from mlipsse.md.watch.health import read_thermo
from mlipsse.potential.lammps.plugin import build_plugin
from mlipsse.transport import analyse_run
from tests.support.trajectories.lennard_jones import SUBJECT


def run(
    folder: Path, atoms: Atoms, bundle: Path, *, temperature_K: float, length_ps: float
) -> Path:
    """A run of the atoms, sorted by element, with the shipped potential."""
    atoms = atoms[np.argsort(atoms.numbers, kind="stable")]
    protocol = Protocol(
        temperature_K=temperature_K, equilibration_ps=0, production_ps=length_ps, dump_every_fs=50
    )
    formula = atoms.get_chemical_formula()
    subject = replace(SUBJECT, formula=formula, composition=formula, ordering=f"{formula}-o000")
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
    folder = run(tmp_path / "rotor", crystal, shipped_bundle, temperature_K=700.0, length_ps=10)
    assert run_folder(folder).status == "done"
    found = analyse_run(folder).framework
    assert not found.melted
    assert found.turns, "the MSD of its framework is beyond that of vibrations"


@pytest.mark.slow
def test_a_melt_is_found_within_10_ps(tmp_path: Path, shipped_bundle: Path) -> None:
    crystal = bulk("LiCl", "rocksalt", a=5.13, cubic=True).repeat((2, 2, 2))
    folder = run(tmp_path / "melt", crystal, shipped_bundle, temperature_K=2000.0, length_ps=40)
    result = run_folder(folder)
    assert result.status == "melted"
    assert "% of the framework's centres are displaced" in (result.reason or "")
    assert read_thermo(folder).step[-1] <= 10_000
