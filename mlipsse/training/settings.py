"""What a model is trained from, how, and by which limits it is judged."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from mlipsse.settings import Count, Positive, Settings
from mlipsse.training.architecture import Architecture

HEAD = "Default"
"""Name that mace-torch gives the head of the new labels."""

REPLAY_HEAD = "pt_head"
"""Name that mace-torch gives the head that keeps the foundation's labels."""

Strategy = Literal["multihead", "naive", "scratch"]
Frozen = Literal["nothing", "embedding", "interactions", "products"]
IsolatedAtoms = Literal["auto", "estimated", "foundation"] | dict[str, float]
Option = bool | int | float | str


class TrainingSettings(Settings):
    """What `campaign.yaml` and a training have in common.

    The defaults are the published ones: multi-head fine-tuning with replay, at most 500 epochs, a
    stop after 20 without improvement on the validation set, learning rate 0.01 (Deng, Li, Sai
    Gautam, Zhu, Deng, 2025, doi 10.1039/d5ta05321h). What was not published is as in mace-torch,
    but for the moving average of the weights, which it switches on for multi-head fine-tuning
    only when it also lowers the learning rate to 0.0001.

    The last, smaller batch of an epoch is left out. Low-rank updates are those of Hu et al., 2021
    (arXiv 2106.09685); the weights themselves stay. Estimated energies of isolated atoms are those
    of the foundation and one correction per element, fitted to the labels, as fine-tuning across
    functionals requires; from scratch, a least-squares fit to the labels.

    Raises
    ------
    MlipsseError
        for settings that exclude each other.
    """

    strategy: Strategy = "multihead"
    """Training strategy. multihead: fine-tune with a replay set, which preserves what the
    foundation has learned. naive: fine-tune on the labels alone. scratch: train from random
    weights, for comparison."""
    foundation_head: str | None = None
    """Head of the foundation. Required for a MACE model with several heads."""
    replay_ratio: Positive = Field(default=0.1, le=1)
    """Smallest ratio of training frames to replay frames. Fewer training frames are repeated to
    reach it."""
    max_epochs: Count = 500
    """Maximum number of epochs."""
    patience: Count = 20
    """Number of epochs without improvement after which the training stops."""
    learning_rate: Positive = Field(default=0.01, lt=1)
    """Initial learning rate."""
    batch_size: Count = 10
    """Number of frames per gradient step. The default is that of mace-torch."""
    valid_batch_size: Count = 10
    """Number of frames per batch of the validation."""
    energy_weight: float = Field(default=1.0, ge=0)
    """Weight of the energies in the universal loss of mace-torch."""
    forces_weight: float = Field(default=100.0, ge=0)
    """Weight of the forces in the universal loss of mace-torch."""
    stress_weight: float = Field(default=1.0, ge=0)
    """Weight of the stresses in the universal loss of mace-torch. MACE-MP-0 was trained with
    weights 1, 10 and 100 for energy, forces and stress."""
    scheduler_patience: Count = 50
    """Number of epochs without improvement after which the learning rate falls."""
    lr_factor: Positive = Field(default=0.8, lt=1)
    """Factor by which the learning rate falls."""
    weight_decay: float = Field(default=5e-07, ge=0)
    """Weight decay of the Adam optimiser."""
    ema_decay: float = Field(default=0.99, ge=0, lt=1)
    """Decay of the moving average of the weights. The trained model consists of the averaged
    weights."""
    lora_rank: Count | None = None
    """Rank of low-rank updates (LoRA). By default all weights are trained."""
    lora_alpha: Positive = 1.0
    """Scale of the low-rank updates, in units of the rank."""
    freeze: Frozen = "nothing"
    """Parts of the model to keep fixed. embedding: the element embedding. interactions: the
    embedding and the interactions. products: the embedding, the interactions and the products."""
    dtype: Literal["float32", "float64"] = "float32"
    """Floating-point precision of the training."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Device to train on."""
    gpus: Count = 1
    """Number of GPUs of this machine to train on with device: cuda, by torchrun."""
    e0s: IsolatedAtoms = "auto"
    """Energies of isolated atoms. auto: from isolated atoms among the labels, otherwise estimated.
    estimated: from the foundation and the labels. foundation: those of the foundation. Or a mapping
    from element to energy in eV."""
    architecture: Architecture | Literal["foundation"] = Architecture()
    """Architecture for strategy scratch: numbers that override the published ones, or `foundation`
    for the architecture of the foundation."""
    options: dict[str, Option] = Field(default_factory=dict)
    """Further options of mace_run_train by name, e.g. clip_grad: 100. true stands for an option
    without a value."""

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        if self.lora_rank is not None and self.freeze != "nothing":
            raise ValueError(
                f"lora_rank ({self.lora_rank}) already keeps all weights fixed and excludes "
                f"freeze ({self.freeze}). Give one of the two."
            )
        if self.strategy == "scratch" and (self.lora_rank is not None or self.freeze != "nothing"):
            raise ValueError(
                "A model from scratch has no weights to keep. Remove lora_rank and freeze with "
                "strategy scratch."
            )
        if self.strategy == "scratch" and self.e0s == "foundation":
            raise ValueError(
                "A model from scratch has no foundation: set e0s: estimated, or give e0s in eV by "
                "element."
            )
        if self.gpus > 1 and self.device != "cuda":
            raise ValueError(
                f"gpus is {self.gpus} with device {self.device}: mace-torch trains on several "
                "devices only with cuda. Set device: cuda or gpus: 1."
            )
        return self


class FineTuneSettings(TrainingSettings):
    """Settings of a training; `fine_tune` gets no isolated atoms and takes e0s: auto for estimated.

    Raises
    ------
    MlipsseError
        as `TrainingSettings`.
    """

    seed: int = 1
    """Seed of the weights and batches."""


class TrainingLimits(Settings):
    """Limits of `campaign.yaml` beyond which a training has failed."""

    max_energy_offset_meV_atom: Positive = 20.0
    """Largest mean energy error on the validation set in meV/atom. A training beyond it has
    failed."""
    max_forgetting: Positive = 0.5
    """Largest relative growth of the force error of the foundation on held-out replay frames. A
    training beyond it has failed."""
    max_softening: Positive = 0.1
    """Largest deviation from 1 of the slope of the predicted on the labelled forces of the test
    set; of the stresses within their error. A training beyond it has failed: its barriers, melting
    points and D are not those of its labels."""


class FineTuneLimits(TrainingLimits):
    """All limits by which a training is judged."""

    max_energy_rmse_meV_atom: Positive = 500.0
    """Largest energy error on the validation set in meV/atom. Wrong energies of isolated atoms are
    off by more, a working training by far less."""
    noted_energy_offset_meV_atom: Positive = 2.0
    """Mean energy error on the validation set in meV/atom above which a training gets a warning."""
    noted_forgetting: Positive = 0.2
    """Relative growth of the force error on held-out replay above which a training gets a
    warning."""


@dataclass(frozen=True, kw_only=True)
class Training:
    """What a training is made from and judged by.

    Attributes
    ----------
    sets : train, valid, test and replay -> extxyz with labels under `mlipsse.keys`. Replay must be
        there for multi-head fine-tuning, and is measured, not trained on, in the others.
    foundation : MACE model; from scratch it is what the new model is compared with, where it knows
        all elements of the sets, and may be None
    settings : how
    limits : beyond which the training has failed
    """

    sets: Mapping[str, Path]
    foundation: Path | None
    settings: FineTuneSettings
    limits: FineTuneLimits = FineTuneLimits()  # noqa: RUF009, frozen
