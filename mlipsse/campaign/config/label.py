"""The block `label` of `campaign.yaml`: what the model learns from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from mlipsse.campaign.config.section import Count, Positive, Section
from mlipsse.dataset.frames.label_names import LabelNames
from mlipsse.dataset.labels.cp2k import Cp2k, Cp2kSettings, SmallCells
from mlipsse.dataset.labels.cp2k_program import COMMAND, default_command
from mlipsse.dataset.labels.program import Keep, ProgramSource, RunSettings
from mlipsse.dataset.labels.slurm import SlurmJob
from mlipsse.dataset.labels.sources import source_kind
from mlipsse.dataset.labels.vasp import Algorithm, Functional, Vasp, VaspSettings
from mlipsse.dataset.own_labels import OwnLabelSettings, WithoutStress
from mlipsse.errors import MlipsseError

_VASP = VaspSettings()
_CP2K = Cp2kSettings()
_NAMES = LabelNames()


class SlurmConfig(Section):
    """The SLURM job of one frame."""

    options: dict[str, str | int] = Field(
        default_factory=dict,
        description="long options of sbatch, e.g. partition: cpu, nodes: 1, ntasks: 32, "
        "time: '04:00:00'",
    )
    setup: list[str] = Field(
        default_factory=list,
        description="lines of the shell before the command, e.g. module load vasp",
    )

    @property
    def job(self) -> SlurmJob:
        """For `mlipsse.dataset.labels.slurm`."""
        return SlurmJob(options=self.options, setup=tuple(self.setup))


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

    slurm: SlurmConfig | None = Field(
        default=None,
        description="run the command in a SLURM job per frame (sbatch --wait), execution.workers "
        "of them in the queue at a time; not given: the command runs on this machine",
    )

    @property
    def runs(self) -> RunSettings:
        """For `mlipsse.dataset.labels.program`."""
        job = self.slurm.job if self.slurm is not None else None
        return RunSettings(command=self.command, retries=self.retries, keep=self.keep, slurm=job)

    @model_validator(mode="after")
    def _job_has_command(self) -> Self:
        if self.slurm is not None and self.command is None:
            raise ValueError("a slurm block needs a command for its jobs; give one")
        return self


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
        """For `mlipsse.dataset.labels.vasp`."""
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


class Cp2kConfig(ProgramConfig):
    """SCAN single points in CP2K, with the potentials and basis sets of its data folder."""

    command: str | None = Field(
        default=COMMAND,
        description="what runs it, for the shell, in the folder of one frame: the CP2K on the PATH "
        "if not given, with execution.threads_per_worker threads; it reads frame.inp and writes "
        "frame.out. null: the inputs of all frames are written, and the outputs that you bring "
        "back into their folders are read by the next run",
    )
    cutoff_Ry: Positive = Field(default=_CP2K.cutoff_Ry, description="plane-wave CUTOFF, Ry")
    rel_cutoff_Ry: Positive = Field(default=_CP2K.rel_cutoff_Ry, description="REL_CUTOFF, Ry")
    eps_scf: Positive = Field(
        default=_CP2K.eps_scf, description="EPS_SCF, at which the electrons are converged"
    )
    eps_default: Positive = Field(
        default=_CP2K.eps_default, description="EPS_DEFAULT, accuracy of the integrals"
    )
    min_length_A: Positive = Field(
        default=_CP2K.min_length_A,
        description="a cell of at least this height along a, b and c is computed at Γ, Å; others "
        "with k-points whose number times the height reaches it",
    )
    small_cells: SmallCells = Field(
        default=_CP2K.small_cells,
        description="kpoints, or supercell: cells below min_length_A are repeated to reach it and "
        "computed at Γ (for a CP2K that has no SCAN stress with k-points)",
    )
    diagonalisation: bool = Field(
        default=_CP2K.diagonalisation,
        description="at Γ too, instead of OT, which needs a gap; k-points and smearing always do",
    )
    smearing_K: Positive | None = Field(
        default=_CP2K.smearing_K,
        description="electronic temperature of Fermi-Dirac smearing, K; fixed occupations if not "
        "given",
    )
    spin: bool = Field(default=_CP2K.spin, description="spin-polarised: UKS")
    multiplicity: Count | None = Field(
        default=_CP2K.multiplicity, description="2S + 1 of a frame; CP2K's guess if not given"
    )
    max_scf: Count = Field(
        default=_CP2K.max_scf,
        description="most electronic steps; a retry has twice as many and takes CG instead of DIIS "
        "(OT), or mixes less of the new density",
    )
    basis: str = Field(default=_CP2K.basis, description="kind of basis set, e.g. TZVP-MOLOPT-...")
    potential: str = Field(default=_CP2K.potential, description="kind of pseudopotential")
    bases: dict[str, str] = Field(
        default_factory=dict, description="whole names by element, e.g. Li: NAME-q1"
    )
    potentials: dict[str, str] = Field(
        default_factory=dict, description="whole names by element, e.g. Li: GTH-SCAN-q1"
    )
    basis_file: str = Field(default=_CP2K.basis_file, description="in the data folder, or a path")
    potential_file: str = Field(
        default=_CP2K.potential_file, description="in the data folder, or a path"
    )
    data_dir: str | None = Field(
        default=_CP2K.data_dir,
        description="CP2K's data folder; CP2K_DATA_DIR, or where packages put it, if not given",
    )

    @property
    def runs(self) -> RunSettings:
        """For `mlipsse.dataset.labels.program`; CP2K by the name it has here, where none was given."""
        here = self.command == COMMAND and self.slurm is None
        return replace(super().runs, command=default_command()) if here else super().runs

    @property
    def settings(self) -> Cp2kSettings:
        """For `mlipsse.dataset.labels.cp2k`."""
        return Cp2kSettings(**self.model_dump(exclude=set(ProgramConfig.model_fields)))

    @model_validator(mode="after")
    def _consistent(self) -> Cp2kConfig:
        try:
            _ = self.settings
        except MlipsseError as error:
            raise ValueError(str(error)) from error
        return self


class ExtxyzConfig(Section):
    """Labels that you have: under which names, in which units, and how they are split."""

    valid: Path | None = Field(
        default=None, description="validation set; with test, the source's file is the training set"
    )
    test: Path | None = Field(default=None, description="test set; with valid")
    split_key: str | None = Field(
        default=None, description="entry of the frames that says train, valid or test"
    )
    trajectory_key: str | None = Field(
        default=None,
        description="entry of the frames that names their trajectory, which the split keeps "
        "whole; `trajectory`, or runs of frames of the same atoms, if not given",
    )
    without_stress: WithoutStress = Field(
        default="refuse", description="frames without stress: refuse, or leave out"
    )
    energy_key: str | None = Field(default=None, description="name of the energies; else usual")
    forces_key: str | None = Field(default=None, description="name of the forces; else usual")
    stress_key: str | None = Field(default=None, description="name of the stresses; else usual")
    virial_key: str | None = Field(
        default=None, description="name of virials (eV, minus stress times volume) to take instead"
    )
    energy_unit: str | None = Field(
        default=_NAMES.energy_unit,
        description="eV, eV/atom, Ha, Ry, ...; what the file states, else eV, if not given",
    )
    force_unit: str | None = Field(
        default=_NAMES.force_unit,
        description="eV/A, Ha/bohr, Ry/bohr, ...; what the file states, else eV/A, if not given",
    )
    stress_unit: str | None = Field(
        default=_NAMES.stress_unit,
        description="eV/A3, GPa or kB; if not given, what the file states, else eV/A3 for the "
        "names REF_stress and stress",
    )
    stress_sign: str = Field(
        default=_NAMES.stress_sign, description="what is positive: tension or compression (VASP)"
    )
    stress_order: str = Field(
        default=_NAMES.stress_order,
        description="of stresses of six numbers: voigt (xx yy zz yz xz xy, ASE) or vasp (xx yy zz "
        "xy yz zx)",
    )

    @property
    def names(self) -> LabelNames:
        """For `mlipsse.dataset.frames.label_names`."""
        return LabelNames(
            energy=self.energy_key,
            forces=self.forces_key,
            stress=self.stress_key,
            virial=self.virial_key,
            energy_unit=self.energy_unit,
            force_unit=self.force_unit,
            stress_unit=self.stress_unit,
            stress_sign=self.stress_sign,
            stress_order=self.stress_order,
        )

    @model_validator(mode="after")
    def _consistent(self) -> ExtxyzConfig:
        try:
            _ = self.names
        except MlipsseError as error:
            raise ValueError(str(error)) from error
        if (self.valid is None) != (self.test is None):
            raise ValueError("valid and test go together; give both files, or none")
        if self.valid is not None and self.split_key is not None:
            raise ValueError("split_key and the files valid and test exclude each other")
        return self


class LabelConfig(Section):
    """What the model learns from."""

    source: str = Field(
        default="teacher: chgnet-r2scan",
        description="«teacher: NAME» (another potential; teacher labels, not DFT), «vasp» or "
        "«cp2k» (DFT), or «extxyz: FILE» (labels you have; nothing is sampled)",
    )
    head: str | None = Field(
        default=None, description="of «teacher»: head of a MACE model that has several"
    )
    functional: str | None = Field(
        default=None,
        description="of «extxyz», what made the labels, e.g. SCAN (VASP 6.4, 680 eV); for all "
        "artefacts downstream, if the frames do not say it",
    )
    vasp: VaspConfig = Field(default=VaspConfig(), description="of the source «vasp»")
    cp2k: Cp2kConfig = Field(default=Cp2kConfig(), description="of the source «cp2k»")
    extxyz: ExtxyzConfig = Field(default=ExtxyzConfig(), description="of the source «extxyz: FILE»")
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
    def given_file(self) -> str | None:
        """FILE of the source «extxyz: FILE», None for another source."""
        if source_kind(self.source) != "extxyz":
            return None
        return self.source.partition(":")[2].strip()

    @property
    def own_labels(self) -> OwnLabelSettings:
        """For `mlipsse.dataset.own_labels`."""
        return OwnLabelSettings(
            names=self.extxyz.names,
            functional=self.functional,
            trajectory_key=self.extxyz.trajectory_key,
            split_key=self.extxyz.split_key,
            without_stress=self.extxyz.without_stress,
        )

    @property
    def program(self) -> ProgramSource | None:
        """The label source when it is a program, None for another.

        Raises
        ------
        MlipsseError
            for an unknown source.
        """
        kind = source_kind(self.source)
        if kind == "vasp":
            return ProgramSource(Vasp(self.vasp.settings), self.vasp.runs)
        if kind == "cp2k":
            return ProgramSource(Cp2k(self.cp2k.settings), self.cp2k.runs)
        return None
