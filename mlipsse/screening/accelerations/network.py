"""An E(3)-equivariant network from accelerations to one number per crystal."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matscipy.neighbours import neighbour_list

from mlipsse.energetics.potentials.mace_model import import_mace
from mlipsse.screening.accelerations.displaced import Displaced

import_mace()  # e3nn does not load with today's torch otherwise
import torch  # noqa: E402
from e3nn import o3  # noqa: E402
from e3nn.math import soft_one_hot_linspace  # noqa: E402
from e3nn.nn.models.v2106.gate_points_message_passing import MessagePassing  # noqa: E402


@dataclass(frozen=True)
class NetworkShape:
    """What the network is made of.

    Attributes
    ----------
    cutoff_A : up to which atoms are neighbours
    channels : of every degree and parity
    layers : gated convolutions, before the last one
    max_l : degree of features and of the harmonics of edges
    neighbours : mean number of them, by which messages are scaled
    scale_A_ps2 : by which accelerations are divided
    """

    cutoff_A: float = 5.0
    channels: int = 8
    layers: int = 2
    max_l: int = 1
    neighbours: float = 40.0
    scale_A_ps2: float = 1000.0


@dataclass(frozen=True, eq=False)
class Graphs:
    """Displaced crystals side by side.

    Attributes
    ----------
    accelerations : (n_atoms, 3), in units of the shape's scale
    edges : (2, n_edges), sender and receiver
    vectors_A : (n_edges, 3)
    crystal : (n_atoms,) which one an atom belongs to
    """

    accelerations: torch.Tensor
    edges: torch.Tensor
    vectors_A: torch.Tensor
    crystal: torch.Tensor


class AccelerationNetwork(torch.nn.Module):
    """Messages of accelerations, without species; the mean over atoms is the answer.

    The convolutions are e3nn's (`e3nn.nn.models.v2106`). The answer does not change with
    translations, rotations and reflections of a crystal, nor when its cell is repeated.
    """

    n_basis = 10

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.shape = shape
        hidden = o3.Irreps(
            [(shape.channels, (l, p)) for l in range(shape.max_l + 1) for p in (-1, 1)]  # noqa: E741
        )
        with warnings.catch_warnings():  # torch on how e3nn's code is written
            warnings.simplefilter("ignore", UserWarning)
            self.messages = MessagePassing(
                ["1x0e + 1x1o", *[hidden] * shape.layers, f"{shape.channels}x0e"],
                irreps_node_attr="0e",
                irreps_edge_attr=o3.Irreps.spherical_harmonics(shape.max_l),
                fc_neurons=[self.n_basis, 32],
                num_neighbors=shape.neighbours,
            )
        self.answer = torch.nn.Sequential(
            torch.nn.Linear(shape.channels, 16), torch.nn.SiLU(), torch.nn.Linear(16, 1)
        )

    def forward(self, graphs: Graphs) -> torch.Tensor:
        """One number for every crystal, (n,)."""
        lengths_A = graphs.vectors_A.norm(dim=1)
        radial = soft_one_hot_linspace(
            lengths_A, 0.0, self.shape.cutoff_A, self.n_basis, basis="smooth_finite", cutoff=True
        ) * (self.n_basis**0.5)
        harmonics = o3.spherical_harmonics(
            list(range(self.shape.max_l + 1)), graphs.vectors_A, True, normalization="component"
        )
        # Sizes of accelerations differ by decades; the logarithm of each goes in beside it.
        size = torch.log1p(graphs.accelerations.norm(dim=1, keepdim=True))
        features = torch.cat([size, graphs.accelerations], dim=1)
        ones = torch.ones(len(features), 1)
        found = self.messages(features, ones, *graphs.edges, harmonics, radial)
        n = int(graphs.crystal.max()) + 1
        sums = torch.zeros(n, found.shape[1]).index_add(0, graphs.crystal, found)
        atoms = torch.zeros(n).index_add(0, graphs.crystal, torch.ones(len(found)))
        answer = self.answer(sums / atoms[:, None])
        return torch.as_tensor(answer[:, 0])


def graph(crystal: Displaced, shape: NetworkShape) -> Graphs:
    """Edges of one displaced crystal, to periodic images too."""
    senders, receivers, vectors_A = neighbour_list(
        "ijD",
        positions=crystal.positions_A,
        cell=crystal.cell,
        pbc=[True] * 3,
        cutoff=shape.cutoff_A,
    )
    return Graphs(
        torch.tensor(crystal.accelerations_A_ps2 / shape.scale_A_ps2, dtype=torch.float32),
        torch.tensor(np.stack([senders, receivers]).astype(np.int64)),
        torch.tensor(vectors_A, dtype=torch.float32),
        torch.zeros(len(crystal.positions_A), dtype=torch.int64),
    )


def together(some: Sequence[Graphs]) -> Graphs:
    """Graphs of one crystal each side by side."""
    first = np.cumsum([0, *(len(one.crystal) for one in some)])
    return Graphs(
        torch.cat([one.accelerations for one in some]),
        torch.cat([one.edges + int(n) for one, n in zip(some, first, strict=False)], dim=1),
        torch.cat([one.vectors_A for one in some]),
        torch.cat([one.crystal + k for k, one in enumerate(some)]),
    )
