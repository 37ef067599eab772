"""MACE models of every kind, and structures as the graphs that their edge form takes."""

from typing import Any

import numpy as np
import torch
from ase import Atoms
from ase.neighborlist import primitive_neighbor_list

from mlipsse.energetics.potentials.mace_model import import_mace
from tests.support.potential.tiny_potential import ELEMENTS, HEADS

R_MAX_A = 4.5

KINDS: dict[str, dict[str, Any]] = {
    "one layer": {"layers": 1},
    "scalars": {"hidden": "4x0e", "correlation": 3},
    "three layers, L=2": {"layers": 3, "hidden": "3x0e+3x1o+3x2e", "max_ell": 3},
    "first block without residual": {"first": "RealAgnosticInteractionBlock"},
    "density blocks": {
        "interaction": "RealAgnosticDensityResidualInteractionBlock",
        "first": "RealAgnosticDensityInteractionBlock",
    },
    "nonlinear blocks": {
        "interaction": "RealAgnosticResidualNonLinearInteractionBlock",
        "readout_cls": "NonLinearBiasReadoutBlock",
        "hidden": "4x0e+4x1o+4x2e",
    },
    "ZBL and agnesi": {"pair_repulsion": True, "distance_transform": "Agnesi"},
    "cutoff apart": {"apply_cutoff": False, "distance_transform": "Soft"},
    "MACE without scale and shift": {"scale_shift": False},
    "one head": {"heads": ("target",)},
}
"""Models of every kind that mace-torch makes, as changes to `make_mace`."""

Graph = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


def make_mace(
    *,
    interaction: str = "RealAgnosticResidualInteractionBlock",
    first: str | None = None,
    hidden: str = "4x0e+4x1o",
    layers: int = 2,
    scale_shift: bool = True,
    heads: tuple[str, ...] = HEADS,
    seed: int = 7,
    **more: Any,
) -> torch.nn.Module:
    """A MACE of random weights in float64, with forces of some eV/Å."""
    import_mace()
    from e3nn import o3
    from mace import modules

    if "readout_cls" in more:
        more["readout_cls"] = getattr(modules.blocks, more["readout_cls"])
    energies = np.array([[-1.5, -3.0, -6.0, -2.5], [-1.0, -3.5, -5.0, -2.0]])
    settings: dict[str, Any] = {
        "r_max": R_MAX_A,
        "num_bessel": 6,
        "num_polynomial_cutoff": 5,
        "max_ell": 2,
        "interaction_cls": modules.interaction_classes[interaction],
        "interaction_cls_first": modules.interaction_classes[first or interaction],
        "num_interactions": layers,
        "num_elements": len(ELEMENTS),
        "hidden_irreps": o3.Irreps(hidden),
        "MLP_irreps": o3.Irreps("8x0e"),
        "gate": torch.nn.functional.silu,
        "atomic_energies": energies[: len(heads)],
        "avg_num_neighbors": 4.0,
        "atomic_numbers": [3, 17, 39, 49],
        "correlation": 2,
        "heads": list(heads),
    } | more
    if scale_shift:
        settings |= {
            "atomic_inter_scale": [20.0, 30.0][: len(heads)],
            "atomic_inter_shift": [0.1, -0.2][: len(heads)],
        }
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(seed)
    try:
        return (modules.ScaleShiftMACE if scale_shift else modules.MACE)(**settings)
    finally:
        torch.set_default_dtype(default)


def graph(atoms: Atoms, *, dtype: torch.dtype = torch.float64) -> Graph:
    """Types, edges, vectors and weights of one of periodic `atoms`."""
    senders, receivers, vectors = primitive_neighbor_list(
        "ijD", atoms.pbc, atoms.cell.array, atoms.positions, R_MAX_A
    )
    return (
        torch.tensor([ELEMENTS.index(symbol) for symbol in atoms.get_chemical_symbols()]),
        torch.tensor(np.stack([senders, receivers])),
        torch.tensor(vectors, dtype=dtype),
        torch.ones(len(atoms), dtype=dtype),
    )


def forces(graph: Graph, gradient: torch.Tensor) -> np.ndarray:
    """Forces on atoms, eV/Å, from slopes along edges."""
    types, (senders, receivers), _, _ = graph
    total = torch.zeros((len(types), 3), dtype=gradient.dtype)
    total.index_add_(0, senders, gradient)
    total.index_add_(0, receivers, -gradient)
    return total.numpy()


def stress(graph: Graph, gradient: torch.Tensor, *, volume_A3: float) -> np.ndarray:
    """Stress in Voigt's order, eV/Å³, from slopes along edges."""
    tensor = (graph[2].T @ gradient).numpy() / volume_A3
    return tensor[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]


def reference(model: torch.nn.Module, atoms: Atoms, *, head: str) -> tuple[float, np.ndarray, Any]:
    """Energy, forces and stress by mace-torch's ASE calculator in float64."""
    from mace.calculators import MACECalculator

    default = torch.get_default_dtype()
    try:
        calculator = MACECalculator(models=[model], head=head, default_dtype="float64")
        calculator.calculate(atoms, properties=["energy", "forces", "stress"])
        results = calculator.results
        return results["energy"], results["forces"].copy(), results["stress"].copy()
    finally:
        torch.set_default_dtype(default)
