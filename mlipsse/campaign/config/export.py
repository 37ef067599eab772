"""The block `export` of `campaign.yaml`: the bundle, and the trials before it is used."""

from typing import Literal

from pydantic import Field

from mlipsse.campaign.config.section import Name, Section
from mlipsse.settings import Count, Positive


class AcceptanceConfig(Section):
    """Trials of the exported model before production."""

    run: bool = Field(default=True, description="Run the acceptance trials.")
    require: bool = Field(
        default=True,
        description="Stop before the simulate stage when the model fails an acceptance trial.",
    )
    compositions: Count | None = Field(
        default=None,
        description=(
            "Number of compositions to try, spread evenly over the list, each with its "
            "lowest ordering. All are tried by default."
        ),
    )
    duration_ps: Positive = Field(
        default=5.0,
        description=(
            "Length in ps of the trial run at the highest temperature of `simulate`. The trial run "
            "for g(r) is as long as the sampling, and no longer than this."
        ),
    )
    constant_energy_ps: Positive = Field(
        default=1.0, description="Length in ps of the trial run at constant energy."
    )
    device: Literal["cpu", "cuda"] = Field(
        default="cpu",
        description="Device of the trials. The default is that of the campaign.",
    )
    min_atoms: Count = Field(
        default=80,
        description="Minimum number of atoms of a trial crystal. Smaller crystals are repeated.",
    )


class ExportConfig(Section):
    """Bundle that LAMMPS loads."""

    name: Name = Field(
        default="potential", description="Folder and file name of the potential bundle."
    )
    potential: str | None = Field(
        default=None,
        description=(
            "Potential to run production with, instead of training one: a name in potentials/, a "
            "bundle's folder, or a MACE file. The stages sample, label and finetune then do "
            "nothing. The card of the bundle and the report state its labels."
        ),
    )
    head: str | None = Field(
        default=None,
        description=(
            "Head of `potential`. Required for a MACE file with several heads; a bundle has its "
            "own by default."
        ),
    )
    dtype: Literal["float32", "float64"] = Field(
        default="float32", description="Floating-point precision of the exported model."
    )
    format: Literal["auto", "native", "torchscript", "aotinductor"] = Field(
        default="auto",
        description=(
            "Model format for LAMMPS. native: C++ that is written for the model and compiled in "
            "some seconds, for CPUs alone, ten times as fast as TorchScript and more. torchscript: "
            "TorchScript, for CPUs and GPUs. aotinductor: code that AOTInductor compiles for this "
            "machine in one to two minutes and that runs about twice as fast as TorchScript. auto: "
            "torchscript where the campaign asks for GPUs (execution.gpus, "
            "execution.slurm.gpus_per_node, or device: cuda), else native, or "
            "torchscript for a model that native code cannot be written for. The bundle always "
            "contains TorchScript where the model can be had in it."
        ),
    )
    device: Literal["cpu", "cuda"] = Field(
        default="cpu",
        description=(
            "Device that an aotinductor model is compiled for. The default is that of the campaign."
        ),
    )
    serial: bool = Field(
        default=False,
        description=(
            "Compile the model for one CPU thread per run (execution.threads_per_worker: 1). "
            "Steps take 5 to 12 % less time, and more threads do not help."
        ),
    )
    licence: str = Field(
        default="not stated", description="Licence of the potential, printed on its card."
    )
    rerank: int = Field(
        default=0,
        ge=0,
        description=(
            "Number of ranked orderings per composition and supercell, lowest energy first, that "
            "are relaxed and ranked again with the fine-tuned model. 0 for none."
        ),
    )
    acceptance: AcceptanceConfig = Field(
        default=AcceptanceConfig(),
        description="Settings of the trials that the exported model must pass before production.",
    )
