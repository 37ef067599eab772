"""Scripts that run many folders on a cluster without this package: `run.sh` and `array.sbatch`."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from mlipsse.engines import ENGINES, EngineName
from mlipsse.errors import MlipsseError
from mlipsse.files import write_text
from mlipsse.md.files.deck import checked_name, render_template
from mlipsse.md.files.ending import UNPHYSICAL

RUN_SCRIPT = "run.sh"
ARRAY_SCRIPT = "array.sbatch"
RUN_LIST = "runs.txt"


@dataclass(frozen=True, kw_only=True)
class ArrayJob:
    """How a SLURM array runs the folders; its fields are what the template sees.

    Attributes
    ----------
    name : of the job
    walltime : of a task, e.g. `24:00:00`
    runs_per_task : runs that a task does side by side; on a GPU they share it, by CUDA MPS
    threads : of a run
    gpu : whether a task asks for a GPU
    tasks_at_once : at most; None for as many as SLURM allows
    partition, account, memory_GB, modules, setup, options : see `campaign.execution_config`
    engine : what evaluates the potential
    model : file of the potential, relative to the folder of the scripts
    dtype : of the engine's arithmetic
    warning_s : so long before its wall time a task stops its runs and is queued again, s
    """

    name: str
    walltime: str = "24:00:00"
    runs_per_task: int = 1
    threads: int = 1
    gpu: bool = False
    tasks_at_once: int | None = None
    partition: str | None = None
    account: str | None = None
    memory_GB: int | None = None
    modules: Sequence[str] = ()
    setup: Sequence[str] = ()
    options: Sequence[str] = ()
    engine: EngineName = "mlipsse"
    model: str = ""
    dtype: str = "float32"
    warning_s: int = 60


def write_array_job(
    folder: Path, runs: Sequence[Path], job: ArrayJob, *, template_dir: Path | None = None
) -> list[Path]:
    """Write the list of runs and both scripts into `folder`.

    Parameters
    ----------
    runs : folders, relative to `folder`
    template_dir : the user's own templates

    Returns
    -------
    list
        the three files.

    Raises
    ------
    MlipsseError
        without runs, for a name that may not stand in a script, and for a faulty template.
    """
    if not runs:
        raise MlipsseError(
            "There are no runs to submit: the campaign has selected no orderings. Run it until "
            "select."
        )
    checked_name(job.name, what="name of the job")
    tasks = -(-len(runs) // job.runs_per_task)
    context = asdict(job) | {
        "runs": len(runs),
        "tasks": tasks,
        "cores_per_task": job.runs_per_task * job.threads,
        "engine": ENGINES[job.engine],
        "unphysical": UNPHYSICAL,
    }
    texts = {
        RUN_LIST: "".join(f"{run.as_posix()}\n" for run in runs),
        RUN_SCRIPT: render_template(f"{RUN_SCRIPT}.j2", context, template_dir=template_dir),
        ARRAY_SCRIPT: render_template(f"{ARRAY_SCRIPT}.j2", context, template_dir=template_dir),
    }
    for name, text in texts.items():
        write_text(folder / name, text.lstrip("\n"))
    return [folder / name for name in texts]
