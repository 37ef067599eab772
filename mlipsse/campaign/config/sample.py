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

    foundation: str = Field(default="chgnet", description="potential that drives the sampling MD")
    head: str | None = Field(default=None, description="head of a MACE model that has several")
    device: Literal["cpu", "cuda"] = Field(
        default="cpu", description="where the potential runs; for cuda, execution.workers: 1"
    )
    temperatures_K: list[Kelvin] = Field(
        default=[800.0], min_length=1, description="one trajectory per ordering and temperature, K"
    )
    duration_ps: Positive = Field(default=15.0, description="length of a trajectory, ps")
    timestep_fs: Positive = Field(default=1.0, le=10, description="time step, fs")
    equilibration_ps: float = Field(default=5.0, ge=0, description="dropped from the start, ps")
    friction_per_ps: Positive = Field(
        default=10.0, description="of the Langevin thermostat, 1/ps; the published one is not known"
    )
    max_temperature_factor: float = Field(
        default=3.0,
        gt=1,
        description="a trajectory hotter than this many times its temperature is stopped; its "
        "frames from before are kept, as with the next",
    )
    max_lindemann: Positive | None = Field(
        default=MOLTEN,
        description="a trajectory is stopped when its framework melts: root mean square "
        "displacement of its centres (not of atoms that turn around them, nor of mobile ions), "
        "over their distance, above this; null not to look",
    )
    frames: Count = Field(
        default=30, description="frames per trajectory; with selection: farthest their mean"
    )
    selection: Literal["random", "farthest"] = Field(
        default="random",
        description="random: times drawn at random; farthest: of `candidates` of all trajectories "
        "of a composition those that differ most in the descriptors of the foundation (MACE only)",
    )
    candidates: Count | None = Field(
        default=None,
        description="frames per trajectory, at random times, that selection: farthest chooses "
        f"from; {_MORE_CANDIDATES} x `frames` if not given",
    )
    contact_frames: int = Field(
        default=0,
        ge=0,
        description="frames per ordering with a mobile ion pushed at another, for training only: a "
        "small foundation model needs them to know that atoms repel",
    )
    max_strain: float = Field(
        default=0.03, ge=0, le=0.2, description="random strain on every frame, within +- this"
    )
    strain: Literal["isotropic", "full"] = Field(
        default="full", description="one number, or a full symmetric tensor, per frame"
    )
    min_atoms: Count = Field(default=40, description="smaller cells are repeated up to this")
    closest: float = Field(
        default=CLOSEST_CONTACT,
        ge=0,
        lt=1,
        description="frames with two atoms closer than this x the sum of their covalent radii are "
        "left out; left_out.csv lists what is left out and why",
    )
    closest_A: dict[str, Positive] = Field(
        default_factory=dict, description="the same by pair in Å, e.g. Li-Li: 1.8"
    )
    max_energy_z: Positive | None = Field(
        default=MAX_Z,
        description="frames are left out whose energy per atom (of the foundation) is further from "
        "the median of their composition than this many robust standard deviations; null: none",
    )
    max_force_z: Positive | None = Field(
        default=MAX_Z,
        description="the same of the logarithm of the largest force, to the side of large ones",
    )
    drop_duplicates: bool = Field(
        default=True, description="of nearly identical frames only the first is kept"
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
                raise ValueError(f"{name!r} is no pair of elements such as Li-Li")
        return values

    @model_validator(mode="after")
    def _consistent(self) -> SampleConfig:
        check_temperatures(self.temperatures_K)
        if self.selection == "farthest" and self.foundation in CHGNET:
            raise ValueError(
                f"selection: farthest needs the descriptors of a MACE model, and foundation is "
                f"{self.foundation}; take a MACE model or selection: random"
            )
        if self.candidates is not None and self.selection == "random":
            raise ValueError("candidates are for selection: farthest; leave them out with random")
        if self.drawn < self.frames:
            raise ValueError(
                f"candidates is {self.candidates}, fewer than frames, {self.frames}: nothing is "
                "left to select from; raise candidates"
            )
        return self
