"""Run the deck of one folder to its end, or go on with it; never twice at the same time."""

import re
from dataclasses import dataclass
from pathlib import Path

from mlipsse import lammps
from mlipsse.errors import MlipsseError
from mlipsse.files import exclusive_lock
from mlipsse.md.folder import DECK_FILE, LOCK_FILE
from mlipsse.md.parts import find_parts, recorded_before
from mlipsse.md.record import (
    Outcome,
    RunRecord,
    Status,
    read_outcome,
    read_record,
    write_outcome,
)
from mlipsse.md.resume import prepare
from mlipsse.processes import wait_for_child

_PATIENCE_S = 5.0
"""How long a killed predecessor may take to die."""

_UNPHYSICAL = re.compile(
    r"Fix halt|Lost atoms|Non-numeric|Out of range atoms|MACE force on atom|simulation unstable"
    r"|relaxation changed the volume",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """What came of a run.

    Attributes
    ----------
    folder : of the run
    status : `done`, or `exploded`: relaxation or dynamics left what is physical, see `reason`
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

    A run that ended before is not repeated. LAMMPS holds the folder's lock as long as it lives.

    Parameters
    ----------
    folder : as `folder.render_folder` wrote it
    threads : of LAMMPS and torch

    Raises
    ------
    MlipsseError
        when another run is at work in the folder, and when LAMMPS fails for a reason that is not
        the physics: a missing model, a full disk, a kill. Start again to go on.
    """
    folder = Path(folder)
    record = read_record(folder)
    with exclusive_lock(
        folder / LOCK_FILE, holder="LAMMPS run", patience_s=_PATIENCE_S
    ) as descriptor:
        ended = _ended(folder, record)
        if ended is not None:
            return _result(folder, ended)
        resumed_from = prepare(
            folder,
            record,
            is_whole=lambda restart: (
                _wait(folder, ["-restart2info", restart.name], 1, descriptor) == 0
            ),
        )
        status = _wait(folder, ["-in", DECK_FILE], threads, descriptor)
        reason = None
        if status != 0:
            screen = folder / lammps.SCREEN_FILE
            reason = lammps.failure(screen, status=status)
            if not _UNPHYSICAL.search(reason):
                raise MlipsseError(
                    f"LAMMPS stopped in {folder}: {reason} See {screen} and the newest log.* "
                    "there; when the cause is gone, the run goes on from its last restart."
                )
        outcome = _outcome(folder, record, reason=reason)
        write_outcome(folder, outcome)
        return _result(folder, outcome, resumed_from=resumed_from)


def _ended(folder: Path, record: RunRecord) -> Outcome | None:
    """Outcome on disk, if it still holds: a complete run has all its frames."""
    outcome = read_outcome(folder)
    if outcome is not None and outcome.status == "done" and _missing(folder, record):
        return None
    return outcome


def _outcome(folder: Path, record: RunRecord, *, reason: str | None) -> Outcome:
    missing_step = _missing(folder, record)
    if reason is None and missing_step is not None:
        raise MlipsseError(
            f"LAMMPS ended in {folder} without an error, but the frame of step {missing_step} is "
            f"not on disk (the last one is that of step {record.last_step}). Is the template of "
            "the deck your own? Otherwise start the run again."
        )
    next_step = recorded_before(find_parts(folder, n_atoms=len(record.species)), record)
    frames = (next_step - record.equilibration_steps) // record.dump_every_steps
    return Outcome(
        status="done" if reason is None else "exploded",
        reason=reason,
        frames=min(frames, record.expected_frames),
    )


def _missing(folder: Path, record: RunRecord) -> int | None:
    """First step whose frame is not on disk, None when all are."""
    step = recorded_before(find_parts(folder, n_atoms=len(record.species)), record)
    return step if step <= record.last_step else None


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
