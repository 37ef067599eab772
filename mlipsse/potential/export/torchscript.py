"""From a MACE model file to what LAMMPS loads: TorchScript, and mace-torch's own file.

The other formats are in `mlipsse.potential.export.aotinductor` and
`mlipsse.potential.export.mliap`.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from mlipsse.errors import MlipsseError
from mlipsse.files import write_aside
from mlipsse.potential.export.compilation import can_be_traced, torchscript
from mlipsse.potential.export.source_model import load_head, load_model
from mlipsse.potential.export.target import Dtype, FormatRefused, check_dtype
from mlipsse.potential.export.trial import (
    call_file,
    failure_line,
    require_same,
)
from mlipsse.processes import start_child, wait_for_child

if TYPE_CHECKING:
    import torch

Dtype = Literal["float32", "float64"]
Device = Literal["cpu", "cuda"]


def check_dtype(dtype: str) -> None:
    """Refuse what is not a `Dtype`.

    Raises
    ------
    MlipsseError
        when `dtype` is neither float32 nor float64.
    """
    if dtype not in get_args(Dtype):
        raise MlipsseError(f"Potentials are exported as float32 or float64, not {dtype}.")


def check_device(device: str) -> None:
    """Refuse what is not a `Device`.

    Raises
    ------
    MlipsseError
        when `device` is neither cpu nor cuda.
    """
    if device not in get_args(Device):
        raise MlipsseError(f"Potentials are exported for cpu or cuda, not {device}.")


@dataclass(frozen=True)
class Target:
    """What an AOTInductor package is compiled for.

    Attributes
    ----------
    device : `cpu` or `cuda`, which must be this machine's
    serial : for one CPU thread alone, whatever OMP_NUM_THREADS is; such code adds up messages
        without locks or copies, and a step takes 5 to 12 % less time (benchmarks/README.md)

    Raises
    ------
    MlipsseError
        when the device is another one, or serial code is asked for a GPU.
    """

    device: Device = "cpu"
    serial: bool = False

    def __post_init__(self) -> None:
        check_device(self.device)
        if self.serial and self.device != "cpu":
            raise MlipsseError(f"Serial code is for the device cpu, not for {self.device}.")


ANY_CPU = Target()
"""This machine's CPU, with whatever number of threads OMP_NUM_THREADS gives."""


@dataclass(frozen=True)
class ModelSummary:
    """What a MACE model file holds.

    Attributes
    ----------
    elements : chemical symbols in the model's order
    heads : names of its readout heads
    r_max_A : cutoff, Å
    layers : message-passing layers
    dtype : of its weights, e.g. `float64`
    n_parameters : number of weights
    """

    elements: tuple[str, ...]
    heads: tuple[str, ...]
    r_max_A: float
    layers: int
    dtype: str
    n_parameters: int


def model_summary(model: Path) -> ModelSummary:
    """Read elements, heads, cutoff and size of a `.model` file (see `load_mace_model`)."""
    return summarise(load_mace_model(model))


def summarise(loaded: Any) -> ModelSummary:
    """As `model_summary`, of a model in memory."""
    from ase.data import chemical_symbols

    weights = list(loaded.parameters())
    return ModelSummary(
        elements=tuple(chemical_symbols[int(z)] for z in loaded.atomic_numbers),
        heads=head_names(loaded),
        r_max_A=float(loaded.r_max),
        layers=int(loaded.num_interactions),
        dtype=str(weights[0].dtype).removeprefix("torch."),
        n_parameters=sum(weight.numel() for weight in weights),
    )


class FormatRefused(MlipsseError):
    """This model cannot be had in this format; the message names a format that takes it, if any."""


def export_torchscript(model: Path, *, head: str, dtype: Dtype, out: Path) -> None:
    """Write the TorchScript of one head of `model` to `out`: portable from machine to machine.

    It holds `mlipsse.potential.export.edge_model.EdgeModel`: mace-torch's own `forward`, for any
    `pair_style mace`, and the edge form, for ours. It is called once, and compared with the model.

    Parameters
    ----------
    model : `.model` file; loading it runs pickle code
    head : name of the head LAMMPS will see
    dtype : number type of the exported weights
    out : `.pt` file, written in one step; the same in every process that makes it first

    Raises
    ------
    FormatRefused
        when TorchScript cannot compile the model.
    MlipsseError
        when the model has no such head, no format takes it (see `model_family`), or the file does
        not give the model's numbers.
    """
    check_dtype(dtype)
    loaded, reference = load_head(model, head)
    import torch

    try:
        scripted = torchscript(loaded, head=head, dtype=dtype)
    except Exception as error:
        advice = "no other format of pair_style mace supports it either; use it in ASE"
        if can_be_traced(model, head=head):
            advice = "export it as aotinductor (--format aotinductor), which supports it"
        raise FormatRefused(
            f"TorchScript cannot compile {model} ({failure_line(error)}): {advice}."
        ) from error
    # Through a stream: given a path, torch writes the temporary file's name into the archive.
    with write_aside(out) as aside:
        with aside.open("wb") as stream:
            torch.jit.save(scripted, stream)
        what = f"The TorchScript file of {model}"
        require_same(call_file(aside), reference, dtype=dtype, what=what)


def export_upstream(model: Path, *, head: str, out: Path, dtype: Dtype) -> None:
    """Write the file that mace-torch's own command `mace_create_lammps_model` makes.

    It has no edge form: `pair_style mace` runs it, without per-atom virials. For comparisons.

    Parameters
    ----------
    model : `.model` file; loading it runs pickle code
    head : name of the head LAMMPS will see
    out : `.pt` file, written in one step
    dtype : number type of the exported weights

    Raises
    ------
    MlipsseError
        when the model has no such head, or the command fails.
    """
    check_dtype(dtype)
    loaded = load_model(model, head)
    options = ["--dtype", dtype]
    if len(loaded.heads) > 1:  # the command stops at --head when the model never had any
        options += ["--head", head]
    with tempfile.TemporaryDirectory(prefix="mlipsse-upstream-") as temporary:
        folder = Path(temporary)
        shutil.copyfile(model, folder / "copy.model")
        with (folder / "log").open("wb") as log:
            status = wait_for_child(
                start_child(
                    [sys.executable, "-m", "mace.cli.create_lammps_model", "copy.model", *options],
                    folder=folder,
                    output=log,
                )
            )
        if status:
            words = (folder / "log").read_text(encoding="utf-8", errors="replace").split("\n")
            last = next((line for line in reversed(words) if line.strip()), "no output")
            raise MlipsseError(
                f"mace_create_lammps_model cannot convert {model}, status {status}: {last}. "
                "Export it with mlipsse, as torchscript."
            )
        with write_aside(out) as aside:
            shutil.copyfile(folder / "copy.model-lammps.pt", aside)
