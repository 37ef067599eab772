"""A campaign of ten runs whose LAMMPS and driver are killed at twenty random moments."""

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from MDAnalysis.coordinates.DCD import DCDReader

from mlipsse.md.files.record import OUTCOME_FILE, read_record
from mlipsse.md.files.segments import verify_segments
from mlipsse.md.run import run_folder
from mlipsse.md.watch.health import read_thermo
from tests.support.trajectories.lennard_jones import render

N_RUNS, N_KILLS = 10, 20
LENGTH = {"equilibration_ps": 20.0, "production_ps": 200.0, "restart_every_ps": 5.0}
ROOT = Path(__file__).parents[4]
DRIVER = """
import sys
from pathlib import Path
from mlipsse.campaign.engine.execution import Execution, Unit
from mlipsse.campaign.config.execution import ExecutionConfig
from mlipsse.campaign.stages.simulate.until import run_until

folder = Path(sys.argv[1])
units = [
    Unit(run.name, run / "outcome.json", run_until, {"threads": 1, "rule": None})
    for run in sorted(folder.glob("r*"))
]
with Execution(ExecutionConfig(workers=2), folder) as execution:
    execution.run(units)
"""


def start(folder: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(folder)], stderr=subprocess.DEVNULL, cwd=ROOT
    )


def at_work(folder: Path) -> list[int]:
    """Processes of LAMMPS in the runs below `folder`."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            is_lammps = entry.name.isdigit() and (entry / "exe").readlink().name == "lmp"
            if is_lammps and (entry / "cwd").readlink().is_relative_to(folder):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


@pytest.mark.slow
def test_twenty_kills_leave_no_trace(tmp_path: Path) -> None:
    folders = [render(tmp_path / f"r{n}", seed=n + 1, **LENGTH) for n in range(N_RUNS)]
    draw = random.Random(5)
    driver = start(tmp_path)
    killed = {"driver": 0, "lammps": 0}
    while sum(killed.values()) < N_KILLS:
        time.sleep(draw.uniform(0.3, 3.0))
        runs = at_work(tmp_path)
        if driver.poll() is not None:
            assert not all((folder / OUTCOME_FILE).exists() for folder in folders), (
                "the campaign ended before it was killed often enough"
            )
            driver = start(tmp_path)
        elif runs and draw.random() < 0.5:
            with suppress(ProcessLookupError):  # it ended by itself just now
                os.kill(draw.choice(runs), signal.SIGKILL)
                killed["lammps"] += 1
        elif runs:
            driver.kill()
            driver.wait()
            killed["driver"] += 1
            time.sleep(1.0)
            driver = start(tmp_path)
    for _ in range(N_RUNS):  # a run whose LAMMPS was killed ends the driver with its name
        if driver.wait() == 0:
            break
        driver = start(tmp_path)
    assert driver.wait() == 0
    assert min(killed.values()) > 3
    seams = 0
    for folder in folders:
        assert run_folder(folder).status == "done"
        verify_segments(folder)
        seams += check_continuity(folder)
    assert seams > 5
    assert at_work(tmp_path) == []


def check_continuity(folder: Path) -> int:
    """Every frame once, and nothing jumps at the seams; how many seams there were."""
    record = read_record(folder)
    parts = {int(path.name.split(".")[1]): path for path in folder.glob("traj.*.dcd")}
    frames: dict[int, np.ndarray] = {}
    for first_step, path in sorted(parts.items()):
        with DCDReader(str(path), dt=1.0) as reader:
            new = {
                first_step + index * record.dump_every_steps: frame.positions.copy()
                for index, frame in enumerate(reader)
            }
        if first_step in frames:  # positions: both parts have the frame of the seam
            np.testing.assert_allclose(new[first_step], frames[first_step], atol=2e-5)
        frames = {step: frame for step, frame in frames.items() if step < first_step} | new
    first = record.equilibration_steps
    assert sorted(frames) == list(range(first, record.last_step + 1, record.dump_every_steps))
    seams = [step for step in parts if step > first]
    positions = np.array([frames[step] for step in sorted(frames)])
    jolts = np.sqrt(((positions[2:] - 2 * positions[1:-1] + positions[:-2]) ** 2).mean((1, 2)))
    places = [(step - first) // record.dump_every_steps - 1 for step in seams]
    around = sorted({p + d for p in places for d in (-1, 0, 1) if 0 <= p + d < len(jolts)})
    if around:  # velocities: accelerations x time² at the seams are those of everywhere
        assert jolts[around].max() < 1.1 * np.delete(jolts, around).max()
    thermo = read_thermo(folder)
    step = thermo.step[thermo.step >= first]
    assert (np.diff(step) == record.protocol.thermo_every_steps).all()
    energy = thermo.energy_eV[thermo.step >= first]  # the thermostat changes it slowly
    changes = np.abs(np.diff(energy))
    at_seams = [int(np.searchsorted(step, seam)) for seam in seams]
    for place in at_seams:
        assert changes[max(0, place - 1) : place + 1].max() <= 1.5 * np.quantile(changes, 0.999)
    return len(seams)
