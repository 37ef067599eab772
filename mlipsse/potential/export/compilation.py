"""A model in the edge form, as TorchScript or as a graph of operations: which of them takes it."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlipsse.potential.export.source_model import load_model
from mlipsse.potential.export.target import Dtype

if TYPE_CHECKING:
    import torch

_LARGEST = 2**40  # atoms or edges: known to be bounded, so that GPU code indexes in 64 bits


def torchscript(loaded: Any, *, head: str, dtype: Dtype) -> "torch.jit.ScriptModule":
    """Compile a model in memory, which this changes; raises whatever TorchScript raises."""
    import torch
    from e3nn.util import jit

    from mlipsse.potential.export.edge_model import EdgeModel

    with warnings.catch_warnings():  # of TorchScript about annotations inside mace-torch
        warnings.simplefilter("ignore")
        return jit.compile(EdgeModel(loaded.to(getattr(torch, dtype)), head=head)).eval()


def can_be_scripted(model: Path, *, head: str) -> bool:
    """Whether TorchScript takes one head of a model, which has been loaded before."""
    loaded = load_model(model, head)
    try:
        torchscript(loaded, head=head, dtype="float64")
    except Exception:
        return False
    return True


def can_be_traced(model: Path, *, head: str) -> bool:
    """Whether AOTInductor takes one head of a model, which has been loaded before; some seconds."""
    try:
        exported_program(load_model(model, head), head=head)
    except Exception:
        return False
    return True


def exported_program(loaded: Any, *, head: str) -> "torch.export.ExportedProgram":
    """The edge form of `loaded`, gradient included, as operations on tensors of open sizes."""
    import torch
    from torch.fx.experimental.proxy_tensor import make_fx

    from mlipsse.potential.export.edge_model import EdgeModel
    from mlipsse.potential.export.traceable import make_traceable

    edge_model = EdgeModel(make_traceable(loaded), head=head).eval()

    def edge_energies(  # a function of its own: make_fx would count `self` as an input
        types: torch.Tensor,
        edge_index: torch.Tensor,
        vectors: torch.Tensor,
        weights: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return edge_model.edge_energies(types, edge_index, vectors, weights)

    example = _example(edge_model)
    n_atoms = torch.export.Dim("n_atoms", min=2, max=_LARGEST)
    n_edges = torch.export.Dim("n_edges", min=2, max=_LARGEST)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = make_fx(edge_energies, tracing_mode="symbolic", _allow_non_fake_inputs=True)(
            *example
        )
        return torch.export.export(
            traced,
            example,
            dynamic_shapes=({0: n_atoms}, {1: n_edges}, {0: n_edges}, {0: n_atoms}),
            strict=False,
        )


def _example(edge_model: Any) -> "tuple[torch.Tensor, ...]":
    """A small graph to trace with; its sizes equal no other size in a model."""
    import torch

    n_atoms, n_edges = 251, 10_007
    reference = edge_model.r_max
    types = torch.arange(n_atoms, device=reference.device) % edge_model.atomic_numbers.shape[0]
    edge_index = torch.stack(
        [torch.arange(n_edges, device=reference.device) * step % n_atoms for step in (1, 2)]
    )
    vectors = torch.full((n_edges, 3), 0.4, dtype=reference.dtype, device=reference.device)
    return types, edge_index, vectors * reference, torch.ones_like(types, dtype=reference.dtype)
