"""NPT, then NVT in the average cell: what LAMMPS does of it, whole and killed."""

from collections.abc import Callable
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms

from mlipsse.errors import MlipsseError
from mlipsse.md.health import read_thermo, run_health
from mlipsse.md.protocol import Protocol
from mlipsse.md.record import read_record
from mlipsse.md.run import run_folder

MakeRun = Callable[..., Path]
NPT = {"npt_ps": 8.0, "restart_every_ps": 2.0, "thermo_every_fs": 10.0}


def test_the_production_runs_in_the_average_cell(make_run: MakeRun) -> None:
    folder = make_run(temperature_K=600.0, production_ps=40.0, **NPT)
    assert run_folder(folder).frames == 4001
    record, thermo = read_record(folder), read_thermo(folder)
    assert record.equilibration_steps == 10_000
    averaged = (thermo.step > 4000) & (thermo.step <= 8000)
    constant = thermo.volume_A3[thermo.step > 8000]
    assert np.ptp(constant) < 1e-6
    # The edges are averaged, not the volume; their fluctuations are a percent.
    assert constant[0] == pytest.approx(thermo.volume_A3[averaged].mean(), rel=3e-4)
    assert constant[0] > 1.02 * thermo.volume_A3[0]  # it has expanded, and the pressure is gone:
    fixed = make_run("fixed", temperature_K=600.0, production_ps=40.0)
    run_folder(fixed)
    pressures_bar = [
        run_health(path, read_record(path)).mean_pressure_bar for path in (folder, fixed)
    ]
    assert None not in pressures_bar
    assert abs(pressures_bar[0] or 0) < 0.3 * abs(pressures_bar[1] or 0)


@pytest.mark.parametrize("stop", [2000, 6000, 8000])
def test_a_run_killed_in_npt_takes_the_same_cell(make_run: MakeRun, stop: int) -> None:
    whole, folder = make_run("whole", **NPT), make_run("interrupted", **NPT)
    run_folder(whole)
    deck = folder / "in.lammps"
    text = deck.read_text()
    # Half a piece further than `stop`, of which nothing is left when it goes on.
    broken_off = f'if "$(step) >= {stop}" then "run 500" "quit 1"\nrun  '
    deck.write_text(text.replace("\nrun  ", "\n" + broken_off))
    with pytest.raises(MlipsseError, match="exit status 1"):
        run_folder(folder)
    deck.write_text(text)
    assert run_folder(folder).resumed_from_step == stop
    cells = [averaged_cell(path) for path in (whole, folder)]
    np.testing.assert_allclose(cells[1], cells[0], atol=1e-9)


def averaged_cell(folder: Path) -> np.ndarray:
    atoms = ase.io.read(folder / "averaged.data", format="lammps-data", atom_style="atomic")
    assert isinstance(atoms, Atoms)
    return atoms.cell[:]


def test_half_of_npt_must_hold_whole_dump_intervals() -> None:
    with pytest.raises(MlipsseError, match=r"does not divide half of npt_ps = 0\.3"):
        Protocol(
            temperature_K=300,
            equilibration_ps=1,
            production_ps=1,
            restart_every_ps=1,
            npt_ps=0.3,
        )
