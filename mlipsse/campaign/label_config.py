"""The block `label` of `campaign.yaml`: what the model learns from."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from mlipsse.campaign.section import Count, Positive, Section
from mlipsse.dataset.labels import source_kind
from mlipsse.dataset.program import Keep, ProgramSource, RunSettings
from mlipsse.dataset.vasp import Algorithm, Functional, Vasp, VaspSettings
from mlipsse.errors import MlipsseError

_VASP = VaspSettings()


class ProgramConfig(Section):
    """How a program that computes labels is run: once per frame, in a folder of the frame's own."""

    command: str | None = Field(
        default=None,
        description="what runs it, for the shell, in the folder of one frame, e.g. "
        "`srun -n 32 vasp_std`, or `sbatch --wait /home/me/vasp.sh`; execution.workers of them run "
        "at a time. Without one the inputs of all frames are written, and the outputs that you "
        "bring back into their folders are read by the next run",
    )
    retries: int = Field(
        default=1, ge=0, description="further attempts at a frame that gave no label"
    )
    keep: Keep = Field(
        default="all",
        description="folders in 05-label/runs that stay: all, those of rejected frames, or none",
    )

    @property
    def runs(self) -> RunSettings:
        """For `mlipsse.dataset.program`."""
        return RunSettings(command=self.command, retries=self.retries, keep=self.keep)


class VaspConfig(ProgramConfig):
    """Static calculations in VASP; POTCARs come from your library (PMG_VASP_PSP_DIR)."""

    functional: Functional = Field(default=_VASP.functional, description="METAGGA")
    encut_eV: Positive = Field(default=_VASP.encut_eV, description="plane-wave cutoff ENCUT, eV")
    ediff_eV: Positive = Field(
        default=_VASP.ediff_eV, description="electronic convergence EDIFF, eV per cell"
    )
    ismear: Literal[-5, -1, 0, 1, 2] = Field(
        default=_VASP.ismear, description="ISMEAR, kind of smearing: 0 is Gaussian, -1 Fermi"
    )
    sigma_eV: Positive = Field(default=_VASP.sigma_eV, description="width of smearing SIGMA, eV")
    kpoint_density_A3: Positive = Field(
        default=_VASP.kpoint_density_A3,
        description="k-points per Å⁻³ of the reciprocal cell (with its 2π), mesh around Γ",
    )
    kspacing_1_A: Positive | None = Field(
        default=_VASP.kspacing_1_A,
        description="KSPACING, Å⁻¹ (with its 2π), instead of kpoint_density_A3",
    )
    spin: bool = Field(default=_VASP.spin, description="spin-polarised: ISPIN 2")
    nelm: Count = Field(
        default=_VASP.nelm, description="most electronic steps NELM; a retry has twice as many"
    )
    algo: Algorithm = Field(
        default=_VASP.algo,
        description="ALGO; a retry takes Normal with careful mixing after All, else All",
    )
    potcar_functional: Literal["PBE_52", "PBE_54", "PBE_64"] = Field(
        default=_VASP.potcar_functional, description="release of the POTCARs, as pymatgen names it"
    )
    potcars: dict[str, str] = Field(
        default_factory=dict,
        description="POTCARs other than pymatgen's choice by element, e.g. Y: Y_sv",
    )
    write_potcar: bool = Field(
        default=_VASP.write_potcar,
        description="write POTCAR from your library; false: POTCAR.spec, which names them, for "
        "inputs that are completed elsewhere",
    )
    incar: dict[str, bool | int | float | str] = Field(
        default_factory=dict, description="further INCAR tags, e.g. NCORE: 4"
    )

    @property
    def settings(self) -> VaspSettings:
        """For `mlipsse.dataset.vasp`."""
        return VaspSettings(**self.model_dump(exclude=set(ProgramConfig.model_fields)))

    @model_validator(mode="after")
    def _consistent(self) -> VaspConfig:
        try:
            _ = self.settings
        except MlipsseError as error:
            raise ValueError(str(error)) from error
        if self.kspacing_1_A and "kpoint_density_A3" in self.model_fields_set:
            raise ValueError("kpoint_density_A3 and kspacing_1_A exclude each other; give one")
        return self


class LabelConfig(Section):
    """What the model learns from."""

    source: str = Field(
        default="teacher: chgnet-r2scan",
        description="«teacher: NAME» (another potential; teacher labels, not DFT), or «vasp»",
    )
    vasp: VaspConfig = Field(default=VaspConfig(), description="of the source «vasp»")
    valid_fraction: float = Field(default=0.15, gt=0, lt=0.5, description="of the trajectories")
    test_fraction: float = Field(default=0.15, gt=0, lt=0.5, description="of the trajectories")
    batch: Count = Field(
        default=50, description="single points of a teacher in one unit of work; a program's is one"
    )
    min_labelled: float = Field(
        default=0.9,
        gt=0,
        le=1,
        description="share of the frames that must get a label; with fewer the stage fails, with "
        "more it goes on without those that rejected.csv lists",
    )

    @property
    def program(self) -> ProgramSource | None:
        """The label source when it is a program, None for a teacher.

        Raises
        ------
        MlipsseError
            for an unknown source.
        """
        if source_kind(self.source) == "vasp":
            return ProgramSource(Vasp(self.vasp.settings), self.vasp.runs)
        return None
