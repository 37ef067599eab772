"""The part of `campaign.yaml` about production MD."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from mlipsse.campaign.config.section import Section, check_temperatures
from mlipsse.engines import EngineName
from mlipsse.md.plan.protocol import MdSettings
from mlipsse.settings import Count, Kelvin, Positive, override_of


class RunsConfig(MdSettings):
    """What the runs at every temperature have in common, unless `at_K` changes it."""

    equilibration_ps: float | None = Field(default=None, gt=0)
    """Length of the equilibration, which the analysis drops, in ps. The default is the published
    length for the temperature."""
    production_ps: float | None = Field(default=None, gt=0)
    """Length of the production in ps. The default is the published length for the temperature."""
    replicas: Count = 1
    """Number of runs per ordering, with different initial velocities."""


class RungConfig(Section):
    """Settings of one temperature; all others come from `simulate`."""

    npt_ps: float | None = override_of(RunsConfig, "npt_ps")
    equilibration_ps: float | None = override_of(RunsConfig, "equilibration_ps")
    production_ps: float | None = override_of(RunsConfig, "production_ps")
    timestep_fs: float | None = override_of(RunsConfig, "timestep_fs")
    dump_every_fs: float | None = override_of(RunsConfig, "dump_every_fs")
    replicas: int | None = override_of(RunsConfig, "replicas")


class UntilConfig(Section):
    """Rule for extending runs until their diffusivity is precise enough."""

    relative_error: float = Field(
        gt=0,
        lt=1,
        description=(
            "Largest relative standard error of D. A run continues by `production_ps` at a "
            "time until its D is below it."
        ),
    )
    max_production_ps: Positive = Field(description="Maximum length of the production in ps.")


class SimulateConfig(RunsConfig):
    """Production MD in LAMMPS: NVT, one run per composition, ordering, temperature and replica."""

    temperatures_K: list[Kelvin] = Field(
        min_length=1, description="Temperatures of the production runs in K."
    )
    at_K: dict[Kelvin, RungConfig] = Field(
        default_factory=dict,
        description=(
            "Temperature in K -> settings that differ at this temperature, e.g. 600: "
            "{production_ps: 1600, replicas: 3}."
        ),
    )
    structures: list[Path] = Field(
        default_factory=list,
        description=(
            "extxyz files of crystals to run unchanged, in addition to the selected "
            "orderings, e.g. 4x4x4 cells of `mlipsse orderings sample`. Each crystal must "
            "have a composition of the campaign."
        ),
    )
    orderings: Annotated[int, Field(ge=0)] | Literal["lowest"] = Field(
        default=1,
        description=(
            "Number of selected orderings to run per composition, lowest energy first; 0 to run "
            "the crystals of `structures` alone; or "
            "lowest, the lowest ordering of the fine-tuned model, which requires export.rerank."
        ),
    )
    repeat: str | None = Field(
        default=None,
        description=(
            "Repetitions of the cell of an ordering along its axes, e.g. 2x2x2 (published). "
            "By default `min_atoms` and `min_length_A` determine them."
        ),
    )
    min_atoms: Count = Field(
        default=80,
        description="Minimum number of atoms of a production cell. Smaller cells are repeated.",
    )
    min_length_A: float = Field(
        default=10.0,
        ge=0,
        description=(
            "Minimum height of a production cell along a, b and c in Å. Smaller cells are repeated."
        ),
    )
    until: UntilConfig | None = Field(
        default=None, description="Rule for extending runs until their D is precise enough."
    )
    engine: EngineName = Field(
        default="mlipsse",
        description=(
            "What evaluates the potential in the LAMMPS that runs the decks. mlipsse: this "
            "package's pair style, in the LAMMPS of this environment or another one. symmetrix, "
            "mliap, upstream: symmetrix-xl, ML-IAP with cuEquivariance, or the pair style of "
            "ACEsuit's fork, each in a LAMMPS that was built with it. The decks of these run "
            "elsewhere, by run.sh or array.sbatch; `mlipsse run` then goes on."
        ),
    )
    device: Literal["cpu", "cuda"] | None = Field(
        default=None,
        description=(
            "Device that the decks of mlipsse's pair style ask for: LAMMPS refuses to run without "
            "it. The default is that of the campaign when it is cuda, else the GPU where the "
            "model is TorchScript and the node has one."
        ),
    )
    templates: Path | None = Field(
        default=None,
        description="Folder of deck templates that override those in lammps_templates/.",
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
                f"at_K names {', '.join(beside)} K, which temperatures_K ({ladder}) does not "
                "contain; correct at_K, or add the temperature"
            )
        check_temperatures(self.temperatures_K)
        return self

    @model_validator(mode="after")
    def _something_is_run(self) -> SimulateConfig:
        if self.orderings == 0 and not self.structures:
            raise ValueError(
                "orderings: 0 runs the crystals of structures alone, but structures is empty; "
                "name files there, or raise orderings"
            )
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
