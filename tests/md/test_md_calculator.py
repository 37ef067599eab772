"""Runs whose forces come from an ASE calculator: the deck of every run, by another hand."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mlipsse import lammps
from mlipsse.errors import MlipsseError
from mlipsse.md.calculator import RunCalculator, recorded_calculator
from mlipsse.md.files.deck import calculator_commands
from mlipsse.md.files.folder import render_folder
from mlipsse.md.files.record import read_record, record_of
from mlipsse.md.plan.protocol import Protocol
from mlipsse.md.run import run_folder
from mlipsse.transport import read_run
from tests.support.trajectories.lennard_jones import SHORT, SUBJECT, rock_salt

TINY = SHORT | {
    "equilibration_ps": 0.1,
    "production_ps": 0.2,
    "restart_every_ps": 0.1,
    "thermo_every_fs": 10.0,
}
PAIR_STYLE = ("pair_style lj/cut 5.0", "pair_coeff * * 0.05 2.2", "pair_modify shift yes")

CALCULATORS = """
import numpy as np
from ase.calculators.lj import LennardJones


class Faulty(LennardJones):
    calls = 0

    def calculate(self, *arguments, **keywords):
        super().calculate(*arguments, **keywords)
        Faulty.calls += 1
        if Faulty.calls > 150:
            self.faulty()


class Raises(Faulty):
    def faulty(self):
        raise ValueError("no forces today")


class NotANumber(Faulty):
    def faulty(self):
        self.results["forces"] = np.full_like(self.results["forces"], np.nan)
"""


@pytest.fixture
def calculator_file(tmp_path: Path) -> Callable[[str], Path]:
    """The file of a calculator by its class."""
    (tmp_path / "calculators").mkdir()
    (tmp_path / "calculators" / "faulty_lj.py").write_text(CALCULATORS)
    python = tmp_path / "python"
    python.write_text(
        f'#!/bin/sh\nPYTHONPATH="{tmp_path}/calculators:$PYTHONPATH" exec {sys.executable} "$@"\n'
    )
    python.chmod(0o755)

    def make(name: str) -> Path:
        path = tmp_path / f"{name.partition(':')[2]}.yaml"
        path.write_text(
            f"python: {python}\ncalculator: {name}\nfunctional: none\nelements: [Li, Cl]\n"
            "arguments: {epsilon: 0.05, sigma: 2.2, rc: 5.0, smooth: false}\n"
        )
        return path

    return make


def render(folder: Path, calculator: Path | None, **changes: float) -> Path:
    atoms = rock_salt()
    extra = {} if calculator is None else RunCalculator(str(calculator)).extra()
    render_folder(
        folder,
        atoms,
        record_of(atoms, SUBJECT, Protocol(**(TINY | changes)), extra=extra),
        pair_commands=PAIR_STYLE if calculator is None else calculator_commands(),
    )
    return folder


def test_the_run_is_that_of_the_pair_style(
    tmp_path: Path, calculator_file: Callable[[str], Path]
) -> None:
    """Relaxed cell, volume, pressure and trajectory, by the same forces from two programs."""
    paired = render(tmp_path / "paired", None)
    called = render(tmp_path / "called", calculator_file("ase.calculators.lj:LennardJones"))
    results = [run_folder(folder) for folder in (paired, called)]
    assert [(one.status, one.frames) for one in results] == [("done", 21)] * 2
    one, other = (read_run(folder) for folder in (paired, called))
    assert np.abs(one.cell - rock_salt().cell.array).max() > 0.1, "the cell was relaxed"
    assert np.abs(one.cell - other.cell).max() < 1e-3
    apart = np.abs(np.asarray(one.positions) - np.asarray(other.positions)).max()
    moved = np.abs(np.asarray(one.positions)[-1] - np.asarray(one.positions)[0]).max()
    assert apart < 2e-3 < 0.1 < moved
    logs = [_thermo(folder / "log.0.lammps") for folder in (paired, called)]
    assert np.abs(logs[0][:, 3] - logs[1][:, 3]).max() < 1e-3  # energy, eV
    assert np.abs(logs[0][:, 7] - logs[1][:, 7]).max() < 5  # pressure, bar
    assert logs[0][:, 7].std() > 100


def _thermo(path: Path) -> np.ndarray:
    lines = re.findall(r"^  - \[(.*), \]$", path.read_text(), re.MULTILINE)
    return np.array([[float(word) for word in line.split(",")] for line in lines])


def test_a_killed_run_goes_on(tmp_path: Path, calculator_file: Callable[[str], Path]) -> None:
    file = calculator_file("faulty_lj:Raises")
    folder = render(tmp_path / "run", file, relax_cell=False)
    with pytest.raises(MlipsseError, match=r"calculator failed at step \d+: .*no forces today"):
        run_folder(folder)
    file.write_text(file.read_text().replace("faulty_lj:Raises", "ase.calculators.lj:LennardJones"))
    result = run_folder(folder)
    assert (result.status, result.frames, result.resumed_from_step) == ("done", 21, 100)


def test_numbers_that_are_none_end_the_run(
    tmp_path: Path, calculator_file: Callable[[str], Path]
) -> None:
    folder = render(tmp_path / "run", calculator_file("faulty_lj:NotANumber"), relax_cell=False)
    result = run_folder(folder)
    assert result.status == "exploded"
    assert result.reason is not None
    assert "Non-numeric" in result.reason


def test_lmp_refuses_the_deck(tmp_path: Path, calculator_file: Callable[[str], Path]) -> None:
    """Without forces nothing moves: the program must not run it."""
    folder = render(tmp_path / "run", calculator_file("ase.calculators.lj:LennardJones"))
    assert "python -m mlipsse.md.calculator ." in (folder / "in.lammps").read_text()
    child = lammps.start(["-log", "none", "-in", "in.lammps"], folder=folder)
    assert child.wait() != 0
    assert "callback function not set" in (folder / "lammps.out").read_text()
    assert not list(folder.glob("traj.*"))


def test_the_record_names_the_calculator(
    tmp_path: Path, calculator_file: Callable[[str], Path]
) -> None:
    file = calculator_file("ase.calculators.lj:LennardJones")
    folder = render(tmp_path / "run", file)
    record = read_record(folder)
    assert recorded_calculator(record) == RunCalculator(str(file))
    assert len(record.extra["potential_sha256"]) == 64
    assert recorded_calculator(read_record(render(tmp_path / "paired", None))) is None
    program = [sys.executable, "-m", "mlipsse.md.calculator", str(tmp_path / "paired")]
    found = subprocess.run(
        program, capture_output=True, text=True, env=lammps.environment(1), check=False
    )
    assert found.returncode == 1
    assert "names no calculator" in found.stdout
