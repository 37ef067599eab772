"""From a MACE model file to the TorchScript that `pair_style mace` loads."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mlipsse.errors import MlipsseError
from mlipsse.files import write_aside
from mlipsse.mace_model import head_names, load_mace_model

if TYPE_CHECKING:
    import torch

Dtype = Literal["float32", "float64"]


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
    """Write the TorchScript of one head of `model` to `out`, through mace-torch's `LAMMPS_MACE`.

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
    if dtype not in ("float32", "float64"):
        raise MlipsseError(f"Potentials are exported as float32 or float64, not {dtype}.")
    loaded = load_mace_model(model)
    heads = head_names(loaded)
    if head not in heads:
        raise MlipsseError(
            f"{model} has no head {head}; it has {', '.join(heads)}. Name one of these."
        )
    import torch

    scripted = _compile(loaded, head=head, dtype=dtype)
    # Through a stream: given a path, torch writes the temporary file's name into the archive.
    with write_aside(out) as aside, aside.open("wb") as stream:
        torch.jit.save(scripted, stream)


def _compile(loaded: Any, *, head: str, dtype: Dtype) -> "torch.jit.ScriptModule":
    import torch
    from e3nn.util import jit
    from mace.calculators import LAMMPS_MACE

    loaded.heads = list(head_names(loaded))
    loaded = loaded.to(getattr(torch, dtype))
    try:
        with warnings.catch_warnings():  # of TorchScript about annotations inside mace-torch
            warnings.simplefilter("ignore")
            return jit.compile(LAMMPS_MACE(loaded, head=head)).eval()
    except Exception as error:
        raise MlipsseError(
            f"TorchScript cannot compile this model ({str(error).strip().splitlines()[0]}). "
            "Models with electrostatics or other extra inputs are not supported."
        ) from error
