"""The block `finetune` of `campaign.yaml`: how the model is trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, model_validator

from mlipsse.settings import Count
from mlipsse.training.settings import (
    FineTuneLimits,
    FineTuneSettings,
    TrainingLimits,
    TrainingSettings,
)


class FinetuneConfig(TrainingLimits, TrainingSettings):
    """Fine-tuning of a MACE model, by default multi-head with replay."""

    foundation: str | None = Field(
        default="mace-sse-small",
        description=(
            "MACE model to fine-tune: a name in potentials/, a MACE-MP name (downloaded), "
            "or a MACE file. null is allowed with strategy scratch, which uses a foundation "
            "for comparison only."
        ),
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

    @property
    def limits(self) -> FineTuneLimits:
        """Beyond which a training has failed."""
        return FineTuneLimits(**dict(self.only(TrainingLimits)))

    def settings(
        self, *, seed: int, isolated_eV: Mapping[str, float] | None = None
    ) -> FineTuneSettings:
        """For `mlipsse.training`.

        Parameters
        ----------
        isolated_eV : energies of isolated atoms among the labels, by element
        """
        own = dict(self.only(TrainingSettings))
        if self.e0s == "auto":
            own["e0s"] = dict(isolated_eV) if isolated_eV else "estimated"
        return FineTuneSettings(**own, seed=seed)

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
        return self
