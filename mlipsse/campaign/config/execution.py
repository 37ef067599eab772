"""The part of `campaign.yaml` about where work is done."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from mlipsse.campaign.config.section import Section
from mlipsse.settings import Count

# These become lines of a batch script: one line each, and no quotes or variables in them.
SlurmWord = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/,@+-]{0,99}$")]
SlurmLine = Annotated[str, Field(pattern=r"^--[A-Za-z0-9][A-Za-z0-9._/,:=@+\[\]-]{0,199}$")]
Walltime = Annotated[str, Field(pattern=r"^(\d+-)?\d{1,3}:\d{2}:\d{2}$")]


class SlurmConfig(Section):
    """SLURM settings of a cluster, for `mlipsse run` and `mlipsse md render`."""

    partition: SlurmWord | None = Field(
        default=None, description="SLURM partition. The default is SLURM's own."
    )
    account: SlurmWord | None = Field(
        default=None, description="SLURM account that pays for the jobs."
    )
    walltime: Walltime = Field(
        default="24:00:00", description="Time limit of a job, e.g. 24:00:00 or 2-00:00:00."
    )
    modules: list[SlurmWord] = Field(
        default_factory=list, description="Environment modules to load at the start of a job."
    )
    setup: list[str] = Field(
        default_factory=list,
        description=(
            "Shell lines to run after the modules are loaded, e.g. to activate an environment."
        ),
    )
    cores_per_node: Count = Field(default=1, description="Number of CPU cores to request per node.")
    gpus_per_node: int = Field(default=0, ge=0, description="Number of GPUs to request per node.")
    memory_GB: Count | None = Field(
        default=None, description="Memory to request per node in GB. The default is SLURM's own."
    )
    max_blocks: Count = Field(
        default=1, description="Maximum number of jobs at a time, each of one node."
    )
    runs_per_gpu: Count = Field(
        default=1,
        description="Number of LAMMPS runs that share one GPU. More than one uses CUDA MPS.",
    )
    options: list[SlurmLine] = Field(
        default_factory=list, description="Further options of sbatch, e.g. --constraint=a100."
    )

    @property
    def walltime_hours(self) -> str:
        """The wall time without days, e.g. 48:00:00."""
        days, _, rest = self.walltime.rpartition("-")
        hours, minutes, seconds = rest.split(":")
        return f"{24 * int(days or 0) + int(hours):02d}:{minutes}:{seconds}"

    @model_validator(mode="after")
    def _setup_is_lines(self) -> SlurmConfig:
        for line in self.setup:
            if not line.isprintable():
                raise ValueError(f"setup: {line!r} is not one printable line")
        return self


class ExecutionConfig(Section):
    """Place where units of work run: this machine, or the nodes of a SLURM cluster."""

    workers: Count = Field(
        default=2,
        description=(
            "Number of units of work to run at a time, on this machine or on each node of "
            "the cluster."
        ),
    )
    threads_per_worker: Count = Field(
        default=1, description="Number of CPU threads per unit of work."
    )
    gpus: int = Field(
        default=0,
        ge=0,
        description=(
            "Number of GPUs of this machine to distribute among the workers. With 0, every "
            "worker sees all GPUs."
        ),
    )
    slurm: SlurmConfig | None = Field(
        default=None,
        description="SLURM cluster that runs the units of work. The default is this machine.",
    )
