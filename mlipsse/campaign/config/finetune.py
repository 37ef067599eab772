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
    """Fine-tuning of MACE: multi-head with replay, unless another strategy is chosen."""

    foundation: str | None = Field(
        default="mace-sse-small",
        description="MACE model that is fine-tuned: a name in potentials/, a MACE-MP name "
        "(downloaded), or a MACE file; null with strategy scratch, which needs none and compares "
        "with one that knows all elements of the labels",
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
    e0s: Literal["auto", "estimated", "foundation"] | dict[str, float] = Field(
        default="auto",
        description="isolated-atom energies: auto for those of isolated atoms among the labels, "
        "else estimated; estimated from foundation and labels; the foundation's; or eV by element",
    )
    architecture: Architecture | Literal["foundation"] = Field(
        default=Architecture(),
        description="of strategy scratch: the published one, other numbers, or `foundation` for "
        "that of the foundation",
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
