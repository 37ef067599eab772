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
    """SLURM job of one frame."""

    options: dict[str, str | int] = Field(
        default_factory=dict,
        description=(
            "Long options of sbatch, e.g. partition: cpu, nodes: 1, ntasks: 32, time: '04:00:00'."
        ),
    )
    setup: list[str] = Field(
        default_factory=list,
        description="Shell lines to run before the command, e.g. module load vasp.",
    )

    @property
    def job(self) -> SlurmJob:
        """For `mlipsse.dataset.labels.slurm`."""
        return SlurmJob(options=self.options, setup=tuple(self.setup))


class ProgramConfig(Section):
    """Settings of a program that computes labels, once per frame in a separate folder."""

    command: str | None = Field(
        default=None,
        description=(
            "Shell command that runs the program in the folder of one frame, e.g. `srun -n "
            "32 vasp_std`, or `sbatch --wait /home/me/vasp.sh`. execution.workers commands "
            "run at a time. Without a command, the stage writes the inputs of all frames, "
            "and the next run reads the outputs that you copy back into their folders."
        ),
    )
    retries: int = Field(
        default=1, ge=0, description="Number of further attempts at a frame that gave no label."
    )
    keep: Keep = Field(
        default="all",
        description=(
            "Folders to keep in 05-label/runs: all, only those of rejected frames, or none."
        ),
    )

    slurm: SlurmConfig | None = Field(
        default=None,
        description=(
            "Run the command in one SLURM job per frame (sbatch --wait), with "
            "execution.workers jobs in the queue at a time. The default is to run it on this "
            "machine."
        ),
    )

    @property
    def runs(self) -> RunSettings:
        """For `mlipsse.dataset.labels.program`."""
        job = self.slurm.job if self.slurm is not None else None
        return RunSettings(command=self.command, retries=self.retries, keep=self.keep, slurm=job)

    @model_validator(mode="after")
    def _job_has_command(self) -> Self:
        if self.slurm is not None and self.command is None:
            raise ValueError("a slurm block requires a command for its jobs; add command")
        return self


class VaspConfig(ProgramConfig):
    """Static calculations in VASP; POTCARs come from your library (PMG_VASP_PSP_DIR)."""

    functional: Functional = Field(
        default=_VASP.functional, description="Exchange-correlation functional (METAGGA)."
    )
    encut_eV: Positive = Field(
        default=_VASP.encut_eV, description="Plane-wave cutoff (ENCUT) in eV."
    )
    ediff_eV: Positive = Field(
        default=_VASP.ediff_eV, description="Electronic convergence (EDIFF) in eV per cell."
    )
    ismear: Literal[-5, -1, 0, 1, 2] = Field(
        default=_VASP.ismear, description="Kind of smearing (ISMEAR): 0 is Gaussian, -1 is Fermi."
    )
    sigma_eV: Positive = Field(default=_VASP.sigma_eV, description="Smearing width (SIGMA) in eV.")
    kpoint_density_A3: Positive = Field(
        default=_VASP.kpoint_density_A3,
        description=(
            "Density of the Γ-centred k-point mesh: k-points per Å⁻³ of the reciprocal cell, "
            "with its factor 2π."
        ),
    )
    kspacing_1_A: Positive | None = Field(
        default=_VASP.kspacing_1_A,
        description=(
            "Spacing of the k-point mesh (KSPACING) in Å⁻¹, with its factor 2π. Replaces "
            "kpoint_density_A3."
        ),
    )
    spin: bool = Field(default=_VASP.spin, description="Compute spin-polarised (ISPIN 2).")
    nelm: Count = Field(
        default=_VASP.nelm,
        description="Maximum number of electronic steps (NELM). A retry doubles it.",
    )
    algo: Algorithm = Field(
        default=_VASP.algo,
        description=(
            "Electronic minimisation (ALGO). A retry changes All to Normal with careful "
            "mixing, and any other to All."
        ),
    )
    potcar_functional: Literal["PBE_52", "PBE_54", "PBE_64"] = Field(
        default=_VASP.potcar_functional,
        description="Release of the POTCAR files, by the name that pymatgen gives it.",
    )
    potcars: dict[str, str] = Field(
        default_factory=dict,
        description="Element -> POTCAR, where pymatgen's choice does not fit, e.g. Y: Y_sv.",
    )
    write_potcar: bool = Field(
        default=_VASP.write_potcar,
        description=(
            "Write POTCAR files from your library. With false, write POTCAR.spec files that "
            "name them, for inputs that another machine completes."
        ),
    )
    incar: dict[str, bool | int | float | str] = Field(
        default_factory=dict, description="Further INCAR tags, e.g. NCORE: 4."
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
        description=(
            "Shell command that runs CP2K in the folder of one frame; it must read frame.inp "
            "and write frame.out. The default is the CP2K on the PATH with "
            "execution.threads_per_worker threads. With null, the stage writes the inputs of "
            "all frames, and the next run reads the outputs that you copy back into their "
            "folders."
        ),
    )
    cutoff_Ry: Positive = Field(
        default=_CP2K.cutoff_Ry, description="Plane-wave cutoff (CUTOFF) in Ry."
    )
    rel_cutoff_Ry: Positive = Field(
        default=_CP2K.rel_cutoff_Ry,
        description="Relative cutoff of the multigrid (REL_CUTOFF) in Ry.",
    )
    eps_scf: Positive = Field(
        default=_CP2K.eps_scf, description="Electronic convergence (EPS_SCF)."
    )
    eps_default: Positive = Field(
        default=_CP2K.eps_default, description="Accuracy of the integrals (EPS_DEFAULT)."
    )
    min_length_A: Positive = Field(
        default=_CP2K.min_length_A,
        description=(
            "Smallest height of a cell along a, b and c in Å for a computation at Γ. Smaller "
            "cells get k-points so that their number times the height reaches this length."
        ),
    )
    small_cells: SmallCells = Field(
        default=_CP2K.small_cells,
        description=(
            "Treatment of cells below min_length_A. kpoints: k-points. supercell: repeat the "
            "cell to min_length_A and compute at Γ, for a CP2K without SCAN stress at "
            "k-points."
        ),
    )
    diagonalisation: bool = Field(
        default=_CP2K.diagonalisation,
        description=(
            "Diagonalise at Γ instead of using OT, which needs a band gap. Computations with "
            "k-points or smearing always diagonalise."
        ),
    )
    smearing_K: Positive | None = Field(
        default=_CP2K.smearing_K,
        description=(
            "Electronic temperature of Fermi-Dirac smearing in K. The default is fixed occupations."
        ),
    )
    spin: bool = Field(default=_CP2K.spin, description="Compute spin-polarised (UKS).")
    multiplicity: Count | None = Field(
        default=_CP2K.multiplicity,
        description="Spin multiplicity 2S + 1 of a frame. The default is the guess of CP2K.",
    )
    max_scf: Count = Field(
        default=_CP2K.max_scf,
        description=(
            "Maximum number of electronic steps. A retry doubles it and uses CG instead of "
            "DIIS (OT), or mixes less of the new density."
        ),
    )
    basis: str = Field(default=_CP2K.basis, description="Kind of basis set, e.g. TZVP-MOLOPT-...")
    potential: str = Field(default=_CP2K.potential, description="Kind of pseudopotential.")
    bases: dict[str, str] = Field(
        default_factory=dict,
        description="Element -> full name of its basis set, e.g. Li: NAME-q1.",
    )
    potentials: dict[str, str] = Field(
        default_factory=dict,
        description="Element -> full name of its pseudopotential, e.g. Li: GTH-SCAN-q1.",
    )
    basis_file: str = Field(
        default=_CP2K.basis_file,
        description="File of basis sets: a name in the data folder of CP2K, or a path.",
    )
    potential_file: str = Field(
        default=_CP2K.potential_file,
        description="File of pseudopotentials: a name in the data folder of CP2K, or a path.",
    )
    data_dir: str | None = Field(
        default=_CP2K.data_dir,
        description=(
            "Data folder of CP2K. The default is CP2K_DATA_DIR, or the place where packages "
            "install it."
        ),
    )

    @property
    def runs(self) -> RunSettings:
        """For `dataset.labels.program`; CP2K by the name it has here, where none was given."""
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
    """Names, units and split of existing labels."""

    valid: Path | None = Field(
        default=None,
        description=(
            "File of the validation set. Requires `test`; the file of the source is then the "
            "training set."
        ),
    )
    test: Path | None = Field(default=None, description="File of the test set. Requires `valid`.")
    split_key: str | None = Field(
        default=None, description="Key of the frame entry that holds train, valid or test."
    )
    trajectory_key: str | None = Field(
        default=None,
        description=(
            "Key of the frame entry that names the trajectory. The split keeps each "
            "trajectory whole. The default is `trajectory`, or else consecutive frames of "
            "equal atoms."
        ),
    )
    without_stress: WithoutStress = Field(
        default="refuse",
        description=(
            "Treatment of frames without a stress: refuse the file, or leave the frames out."
        ),
    )
    energy_key: str | None = Field(
        default=None,
        description="Key of the energies. The usual names are recognised by default.",
    )
    forces_key: str | None = Field(
        default=None, description="Key of the forces. The usual names are recognised by default."
    )
    stress_key: str | None = Field(
        default=None,
        description="Key of the stresses. The usual names are recognised by default.",
    )
    virial_key: str | None = Field(
        default=None,
        description="Key of virials to use instead of stresses, in eV (minus stress times volume).",
    )
    energy_unit: str | None = Field(
        default=_NAMES.energy_unit,
        description=(
            "Unit of the energies: eV, eV/atom, Ha, Ry, ... The default is the unit stated "
            "in the file, or else eV."
        ),
    )
    force_unit: str | None = Field(
        default=_NAMES.force_unit,
        description=(
            "Unit of the forces: eV/A, Ha/bohr, Ry/bohr, ... The default is the unit stated "
            "in the file, or else eV/A."
        ),
    )
    stress_unit: str | None = Field(
        default=_NAMES.stress_unit,
        description=(
            "Unit of the stresses: eV/A3, GPa or kB. The default is the unit stated in the "
            "file, or else eV/A3 for the keys REF_stress and stress."
        ),
    )
    stress_sign: str = Field(
        default=_NAMES.stress_sign,
        description=(
            "Sign convention of the stresses: tension or compression is positive. VASP uses "
            "compression."
        ),
    )
    stress_order: str = Field(
        default=_NAMES.stress_order,
        description=(
            "Order of six stress components: voigt (xx yy zz yz xz xy, ASE) or vasp (xx yy "
            "zz xy yz zx)."
        ),
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
            raise ValueError("valid and test require each other; give both files, or none")
        if self.valid is not None and self.split_key is not None:
            raise ValueError("split_key excludes the files valid and test; give one of the two")
        return self


class LabelConfig(Section):
    """Labels that the model learns from."""

    source: str = Field(
        default="teacher: chgnet-r2scan",
        description=(
            "Source of the labels: «teacher: NAME» (predictions of another potential, not "
            "DFT), «vasp» or «cp2k» (DFT), or «extxyz: FILE» (labels from a file; nothing is "
            "sampled)."
        ),
    )
    head: str | None = Field(
        default=None,
        description="Head of the teacher. Required for a MACE model with several heads.",
    )
    functional: str | None = Field(
        default=None,
        description=(
            "Method behind the labels of «extxyz», e.g. SCAN (VASP 6.4, 680 eV). All later "
            "results state it. Required if the frames do not state it."
        ),
    )
    vasp: VaspConfig = Field(default=VaspConfig(), description="Settings of the source «vasp».")
    cp2k: Cp2kConfig = Field(default=Cp2kConfig(), description="Settings of the source «cp2k».")
    extxyz: ExtxyzConfig = Field(
        default=ExtxyzConfig(), description="Settings of the source «extxyz: FILE»."
    )
    valid_fraction: float = Field(
        default=0.15,
        gt=0,
        lt=0.5,
        description="Share of the trajectories for the validation set.",
    )
    test_fraction: float = Field(
        default=0.15, gt=0, lt=0.5, description="Share of the trajectories for the test set."
    )
    batch: Count = Field(
        default=50,
        description=(
            "Number of single points of a teacher in one unit of work. A unit of VASP or "
            "CP2K is one single point."
        ),
    )
    min_labelled: float = Field(
        default=0.9,
        gt=0,
        le=1,
        description=(
            "Smallest share of the frames that must get a label. Below it the stage fails; "
            "above it the stage continues without the frames listed in rejected.csv."
        ),
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
