"""The block `label` of `campaign.yaml`: what the model learns from."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from mlipsse.campaign.config.section import Section
from mlipsse.dataset.frames.label_names import LabelNames
from mlipsse.dataset.labels.cp2k.program import COMMAND, default_command
from mlipsse.dataset.labels.cp2k.settings import Cp2kSettings
from mlipsse.dataset.labels.cp2k.source import Cp2k
from mlipsse.dataset.labels.program import ProgramSource, RunSettings
from mlipsse.dataset.labels.sources import source_kind
from mlipsse.dataset.labels.vasp import Vasp, VaspSettings
from mlipsse.dataset.own_labels import OwnLabelSettings, WithoutStress
from mlipsse.energetics.potentials.catalogue import DEFAULT_TEACHER
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
    """Single points in CP2K (default: SCAN), with the potentials and bases of its data folder."""

    command: str | None = COMMAND
    """Shell command that runs CP2K in the folder of one frame; it must read frame.inp and write
    frame.out. The default is the CP2K on the PATH with execution.threads_per_worker threads. With
    null, the stage writes the inputs of all frames, and the next run reads the outputs that you
    copy back into their folders."""

    @property
    def source(self) -> ProgramSource:
        """What labels frames with these settings, in the CP2K found here where none was given."""
        runs = self.only(RunSettings)
        if self.command == COMMAND and self.slurm is None:
            runs = runs.model_copy(update={"command": default_command()})
        return ProgramSource(Cp2k(self.only(Cp2kSettings)), runs)


class ExtxyzConfig(Section):
    """Names, units and split of existing labels."""

    valid: Path | None = Field(
        default=None,
        description=(
            "File of the validation set. Requires `test`; the file of the source is then "
            "the training set."
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
        default=None, description="Key of the energies. The usual names are recognised by default."
    )
    forces_key: str | None = Field(
        default=None, description="Key of the forces. The usual names are recognised by default."
    )
    stress_key: str | None = Field(
        default=None, description="Key of the stresses. The usual names are recognised by default."
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
        default=f"teacher: {DEFAULT_TEACHER}",
        description=(
            "Source of the labels: «teacher: NAME» (predictions of another potential, not "
            "DFT), «vasp» or «cp2k» (DFT), or «extxyz: FILE» (labels from a file; nothing "
            "is sampled)."
        ),
    )
    head: str | None = Field(
        default=None,
        description="Head of the teacher. Required for a MACE model with several heads.",
    )
    device: Literal["cpu", "cuda"] = Field(
        default="cpu",
        description="Device of a teacher. The default is that of the campaign.",
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
        default=0.15, gt=0, lt=0.5, description="Share of the trajectories for the validation set."
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
            return self.vasp.source
        if kind == "cp2k":
            return self.cp2k.source
        return None
