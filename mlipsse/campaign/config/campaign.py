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

from mlipsse.campaign.config.execution import ExecutionConfig
from mlipsse.campaign.config.finetune import FinetuneConfig
from mlipsse.campaign.config.label import LabelConfig
from mlipsse.campaign.config.sample import SampleConfig
from mlipsse.campaign.config.section import Section
from mlipsse.campaign.config.simulate import SimulateConfig
from mlipsse.errors import MlipsseError
from mlipsse.settings import Count, Kelvin, Positive


def _supercell_name(value: Any) -> str:
    # pymatgen, half a second, only when there is a supercell to read.
    from mlipsse.orderings import parse_repeats

    try:
        return parse_repeats(value).name
    except MlipsseError as error:
        raise ValueError(str(error)) from error


Supercell = Annotated[str, BeforeValidator(_supercell_name)]
# Names become file names and words of LAMMPS decks: nothing in them may mean more than a name.
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9._-]{0,63}$")]


class StructureConfig(Section):
    """The disordered host."""

    host: Path = Field(
        description="CIF with partial occupancies, or POSCAR, relative to the campaign folder"
    )
    mobile: str = Field(description="symbol of the mobile ion, e.g. Li")
    substitutions: dict[str, list[str]] = Field(
        default_factory=dict,
        description="species (or site label) of the CIF -> what may fill its sites, e.g. "
        "In: [In, Y], or Li2: [Li, vacancy]",
    )
    charges: dict[str, float] = Field(
        default_factory=dict,
        description="formal charges in e, averages such as Mn: 3.5 too; of species left out the "
        "file's, or guessed; `orderings count` and `validate` print them with their source",
    )
    occupations: dict[str, float | dict[str, float]] = Field(
        default_factory=dict,
        description="site label of the CIF -> share of its sites that its species takes in every "
        "ordering, e.g. Cl1: 0.5 for the exchange of Cl and S, or Li1: {Li: 0.5, Al: 0.1}",
    )
    closest_A: Positive | dict[str, Positive] | None = Field(
        default=None,
        description="of two sites of the mobile ion nearer than this to each other only one is "
        "filled, Å; or least distances of pairs of species, e.g. Li-Li: 2.3, Al-Li: 2.0; by the "
        "mobile ion if not given (Li 2.0, Na 2.6), which `orderings count` prints",
    )
    symprec_A: Positive = Field(default=0.01, le=1, description="of the symmetry search, Å")
    primitive: bool = Field(
        default=False, description="reduce the host to its primitive cell before all else"
    )


class GridConfig(Section):
    """Compositions on a grid."""

    formula: str = Field(
        description="with an expression in braces for each amount that varies, e.g. "
        "Li3In{x}Y{1-x}Br{6*y}Cl{6-6*y}"
    )
    values: dict[str, list[float | str]] = Field(
        description="values of each name, e.g. x: [0, 0.5, 1]; fractions as 1/8"
    )
    where: str | None = Field(
        default=None, description="only points where this holds, e.g. x + y >= 1"
    )


class EnumerateConfig(Section):
    """Which atom sits where."""

    compositions: list[str] = Field(
        min_length=1,
        description="formulas, e.g. Li3In0.5Y0.5Br3Cl3; names in all results; those of the grid "
        "follow",
    )
    grid: GridConfig | None = Field(
        default=None, description="further compositions, or all, by rule"
    )
    end_members: list[str] = Field(
        default_factory=list,
        description="formulas that the formation energies are counted from and the compositions "
        "lie between, whether or not they are among them; ranked, not sampled or simulated for "
        "their own sake. Two have a figure of formation energies, three a triangle",
    )
    supercells: list[Supercell] = Field(
        default=["1x1x1"],
        min_length=1,
        description="of the host's cell, e.g. 1x1x2, or rows such as [[1,1,0],[-1,1,0],[0,0,1]]; a "
        "composition is listed in those that can hold it",
    )
    max_orderings: Count = Field(
        default=2000, description="most orderings kept per composition and supercell"
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
            # The field's own validation says so under its name; not also that nothing is listed.
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
    """Energies with the foundation potential, relaxed or not, and the convex hull."""

    foundation: str = Field(
        default="chgnet",
        description="potential that relaxes and ranks: chgnet, a MACE-MP name, a MACE file, "
        "or a name in potentials/",
    )
    head: str | None = Field(default=None, description="head of a MACE model that has several")
    relaxation: Literal["none", "positions", "cell"] = Field(
        default="cell",
        description="what is relaxed: none for the energies of the orderings as they stand, the "
        "positions, or the cell as well; relax_cell: true or false is understood as cell or "
        "positions",
    )
    max_force_eV_A: Positive = Field(
        default=0.02,
        description="relaxed below this force, eV/Å; 0.05 leaves 1 to 2 meV/atom in soft modes",
    )
    max_steps: Count = Field(default=500, description="steps before a relaxation is given up")
    max_volume_factor: float = Field(
        default=1.5,
        gt=1,
        description="a cell that grows or shrinks by more than this has exploded and is left out; "
        "more where one host serves compositions of very different volume",
    )
    device: Literal["cpu", "cuda"] = Field(
        default="cpu", description="where the potential runs; for cuda, execution.workers: 1"
    )
    batch: Count | None = Field(
        default=None,
        description="orderings in one unit of work, the most that an interruption costs a worker; "
        "by the number of atoms if not given, some minutes at most",
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
                "relax_cell is true or false, and does not go with relaxation: none, positions or "
                "cell; give one of the two"
            )
        return {**rest, "relaxation": "cell" if flag else "positions"}


class SelectConfig(Section):
    """Boltzmann selection of orderings."""

    temperature_K: Kelvin = Field(default=800.0, description="of the Boltzmann weights, K")
    per: Literal["atom", "formula_unit", "cell"] = Field(
        default="cell", description="what the energy difference in the weight is counted for"
    )
    draw: Literal["count", "boltzmann"] = Field(
        default="count",
        description="count: as many as `structures`, without replacement; boltzmann: each but the "
        "lowest by itself, with `structures` - 1 times its Boltzmann probability, so that fewer "
        "come out where few matter; selection.csv gives the expected and the actual number",
    )
    structures: Count = Field(
        default=5,
        description="orderings taken per composition and supercell, the lowest always in; with "
        "draw: boltzmann the bound of their mean",
    )


class AcceptanceConfig(Section):
    """Trials of the exported model before it is used."""

    run: bool = Field(default=True, description="try the model at all")
    require: bool = Field(
        default=True, description="stop before simulate when the model is not accepted"
    )
    compositions: Count | None = Field(
        default=None,
        description="so many compositions, spread evenly over their list, are tried, each with its "
        "lowest ordering; all if not given",
    )
    duration_ps: Positive = Field(
        default=5.0,
        description="length of the run at the highest temperature of simulate, and of that for "
        "g(r) at the sampling temperature, ps",
    )
    constant_energy_ps: Positive = Field(
        default=1.0, description="length of the run at constant energy, ps"
    )
    min_atoms: Count = Field(default=80, description="crystals are repeated to at least this")


class ExportConfig(Section):
    """The bundle that LAMMPS loads."""

    name: Name = Field(default="potential", description="folder and file name of the bundle")
    dtype: Literal["float32", "float64"] = Field(default="float32", description="of the export")
    format: Literal["torchscript", "aotinductor"] = Field(
        default="torchscript",
        description="what LAMMPS runs here: TorchScript, or code that AOTInductor compiles for "
        "this machine (one to two minutes, then about twice as fast); the bundle has TorchScript "
        "in any case",
    )
    serial: bool = Field(
        default=False,
        description="compile for one CPU thread per run (execution.threads_per_worker 1): steps "
        "take 5 to 12 % less time, and more threads do not help",
    )
    licence: str = Field(
        default="not stated", description="under which others may use the potential; for its card"
    )
    acceptance: AcceptanceConfig = Field(
        default=AcceptanceConfig(), description="trials of the exported model before it is used"
    )


class TransportConfig(Section):
    """From trajectories to numbers."""

    window_ps: tuple[Positive, Positive] | None = Field(
        default=None, description="lag times of the fit of D, ps; chosen by rule if not given"
    )
    orderings: Literal["alike", "boltzmann"] = Field(
        default="alike",
        description="how the selected orderings of a composition are averaged: each alike, or by "
        "its Boltzmann probability at the run's temperature, of the relaxed energy counted as "
        "`select.per` says; replicas share the weight of their ordering",
    )


class ReportConfig(Section):
    """The page that says what came out."""

    temperature_K: Kelvin = Field(
        default=800.0,
        description="at which the conductivities of the compositions are compared, in the table at "
        "the top and on the map of three end members, K; from the Arrhenius fit where there was no "
        "run",
    )


class CampaignConfig(Section):
    """All of `campaign.yaml`."""

    name: Name = Field(description="of the campaign; a word, also used in file names")
    seed: int = Field(default=1, ge=0, lt=2**31, description="of everything random")
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
