"""Run the deck of one folder to its end, or go on with it; never twice at the same time."""

from dataclasses import dataclass
from pathlib import Path

from mlipsse import lammps
from mlipsse.engines import ENGINES
from mlipsse.errors import MlipsseError
from mlipsse.files import exclusive_lock
from mlipsse.md.calculator import calculator_program, recorded_calculator
from mlipsse.md.files.ending import (
    STOPPED_FILE,
    make_outcome,
    missing_step,
    outcome_on_disk,
    unphysical_ending,
)
from mlipsse.md.files.folder import DECK_FILE, LOCK_FILE
from mlipsse.md.files.record import (
    FINISHED_FILE,
    Outcome,
    RunRecord,
    Status,
    read_outcome,
    read_record,
    write_outcome,
)
from mlipsse.md.files.resume import prepare
from mlipsse.md.files.segments import seal_segments
from mlipsse.processes import wait_for_child

_PATIENCE_S = 5.0
"""How long a killed predecessor may take to die."""


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """What came of a run.

    Attributes
    ----------
    folder : of the run
    status : `done`; `unsettled`, `melted` or `exploded`: volume, framework, relaxation or dynamics
        left what is physical, see `reason`
    reason : sentence, None when done
    frames : whole frames on disk
    resumed_from_step : step of the restart it went on from in this call; None when it started
        from the beginning or had nothing left to do
    """

    folder: Path
    status: Status
    reason: str | None
    frames: int
    resumed_from_step: int | None = None


def run_folder(folder: Path, *, threads: int = 1) -> RunResult:
    """Run `in.lammps` in `folder` to its end, from its newest good restart when there is one.

    A run that ended before, here or on a machine without this package, is not repeated. LAMMPS
    holds the folder's lock as long as it lives.

    Parameters
    ----------
    folder : as `folder.render_folder` wrote it
    threads : of LAMMPS and torch

    Raises
    ------
    MlipsseError
        when another run is at work in the folder, when the deck is for an engine that this LAMMPS
        lacks, and when LAMMPS fails for a reason that is not the physics: a missing model, a full
        disk, a kill. Start again to go on.
    """
    folder = Path(folder)
    record = read_record(folder)
    with exclusive_lock(
        folder / LOCK_FILE, holder="LAMMPS run", patience_s=_PATIENCE_S
    ) as descriptor:
        ended = _ended(folder, record)
        if ended is not None:
            return _result(folder, ended)
        _require_here(folder, record)
        resumed_from = prepare(
            folder,
            record,
            is_whole=lambda restart: (
                _wait(folder, ["-restart2info", restart.name], 1, descriptor) == 0
            ),
        )
        seal_segments(folder, record)
        exit_status = _wait_for_deck(folder, record, threads, descriptor)
        outcome = _outcome(folder, record, exit_status)
        seal_segments(folder, record)
        write_outcome(folder, outcome)
        return _result(folder, outcome, resumed_from=resumed_from)


def has_ended(folder: Path) -> bool:
    """Whether the run in a folder came to its end, here or on another machine.

    Raises
    ------
    MlipsseError
        when the folder has no record.
    """
    return _ended(folder, read_record(folder)) is not None


def _require_here(folder: Path, record: RunRecord) -> None:
    engine = ENGINES[record.extra.get("deck", {}).get("engine", "mlipsse")]
    if engine.name != "mlipsse":
        raise MlipsseError(
            f"The deck in {folder} is for the engine {engine.name}, which requires {engine.needs}. "
            "The LAMMPS of this environment is another one. Run the deck there with run.sh or "
            "array.sbatch, which lie above the folder, then start this command again."
        )


def _ended(folder: Path, record: RunRecord) -> Outcome | None:
    """Outcome on disk, if it still holds: a complete run has all its frames."""
    outcome = read_outcome(folder)
    if outcome is not None and (outcome.status != "done" or not _is_torn(folder, record)):
        return outcome
    if (folder / FINISHED_FILE).is_file() or (folder / STOPPED_FILE).is_file():
        outcome = outcome_on_disk(folder, record)
        if outcome is not None:
            seal_segments(folder, record)
            write_outcome(folder, outcome)
        return outcome
    return None


def _is_torn(folder: Path, record: RunRecord) -> bool:
    return missing_step(folder, record) is not None


def _outcome(folder: Path, record: RunRecord, exit_status: int) -> Outcome:
    if exit_status != 0:
        screen = folder / lammps.SCREEN_FILE
        reason = lammps.failure(screen, status=exit_status)
        ending = unphysical_ending(reason)
        if ending is None:
            raise MlipsseError(
                f"LAMMPS stopped in {folder}: {reason} See {screen} and the newest log.* file. "
                "Remove the cause and run again; the run continues from its last restart."
            )
        return make_outcome(folder, record, *ending)
    missing = missing_step(folder, record)
    if missing is not None:
        raise MlipsseError(
            f"LAMMPS ended in {folder} without an error, but the frame of step {missing} is not "
            f"on disk (the last one is that of step {record.last_step}). Check your own deck "
            "template if you use one; otherwise start the run again."
        )
    return make_outcome(folder, record, "done", None)


def _wait_for_deck(folder: Path, record: RunRecord, threads: int, descriptor: int) -> int:
    if recorded_calculator(record) is None:
        return _wait(folder, ["-in", DECK_FILE], threads, descriptor)
    return wait_for_child(
        lammps.start(
            [],
            folder=folder,
            threads=threads,
            keep_open=(descriptor,),
            program=calculator_program(folder),
        )
    )


def _wait(folder: Path, arguments: list[str], threads: int, descriptor: int) -> int:
    """Exit status of LAMMPS; it is killed when we are interrupted."""
    return wait_for_child(
        lammps.start(
            ["-log", "none", *arguments], folder=folder, threads=threads, keep_open=(descriptor,)
        )
    )


def _result(folder: Path, outcome: Outcome, *, resumed_from: int | None = None) -> RunResult:
    return RunResult(
        folder=folder,
        status=outcome.status,
        reason=outcome.reason,
        frames=outcome.frames,
        resumed_from_step=resumed_from,
    )
