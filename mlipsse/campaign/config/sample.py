"""Section `sample` of `campaign.yaml`."""

from __future__ import annotations

from typing import Literal

from ase.data import atomic_numbers
from pydantic import Field, field_validator, model_validator

from mlipsse.campaign.config.section import Section, check_temperatures
from mlipsse.dataset.frames.scores import MAX_Z
from mlipsse.energetics.potentials.catalogue import CHGNET
from mlipsse.settings import Count, Kelvin, Positive
from mlipsse.structures.contacts import CLOSEST_CONTACT
from mlipsse.structures.framework import MOLTEN

_MORE_CANDIDATES = 3


class SampleConfig(Section):
    """MD with the foundation potential, from which frames are drawn."""

    foundation: str = Field(
        default="chgnet",
        description=(
            "Potential that drives the sampling MD: chgnet, a MACE-MP name, a MACE file, or a "
            "name in potentials/."
        ),
    )
    head: str | None = Field(
        default=None,
        description="Head of the sampling potential. Required for a MACE model with several heads.",
    )
    device: Literal["cpu", "cuda"] = Field(
        default="cpu",
        description="Device to run the sampling MD on. cuda requires execution.workers: 1.",
    )
    temperatures_K: list[Kelvin] = Field(
        default=[800.0],
        min_length=1,
        description=(
            "Temperatures of the sampling MD in K. Each ordering gets one trajectory per "
            "temperature."
        ),
    )
    duration_ps: Positive = Field(
        default=15.0, description="Length of a sampling trajectory in ps."
    )
    timestep_fs: Positive = Field(
        default=1.0, le=10, description="Time step of the sampling MD in fs."
    )
    equilibration_ps: float = Field(
        default=5.0,
        ge=0,
        description="Time at the start of a trajectory from which no frames are drawn, in ps.",
    )
    friction_per_ps: Positive = Field(
        default=10.0,
        description=(
            "Friction of the Langevin thermostat in 1/ps. The published value is not known."
        ),
    )
    max_temperature_factor: float = Field(
        default=3.0,
        gt=1,
        description=(
            "Ratio of the instantaneous temperature to the set temperature above which a "
            "trajectory is stopped. Its earlier frames are kept."
        ),
    )
    max_lindemann: Positive | None = Field(
        default=MOLTEN,
        description=(
            "Lindemann ratio of the framework above which a trajectory counts as molten and "
            "is stopped: root mean square displacement of the framework centres over their "
            "distance. Mobile ions, and atoms that rotate around a centre, are not counted. "
            "null switches the check off. Earlier frames are kept."
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
    closest: float = Field(
        default=CLOSEST_CONTACT,
        ge=0,
        lt=1,
        description=(
            "Smallest allowed distance of two atoms, as a fraction of the sum of their "
            "covalent radii. Frames below it are left out, and left_out.csv lists them with "
            "the reason."
        ),
    )
    closest_A: dict[str, Positive] = Field(
        default_factory=dict,
        description=(
            "Pair of elements -> smallest allowed distance in Å, e.g. Li-Li: 1.8. Frames "
            "below it are left out."
        ),
    )
    max_energy_z: Positive | None = Field(
        default=MAX_Z,
        description=(
            "Largest distance of a frame's energy per atom from the median of its "
            "composition, in robust standard deviations, by the sampling potential. Frames "
            "beyond it are left out. null switches the check off."
        ),
    )
    max_force_z: Positive | None = Field(
        default=MAX_Z,
        description=(
            "Largest excess of the logarithm of a frame's largest force over the median of "
            "its composition, in robust standard deviations, by the sampling potential. "
            "Frames beyond it are left out. null switches the check off."
        ),
    )
    drop_duplicates: bool = Field(
        default=True, description="Keep only the first of nearly identical frames."
    )

    @property
    def drawn(self) -> int:
        """Frames taken from a trajectory, from which `frames` may be selected."""
        if self.selection == "random":
            return self.frames
        return self.candidates or _MORE_CANDIDATES * self.frames

    @field_validator("closest_A")
    @classmethod
    def _pairs(cls, values: dict[str, float]) -> dict[str, float]:
        for name in values:
            symbols = name.split("-")
            if len(symbols) != 2 or not all(symbol in atomic_numbers for symbol in symbols):
                raise ValueError(f"{name!r} is not a pair of elements; write e.g. Li-Li")
        return values

    @model_validator(mode="after")
    def _consistent(self) -> SampleConfig:
        check_temperatures(self.temperatures_K)
        if self.selection == "farthest" and self.foundation in CHGNET:
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
