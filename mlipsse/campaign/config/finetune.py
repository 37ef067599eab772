"""The block `finetune` of `campaign.yaml`: how the model is trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, model_validator

from mlipsse.errors import MlipsseError
from mlipsse.settings import Count, Positive
from mlipsse.training.architecture import Architecture
from mlipsse.training.judgement import Limits
from mlipsse.training.settings import FineTuneSettings, IsolatedAtoms, TrainingSettings

_LIMITS = Limits()


class FinetuneConfig(TrainingSettings):
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
    e0s: Literal["auto", "estimated", "foundation"] | dict[str, float] = Field(
        default="auto",
        description=(
            "Energies of isolated atoms. auto: from isolated atoms among the labels, "
            "otherwise estimated. estimated: from the foundation and the labels. "
            "foundation: those of the foundation. Or a mapping from element to energy in "
            "eV."
        ),
    )
    architecture: Architecture | Literal["foundation"] = Field(
        default=Architecture(),
        description=(
            "Architecture for strategy scratch: numbers that override the published ones, "
            "or `foundation` for the architecture of the foundation."
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
            "Largest relative growth of the force error of the foundation on held-out "
            "replay frames. A training beyond it has failed."
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
        e0s: IsolatedAtoms
        if self.e0s == "auto":
            e0s = dict(isolated_eV) if isolated_eV else "estimated"
        else:
            e0s = self.e0s
        architecture = None if self.architecture == "foundation" else self.architecture
        own = dict(self.only(TrainingSettings))
        return FineTuneSettings(**own, e0s=e0s, architecture=architecture, seed=seed)

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
