"""How a model is trained."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from mlipsse.errors import MlipsseError
from mlipsse.training.architecture import Architecture

HEAD = "Default"
"""Name that mace-torch gives the head of the new labels."""

REPLAY_HEAD = "pt_head"
"""Name that mace-torch gives the head that keeps the foundation's labels."""

Strategy = Literal["multihead", "naive", "scratch"]
Frozen = Literal["nothing", "embedding", "interactions", "products"]
IsolatedAtoms = Literal["estimated", "foundation"] | Mapping[str, float]
Option = bool | int | float | str


@dataclass(frozen=True, kw_only=True)
class FineTuneSettings:
    """Settings of a training.

    The defaults are the published ones: multi-head fine-tuning with replay, at most 500 epochs, a
    stop after 20 without improvement on the validation set, learning rate 0.01 (Deng, Li, Sai
    Gautam, Zhu, Deng, 2025, doi 10.1039/d5ta05321h). What was not published is as in mace-torch,
    but for the moving average of the weights, which it switches on for multi-head fine-tuning
    only when it also lowers the learning rate to 0.0001.

    Attributes
    ----------
    strategy : `multihead`: with replay, so that what the foundation knew is kept; `naive`: on the
        new labels alone; `scratch`: from random weights, for comparison
    max_epochs, patience : epochs; `patience` counts those without improvement
    learning_rate : initial
    batch_size : frames of a gradient step; the last, smaller batch of an epoch is left out
    valid_batch_size : frames evaluated at a time
    energy_weight, forces_weight, stress_weight : of mace-torch's universal loss
    scheduler_patience : epochs without improvement before the learning rate falls
    lr_factor : to this share of itself
    weight_decay : of the optimiser (Adam, AMSGrad)
    ema_decay : of the moving average of the weights, which is what is validated and kept
    e0s : isolated-atom energies of the new head. `estimated`: the foundation's and one correction
        per element, fitted to the new labels, as fine-tuning across functionals needs;
        `foundation`: the foundation's; or eV by element. From scratch, `estimated` is a
        least-squares fit to the labels.
    replay_ratio : training frames are repeated when they are fewer than this share of the replayed
    foundation_head : head of a foundation that has several
    lora_rank : ranks of low-rank updates (LoRA, Hu et al., 2021, arXiv 2106.09685), the weights
        themselves stay; None trains the weights
    lora_alpha : scale of these updates, in units of the rank
    freeze : parts that stay as they are, each with those named before it
    architecture : of a model from scratch; None is that of the foundation
    gpus : of this machine, by torchrun; with `device` cuda
    options : further options of mace_run_train by name
    """

    strategy: Strategy = "multihead"
    max_epochs: int = 500
    patience: int = 20
    learning_rate: float = 0.01
    batch_size: int = 10
    valid_batch_size: int = 10
    energy_weight: float = 1.0
    forces_weight: float = 100.0
    stress_weight: float = 1.0
    scheduler_patience: int = 50
    lr_factor: float = 0.8
    weight_decay: float = 5e-7
    ema_decay: float = 0.99
    e0s: IsolatedAtoms = "estimated"
    replay_ratio: float = 0.1
    foundation_head: str | None = None
    lora_rank: int | None = None
    lora_alpha: float = 1.0
    freeze: Frozen = "nothing"
    architecture: Architecture | None = field(default_factory=Architecture)
    dtype: Literal["float32", "float64"] = "float32"
    device: Literal["cpu", "cuda"] = "cpu"
    gpus: int = 1
    options: Mapping[str, Option] = field(default_factory=dict)
    seed: int = 1

    def __post_init__(self) -> None:
        if self.lora_rank is not None and self.freeze != "nothing":
            raise MlipsseError(
                f"lora_rank ({self.lora_rank}) already keeps all weights fixed and excludes "
                f"freeze ({self.freeze}). Give one of the two."
            )
        if self.strategy == "scratch" and (self.lora_rank is not None or self.freeze != "nothing"):
            raise MlipsseError(
                "A model from scratch has no weights to keep. Remove lora_rank and freeze with "
                "strategy scratch."
            )
        if self.strategy == "scratch" and self.e0s == "foundation":
            raise MlipsseError(
                "A model from scratch has no foundation: set e0s: estimated, or give e0s in eV by "
                "element."
            )
        if self.gpus > 1 and self.device != "cuda":
            raise MlipsseError(
                f"gpus is {self.gpus} with device {self.device}: mace-torch trains on several "
                "devices only with cuda. Set device: cuda or gpus: 1."
            )
