"""The part of `campaign.yaml` about production MD."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, field_validator, model_validator

from mlipsse.campaign.config.section import Section, check_temperatures
from mlipsse.md.plan.protocol import MdSettings
from mlipsse.settings import Count, Kelvin, Positive


class RungConfig(Section):
    """What is different at one temperature of the ladder; the rest is as `simulate` says."""

    npt_ps: float | None = Field(default=None, ge=0, description="NPT before equilibration, ps")
    equilibration_ps: Positive | None = Field(default=None, description="dropped, ps")
    production_ps: Positive | None = Field(default=None, description="kept, ps")
    timestep_fs: float | None = Field(default=None, gt=0, le=10, description="time step, fs")
    dump_every_fs: Positive | None = Field(default=None, description="between frames, fs")
    replicas: Count | None = Field(default=None, description="runs with other velocities")


class UntilConfig(Section):
    """When a run is long enough."""

    relative_error: float = Field(
        gt=0,
        lt=1,
        description="a run goes on by `production_ps` until the standard error of its D is below "
        "this share of D",
    )
    max_production_ps: Positive = Field(description="but no longer than this, ps")


class SimulateConfig(MdSettings):
    """Production MD in LAMMPS: NVT, one run per composition, ordering, temperature and replica."""

    temperatures_K: list[Kelvin] = Field(min_length=1, description="temperature ladder, K")
    at_K: dict[Kelvin, RungConfig] = Field(
        default_factory=dict,
        description="temperature of the ladder -> what is different there, e.g. "
        "600: {production_ps: 1600, replicas: 3}",
    )
    structures: list[Path] = Field(
        default_factory=list,
        description="extxyz files of crystals to run as they are beside the selected orderings, "
        "e.g. 4x4x4 cells of `mlipsse orderings sample`; each of a composition of the campaign",
    )
    orderings: Count = Field(default=1, description="lowest selected orderings per composition")
    replicas: Count = Field(default=1, description="runs with other velocities per ordering")
    repeat: str | None = Field(
        default=None,
        description="repetitions of the ordering's cell along its axes, e.g. 2x2x2 (published); by "
        "`min_atoms` and `min_length_A` if not given",
    )
    min_atoms: Count = Field(default=80, description="cells are repeated to at least this")
    min_length_A: float = Field(default=10.0, ge=0, description="and to this height along a, b, c")
    equilibration_ps: float | None = Field(
        default=None, gt=0, description="dropped, ps; as published for the temperature if not given"
    )
    production_ps: float | None = Field(
        default=None, gt=0, description="kept, ps; as published for the temperature if not given"
    )
    until: UntilConfig | None = Field(
        default=None, description="lengthen runs until their D is known well enough"
    )
    templates: Path | None = Field(
        default=None, description="folder of templates that override lammps_templates/"
    )

    @field_validator("repeat", mode="before")
    @classmethod
    def _three_repeats(cls, value: Any) -> str | None:
        words = str(value).lower().split("x")
        if value is not None and not (
            len(words) == 3 and all(word.isdigit() and int(word) for word in words)
        ):
            raise ValueError(
                f"{value!r} is not three repetitions along a, b and c; write e.g. 2x2x2"
            )
        return value

    @model_validator(mode="after")
    def _rungs_are_on_the_ladder(self) -> SimulateConfig:
        beside = [f"{key:g}" for key in self.at_K if key not in self.temperatures_K]
        if beside:
            ladder = ", ".join(f"{value:g}" for value in self.temperatures_K)
            raise ValueError(
                f"at_K names {', '.join(beside)} K, which is not among temperatures_K ({ladder}); "
                "correct it, or add the temperature"
            )
        check_temperatures(self.temperatures_K)
        return self

    def rung(self, temperature_K: float) -> dict[str, Any]:
        """Values of all fields that `at_K` can change, as they are at this temperature."""
        changed = self.at_K.get(temperature_K, RungConfig()).model_dump(exclude_none=True)
        return {name: getattr(self, name) for name in RungConfig.model_fields} | changed

    @property
    def repeats(self) -> tuple[int, int, int] | None:
        """`repeat` as numbers."""
        if self.repeat is None:
            return None
        first, second, third = (int(word) for word in self.repeat.lower().split("x"))
        return first, second, third
