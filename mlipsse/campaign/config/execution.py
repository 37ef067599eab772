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
    """A cluster's SLURM: for `mlipsse run`, whose units then are done there, and `md render`."""

    partition: SlurmWord | None = Field(default=None, description="partition; SLURM's default")
    account: SlurmWord | None = Field(default=None, description="account that pays")
    walltime: Walltime = Field(
        default="24:00:00", description="of a job, e.g. 24:00:00 or 2-00:00:00"
    )
    modules: list[SlurmWord] = Field(
        default_factory=list, description="environment modules that a job loads first"
    )
    setup: list[str] = Field(
        default_factory=list,
        description="lines of the shell that a job runs after that, e.g. to enter an environment",
    )
    cores_per_node: Count = Field(default=1, description="cores that a job asks for")
    gpus_per_node: int = Field(default=0, ge=0, description="GPUs that a job asks for")
    memory_GB: Count | None = Field(default=None, description="of a job, GB; SLURM's default")
    max_blocks: Count = Field(default=1, description="jobs of one node each at the same time")
    runs_per_gpu: Count = Field(
        default=1, description="LAMMPS runs that share a GPU, by CUDA MPS when more than one"
    )
    options: list[SlurmLine] = Field(
        default_factory=list, description="further options of sbatch, e.g. --constraint=a100"
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
    """Where units of work run: on this machine, or with a `slurm` block on a cluster's nodes."""

    workers: Count = Field(
        default=2, description="units at a time on this machine, or on each node of the cluster"
    )
    threads_per_worker: Count = Field(default=1, description="threads of one unit")
    gpus: int = Field(
        default=0,
        ge=0,
        description="GPUs of this machine that the workers share out; 0: each sees them all",
    )
    slurm: SlurmConfig | None = Field(
        default=None, description="a cluster; this machine if not given"
    )
