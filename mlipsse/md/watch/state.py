"""What a run is doing, from its folder alone: cheap enough for a thousand runs at once."""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from mlipsse.files import is_locked
from mlipsse.md.files.ending import STOPPED_FILE, unphysical_ending
from mlipsse.md.files.folder import LOCK_FILE
from mlipsse.md.files.record import FINISHED_FILE, RunRecord, read_outcome, read_record
from mlipsse.md.watch.health import framework_displaced, newest_thermo

State = Literal[
    "queued", "running", "continuing", "stalled", "done", "unsettled", "melted", "exploded"
]
STATES: tuple[State, ...] = get_args(State)
ENDED: tuple[State, ...] = ("done", "unsettled", "melted", "exploded")
AT_WORK: tuple[State, ...] = ("running", "continuing")

SILENCE_S = 300.0
"""A run without a new log line for this long, and for 20 of its usual intervals, is stalled."""

_INTERVALS = 20
_SECONDS_PER_DAY = 86_400.0


@dataclass(frozen=True, kw_only=True)
class RunState:
    """One run at one moment.

    Attributes
    ----------
    state : queued: nothing has been run; running, continuing: LAMMPS is at work, in its first part
        or after a restart; stalled: begun, and no process works on it or it writes nothing; done;
        melted or exploded: stopped, and left out of transport
    record : what the run is
    step : of the newest line of its log; 0 before the first one
    steps_per_s : now, or when it was last at work; None before that is known
    framework_displaced : see `health`; None where it is not known
    reason : why a run is stalled or was stopped, in a sentence
    """

    state: State
    folder: Path
    record: RunRecord
    step: int
    steps_per_s: float | None
    framework_displaced: float | None
    reason: str | None

    @property
    def progress(self) -> float:
        """Share of its steps that are done, 0 to 1."""
        if self.state == "done":
            return 1.0
        return min(1.0, self.step / max(1, self.record.last_step))

    @property
    def ns_per_day(self) -> float | None:
        """Speed; None before it is known."""
        if self.steps_per_s is None:
            return None
        return self.steps_per_s * self.record.timestep_fs * 1e-6 * _SECONDS_PER_DAY

    @property
    def seconds_left(self) -> float | None:
        """Time left for this run at its speed; None before that is known, 0 when it has ended."""
        if self.state in ENDED:
            return 0.0
        if not self.steps_per_s:
            return None
        return max(0, self.record.last_step - self.step) / self.steps_per_s


def run_state(folder: Path, *, now: float | None = None) -> RunState:
    """State of the run in `folder`, which holds its `run.json`.

    Parameters
    ----------
    now : seconds since the epoch, for tests

    Raises
    ------
    MlipsseError
        when the folder is not that of a run.
    """
    record = read_record(folder)
    thermo = newest_thermo(folder)
    state, reason = _state(folder, thermo.steps_per_s, record, now or time.time())
    return RunState(
        state=state,
        folder=folder,
        record=record,
        step=int(thermo.step[-1]) if len(thermo.step) else 0,
        steps_per_s=thermo.steps_per_s,
        framework_displaced=framework_displaced(folder, record),
        reason=reason,
    )


def _state(
    folder: Path, steps_per_s: float | None, record: RunRecord, now: float
) -> tuple[State, str | None]:
    outcome = read_outcome(folder)
    if outcome is not None:
        return outcome.status, outcome.reason
    if (folder / FINISHED_FILE).is_file():
        return "done", None
    stopped = folder / STOPPED_FILE
    if stopped.is_file():
        ending = unphysical_ending(stopped.read_text(errors="replace"))
        if ending is not None:
            return ending
    logs = [entry for entry in os.scandir(folder) if entry.name.startswith("log.")]
    held = is_locked(folder / LOCK_FILE)
    if not logs:
        return ("running" if held else "queued"), None
    silence_s = now - max(entry.stat().st_mtime for entry in logs)
    if silence_s > _patience_s(steps_per_s, record):
        words = f"it has logged nothing for {silence_s / 60:.0f} min"
        return "stalled", words if held else f"no process is running it, and {words}"
    parts = [entry.name.split(".")[1] for entry in logs]
    continued = any(part.isdigit() and int(part) > 0 for part in parts) or "resume" in parts
    if not held and silence_s > SILENCE_S / 10:
        return "stalled", "no process is running it; start it again to continue from its restart"
    return ("continuing" if continued else "running"), None


def _patience_s(steps_per_s: float | None, record: RunRecord) -> float:
    every_fs = record.extra.get("protocol", {}).get("thermo_every_fs", 0.0)
    interval_s = every_fs / record.timestep_fs / steps_per_s if steps_per_s else 0.0
    return max(SILENCE_S, _INTERVALS * interval_s)
