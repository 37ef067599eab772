"""The schema of `campaign.yaml`: every field with its unit and default, unknown keys refused."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from mlipsse.campaign.config.devices import with_device
from mlipsse.campaign.config.execution import ExecutionConfig
from mlipsse.campaign.config.export import ExportConfig
from mlipsse.campaign.config.finetune import FinetuneConfig
from mlipsse.campaign.config.label import LabelConfig
from mlipsse.campaign.config.sample import SampleConfig
from mlipsse.campaign.config.section import Name, Section
from mlipsse.campaign.config.simulate import SimulateConfig
from mlipsse.energetics.hull.selection import SelectionSettings
from mlipsse.energetics.potentials.catalogue import DEFAULT_FOUNDATION
from mlipsse.errors import MlipsseError
from mlipsse.orderings.host.settings import HostSettings
from mlipsse.orderings.search.settings import SearchSettings
from mlipsse.potential.export.target import Format
from mlipsse.settings import Count, Kelvin, Positive


def _supercell_name(value: Any) -> str:
    # pymatgen, half a second, only when there is a supercell to read.
    from mlipsse.orderings import parse_repeats

    try:
        return parse_repeats(value).name
    except MlipsseError as error:
        raise ValueError(str(error)) from error


Supercell = Annotated[str, BeforeValidator(_supercell_name)]


class StructureConfig(HostSettings):
    """Disordered host structure."""

    host: Path = Field(
        description=(
            "Host structure: CIF with partial occupancies, or POSCAR. Relative paths start "
            "at the campaign folder."
        )
    )


class GridConfig(Section):
    """Grid of compositions."""

    formula: str = Field(
        description=(
            "Formula with an expression in braces for each varying amount, e.g. "
            "Li3In{x}Y{1-x}Br{6*y}Cl{6-6*y}."
        )
    )
    values: dict[str, list[float | str]] = Field(
        description=(
            "Variable of the formula -> its values, e.g. x: [0, 0.5, 1]. Fractions are "
            "written as 1/8."
        )
    )
    where: str | None = Field(
        default=None,
        description=(
            "Condition that grid points must meet, e.g. x + y >= 1. All points are used by default."
        ),
    )


class EnumerateConfig(Section):
    """Compositions and supercells whose orderings are enumerated."""

    compositions: list[str] = Field(
        min_length=1,
        description=(
            "Formulas to simulate, e.g. Li3In0.5Y0.5Br3Cl3. All results use these names. "
            "Formulas of `grid` are added at the end."
        ),
    )
    grid: GridConfig | None = Field(
        default=None,
        description=(
            "Rule that generates compositions, in addition to `compositions` or instead of it."
        ),
    )
    end_members: list[str] = Field(
        default_factory=list,
        description=(
            "Formulas that serve as the references of formation energies. They are ranked; "
            "they are sampled and simulated only if `compositions` lists them as well. The "
            "report draws formation energies for two end members, and a triangle for three."
        ),
    )
    supercells: list[Supercell] = Field(
        default=["1x1x1"],
        min_length=1,
        description=(
            "Supercells of the host's cell, e.g. 1x1x2, or rows such as "
            "[[1,1,0],[-1,1,0],[0,0,1]]. A composition is enumerated in every supercell that "
            "can hold it."
        ),
    )
    max_orderings: Count = Field(
        default=2000,
        description="Maximum number of orderings kept per composition and supercell.",
    )

    @property
    def formulas(self) -> list[str]:
        """Compositions and end members, each once."""
        return list(dict.fromkeys([*self.compositions, *self.end_members]))

    @property
    def elements(self) -> set[str]:
        """Symbols of all elements of the formulas."""
        from mlipsse.orderings.host.formula import parse_formula

        return {symbol for formula in self.formulas for symbol in parse_formula(formula)}

    @model_validator(mode="before")
    @classmethod
    def _with_grid(cls, content: Any) -> Any:
        """Put the grid's formulas behind the compositions given one by one."""
        if not isinstance(content, dict) or not content.get("grid"):
            return content
        from mlipsse.orderings import composition_grid

        listed = content.get("compositions") or []
        try:
            grid = GridConfig.model_validate(content["grid"])
        except ValidationError:
            # The field's own validation reports the fault; the list must not report it again.
            return {**content, "compositions": listed or ["none"]}
        try:
            formulas = composition_grid(grid.formula, grid.values, where=grid.where)
        except MlipsseError as error:
            raise ValueError(str(error)) from error
        return {**content, "compositions": list(dict.fromkeys([*listed, *formulas]))}

    @field_validator("compositions", "end_members", "supercells")
    @classmethod
    def _distinct(cls, values: list[str]) -> list[str]:
        for value in values:
            if values.count(value) > 1:
                raise ValueError(f"{value} is listed more than once")
        return values


class RankConfig(Section):
    """Energies of the orderings by the foundation potential, and the convex hull."""

    foundation: str = Field(
        default=DEFAULT_FOUNDATION,
        description=(
            "Potential that relaxes and ranks the orderings: a name in potentials/, a MACE-MP "
            "name, a MACE file, or a potential of another environment."
        ),
    )
    head: str | None = Field(
        default=None,
        description="Head of the ranking potential. Required for a MACE model with several heads.",
    )
    relaxation: Literal["none", "positions", "cell"] = Field(
        default="cell",
        description=(
            "What to relax: none computes the energies of unrelaxed orderings, positions "
            "relaxes the atoms, cell relaxes the atoms and the cell. relax_cell: true or "
            "false is accepted for cell or positions."
        ),
    )
    search: SearchSettings = Field(
        default=SearchSettings(),
        description="Search for orderings of low energy, beyond those that were enumerated.",
    )
    max_force_eV_A: Positive = Field(
        default=0.02,
        description=(
            "Largest force of a relaxed ordering in eV/Å. A value of 0.05 leaves errors of 1 "
            "to 2 meV/atom in soft modes."
        ),
    )
    max_steps: Count = Field(default=500, description="Maximum number of steps of a relaxation.")
    max_volume_factor: float = Field(
        default=1.5,
        gt=1,
        description=(
            "Largest factor by which a cell may grow or shrink in a relaxation. Orderings "
            "beyond it are left out. Raise it when one host serves compositions of very "
            "different volume."
        ),
    )
    device: Literal["cpu", "cuda"] = Field(
        default="cpu",
        description="Device to rank the orderings on. The default is that of the campaign.",
    )
    batch: Count | None = Field(
        default=None,
        description=(
            "Number of orderings in one unit of work. An interruption costs each worker at "
            "most one unit. The default depends on the number of atoms and makes units of a "
            "few minutes."
        ),
    )

    @model_validator(mode="before")
    @classmethod
    def _relax_cell(cls, values: Any) -> Any:
        if not isinstance(values, dict) or "relax_cell" not in values:
            return values
        rest = {key: value for key, value in values.items() if key != "relax_cell"}
        flag = values["relax_cell"]
        if "relaxation" in rest or not isinstance(flag, bool):
            raise ValueError(
                "relax_cell must be true or false and excludes relaxation: none, positions or "
                "cell; give one of the two"
            )
        return {**rest, "relaxation": "cell" if flag else "positions"}


class SelectConfig(SelectionSettings):
    """Boltzmann selection of orderings."""


class TransportConfig(Section):
    """Analysis of the production trajectories."""

    window_ps: tuple[Positive, Positive] | None = Field(
        default=None,
        description=(
            "Shortest and longest lag time in the fit of D, in ps. A rule chooses them by default."
        ),
    )
    orderings: Literal["alike", "boltzmann"] = Field(
        default="alike",
        description=(
            "How to average the selected orderings of a composition. alike: equal weights. "
            "boltzmann: Boltzmann probabilities at the temperature of the run, from relaxed "
            "energies counted as `select.per` states and degeneracies. It requires select.draw: "
            "lowest, as orderings drawn by their weight would be weighted twice. Replicas share "
            "the weight of their ordering."
        ),
    )


class ReportConfig(Section):
    """Report page."""

    temperature_K: Kelvin = Field(
        default=800.0,
        description=(
            "Temperature in K for comparing conductivities, in the table at the top and on "
            "the map of three end members. Compositions without a run at this temperature "
            "use their Arrhenius fit."
        ),
    )


class CampaignConfig(Section):
    """All of `campaign.yaml`."""

    name: Name = Field(description="Name of the campaign: one word, also used in file names.")
    seed: int = Field(default=1, ge=0, lt=2**31, description="Seed of all random numbers.")
    device: Literal["cpu", "cuda", "auto"] = Field(
        default="cpu",
        description=(
            "Device of rank, sample, label (a teacher), finetune, export with its acceptance "
            "trials, and simulate, unless the block states its own. auto: cuda where there is a "
            "GPU (execution.slurm.gpus_per_node, or one of this machine on which torch computes), "
            "else cpu. Workers share out the GPUs of execution.gpus."
        ),
    )
    structure: StructureConfig
    enumerate: EnumerateConfig
    rank: RankConfig = RankConfig()
    select: SelectConfig = SelectConfig()
    sample: SampleConfig = SampleConfig()
    label: LabelConfig = LabelConfig()
    finetune: FinetuneConfig = FinetuneConfig()
    export: ExportConfig = ExportConfig()
    simulate: SimulateConfig
    transport: TransportConfig = TransportConfig()
    report: ReportConfig = ReportConfig()
    execution: ExecutionConfig = ExecutionConfig()

    @property
    def export_formats(self) -> tuple[Format, ...]:
        """Formats for the LAMMPS of this environment, in order: the first that the model can be
        had in is used."""
        if self.export.format != "auto":
            return (self.export.format,)
        return ("torchscript",) if self.asks_for_gpus else ("native", "torchscript")

    @property
    def engine_format(self) -> Format | None:
        """Format of the engine of production where it is not mlipsse's."""
        engine = self.simulate.engine
        return None if engine == "mlipsse" else engine

    @property
    def asks_for_gpus(self) -> bool:
        """Whether a stage or the machines it runs on are to use GPUs."""
        slurm = self.execution.slurm
        return bool(
            self.execution.gpus
            or (slurm and slurm.gpus_per_node)
            or "cuda" in self.devices.values()
        )

    @property
    def devices(self) -> dict[str, str]:
        """Block -> the device that its work runs on."""
        training = {
            "sample": self.sample.device,
            "label": self.label.device,
            "finetune": self.finetune.device,
        }
        return {
            "rank": self.rank.device,
            **(training if self.export.potential is None else {}),
            "export": self.export.device,
            "export.acceptance": self.export.acceptance.device,
            "simulate": self.simulate.device or "cpu",
        }

    @model_validator(mode="before")
    @classmethod
    def _device_of_blocks(cls, values: Any) -> Any:
        return with_device(values)

    @model_validator(mode="after")
    def _given_potential_is_not_trained(self) -> CampaignConfig:
        training = sorted({"sample", "label", "finetune"} & self.model_fields_set)
        if self.export.potential is not None and training:
            raise ValueError(
                f"export.potential: {self.export.potential} is not trained, but the block "
                f"{training[0]} describes a training; remove {' and '.join(training)}, or "
                "export.potential"
            )
        if self.export.potential is None and self.export.head is not None:
            raise ValueError(
                "export.head is the head of export.potential, which is not given; remove it"
            )
        return self

    @model_validator(mode="after")
    def _orderings_of_production(self) -> CampaignConfig:
        if self.simulate.orderings == "lowest" and not self.export.rerank:
            raise ValueError(
                "simulate.orderings: lowest is the lowest ordering of the fine-tuned model, but "
                "export.rerank is 0; set export.rerank, e.g. to 10"
            )
        several = self.simulate.orderings not in (1, "lowest")
        if self.transport.orderings == "boltzmann" and several and self.select.draw != "lowest":
            raise ValueError(
                "transport.orderings: boltzmann weighs the orderings, but select.draw: "
                f"{self.select.draw} draws them by the same weights already, and their average "
                "would count the weights twice; set select.draw: lowest, or transport.orderings: "
                "alike"
            )
        return self
