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
    """Architecture of a model trained from scratch."""

    channels: Count = Field(
        default=_ARCHITECTURE.channels, description="Number of feature channels of each order."
    )
    max_L: int = Field(
        default=_ARCHITECTURE.max_L, ge=0, le=3, description="Highest order of the messages."
    )
    max_ell: int = Field(
        default=_ARCHITECTURE.max_ell,
        ge=0,
        le=4,
        description="Highest order of the spherical harmonics of the edges.",
    )
    correlation: Count = Field(
        default=_ARCHITECTURE.correlation,
        le=4,
        description="Correlation order: body order minus one.",
    )
    layers: Count = Field(default=_ARCHITECTURE.layers, description="Number of interaction layers.")
    r_max_A: Positive = Field(default=_ARCHITECTURE.r_max_A, description="Cutoff radius in Å.")


class FinetuneConfig(Section):
    """Fine-tuning of a MACE model, by default multi-head with replay."""

    strategy: Strategy = Field(
        default=_DEFAULT.strategy,
        description=(
            "Training strategy. multihead: fine-tune with a replay set, which preserves what "
            "the foundation has learned. naive: fine-tune on the labels alone. scratch: "
            "train from random weights, for comparison."
        ),
    )
    foundation: str | None = Field(
        default="mace-sse-small",
        description=(
            "MACE model to fine-tune: a name in potentials/, a MACE-MP name (downloaded), or "
            "a MACE file. null is allowed with strategy scratch, which uses a foundation for "
            "comparison only."
        ),
    )
    foundation_head: str | None = Field(
        default=None,
        description="Head of the foundation. Required for a MACE model with several heads.",
    )
    replay: str | None = Field(
        default=None,
        description=(
            "extxyz file of the replay set, or `mp` for frames of MPtrj, which mace-torch "
            "replays to its MACE-MP models (600 MB, downloaded once). The default is the "
            "replay set shipped with the foundation."
        ),
    )
    replay_labels: Literal["given", "foundation"] = Field(
        default="given",
        description=(
            "Labels of the replay set. given: those in the file. foundation: predictions of "
            "the foundation for the structures in the file, which may have any format that "
            "ASE reads."
        ),
    )
    replay_frames: Count = Field(
        default=10_000,
        description=(
            "Number of frames to draw from `mp`. Frames that contain only elements of the "
            "campaign come first; others follow at random."
        ),
    )
    replay_ratio: Positive = Field(
        default=_DEFAULT.replay_ratio,
        le=1,
        description=(
            "Smallest ratio of training frames to replay frames. Fewer training frames are "
            "repeated to reach it."
        ),
    )
    max_epochs: Count = Field(default=_DEFAULT.max_epochs, description="Maximum number of epochs.")
    patience: Count = Field(
        default=_DEFAULT.patience,
        description="Number of epochs without improvement after which the training stops.",
    )
    learning_rate: Positive = Field(
        default=_DEFAULT.learning_rate, lt=1, description="Initial learning rate."
    )
    batch_size: Count = Field(
        default=_DEFAULT.batch_size,
        description="Number of frames per gradient step. The default is that of mace-torch.",
    )
    valid_batch_size: Count = Field(
        default=_DEFAULT.valid_batch_size,
        description="Number of frames per batch of the validation.",
    )
    energy_weight: float = Field(
        default=_DEFAULT.energy_weight,
        ge=0,
        description="Weight of the energies in the universal loss of mace-torch.",
    )
    forces_weight: float = Field(
        default=_DEFAULT.forces_weight,
        ge=0,
        description="Weight of the forces in the universal loss of mace-torch.",
    )
    stress_weight: float = Field(
        default=_DEFAULT.stress_weight,
        ge=0,
        description=(
            "Weight of the stresses in the universal loss of mace-torch. MACE-MP-0 was "
            "trained with weights 1, 10 and 100 for energy, forces and stress."
        ),
    )
    scheduler_patience: Count = Field(
        default=_DEFAULT.scheduler_patience,
        description="Number of epochs without improvement after which the learning rate falls.",
    )
    lr_factor: Positive = Field(
        default=_DEFAULT.lr_factor, lt=1, description="Factor by which the learning rate falls."
    )
    weight_decay: float = Field(
        default=_DEFAULT.weight_decay, ge=0, description="Weight decay of the Adam optimiser."
    )
    ema_decay: float = Field(
        default=_DEFAULT.ema_decay,
        ge=0,
        lt=1,
        description=(
            "Decay of the moving average of the weights. The trained model consists of the "
            "averaged weights."
        ),
    )
    e0s: Literal["auto", "estimated", "foundation"] | dict[str, float] = Field(
        default="auto",
        description=(
            "Energies of isolated atoms. auto: from isolated atoms among the labels, "
            "otherwise estimated. estimated: from the foundation and the labels. foundation: "
            "those of the foundation. Or a mapping from element to energy in eV."
        ),
    )
    lora_rank: Count | None = Field(
        default=None,
        description="Rank of low-rank updates (LoRA). By default all weights are trained.",
    )
    lora_alpha: Positive = Field(
        default=_DEFAULT.lora_alpha,
        description="Scale of the low-rank updates, in units of the rank.",
    )
    freeze: Frozen = Field(
        default=_DEFAULT.freeze,
        description=(
            "Parts of the model to keep fixed. embedding: the element embedding. "
            "interactions: the embedding and the interactions. products: the embedding, the "
            "interactions and the products."
        ),
    )
    architecture: ArchitectureConfig | Literal["foundation"] = Field(
        default=ArchitectureConfig(),
        description=(
            "Architecture for strategy scratch: numbers that override the published ones, or "
            "`foundation` for the architecture of the foundation."
        ),
    )
    dtype: Literal["float32", "float64"] = Field(
        default=_DEFAULT.dtype, description="Floating-point precision of the training."
    )
    device: Literal["cpu", "cuda"] = Field(
        default=_DEFAULT.device, description="Device to train on."
    )
    gpus: Count = Field(
        default=_DEFAULT.gpus,
        description="Number of GPUs of this machine to train on with device: cuda, by torchrun.",
    )
    options: dict[str, bool | int | float | str] = Field(
        default_factory=dict,
        description=(
            "Further options of mace_run_train by name, e.g. clip_grad: 100. true stands for "
            "an option without a value."
        ),
    )
    max_energy_offset_meV_atom: Positive = Field(
        default=_LIMITS.max_energy_offset_meV_atom,
        description=(
            "Largest mean energy error on the validation set in meV/atom. A training beyond "
            "it has failed."
        ),
    )
    max_forgetting: Positive = Field(
        default=_LIMITS.max_forgetting,
        description=(
            "Largest relative growth of the force error of the foundation on held-out replay "
            "frames. A training beyond it has failed."
        ),
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
                f"strategy {self.strategy} requires a foundation; name one, or choose strategy "
                "scratch"
            )
        if self.foundation is None and self.architecture == "foundation":
            raise ValueError("architecture: foundation requires a foundation; name one")
        if self.foundation is None and self.replay is not None:
            raise ValueError("replay requires a foundation; name one, or remove replay")
        try:
            self.settings(seed=1)
        except MlipsseError as error:
            raise ValueError(str(error)) from error
        return self


_NOT_OF_THE_TRAINING = {
    *("foundation", "replay", "replay_labels", "replay_frames"),
    *("max_energy_offset_meV_atom", "max_forgetting"),
}
