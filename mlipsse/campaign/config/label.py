"""The block `label` of `campaign.yaml`: what the model learns from."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from mlipsse.campaign.config.section import Section
from mlipsse.dataset.frames.label_names import LabelNames
from mlipsse.dataset.labels.cp2k import Cp2k, Cp2kSettings
from mlipsse.dataset.labels.cp2k_program import COMMAND, default_command
from mlipsse.dataset.labels.program import ProgramSource, RunSettings
from mlipsse.dataset.labels.sources import source_kind
from mlipsse.dataset.labels.vasp import Vasp, VaspSettings
from mlipsse.dataset.own_labels import OwnLabelSettings, WithoutStress
from mlipsse.errors import MlipsseError
from mlipsse.settings import Count

_NAMES = LabelNames()


class VaspConfig(VaspSettings, RunSettings):
    """Static calculations in VASP; POTCARs come from your library (PMG_VASP_PSP_DIR)."""

    @property
    def source(self) -> ProgramSource:
        """What labels frames with these settings."""
        return ProgramSource(Vasp(self.only(VaspSettings)), self.only(RunSettings))

    @model_validator(mode="after")
    def _one_mesh(self) -> Self:
        if self.kspacing_1_A and "kpoint_density_A3" in self.model_fields_set:
            raise ValueError("kpoint_density_A3 and kspacing_1_A exclude each other; give one")
        return self


class Cp2kConfig(Cp2kSettings, RunSettings):
    """SCAN single points in CP2K, with the potentials and basis sets of its data folder."""

    command: str | None = COMMAND
    """what runs it, for the shell, in the folder of one frame: the CP2K on the PATH if not given,
    with execution.threads_per_worker threads; it reads frame.inp and writes frame.out. null: the
    inputs of all frames are written, and the outputs that you bring back into their folders are
    read by the next run"""

    @property
    def source(self) -> ProgramSource:
        """What labels frames with these settings, in the CP2K found here where none was given."""
        runs = self.only(RunSettings)
        if self.command == COMMAND and self.slurm is None:
            runs = runs.model_copy(update={"command": default_command()})
        return ProgramSource(Cp2k(self.only(Cp2kSettings)), runs)


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
            return self.vasp.source
        if kind == "cp2k":
            return self.cp2k.source
        return None
