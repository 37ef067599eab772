"""Array script and Parsl on a real SLURM: a node is drained, a job cancelled, everything finishes.

The runs have Lennard-Jones forces and take some seconds each.
"""

import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mlipsse import lammps
from mlipsse.campaign.config.execution import ExecutionConfig
from mlipsse.campaign.engine.execution import Execution, Unit
from mlipsse.campaign.stages.simulate.until import run_until
from mlipsse.md.files.array_job import ArrayJob, write_array_job
from mlipsse.md.files.record import OUTCOME_FILE, read_record
from mlipsse.md.files.segments import verify_segments
from mlipsse.md.run import run_folder
from mlipsse.md.watch.state import run_state
from mlipsse.transport import read_run
from tests.support.trajectories.lennard_jones import render

pytestmark = [pytest.mark.slow, pytest.mark.slurm]

LENGTH = {"equilibration_ps": 10.0, "production_ps": 400.0, "dump_every_fs": 100.0}
N_RUNS = 4


def output_of(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def wait_until(condition: Callable[[], bool], *, limit_s: float = 120.0) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, f"not in {limit_s} s; {output_of('squeue')}"
        time.sleep(0.1)


def running() -> list[str]:
    return output_of("squeue", "--noheader", "--states=RUNNING", "--format=%A").split()


def drain_for_a_while() -> None:
    """Nothing new starts on the node until it is resumed; what runs goes on."""
    node = output_of("sinfo", "--noheader", "--format=%n")
    output_of("scontrol", "update", f"NodeName={node}", "State=DRAIN", "Reason=test")
    time.sleep(3)
    output_of("scontrol", "update", f"NodeName={node}", "State=RESUME")


def check_whole(folders: list[Path]) -> None:
    for folder in folders:
        assert run_folder(folder).status == "done"  # of array tasks: from what is on disk
        assert read_run(folder).n_frames == read_record(folder).expected_frames
        verify_segments(folder)


def test_array_script(slurm: Path, tmp_path: Path) -> None:
    folders = [
        render(tmp_path / f"runs/r{number}", seed=number + 1, **LENGTH) for number in range(N_RUNS)
    ]
    root = tmp_path / "runs"
    installation = lammps.find_lammps()
    libraries = ":".join(str(folder) for folder in installation.library_dirs)
    job = ArrayJob(
        name="array",
        walltime="00:10:00",
        setup=[f"export LD_LIBRARY_PATH={libraries}", f"export LMP={installation.binary}"],
    )
    write_array_job(root, [folder.relative_to(root) for folder in folders], job)
    assert output_of("bash", "-n", str(root / "array.sbatch")) == ""
    submit = ["sbatch", "--parsable", f"--chdir={root}", "array.sbatch"]
    first = subprocess.run(submit, check=True, capture_output=True, text=True, cwd=root).stdout
    wait_until(lambda: all((folder / "traj.10000.dcd").exists() for folder in folders[:2]))
    assert {run_state(folder).state for folder in folders} == {"running", "queued"}
    output_of("scancel", f"{first.strip()}_0")  # in the middle of its run
    # Task 1 is stopped as before its wall time: it is queued again and goes on.
    # (scancel itself may fail: it asks again, and by then the job is no longer there to signal.)
    subprocess.run(["scancel", "--signal=USR1", "--batch", f"{first.strip()}_1"], check=False)
    drain_for_a_while()
    wait_until(lambda: not output_of("squeue", "--noheader"), limit_s=240)
    assert not finished(folders[0])
    assert run_state(folders[0]).state in ("stalled", "running")
    subprocess.run(submit, check=True, capture_output=True, cwd=root)
    wait_until(lambda: all(finished(folder) for folder in folders), limit_s=240)
    wait_until(lambda: not output_of("squeue", "--noheader"))
    for number in range(2):
        assert len(list(folders[number].glob("log.*.lammps"))) > 2  # relax, and two parts or more
    check_whole(folders)


def finished(folder: Path) -> bool:
    return (folder / "finished.txt").exists()


def test_parsl(slurm: Path, tmp_path: Path) -> None:
    folders = [
        render(tmp_path / f"r{number}", seed=number + 1, **LENGTH) for number in range(N_RUNS)
    ]
    config = ExecutionConfig.model_validate(
        {"workers": 2, "slurm": {"walltime": "00:10:00", "cores_per_node": 1, "max_blocks": 2}}
    )
    arguments = {"threads": 1, "rule": None}
    units = [Unit(folder.name, folder / OUTCOME_FILE, run_until, arguments) for folder in folders]
    meddled: list[BaseException] = []

    def meddle() -> None:
        try:
            wait_until(lambda: any(run_state(folder).step > 30_000 for folder in folders))
            output_of("scancel", running()[0])
            drain_for_a_while()
        except BaseException as error:
            meddled.append(error)

    thread = threading.Thread(target=meddle)
    thread.start()
    with Execution(config, tmp_path / "campaign") as execution:
        execution.run(units)
    thread.join()
    assert not meddled
    assert any(len(list(folder.glob("traj.*.dcd"))) > 1 for folder in folders)
    check_whole(folders)
    wait_until(lambda: not output_of("squeue", "--noheader"))
