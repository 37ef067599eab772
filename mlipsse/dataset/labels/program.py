"""Labels from a program that is run in a folder of each frame's own."""

import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol, Self

from ase import Atoms
from pydantic import Field, model_validator

from mlipsse.dataset.labels.slurm import SUBMIT, SlurmJob, check_slurm, wait_for_job
from mlipsse.dataset.labels.sources import Label, RejectedFrame, with_label
from mlipsse.errors import MlipsseError
from mlipsse.files import exclusive_lock
from mlipsse.processes import start_command, wait_for_child
from mlipsse.settings import Settings

Keep = Literal["all", "rejected", "none"]

SCREEN_FILE = "screen.out"
_LOCK_FILE = ".lock"
_PATIENCE_S = 5.0
"""How long a killed predecessor may take to die."""

_LAUNCHERS = {"mpirun", "mpiexec", "mpiexec.hydra", "orterun", "env", "nice", "numactl", "taskset"}
"""Programs that start another one, which must be there too."""

_SEVERAL = {"&&", "||", ";", "|", "&", ">", ">>", "<", "2>", "2>&1"}
"""Words by which a command line is more than one program and its arguments."""

_NOT_RUNNABLE = {126, 127}
"""Exit statuses of a shell that found no program, or may not run it (POSIX)."""


@dataclass(frozen=True)
class Fault:
    """Why an output gives no label.

    Attributes
    ----------
    reason : a sentence without its full stop
    may_pass : whether the same input could succeed when run again, e.g. it was cut off
    common : whether every frame's output would have it: the program's version, the functional, a
        missing basis set
    settled : whether every attempt at this frame with these settings would have it
    """

    reason: str
    may_pass: bool
    common: bool = False
    settled: bool = False


class Program(Protocol):
    """A program that computes single points: how its inputs are written and its outputs judged.

    Picklable.
    """

    @property
    def settings(self) -> Settings:
        """What its inputs are written by."""

    @property
    def name(self) -> str:
        """As the config writes it, e.g. `vasp`."""

    @property
    def description(self) -> str:
        """Functional and program, e.g. `SCAN (VASP)`."""

    @property
    def output_file(self) -> str:
        """The file that `read` reads; while it is absent, the program has not run."""

    def decisive(self, elements: Iterable[str]) -> dict[str, Any]:
        """What a label of these elements depends on, JSON-able: settings and pseudopotentials.

        Not what only leads to it (mixing, cores), nor where files lie.

        Raises
        ------
        MlipsseError
            when a pseudopotential is missing.
        """

    def prepare(self, atoms: Atoms, folder: Path, *, attempt: int) -> None:
        """Write the inputs into `folder`, which is empty; `attempt` counts from 0.

        Raises
        ------
        RejectedFrame
            when the frame cannot be written as an input.
        MlipsseError
            when something is missing that every frame needs.
        """

    def read(self, atoms: Atoms, folder: Path) -> Label | Fault:
        """The label of `atoms`, in their order, from the output, or why there is none."""

    def check_version(self, command: str) -> None:
        """Ask the program that `command` starts for its version, where it can be found.

        Raises
        ------
        MlipsseError
            for one whose outputs are not read.
        """

    def notes(self, elements: Iterable[str]) -> Iterable[str]:
        """Sentences about settings that make poor labels of these elements."""

    def check(self, elements: Iterable[str]) -> None:
        """Look for all that inputs of these elements need, without running anything.

        Raises
        ------
        MlipsseError
            naming what is missing.
        """


class RunSettings(Settings):
    """How a program that computes labels is run: once per frame, in a folder of the frame's own.

    A retry follows an attempt that gave no label; the program determines what it changes.
    """

    command: str | None = None
    """Shell command that runs the program in the folder of one frame, e.g. `srun -n 32 vasp_std`,
    or `sbatch --wait /home/me/vasp.sh`. execution.workers commands run at a time. Without a
    command, the stage writes the inputs of all frames, and the next run reads the outputs that you
    copy back into their folders."""
    retries: int = Field(default=1, ge=0)
    """Number of further attempts at a frame that gave no label."""
    keep: Keep = "all"
    """Folders to keep in 05-label/runs: all, only those of rejected frames, or none."""
    slurm: SlurmJob | None = None
    """Run the command in one SLURM job per frame (sbatch --wait), with execution.workers jobs in
    the queue at a time. The default is to run it on this machine."""

    @model_validator(mode="after")
    def _job_has_command(self) -> Self:
        if self.slurm is not None and self.command is None:
            raise ValueError("a slurm block requires a command for its jobs; add command")
        return self

    def check(self) -> None:
        """Look for what starts the program, without running it.

        Raises
        ------
        MlipsseError
            when it is not found.
        """
        if self.slurm is not None:
            check_slurm()
        elif self.command is not None:
            check_command(self.command)


@dataclass(frozen=True)
class ProgramSource:
    """A `mlipsse.dataset.labels.sources.LabelSource` that runs a program.

    Attributes
    ----------
    program : that writes inputs and reads outputs
    runs : how it is run
    """

    program: Program
    runs: RunSettings

    @property
    def name(self) -> str:
        """As the config writes it."""
        return self.program.name

    @property
    def description(self) -> str:
        """Functional and program."""
        return self.program.description

    @property
    def way(self) -> dict[str, Any]:
        """How a frame is tried, JSON-able: another way may label a frame that this one rejects."""
        return {
            "program": {"settings": self.program.settings.model_dump()},
            "runs": self.runs.model_dump(exclude={"keep"}),
        }

    def check_version(self) -> None:
        """As `Program.check_version`; the command of a job, or a missing one, is not asked."""
        if self.runs.command is not None and self.runs.slurm is None:
            self.program.check_version(self.runs.command)

    def awaits_output(self, folder: Path) -> bool:
        """Whether the program must still be run in `folder`, and not by us."""
        return self.runs.command is None and not (folder / self.program.output_file).is_file()

    def write_inputs(self, atoms: Atoms, folder: Path) -> None:
        """Write the inputs of a frame, in place of all else in `folder`.

        Raises
        ------
        MlipsseError
            as `Program.prepare`.
        """
        with exclusive_lock(folder / _LOCK_FILE, holder=f"{self.name} run"):
            self._prepare(atoms, folder, attempt=0)

    def label(self, atoms: Atoms, folder: Path) -> Atoms:
        """A copy with labels under `mlipsse.keys`; the program runs in `folder`, until it succeeds.

        A whole output that is there already is read, not made again. One that was cut off is
        replaced.

        A fault that every frame, or every attempt, would have is not tried again.

        Raises
        ------
        RejectedFrame
            when no attempt gave a label, with the last one's reason.
        MlipsseError
            when the command cannot be run, an input is missing, or another run is in the folder.
        """
        # The command's processes hold the lock too, so that one which outlives a killed worker is
        # not joined by a second.
        with exclusive_lock(
            folder / _LOCK_FILE, holder=f"{self.name} run", patience_s=_PATIENCE_S
        ) as descriptor:
            try:
                label = self._label(atoms, folder, descriptor)
            except RejectedFrame:
                if self.runs.keep == "none":
                    shutil.rmtree(folder)
                raise
            if self.runs.keep != "all":
                shutil.rmtree(folder)
        return with_label(atoms, label)

    def _label(self, atoms: Atoms, folder: Path, descriptor: int) -> Label:
        if self.runs.slurm is not None:
            wait_for_job(folder)
        answer: Label | Fault = Fault(f"there is no {self.program.output_file}", may_pass=True)
        if (folder / self.program.output_file).is_file():
            answer = self.program.read(atoms, folder)
        attempts = 0 if self.runs.command is None else self.runs.retries + 1
        tried = 0
        for attempt in range(attempts):
            if isinstance(answer, Label) or answer.settled:
                break
            self._prepare(atoms, folder, attempt=attempt)
            ending = self._run(folder, descriptor)
            answer = self.program.read(atoms, folder)
            tried = attempt + 1
            if isinstance(answer, Fault) and ending and not answer.settled:
                answer = replace(answer, reason=f"{answer.reason}; {ending}", may_pass=True)
            if isinstance(answer, Fault) and answer.common:
                break
        if isinstance(answer, Fault):
            count = f" ({tried} attempts)" if tried > 1 else ""
            # Outputs that were made elsewhere may be of several makings.
            common = answer.common and attempts > 0
            raise RejectedFrame(f"{answer.reason}{count}.", may_pass=answer.may_pass, common=common)
        return answer

    def _prepare(self, atoms: Atoms, folder: Path, *, attempt: int) -> None:
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.name != _LOCK_FILE:
                path.unlink()
        self.program.prepare(atoms, folder, attempt=attempt)

    def _run(self, folder: Path, descriptor: int) -> str:
        """How the command ended, empty when well."""
        command = str(self.runs.command)
        if self.runs.slurm is not None:
            name = f"mlipsse-{self.name}"
            self.runs.slurm.write(folder, command=command, name=name, screen=SCREEN_FILE)
        started = SUBMIT if self.runs.slurm is not None else command
        with (folder / SCREEN_FILE).open("wb") as screen:
            child = start_command(started, folder=folder, output=screen, keep_open=(descriptor,))
            status = wait_for_child(child)
        if status in _NOT_RUNNABLE:
            raise MlipsseError(
                f"{self.name} cannot be run: {command!r} ended with status {status} "
                f"({_last_words(folder)}). Give a command that works in a shell on this machine."
            )
        return f"{_ending(status)}, last words: {_last_words(folder)}" if status else ""


def check_command(command: str) -> None:
    """Look for the program that `command` starts, without running it.

    Raises
    ------
    MlipsseError
        when the shell knows nothing by its first word.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise MlipsseError(f"The command {command!r} cannot be read: {error}.") from error
    words = [word for word in words if not word.partition("=")[0].isidentifier() or "=" not in word]
    if not words:
        raise MlipsseError(f"The command {command!r} starts no program. Name one.")
    way_on = "Give its path, load its module first, or remove command to run the inputs elsewhere."
    if not _is_known(words[0]):
        raise MlipsseError(
            f"The command {command!r} cannot be run: {words[0]} is not found on this machine. "
            f"{way_on}"
        )
    started = _started_here(words)
    if started and not any(_is_known(word) or Path(word).is_file() for word in started):
        raise MlipsseError(
            f"The command {command!r} cannot be run: {words[0]} exists, but none of "
            f"{', '.join(started)} is a program on this machine. {way_on}"
        )


def _is_known(word: str) -> bool:
    """Whether a shell finds something by this word: a program, or a function such as `module`."""
    probe = ["bash", "-c", 'command -v -- "$1"', "bash", word]
    return not subprocess.run(probe, stdout=subprocess.DEVNULL, env=dict(os.environ)).returncode


def _started_here(words: list[str]) -> list[str]:
    """Words of which one is what a launcher on this machine starts; none of another command.

    Which of them is the value of an option only the launcher knows. `srun` starts its program on
    nodes that may have others.
    """
    if Path(words[0]).name not in _LAUNCHERS or any(word in _SEVERAL for word in words):
        return []
    return [word for word in words[1:] if not word.startswith("-") and "=" not in word]


def _ending(status: int) -> str:
    # A shell reports a child that was killed by a signal as 128 and its number.
    number = -status if status < 0 else status - 128
    if number in {signal.value for signal in signal.Signals}:
        return f"killed by {signal.Signals(number).name}"
    return f"exit status {status}"


def _last_words(folder: Path) -> str:
    text = (folder / SCREEN_FILE).read_text(errors="replace")
    printed = [line.strip() for line in text.splitlines() if line.strip()]
    return printed[-1].rstrip(".")[:200] if printed else "none"
