"""The block `finetune` of `campaign.yaml`: how the model is trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, model_validator

from mlipsse.campaign.config.section import Count, Positive, Section
from mlipsse.errors import MlipsseError
from mlipsse.training.architecture import Architecture
from mlipsse.training.judgement import Limits
from mlipsse.training.settings import FineTuneSettings, Frozen, Strategy

_DEFAULT = FineTuneSettings()
_ARCHITECTURE = Architecture()
_LIMITS = Limits()


class ArchitectureConfig(Section):
    """A model from scratch."""

    channels: Count = Field(default=_ARCHITECTURE.channels, description="features of every order")
    max_L: int = Field(
        default=_ARCHITECTURE.max_L, ge=0, le=3, description="highest order of the messages"
    )
    max_ell: int = Field(
        default=_ARCHITECTURE.max_ell,
        ge=0,
        le=4,
        description="highest order of the edges' spherical harmonics",
    )
    correlation: Count = Field(
        default=_ARCHITECTURE.correlation, le=4, description="body order less one"
    )
    layers: Count = Field(default=_ARCHITECTURE.layers, description="interactions")
    r_max_A: Positive = Field(default=_ARCHITECTURE.r_max_A, description="cutoff, Å")


class FinetuneConfig(Section):
    """Fine-tuning of MACE: multi-head with replay, unless another strategy is chosen."""

    strategy: Strategy = Field(
        default=_DEFAULT.strategy,
        description="multihead: with replay, which keeps what the foundation knew; naive: on the "
        "labels alone; scratch: from random weights, for comparison",
    )
    foundation: str | None = Field(
        default="mace-sse-small",
        description="MACE model that is fine-tuned: a name in potentials/, a MACE-MP name "
        "(downloaded), or a MACE file; null with strategy scratch, which needs none and compares "
        "with one that knows all elements of the labels",
    )
    foundation_head: str | None = Field(
        default=None, description="head of a foundation that has several"
    )
    replay: str | None = Field(
        default=None,
        description="extxyz that the replay head keeps learning, or `mp`: frames of MPtrj, which "
        "mace-torch replays to its MACE-MP models (600 MB, downloaded once); the one shipped "
        "beside the foundation when not given",
    )
    replay_labels: Literal["given", "foundation"] = Field(
        default="given",
        description="labels of the replay set: those in the file, or the foundation's own for the "
        "structures in it (any file of structures that ASE reads)",
    )
    replay_frames: Count = Field(
        default=10_000,
        description="frames drawn from `mp`: those of the campaign's elements alone first, others "
        "at random after them",
    )
    replay_ratio: Positive = Field(
        default=_DEFAULT.replay_ratio,
        le=1,
        description="training frames are repeated when they are fewer than this share of the "
        "replayed ones",
    )
    max_epochs: Count = Field(default=_DEFAULT.max_epochs, description="most epochs")
    patience: Count = Field(
        default=_DEFAULT.patience, description="epochs without improvement before the stop"
    )
    learning_rate: Positive = Field(
        default=_DEFAULT.learning_rate, lt=1, description="initial learning rate"
    )
    batch_size: Count = Field(
        default=_DEFAULT.batch_size, description="frames per gradient step (mace-torch's default)"
    )
    valid_batch_size: Count = Field(
        default=_DEFAULT.valid_batch_size, description="frames evaluated at a time"
    )
    energy_weight: float = Field(
        default=_DEFAULT.energy_weight, ge=0, description="in mace-torch's universal loss"
    )
    forces_weight: float = Field(default=_DEFAULT.forces_weight, ge=0, description="in that loss")
    stress_weight: float = Field(
        default=_DEFAULT.stress_weight,
        ge=0,
        description="in that loss; MACE-MP-0 was trained with 1, 10 and 100 for energy, forces and "
        "stress",
    )
    scheduler_patience: Count = Field(
        default=_DEFAULT.scheduler_patience,
        description="epochs without improvement before the learning rate falls",
    )
    lr_factor: Positive = Field(
        default=_DEFAULT.lr_factor, lt=1, description="to this share of itself"
    )
    weight_decay: float = Field(default=_DEFAULT.weight_decay, ge=0, description="of Adam")
    ema_decay: float = Field(
        default=_DEFAULT.ema_decay,
        ge=0,
        lt=1,
        description="of the moving average of the weights, which is what is kept",
    )
    e0s: Literal["auto", "estimated", "foundation"] | dict[str, float] = Field(
        default="auto",
        description="isolated-atom energies: auto for those of isolated atoms among the labels, "
        "else estimated; estimated from foundation and labels; the foundation's; or eV by element",
    )
    lora_rank: Count | None = Field(
        default=None, description="ranks of low-rank updates (LoRA) in place of all weights"
    )
    lora_alpha: Positive = Field(
        default=_DEFAULT.lora_alpha, description="scale of these updates, in units of the rank"
    )
    freeze: Frozen = Field(
        default=_DEFAULT.freeze,
        description="parts that stay as they are: the element embedding; it and the interactions; "
        "these and the products",
    )
    architecture: ArchitectureConfig | Literal["foundation"] = Field(
        default=ArchitectureConfig(),
        description="of strategy scratch: the published one, other numbers, or `foundation` for "
        "that of the foundation",
    )
    dtype: Literal["float32", "float64"] = Field(
        default=_DEFAULT.dtype, description="of the training"
    )
    device: Literal["cpu", "cuda"] = Field(
        default=_DEFAULT.device, description="where it is trained"
    )
    gpus: Count = Field(
        default=_DEFAULT.gpus, description="of this machine, with device cuda: by torchrun"
    )
    options: dict[str, bool | int | float | str] = Field(
        default_factory=dict,
        description="further options of mace_run_train by name, true for those without a value, "
        "e.g. clip_grad: 100",
    )
    max_energy_offset_meV_atom: Positive = Field(
        default=_LIMITS.max_energy_offset_meV_atom,
        description="mean energy error on the validation set beyond which the training has failed",
    )
    max_forgetting: Positive = Field(
        default=_LIMITS.max_forgetting,
        description="growth of the foundation's force error on held-out replay, as a share of it, "
        "beyond which the training has failed",
    )

    @property
    def limits(self) -> Limits:
        """Beyond which a training has failed."""
        return Limits(
            max_energy_offset_meV_atom=self.max_energy_offset_meV_atom,
            max_forgetting=self.max_forgetting,
        )

    def settings(
        self, *, seed: int, isolated_eV: Mapping[str, float] | None = None
    ) -> FineTuneSettings:
        """For `mlipsse.training`.

        Parameters
        ----------
        isolated_eV : energies of isolated atoms among the labels, by element
        """
        own = self.model_dump(exclude={*_NOT_OF_THE_TRAINING, "architecture"})
        if self.e0s == "auto":
            own["e0s"] = dict(isolated_eV) if isolated_eV else "estimated"
        architecture = (
            None
            if self.architecture == "foundation"
            else Architecture(**self.architecture.model_dump())
        )
        return FineTuneSettings(**own, architecture=architecture, seed=seed)

    @model_validator(mode="after")
    def _consistent(self) -> FinetuneConfig:
        if self.foundation is None and self.strategy != "scratch":
            raise ValueError(
                f"strategy {self.strategy} starts from a foundation; name one, or choose scratch"
            )
        if self.foundation is None and self.architecture == "foundation":
            raise ValueError("architecture foundation needs a foundation; name one")
        if self.foundation is None and self.replay is not None:
            raise ValueError("a replay set belongs to a foundation; name it, or leave replay out")
        try:
            self.settings(seed=1)
        except MlipsseError as error:
            raise ValueError(str(error)) from error
        return self


_NOT_OF_THE_TRAINING = {
    *("foundation", "replay", "replay_labels", "replay_frames"),
    *("max_energy_offset_meV_atom", "max_forgetting"),
}
