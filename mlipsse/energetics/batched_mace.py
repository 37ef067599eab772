"""torch-sim's MACE, with a head; importing this imports torch, mace and torch-sim."""

from typing import Any

import torch

from mlipsse.energetics.loaded_mace import LoadedMace
from mlipsse.mace_model import head_names, import_mace

import_mace()
from torch_sim import SimState  # noqa: E402
from torch_sim.models.mace import MaceModel  # noqa: E402


class BatchedMace(MaceModel):
    """Energies in eV, forces in eV/Å and stresses in eV/Å³ of many structures in one call.

    `MaceModel` of torch-sim 0.3.0 evaluates the model's first head; takes two batches of the same
    atomic numbers in a row for the same batch, however these are cut into structures; and leaves
    the positions tied to the graph of all steps before, which grows with every step. Here the head
    is told to the model, another cut is another batch, and the positions are let go.

    Attributes
    ----------
    calls : batches evaluated so far
    """

    def __init__(self, mace: LoadedMace, *, stress: bool) -> None:
        super().__init__(
            model=mace.model.requires_grad_(False),
            device=torch.device(mace.device),
            dtype=getattr(torch, mace.dtype),
            compute_stress=stress,
        )
        self.model = _OneHead(mace.model, head_names(mace.model).index(mace.head))
        self.calls = 0

    def forward(self, state: SimState) -> dict[str, torch.Tensor]:
        """Energy (n_systems,), forces (n_atoms, 3) and, if asked for, stress (n_systems, 3, 3)."""
        cut = getattr(self, "system_idx", None)
        if cut is not None and not torch.equal(state.system_idx, cut):
            self.atomic_numbers = torch.zeros(0, device=self.device)
        self.calls += 1
        results = super().forward(state)
        state.positions = state.positions.detach()
        return results


class _OneHead(torch.nn.Module):
    def __init__(self, model: torch.nn.Module, head: int) -> None:
        super().__init__()
        self._model = model
        self._head = head

    def forward(self, graph: dict[str, Any], **options: bool) -> dict[str, Any]:
        n_systems, device = len(graph["ptr"]) - 1, graph["ptr"].device
        return self._model(
            graph | {"head": torch.full((n_systems,), self._head, device=device)}, **options
        )
