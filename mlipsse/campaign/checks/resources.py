"""What the machine must have: usable GPUs, programs, a compiler, a folder to write to."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator

from mlipsse.campaign.engine.folder import Campaign
from mlipsse.errors import MlipsseError

_PROBE = (
    "import torch\n"
    "if torch.version.cuda is None and torch.version.hip is None:\n"
    "    raise SystemExit('this torch, ' + torch.__version__ + ', is built without CUDA')\n"
    "if not torch.cuda.is_available():\n"
    "    raise SystemExit('torch ' + torch.__version__ + ' finds no GPU with a driver')\n"
    "for index in range(torch.cuda.device_count()):\n"
    "    torch.ones(8, device='cuda:' + str(index)).sum().item()\n"
    "print(torch.cuda.device_count())\n"
)
_PATIENCE_S = 120.0
_GPU_DRIVERS = ("/proc/driver/nvidia/gpus", "/dev/kfd")


class NoGpu(MlipsseError):
    """No usable GPU, with the reason as a clause."""


def usable_gpus() -> int:
    """Number of GPUs on which torch computes; each is tried, in a process of its own.

    The process that asks must not hold a GPU for as long as its workers need it.

    Raises
    ------
    NoGpu
        when there is none, or one does not compute: with the message of torch.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-c", _PROBE],
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise NoGpu(f"a first sum on it took longer than {_PATIENCE_S:g} s") from error
    if done.returncode == 0:
        return int(done.stdout.split()[-1])
    printed = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    raise NoGpu(printed[-1].rstrip(".") if printed else f"exit status {done.returncode}")


def gpu_problems(campaign: Campaign, stage: str) -> Iterator[str]:
    """Sentences about GPUs that a stage asks for and that are not there."""
    config = campaign.config
    wanted = _wanted_gpus(campaign, stage)
    if not wanted:
        return
    slurm = config.execution.slurm
    if slurm is not None:
        there = slurm.gpus_per_node
        found = f"execution.slurm.gpus_per_node is {there}"
    else:
        try:
            there = usable_gpus()
            found = f"torch can use {there} here"
        except NoGpu as error:
            there, found = 0, f"torch can use none here ({error})"
    for field, value, count in wanted:
        if count > there:
            many = "a GPU" if count == 1 else f"{count} GPUs"
            yield f"{field}: {value} requires {many}, but {found}. {_way_on(field, there)}"


def _wanted_gpus(campaign: Campaign, stage: str) -> list[tuple[str, str, int]]:
    """Field, its value, and how many GPUs at once it asks for."""
    config = campaign.config
    if stage == "execution":
        gpus = config.execution.gpus
        return [("execution.gpus", str(gpus), gpus)] if gpus else []
    if stage == "rank" and config.rank.device == "cuda":
        return [("rank.device", "cuda", 1)]
    if stage == "sample" and config.sample.device == "cuda" and config.label.given_file is None:
        return [("sample.device", "cuda", 1)]
    if stage == "finetune" and config.finetune.device == "cuda":
        gpus = config.finetune.gpus
        found = [("finetune.device", "cuda", 1)]
        return [*found, ("finetune.gpus", str(gpus), gpus)] if gpus > 1 else found
    return []


def _way_on(field: str, there: int) -> str:
    if there:
        return f"Set {field} to at most {there}, or run on a machine with more GPUs."
    if field.endswith("device"):
        return f"Set {field}: cpu, or run on a machine with a GPU."
    return f"Remove {field}, or run on a machine with GPUs."


def execution_problems(campaign: Campaign) -> Iterator[str]:
    """Sentences about the cluster that the units are to run on."""
    from mlipsse.campaign.engine.parsl import check_execution

    try:
        check_execution(campaign.config.execution)
    except MlipsseError as error:
        yield str(error)


def program_problems(campaign: Campaign) -> Iterator[str]:
    """Sentences about a label program: what starts it, its version, what each element needs."""
    source = campaign.config.label.program
    if source is None:
        return
    try:
        source.runs.check()
        source.check_version()
    except MlipsseError as error:
        yield f"label.{source.name}: {error}"
    for element in sorted(campaign.config.enumerate.elements):
        try:
            source.program.check([element])
        except MlipsseError as error:
            yield f"label.{source.name}: {error}"


def build_problems(campaign: Campaign) -> Iterator[str]:
    """Sentences about LAMMPS, and about what compiles its pair style where it is not built yet."""
    from mlipsse.lammps import find_lammps
    from mlipsse.potential.lammps import plugin

    try:
        find_lammps()
    except MlipsseError as error:
        yield str(error)
        return
    if plugin.plugin_path() is None:
        yield from plugin.missing_tools()


def compiler_problems(campaign: Campaign) -> Iterator[str]:
    """Sentences about what the only format of the export needs."""
    from mlipsse.potential.native.compilation import compilers, find_compiler

    form, *others = campaign.config.export_formats
    if form == "torchscript" or others:
        return
    try:
        find_compiler()
    except MlipsseError:
        yield (
            f"export.format: {form} requires a C++ compiler ({', '.join(compilers())}), and none "
            "is on the PATH. Install g++, or set export.format: torchscript."
        )


def format_notes(campaign: Campaign) -> Iterator[str]:
    """Sentences about a GPU that production would not use, and an engine slower than could be."""
    from mlipsse.potential.native.compilation import find_compiler

    config = campaign.config
    if config.export.format != "auto" or config.export_formats[0] != "native":
        return
    if config.execution.slurm is None and any(map(os.path.exists, _GPU_DRIVERS)):
        yield (
            "This machine has a GPU, which the runs of LAMMPS will not use: native code runs on "
            "CPUs. Set export.format: torchscript to use the GPU."
        )
    try:
        find_compiler()
    except MlipsseError:
        yield (
            "There is no C++ compiler, so LAMMPS runs TorchScript, which takes ten times as long "
            "as native code. Install g++."
        )


def folder_problems(campaign: Campaign) -> Iterator[str]:
    """Sentences about folders that a run writes to and cannot."""
    for folder, what in (
        (campaign.folder, "The campaign folder"),
        (tempfile.gettempdir(), "The folder of temporary files"),
    ):
        try:
            with tempfile.TemporaryFile(dir=folder, prefix=".mlipsse-"):
                pass
        except OSError as error:
            yield (
                f"{what} {os.fspath(folder)} is not writable ({error.strerror}). Make it "
                "writable, or choose another folder."
            )
