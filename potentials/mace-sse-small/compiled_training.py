"""Train a MACE from scratch on CPU cores, with compiled gradients: one process per core.

mace-torch differentiates a force twice, operation by operation. Here energy and slopes along the
edges are traced once with their weights as inputs, as a graph of plain tensor operations, which
torch.compile differentiates and compiles as a whole. The model is mace-torch's, and so is the file
it ends in; only the loop is ours. A step takes about half the time (`benchmarks/training_step.py`).
"""

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from graphs import Batch, collate, elements, graph

from mlipsse import keys
from mlipsse.energetics.memory import kept_memory
from mlipsse.energetics.potentials.mace_model import import_mace
from mlipsse.files import write_aside
from mlipsse.processes import die_with_parent

import_mace()
import torch  # noqa: E402
import torch.distributed as dist  # noqa: E402
import torch.multiprocessing as mp  # noqa: E402
from e3nn import o3  # noqa: E402
from mace import modules  # noqa: E402
from matscipy.neighbours import neighbour_list  # noqa: E402

FORCE_DELTA_EV_A = 0.5
ENERGY_DELTA_EV = 0.05
STRESS_DELTA_EV_A3 = 0.05
FORCE_SCALE_EV_A = 3.0
"""Labels far beyond this, of pairs pushed together, weigh as their relative errors do."""


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """A training from random weights.

    Attributes
    ----------
    max_L, max_ell, correlation, r_max_A : as in `mlipsse.training.architecture.Architecture`
    radial_MLP : hidden widths of the network from distances to weights
    batch_size : frames of a gradient step, over all processes
    learning_rate : Adam's, after a linear rise over `warmup` steps; falls to zero as a half cosine
    energy_weight, force_weight, stress_weight : of squared errors in eV/atom, eV/Å and eV/Å³; far
        beyond the deltas of this file errors count linearly, as of pairs pushed together
    clip : largest norm of a gradient
    ema_decay : of the moving average of the weights, which is what is validated and kept
    """

    channels: int = 48
    max_L: int = 0
    max_ell: int = 2
    correlation: int = 3
    r_max_A: float = 5.0
    radial_MLP: tuple[int, ...] = (48, 48)
    epochs: int = 100
    batch_size: int = 8
    learning_rate: float = 0.01
    warmup: int = 200
    energy_weight: float = 40.0
    force_weight: float = 1.0
    stress_weight: float = 1000.0
    clip: float = 2.0
    ema_decay: float = 0.995
    seed: int = 7


def train(
    sets: Mapping[str, Sequence[Atoms]],
    settings: TrainingSettings,
    *,
    folder: Path,
    processes: int,
) -> Path:
    """Train on `sets["train"]`; the model file of the epoch that was best on `sets["valid"]`.

    Killed and called again with the same arguments it goes on from the last whole epoch.
    """
    folder.mkdir(parents=True, exist_ok=True)
    meeting = folder / f"meeting-{os.getpid()}"
    mp.spawn(
        _work, args=(os.getpid(), processes, sets, settings, folder, meeting), nprocs=processes
    )
    meeting.unlink(missing_ok=True)
    return folder / "best.model"


def least_squares_energies_eV(frames: Sequence[Atoms]) -> np.ndarray:
    """Energy per element that explains most of the labels, in the order of `elements`.

    Of frames of dynamics alone, where there are some: those of pairs pushed together lie high.
    """
    moving = [frame for frame in frames if frame.info.get("temperature_K")] or frames
    numbers, frames = elements(frames), moving
    counts = np.array([[np.sum(a.numbers == z) for z in numbers] for a in frames])
    sizes = counts.sum(axis=1, keepdims=True)
    energies_eV = np.array([[frame.info[keys.ENERGY]] for frame in frames])
    return np.linalg.lstsq(counts / sizes, (energies_eV / sizes)[:, 0], rcond=1e-6)[0]


def build_model(frames: Sequence[Atoms], settings: TrainingSettings) -> Any:
    """mace-torch's ScaleShiftMACE with random weights, its scales fitted to the frames."""
    torch.manual_seed(settings.seed)
    numbers = elements(frames)
    forces = np.concatenate([frame.arrays[keys.FORCES] for frame in frames])
    pairs = sum(len(neighbour_list("i", frame, settings.r_max_A)) for frame in frames[::10])
    block = modules.interaction_classes["RealAgnosticResidualInteractionBlock"]
    return modules.ScaleShiftMACE(
        r_max=settings.r_max_A,
        num_bessel=8,
        num_polynomial_cutoff=5,
        max_ell=settings.max_ell,
        interaction_cls=block,
        interaction_cls_first=block,
        num_interactions=2,
        num_elements=len(numbers),
        hidden_irreps=o3.Irreps(
            [(settings.channels, (order, (-1) ** order)) for order in range(settings.max_L + 1)]
        ),
        MLP_irreps=o3.Irreps("16x0e"),
        gate=torch.nn.functional.silu,
        atomic_energies=least_squares_energies_eV(frames),
        avg_num_neighbors=pairs / sum(len(frame) for frame in frames[::10]),
        atomic_numbers=numbers,
        correlation=settings.correlation,
        radial_MLP=list(settings.radial_MLP),
        radial_type="bessel",
        atomic_inter_scale=float(np.sqrt(np.mean(np.clip(forces, -5, 5) ** 2))),
        atomic_inter_shift=0.0,
    )


EdgeFunction = Callable[[Batch], tuple[torch.Tensor, torch.Tensor]]


def edge_function(model: Any) -> EdgeFunction:
    """(node energies, their sum's slope along every edge), differentiable by the weights."""
    from torch.fx.experimental.proxy_tensor import make_fx

    from mlipsse.potential.export.traceable import make_traceable

    make_traceable(model)
    names = [name for name, _ in model.named_parameters()]
    n_types = len(model.atomic_numbers)

    def energies_and_slopes(
        weights: list[torch.Tensor],
        types: torch.Tensor,
        edges: torch.Tensor,
        vectors_A: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        vectors_A = vectors_A.detach().requires_grad_(True)
        # As in mlipsse.potential.export.edge_model: atoms at the origin, edges are shifts.
        data = {
            "positions": torch.zeros((types.shape[0], 3)),
            "shifts": vectors_A,
            "unit_shifts": torch.zeros_like(vectors_A),
            "cell": torch.zeros((3, 3)),
            "node_attrs": (types.unsqueeze(-1) == torch.arange(n_types)).float(),
            "edge_index": edges,
            "batch": torch.zeros_like(types),
            "ptr": torch.zeros(2, dtype=torch.int64),
            "head": torch.zeros(1, dtype=torch.int64),
        }
        energies = torch.func.functional_call(
            model,
            dict(zip(names, weights, strict=True)),
            (data,),
            {"training": True, "compute_force": False},
        )["node_energy"]
        (slopes,) = torch.autograd.grad([energies.sum()], [vectors_A], create_graph=True)
        return energies, slopes

    n_atoms, n_edges = 251, 10_007  # equal to no other size in a model
    example = (
        [weight.detach().clone().requires_grad_(True) for weight in model.parameters()],
        torch.arange(n_atoms) % n_types,
        torch.stack([torch.arange(n_edges) * step % n_atoms for step in (1, 2)]),
        torch.full((n_edges, 3), 0.4 * float(model.r_max)),
    )
    traced = make_fx(energies_and_slopes, tracing_mode="symbolic", _allow_non_fake_inputs=True)(
        *example
    )
    traced.graph.eliminate_dead_code()
    traced.recompile()
    function = torch.compile(traced, dynamic=True, fullgraph=True)
    weights = list(model.parameters())
    return lambda batch: function(weights, batch.types, batch.edges, batch.vectors_A)


def residuals(
    batch: Batch, energies: torch.Tensor, slopes: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Errors of energy per atom (n,), forces (n_atoms, 3) and stress (n, 3, 3)."""
    n = len(batch.n_atoms)
    energy = torch.zeros(n, dtype=torch.float64).index_add(0, batch.batch, energies.double())
    forces = torch.zeros_like(batch.forces_eV_A)
    forces = forces.index_add(0, batch.edges[0], slopes).index_add(0, batch.edges[1], -slopes)
    outer = slopes[:, :, None] * batch.vectors_A[:, None, :]
    stress = torch.zeros(n, 3, 3).index_add(0, batch.edge_batch, outer)
    stress = (stress + stress.transpose(1, 2)) / (2 * batch.volume_A3[:, None, None])
    return (
        ((energy - batch.energy_eV) / batch.n_atoms).float(),
        forces - batch.forces_eV_A,
        stress - batch.stress_eV_A3,
    )


def loss(
    settings: TrainingSettings, batch: Batch, energies: torch.Tensor, slopes: torch.Tensor
) -> torch.Tensor:
    """Weighted means of squared errors, linear far beyond their deltas, less for large labels."""
    energy, forces, stress = residuals(batch, energies, slopes)
    squares = batch.forces_eV_A.square().sum(dim=1)
    of_frames = torch.zeros(len(batch.n_atoms)).index_add(0, batch.batch, squares) / batch.n_atoms
    atom = 1 / (1 + squares / FORCE_SCALE_EV_A**2)
    frame = 1 / (1 + of_frames / FORCE_SCALE_EV_A**2)
    return (
        settings.energy_weight * (frame * _pseudo_huber(energy, ENERGY_DELTA_EV)).mean()
        + settings.force_weight * (atom[:, None] * _pseudo_huber(forces, FORCE_DELTA_EV_A)).mean()
        + settings.stress_weight
        * (frame[:, None, None] * _pseudo_huber(stress, STRESS_DELTA_EV_A3)).mean()
    )


def _pseudo_huber(error: torch.Tensor, delta: float) -> torch.Tensor:
    return 2 * delta**2 * (torch.sqrt(1 + (error / delta) ** 2) - 1)


def _work(
    rank: int,
    parent: int,
    processes: int,
    sets: Mapping[str, Sequence[Atoms]],
    settings: TrainingSettings,
    folder: Path,
    meeting: Path,
) -> None:
    die_with_parent(parent)
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float32)
    dist.init_process_group(
        "gloo", init_method=f"file://{meeting.resolve()}", rank=rank, world_size=processes
    )
    with kept_memory():
        _Trainer(rank, processes, sets, settings, folder).run()
    dist.destroy_process_group()


class _Trainer:
    def __init__(
        self,
        rank: int,
        processes: int,
        sets: Mapping[str, Sequence[Atoms]],
        settings: TrainingSettings,
        folder: Path,
    ) -> None:
        self.rank, self.processes, self.settings, self.folder = rank, processes, settings, folder
        self.frames = sets["train"]
        self.model = build_model(self.frames, settings).float()
        numbers = elements(self.frames)
        self.graphs = {
            part: [graph(frame, numbers, settings.r_max_A) for frame in some]
            for part, some in sets.items()
            if part in ("train", "valid")
        }
        self.weights = list(self.model.parameters())
        self.average = [weight.detach().clone() for weight in self.weights]
        self.optimizer = torch.optim.Adam(self.weights, lr=settings.learning_rate)
        self.function = edge_function(self.model)
        self.share = settings.batch_size // processes
        self.steps = len(self.frames) // (self.share * processes)
        self.epoch, self.best = 0, math.inf

    def run(self) -> None:
        self.load()
        while self.epoch < self.settings.epochs:
            began = time.monotonic()
            trained = self.train_epoch()
            self.epoch += 1
            errors = self.validate()
            if self.rank == 0:
                self.keep(errors, trained, time.monotonic() - began)
        dist.barrier()

    def train_epoch(self) -> float:
        order = np.random.default_rng([self.settings.seed, self.epoch]).permutation(
            len(self.frames)
        )
        total = 0.0
        for step in range(self.steps):
            for group in self.optimizer.param_groups:
                group["lr"] = self.learning_rate(self.epoch * self.steps + step)
            first = (step * self.processes + self.rank) * self.share
            batch = collate([self.graphs["train"][k] for k in order[first : first + self.share]])
            self.optimizer.zero_grad(set_to_none=True)
            value = loss(self.settings, batch, *self.function(batch))
            value.backward()
            self.share_gradients()
            torch.nn.utils.clip_grad_norm_(self.weights, self.settings.clip)
            self.optimizer.step()
            with torch.no_grad():
                torch._foreach_lerp_(self.average, self.weights, 1 - self.settings.ema_decay)
            total += float(value)
        return total / self.steps

    def learning_rate(self, step: int) -> float:
        settings = self.settings
        done = step / (self.settings.epochs * self.steps)
        rise = min(1.0, (step + 1) / settings.warmup)
        return settings.learning_rate * rise * (0.5 + 0.5 * math.cos(math.pi * done))

    def share_gradients(self) -> None:
        known = [weight for weight in self.weights if weight.grad is not None]
        flat = torch.cat([weight.grad.ravel() for weight in known])
        dist.all_reduce(flat)
        flat /= self.processes
        for weight, part in zip(known, flat.split([w.numel() for w in known]), strict=True):
            weight.grad.copy_(part.view_as(weight))

    def validate(self) -> dict[str, float]:
        """RMSE of the averaged weights, in milli-units; every process sees its share of frames."""
        sums = torch.zeros(6, dtype=torch.float64)
        held = [weight.detach().clone() for weight in self.weights]
        self.set_weights(self.average)
        mine = self.graphs["valid"][self.rank :: self.processes]
        for first in range(0, len(mine), self.share):
            batch = collate(mine[first : first + self.share])
            parts = residuals(batch, *(value.detach() for value in self.function(batch)))
            for place, part in enumerate(parts):
                sums[2 * place] += float(part.double().square().sum())
                sums[2 * place + 1] += part.numel()
        self.set_weights(held)
        dist.all_reduce(sums)
        names = ("energy_rmse_meV_atom", "force_rmse_meV_A", "stress_rmse_meV_A3")
        return {
            name: 1000 * math.sqrt(sums[2 * place] / sums[2 * place + 1])
            for place, name in enumerate(names)
        }

    def set_weights(self, values: Sequence[torch.Tensor]) -> None:
        with torch.no_grad():
            torch._foreach_copy_(self.weights, list(values))

    def keep(self, errors: Mapping[str, float], trained: float, seconds: float) -> None:
        score = errors["force_rmse_meV_A"] + 5 * errors["energy_rmse_meV_atom"]
        if score < self.best:
            self.best = score
            fresh = build_model(self.frames, self.settings).float()
            state = dict(fresh.state_dict())
            names = [name for name, _ in self.model.named_parameters()]
            fresh.load_state_dict(state | dict(zip(names, self.average, strict=True)))
            with write_aside(self.folder / "best.model") as aside, aside.open("wb") as stream:
                torch.save(fresh, stream)
        state = {
            "settings": asdict(self.settings),
            "epoch": self.epoch,
            "best": self.best,
            "weights": self.weights,
            "average": self.average,
            "optimizer": self.optimizer.state_dict(),
        }
        with write_aside(self.folder / "state.pt") as aside, aside.open("wb") as stream:
            torch.save(state, stream)
        errors_text = ", ".join(f"{name} {value:.1f}" for name, value in errors.items())
        with (self.folder / "log.txt").open("a") as log:
            log.write(f"epoch {self.epoch}, {seconds:.0f} s, loss {trained:.5f}, {errors_text}\n")

    def load(self) -> None:
        path = self.folder / "state.pt"
        if not path.is_file():
            return
        state = torch.load(path, weights_only=False)
        if state["settings"] != asdict(self.settings):
            raise SystemExit(f"{path} is of a training with other settings: name another folder.")
        self.epoch, self.best = state["epoch"], state["best"]
        self.set_weights(state["weights"])
        self.average = [value.detach() for value in state["average"]]
        self.optimizer.load_state_dict(state["optimizer"])
