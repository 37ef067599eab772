"""How a model is trained."""

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
IsolatedAtoms = Literal["estimated", "foundation"] | dict[str, float]
Option = bool | int | float | str


class TrainingSettings(Settings):
    """What `campaign.yaml` and a training have in common.

    The defaults are the published ones: multi-head fine-tuning with replay, at most 500 epochs, a
    stop after 20 without improvement on the validation set, learning rate 0.01 (Deng, Li, Sai
    Gautam, Zhu, Deng, 2025, doi 10.1039/d5ta05321h). What was not published is as in mace-torch,
    but for the moving average of the weights, which it switches on for multi-head fine-tuning
    only when it also lowers the learning rate to 0.0001.

    The last, smaller batch of an epoch is left out. Low-rank updates are those of Hu et al., 2021
    (arXiv 2106.09685); the weights themselves stay.

    Raises
    ------
    MlipsseError
        for settings that exclude each other.
    """

    strategy: Strategy = "multihead"
    """multihead: with replay, which keeps what the foundation knew; naive: on the labels alone;
    scratch: from random weights, for comparison"""
    foundation_head: str | None = None
    """head of a foundation that has several"""
    replay_ratio: Positive = Field(default=0.1, le=1)
    """training frames are repeated when they are fewer than this share of the replayed ones"""
    max_epochs: Count = 500
    """most epochs"""
    patience: Count = 20
    """epochs without improvement before the stop"""
    learning_rate: Positive = Field(default=0.01, lt=1)
    """initial learning rate"""
    batch_size: Count = 10
    """frames per gradient step (mace-torch's default)"""
    valid_batch_size: Count = 10
    """frames evaluated at a time"""
    energy_weight: float = Field(default=1.0, ge=0)
    """in mace-torch's universal loss"""
    forces_weight: float = Field(default=100.0, ge=0)
    """in that loss"""
    stress_weight: float = Field(default=1.0, ge=0)
    """in that loss; MACE-MP-0 was trained with 1, 10 and 100 for energy, forces and stress"""
    scheduler_patience: Count = 50
    """epochs without improvement before the learning rate falls"""
    lr_factor: Positive = Field(default=0.8, lt=1)
    """to this share of itself"""
    weight_decay: float = Field(default=5e-07, ge=0)
    """of Adam"""
    ema_decay: float = Field(default=0.99, ge=0, lt=1)
    """of the moving average of the weights, which is what is kept"""
    lora_rank: Count | None = None
    """ranks of low-rank updates (LoRA) in place of all weights"""
    lora_alpha: Positive = 1.0
    """scale of these updates, in units of the rank"""
    freeze: Frozen = "nothing"
    """parts that stay as they are: the element embedding; it and the interactions; these and the
    products"""
    dtype: Literal["float32", "float64"] = "float32"
    """of the training"""
    device: Literal["cpu", "cuda"] = "cpu"
    """where it is trained"""
    gpus: Count = 1
    """of this machine, with device cuda: by torchrun"""
    options: dict[str, Option] = Field(default_factory=dict)
    """further options of mace_run_train by name, true for those without a value, e.g. clip_grad:
    100"""

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        if self.lora_rank is not None and self.freeze != "nothing":
            raise ValueError(
                f"lora_rank ({self.lora_rank}) already leaves all weights as they are; "
                f"freeze ({self.freeze}) does not go with it. Give one of the two."
            )
        if self.strategy == "scratch" and (self.lora_rank is not None or self.freeze != "nothing"):
            raise ValueError(
                "A model from scratch has no weights to keep: leave lora_rank and freeze out with "
                "strategy scratch."
            )
        if self.gpus > 1 and self.device != "cuda":
            raise ValueError(
                f"gpus is {self.gpus} with device {self.device}: mace-torch trains on several "
                "devices with cuda only."
            )
        return self


class FineTuneSettings(TrainingSettings):
    """Settings of a training.

    Raises
    ------
    MlipsseError
        as `TrainingSettings`, and for isolated-atom energies of a foundation that there is not.
    """

    e0s: IsolatedAtoms = "estimated"
    """isolated-atom energies of the new head. estimated: the foundation's and one correction per
    element, fitted to the new labels, as fine-tuning across functionals needs, and from scratch a
    least-squares fit to the labels; foundation: the foundation's; or eV by element"""
    architecture: Architecture | None = Architecture()
    """architecture of a model from scratch; None is that of the foundation"""
    seed: int = 1
    """seed of the weights and batches"""

    @model_validator(mode="after")
    def _energies_are_there(self) -> Self:
        if self.strategy == "scratch" and self.e0s == "foundation":
            raise ValueError(
                "A model from scratch has no foundation: its e0s are estimated, or given in eV by "
                "element."
            )
        return self
