"""Labelled frames as graphs of atoms and edges, and batches of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from ase import Atoms
from matscipy.neighbours import neighbour_list

from mlipsse import keys


@dataclass(frozen=True, eq=False)
class Graph:
    """A labelled frame with its edges.

    Attributes
    ----------
    types : (n_atoms,) places in the list of elements
    edges : (2, n_edges), sender and receiver
    vectors_A : (n_edges, 3), receiver minus sender
    stress_eV_A3 : (3, 3)
    """

    types: torch.Tensor
    edges: torch.Tensor
    vectors_A: torch.Tensor
    energy_eV: float
    forces_eV_A: torch.Tensor
    stress_eV_A3: torch.Tensor
    volume_A3: float


def elements(frames: Sequence[Atoms]) -> list[int]:
    """Atomic numbers, rising."""
    return sorted({int(number) for frame in frames for number in frame.numbers})


def graph(frame: Atoms, numbers: Sequence[int], r_max_A: float) -> Graph:
    """Edges and labels of a frame, float32."""
    senders, receivers, vectors = neighbour_list("ijD", frame, r_max_A)
    xx, yy, zz, yz, xz, xy = frame.info[keys.STRESS]
    return Graph(
        types=torch.from_numpy(np.searchsorted(numbers, frame.numbers)),
        edges=torch.from_numpy(np.stack([senders, receivers]).astype(np.int64)),
        vectors_A=torch.from_numpy(vectors.astype(np.float32)),
        energy_eV=float(frame.info[keys.ENERGY]),
        forces_eV_A=torch.from_numpy(frame.arrays[keys.FORCES].astype(np.float32)),
        stress_eV_A3=torch.tensor([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]], dtype=torch.float32),
        volume_A3=float(frame.get_volume()),
    )


@dataclass(frozen=True, eq=False)
class Batch:
    """Graphs side by side; `batch` and `edge_batch` name the graph of an atom and an edge."""

    types: torch.Tensor
    edges: torch.Tensor
    vectors_A: torch.Tensor
    batch: torch.Tensor
    edge_batch: torch.Tensor
    energy_eV: torch.Tensor
    forces_eV_A: torch.Tensor
    stress_eV_A3: torch.Tensor
    volume_A3: torch.Tensor
    n_atoms: torch.Tensor


def collate(graphs: Sequence[Graph]) -> Batch:
    """Put graphs side by side."""
    n_atoms = torch.tensor([len(one.types) for one in graphs])
    n_edges = torch.tensor([one.edges.shape[1] for one in graphs])
    starts = torch.cumsum(n_atoms, 0) - n_atoms
    places = torch.arange(len(graphs))
    return Batch(
        types=torch.cat([one.types for one in graphs]),
        edges=torch.cat(
            [one.edges + start for one, start in zip(graphs, starts, strict=True)], dim=1
        ),
        vectors_A=torch.cat([one.vectors_A for one in graphs]),
        batch=torch.repeat_interleave(places, n_atoms),
        edge_batch=torch.repeat_interleave(places, n_edges),
        energy_eV=torch.tensor([one.energy_eV for one in graphs], dtype=torch.float64),
        forces_eV_A=torch.cat([one.forces_eV_A for one in graphs]),
        stress_eV_A3=torch.stack([one.stress_eV_A3 for one in graphs]),
        volume_A3=torch.tensor([one.volume_A3 for one in graphs]),
        n_atoms=n_atoms,
    )
