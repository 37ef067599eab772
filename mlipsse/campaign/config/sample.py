"""Section `sample` of `campaign.yaml`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from mlipsse.campaign.config.section import check_temperatures
from mlipsse.dataset.sampling.settings import DynamicsSettings, FilterSettings, SamplingSettings
from mlipsse.energetics.environments.spec import is_calculator_name
from mlipsse.energetics.potentials.catalogue import CHGNET, DEFAULT_FOUNDATION
from mlipsse.settings import Count, Kelvin

_MORE_CANDIDATES = 3


class SampleConfig(FilterSettings, DynamicsSettings):
    """MD with the foundation potential, from which frames are drawn."""

    foundation: str = Field(
        default=DEFAULT_FOUNDATION,
        description=(
            "Potential that drives the sampling MD: a name in potentials/, a MACE-MP name, a "
            "MACE file, or a potential of another environment."
        ),
    )
    head: str | None = Field(
        default=None,
        description="Head of the sampling potential. Required for a MACE model with several heads.",
    )
    device: Literal["cpu", "cuda"] = Field(
        default="cpu",
        description="Device to run the sampling MD on. The default is that of the campaign.",
    )
    temperatures_K: list[Kelvin] = Field(
        default=[800.0],
        min_length=1,
        description=(
            "Temperatures of the sampling MD in K. Each ordering gets one trajectory per "
            "temperature."
        ),
    )
    frames: Count = Field(
        default=30,
        description=(
            "Number of frames per trajectory. With selection: farthest, mean number of "
            "frames per trajectory."
        ),
    )
    selection: Literal["random", "farthest"] = Field(
        default="random",
        description=(
            "How to choose frames. random: at random times. farthest: the frames that differ "
            "most in the descriptors of the foundation (MACE only), among the `candidates` "
            "of all trajectories of a composition."
        ),
    )
    candidates: Count | None = Field(
        default=None,
        description="Number of frames per trajectory, at random times, that selection: farthest "
        f"chooses from. The default is {_MORE_CANDIDATES} x `frames`.",
    )
    contact_frames: int = Field(
        default=0,
        ge=0,
        description=(
            "Number of frames per ordering with one mobile ion pushed against another, for "
            "training only. A small foundation model needs them to learn that atoms repel."
        ),
    )
    max_strain: float = Field(
        default=0.03,
        ge=0,
        le=0.2,
        description="Largest random strain of a frame, as a fraction in either direction.",
    )
    strain: Literal["isotropic", "full"] = Field(
        default="full",
        description=(
            "Random strain of a frame: isotropic draws one number, full draws a symmetric tensor."
        ),
    )
    min_atoms: Count = Field(
        default=40,
        description="Minimum number of atoms of a sampling cell. Smaller cells are repeated.",
    )

    @property
    def drawn(self) -> int:
        """Frames taken from a trajectory, from which `frames` may be selected."""
        if self.selection == "random":
            return self.frames
        return self.candidates or _MORE_CANDIDATES * self.frames

    def trajectory(self, temperature_K: float) -> SamplingSettings:
        """For `mlipsse.dataset.sampling`.

        Raises
        ------
        MlipsseError
            when the numbers do not go together.
        """
        dynamics = dict(self.only(DynamicsSettings))
        return SamplingSettings(**dynamics, temperature_K=temperature_K, n_frames=self.drawn)

    @model_validator(mode="after")
    def _consistent(self) -> SampleConfig:
        check_temperatures(self.temperatures_K)
        apart = self.foundation in CHGNET or is_calculator_name(self.foundation)
        if self.selection == "farthest" and apart:
            raise ValueError(
                "selection: farthest requires the descriptors of a MACE model, but foundation is "
                f"{self.foundation}; choose a MACE model or selection: random"
            )
        if self.candidates is not None and self.selection == "random":
            raise ValueError(
                "candidates requires selection: farthest; remove candidates or change selection"
            )
        if self.drawn < self.frames:
            raise ValueError(
                f"candidates is {self.candidates}, fewer than frames ({self.frames}); raise "
                "candidates"
            )
        return self
