"""A program's run as a SLURM job: its script, and the wait for it."""

import shlex
import shutil
import subprocess
import time
from pathlib import Path

from pydantic import Field

from mlipsse.errors import MlipsseError
from mlipsse.files import write_text
from mlipsse.settings import Settings

SCRIPT_FILE = "job.sh"
ID_FILE = "job.id"

# A driver that dies takes its job with it; `wait` is what a signal can interrupt.
SUBMIT = (
    f"""trap 'scancel "$(cut -d";" -f1 {ID_FILE})"; exit 143' TERM; """
    f"sbatch --wait --parsable {SCRIPT_FILE} > {ID_FILE} & wait $!"
)
"""For the shell, in the folder of `SCRIPT_FILE`: submits it, ends as the job ends."""


class SlurmJob(Settings):
    """SLURM job of one frame."""

    options: dict[str, str | int] = Field(default_factory=dict)
    """Long options of sbatch, e.g. partition: cpu, nodes: 1, ntasks: 32, time: '04:00:00'."""
    setup: tuple[str, ...] = ()
    """Shell lines to run before the command, e.g. module load vasp."""

    def write(self, folder: Path, *, command: str, name: str, screen: str) -> None:
        """Write `SCRIPT_FILE`, which runs `command` and appends what it prints to `screen`."""
        options = {
            "job-name": name,
            **self.options,
            "output": screen,
            "open-mode": "append",
        }
        lines = [
            "#!/bin/bash",
            *(f"#SBATCH --{key}={shlex.quote(str(value))}" for key, value in options.items()),
            *self.setup,
            command,
        ]
        write_text(folder / SCRIPT_FILE, "\n".join(lines) + "\n")


def wait_for_job(folder: Path, *, every_s: float = 10.0) -> None:
    """Wait for a job that an earlier driver left in the queue or running in `folder`, if any."""
    try:
        job = (folder / ID_FILE).read_text(encoding="utf-8").partition(";")[0].strip()
    except OSError:
        return
    while job and _alive(job):
        time.sleep(every_s)


def check_slurm() -> None:
    """Look for SLURM's commands.

    Raises
    ------
    MlipsseError
        when one is not found.
    """
    for command in ("sbatch", "squeue", "scancel"):
        if shutil.which(command) is None:
            raise MlipsseError(
                f"{command} is not on this machine, but the slurm block requires it. Run on the "
                "login node of the cluster, or remove the block."
            )


def _alive(job: str) -> bool:
    # squeue ends with an error for a job that it has forgotten.
    answer = subprocess.run(
        ["squeue", "--noheader", "--jobs", job], capture_output=True, text=True, check=False
    )
    return answer.returncode == 0 and bool(answer.stdout.strip())
