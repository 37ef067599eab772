"""What the machine must have: usable GPUs, programs, a compiler, a folder to write to."""

import os
import tempfile
from collections.abc import Iterator

from mlipsse.campaign.engine.folder import Campaign
from mlipsse.dataset.labels.sources import teacher_name
from mlipsse.errors import MlipsseError
from mlipsse.gpus import GPU_DRIVERS, NoGpu, usable_gpus


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
    if config.label.given_file is not None and stage == "sample":
        return []
    if stage == "label" and teacher_name(config.label.source) is None:
        return []
    # Decks of another machine ask for the GPU of that one.
    if stage == "simulate" and config.simulate.engine != "mlipsse":
        return []
    blocks = [block for block in config.devices if block.partition(".")[0] == stage]
    found = [
        ("device" if config.device == "cuda" else f"{block}.device", "cuda", 1)
        for block in blocks
        if config.devices[block] == "cuda"
    ]
    gpus = config.finetune.gpus
    if found and stage == "finetune" and gpus > 1:
        found.append(("finetune.gpus", str(gpus), gpus))
    return list(dict.fromkeys(found))


def _way_on(field: str, there: int) -> str:
    if there:
        return f"Set {field} to at most {there}, or run on a machine with more GPUs."
    if field.endswith("device"):
        return f"Set {field}: cpu, or run on a machine with a GPU."
    return f"Remove {field}, or run on a machine with GPUs."


def device_problems(campaign: Campaign) -> Iterator[str]:
    """Sentences about formats of the potential that do not run on the device of production."""
    config = campaign.config
    form = config.export.format
    if config.simulate.device == "cuda" and form == "native":
        yield (
            "simulate.device: cuda requires a format that runs on GPUs, but export.format: native "
            "runs on CPUs alone. Set export.format: torchscript or aotinductor, or "
            "simulate.device: cpu."
        )
    if form == "aotinductor" and config.simulate.device not in (None, config.export.device):
        yield (
            f"simulate.device: {config.simulate.device} does not run a model that is compiled for "
            f"export.device: {config.export.device}. Set both to the same device."
        )
    if form == "aotinductor" and config.export.serial and config.export.device == "cuda":
        yield (
            "export.serial: true compiles for one CPU thread, but export.device is cuda. Remove "
            "export.serial, or set export.device: cpu."
        )


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


def program_notes(campaign: Campaign) -> Iterator[str]:
    """Sentences about settings of a label program that make poor labels."""
    source = campaign.config.label.program
    if source is not None:
        for note in source.program.notes(campaign.config.enumerate.elements):
            yield f"label.{source.name}.{note}"


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
    if config.execution.slurm is None and any(map(os.path.exists, GPU_DRIVERS)):
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


def device_notes(campaign: Campaign) -> Iterator[str]:
    """A sentence where several workers would use the first GPU alone."""
    config = campaign.config
    units = [block for block in ("rank", "sample", "label") if config.devices.get(block) == "cuda"]
    execution = config.execution
    if units and execution.slurm is None and not execution.gpus and execution.workers > 1:
        yield (
            f"{execution.workers} workers share the first GPU in {', '.join(units)}. Set "
            "execution.gpus to the number of GPUs that they share out."
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
