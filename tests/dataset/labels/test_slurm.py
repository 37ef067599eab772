"""Single points as SLURM jobs, with stand-ins for SLURM's commands."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ase.build import bulk

from mlipsse import keys
from mlipsse.dataset.labels.program import ProgramSource, RunSettings
from mlipsse.dataset.labels.slurm import SlurmJob, check_slurm, wait_for_job
from mlipsse.dataset.labels.vasp import Vasp, VaspSettings
from mlipsse.errors import MlipsseError

STAND_IN = Path(__file__).parents[2] / "support" / "labels" / "fake_vasp.py"
COMMANDS = {
    # As `sbatch --wait --parsable`: number and cluster first, then the job's exit status.
    "sbatch": 'echo "$@" > submitted; echo "42;cluster"; bash "${@: -1}" >> screen.out 2>&1',
    "scancel": 'echo "$@" > cancelled',
    # A job that is there for one look more.
    "squeue": 'test -e left && { rm left; echo "42 R"; }',
}


@pytest.fixture(autouse=True)
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, line in COMMANDS.items():
        (folder / name).write_text(f"#!/bin/bash\n{line}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def _source(command: str) -> ProgramSource:
    job = SlurmJob(options={"partition": "cpu nodes", "ntasks": 4}, setup=("export MODE=fine",))
    runs = RunSettings(command=command, retries=0, slurm=job)
    return ProgramSource(Vasp(VaspSettings(write_potcar=False, nelm=20)), runs)


def test_a_frame_is_labelled_by_a_job(tmp_path):
    source = _source(f"{sys.executable} {STAND_IN} $MODE")
    labelled = source.label(bulk("Cu"), tmp_path / "run")
    assert keys.ENERGY in labelled.info
    assert (tmp_path / "run" / "job.sh").read_text().splitlines() == [
        "#!/bin/bash",
        "#SBATCH --job-name=mlipsse-vasp",
        "#SBATCH --partition='cpu nodes'",
        "#SBATCH --ntasks=4",
        "#SBATCH --output=screen.out",
        "#SBATCH --open-mode=append",
        "export MODE=fine",
        f"{sys.executable} {STAND_IN} $MODE",
    ]
    assert (tmp_path / "run" / "submitted").read_text() == "--wait --parsable job.sh\n"


def test_a_program_that_jobs_do_not_find_stops_all(tmp_path):
    with pytest.raises(MlipsseError, match=r"cannot be run: 'no-such-vasp' ended with status 127"):
        _source("no-such-vasp").label(bulk("Cu"), tmp_path / "run")


def test_a_job_ends_with_its_driver(tmp_path):
    driver = f"""
from ase.build import bulk
from pathlib import Path
from tests.dataset.labels.test_slurm import _source
_source("echo begun > begun; sleep 600").label(bulk("Cu"), Path({str(tmp_path / "run")!r}))
"""
    child = subprocess.Popen([sys.executable, "-c", driver], cwd=Path(__file__).parents[3])
    while not (tmp_path / "run" / "begun").exists():
        assert child.poll() is None
        time.sleep(0.05)
    child.kill()
    child.wait()
    cancelled = tmp_path / "run" / "cancelled"
    for _ in range(600):
        if cancelled.exists() and cancelled.read_text():
            break
        time.sleep(0.05)
    assert cancelled.read_text() == "42\n"


def test_a_job_that_outlived_its_driver_is_waited_for(tmp_path, monkeypatch):
    (tmp_path / "job.id").write_text("42;cluster\n")
    (tmp_path / "left").touch()
    monkeypatch.chdir(tmp_path)
    wait_for_job(tmp_path, every_s=0.01)
    assert not (tmp_path / "left").exists()


def test_slurm_is_looked_for(slurm, monkeypatch):
    monkeypatch.setenv("PATH", str(slurm))  # a machine may have one of its own
    check_slurm()
    (slurm / "squeue").unlink()
    with pytest.raises(MlipsseError, match="squeue is not on this machine"):
        check_slurm()
