"""torch-sim's MACE, with a head; importing this imports torch, mace and torch-sim."""

import contextlib
import sys
from collections.abc import Sequence
from typing import Any

import torch
from ase import Atoms

from mlipsse.energetics.potentials.loaded_mace import LoadedMace
from mlipsse.energetics.potentials.mace_model import head_names, import_mace

import_mace()
from e3nn.o3 import Irreps  # noqa: E402
from torch_sim import SimState  # noqa: E402
from torch_sim.autobatching import calculate_memory_scaler, estimate_max_memory_scaler  # noqa: E402
from torch_sim.io import atoms_to_state  # noqa: E402
from torch_sim.models.mace import MaceModel  # noqa: E402

_MEMORY_USED = 0.6
"""Share of the GPU's memory that is planned for: a cell may become 1.5 times as dense."""


class BatchedMace(MaceModel):
    """Energies in eV, forces in eV/Å and stresses in eV/Å³ of many structures in one call.

    `MaceModel` of torch-sim 0.3.0 evaluates the model's first head; takes two batches of the same
    atomic numbers in a row for the same batch, however these are cut into structures; and leaves
    the positions tied to the graph of all steps before, which grows with every step. Here the head
    is passed to the model, another cut is another batch, and the positions are let go.

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
        # TorchScript compiles anew after its first calls, which changes the last bits: a process
        # that goes on after a kill would differ from one that never was.
        with torch.jit.optimized_execution(False):
            results = super().forward(state)
        state.positions = state.positions.detach()
        return results

    def state(self, structures: Sequence[Atoms]) -> SimState:
        """Structures as a batch for this model."""
        return atoms_to_state(list(structures), self.device, self.dtype)

    def room(
        self, structures: Sequence[Atoms], batch_atoms: int, *, known: float | None = None
    ) -> tuple[list[float], float]:
        """Size of every structure, and how much of it a batch holds.

        On a CPU these are atoms and `batch_atoms`; on a GPU torch-sim tries how much its memory
        holds, unless that is `known` from a call before.
        """
        if self.device.type == "cpu":
            return [float(len(atoms)) for atoms in structures], float(batch_atoms)
        states = [self.state([atoms]) for atoms in structures]
        sizes = [float(calculate_memory_scaler(state)) for state in states]
        if known is not None:
            return sizes, known
        # It prints its memory and volumes on standard output, where `--json` writes.
        with contextlib.redirect_stdout(sys.stderr):
            room = estimate_max_memory_scaler(self, states, sizes, max_atoms=2 * len(states))
        return sizes, _MEMORY_USED * float(room)

    def invariants(self) -> torch.Tensor:
        """Rotation-invariant descriptors of every atom's surroundings.

        Scalars of all layers of the last call, (n_atoms, n): `MACECalculator.get_descriptors`.
        """
        return self.model.node_features[:, self.model.is_scalar]


class _OneHead(torch.nn.Module):
    def __init__(self, model: torch.nn.Module, head: int) -> None:
        super().__init__()
        self._model = model
        self._head = head
        products: Any = model.products
        irreps = [Irreps(str(product.linear.irreps_out)) for product in products]
        scalar = [
            part.ir.is_scalar() for layer in irreps for part in layer for _ in range(part.dim)
        ]
        self.is_scalar = torch.tensor(scalar)

    def forward(self, graph: dict[str, Any], **options: bool) -> dict[str, Any]:
        n_systems, device = len(graph["ptr"]) - 1, graph["ptr"].device
        results: dict[str, Any] = self._model(
            graph | {"head": torch.full((n_systems,), self._head, device=device)}, **options
        )
        self.node_features = results["node_feats"].detach()
        return results
