"""The MACE model file that is exported: what it holds, and one head of it loaded."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlipsse.energetics.potentials.mace_model import head_names, load_mace_model
from mlipsse.errors import MlipsseError
from mlipsse.potential.export.model_family import in_e3nn, require_exportable
from mlipsse.potential.export.trial import Reference, source_reference


@dataclass(frozen=True)
class ModelSummary:
    """What a MACE model file holds.

    Attributes
    ----------
    elements : chemical symbols in the model's order
    heads : names of its readout heads
    r_max_A : cutoff, Å
    layers : message-passing layers
    max_ell : highest order of the spherical harmonics
    dtype : of its weights, e.g. `float64`
    n_parameters : number of weights
    """

    elements: tuple[str, ...]
    heads: tuple[str, ...]
    r_max_A: float
    layers: int
    max_ell: int
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
        max_ell=_max_ell(loaded.spherical_harmonics),
        dtype=str(weights[0].dtype).removeprefix("torch."),
        n_parameters=sum(weight.numel() for weight in weights),
    )


def _max_ell(harmonics: Any) -> int:
    """Of e3nn's module, or of the one that takes its place in an export."""
    return int(harmonics.irreps_out.lmax if hasattr(harmonics, "irreps_out") else harmonics.lmax)


def load_head(model: Path, head: str) -> "tuple[Any, Reference]":
    """The torch module in `model`, sure to have a head of that name, and what that head gives.

    Raises
    ------
    MlipsseError
        see `load_model`, and when mace-torch cannot evaluate the model.
    """
    loaded = load_model(model, head)
    return loaded, source_reference(loaded, head=head, model=model)


def load_model(model: Path, head: str) -> Any:
    """The torch module in `model`, of e3nn alone and sure to have a head of that name.

    Raises
    ------
    MlipsseError
        when the model cannot be loaded, no format takes it, or it has no such head.
    """
    loaded = load_mace_model(model)
    require_exportable(loaded, model)
    heads = head_names(loaded)
    if head not in heads:
        raise MlipsseError(
            f"{model} has no head {head}; it has {', '.join(heads)}. Name one of these."
        )
    loaded.heads = list(heads)
    return in_e3nn(loaded, model)
