"""A MACE model as LAMMPS sees it: atom types and edge vectors in, energies and their slopes out.

Import `mlipsse.energetics.potentials.mace_model.import_mace` and call it before this module: it keeps mace-torch quiet.
"""

from functools import partial
from typing import Any

import torch
from e3nn.util.jit import compile_mode
from mace.calculators import LAMMPS_MACE


@compile_mode("script")
class EdgeModel(LAMMPS_MACE):
    """One head of a MACE model, with mace-torch's own `forward` and the edge form beside it.

    `forward(data, local_or_ghost, compute_virials)` and the attributes `r_max`, `atomic_numbers`,
    `num_interactions` and `head` are those of mace-torch's `LAMMPS_MACE`, which every
    `pair_style mace` knows. The edge form needs neither positions nor a cell, and gives what
    per-atom virials are made of.

    Attributes
    ----------
    head_name : name of the head that is evaluated

    Example
    -------
    >>> lammps_model = e3nn.util.jit.compile(EdgeModel(model, head="target"))
    >>> node_energy, gradient = lammps_model.edge_energies(types, edge_index, vectors, weights)
    """

    atomic_numbers: torch.Tensor
    head_name: str

    def __init__(self, model: Any, *, head: str) -> None:
        super().__init__(model, head=head)
        self.head_name = head
        for part in model.modules():
            if type(part).__name__ == "GatedEquivariantBlock":  # TorchScript cannot read its code
                part.__e3nn_compile_mode__ = "trace"
                part._make_tracing_inputs = partial(_some_features, part.irreps_in.dim)

    @torch.jit.export
    def edge_energies(
        self,
        types: torch.Tensor,
        edge_index: torch.Tensor,
        vectors: torch.Tensor,
        weights: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Energy of every atom, and the slope of their weighted sum along every edge.

        Parameters
        ----------
        types : (n_atoms,) int64, places in `atomic_numbers`
        edge_index : (2, n_edges) int64, sender and receiver of each edge
        vectors : (n_edges, 3) in the model's dtype, Å, receiver minus sender, image included
        weights : (n_atoms,) in the model's dtype: 1 where an atom's energy counts, 0 for ghosts

        Returns
        -------
        node_energy : (n_atoms,) float64, eV
        gradient : (n_edges, 3) in the model's dtype, eV/Å, of the sum of weights times node_energy
        """
        vectors = vectors.detach().requires_grad_(True)
        kinds = torch.arange(self.atomic_numbers.shape[0], device=types.device)
        # MACE forms r_receiver - r_sender + shift: with all atoms at the origin, the shift alone.
        data = {
            "positions": torch.zeros(
                (types.shape[0], 3), dtype=vectors.dtype, device=vectors.device
            ),
            "shifts": vectors,
            "unit_shifts": torch.zeros_like(vectors),
            "cell": torch.zeros((3, 3), dtype=vectors.dtype, device=vectors.device),
            "node_attrs": (types.unsqueeze(-1) == kinds).to(vectors.dtype),
            "edge_index": edge_index,
            "batch": torch.zeros_like(types),
            "ptr": torch.zeros(2, dtype=torch.int64, device=types.device),  # only its length counts
            "head": self.head,
        }
        node_energy = self.model(
            data,
            training=False,
            compute_force=False,
            compute_virials=False,
            compute_stress=False,
            compute_displacement=False,
        )["node_energy"]
        assert node_energy is not None  # for TorchScript, to which it is Optional
        gradient = torch.autograd.grad(
            [torch.sum(weights * node_energy)], [vectors], allow_unused=True
        )[0]
        if gradient is None:
            gradient = torch.zeros_like(vectors)
        return node_energy.detach().to(torch.float64), gradient


def _some_features(width: int, number: int) -> list[dict[str, tuple[torch.Tensor, ...]]]:
    """What e3nn traces a part with, `number` times."""
    return [{"forward": (torch.ones((3, width)),)} for _ in range(number)]
