"""How a run ended: from the sentence LAMMPS stopped with, or from what is on disk."""

import re
from pathlib import Path

from mlipsse.md.parts import find_parts, recorded_before
from mlipsse.md.record import Outcome, RunRecord, Status

STOPPED_FILE = "stopped.txt"
"""Where `run.sh`, on a machine without this package, keeps the sentence of a run that left physics.
"""

_HALT = re.compile(
    r"Fix halt condition for fix-id (\w+) met on step (\d+) with value (\S+?)\.?(?:\s|$)"
)
_UNPHYSICAL = re.compile(
    r"Fix halt|Lost atoms|Non-numeric|Out of range atoms|MACE force on atom|simulation unstable"
    r"|relaxation changed the volume|Number of atoms in compute msd group",
    re.IGNORECASE,
)
UNPHYSICAL = _UNPHYSICAL.pattern
"""What marks the error of a run that left what is physical, as a regular expression."""


def unphysical_ending(reason: str) -> tuple[Status, str] | None:
    """Whether an error of LAMMPS tells of physics, and which; None for a technical failure.

    Returns
    -------
    (status, sentence) or None
    """
    if not _UNPHYSICAL.search(reason):
        return None
    halt = _HALT.search(reason)
    if halt is None:
        return "exploded", reason
    what, step, value = halt[1], halt[2], float(halt[3])
    if what == "melted":
        return "melted", (
            f"the framework's mean squared displacement against the crystal reached {value:.1f} Å² "
            f"at step {step}, more than one neighbour distance squared"
        )
    if what == "runaway":
        return "exploded", f"it heated to {value:.0f} K by step {step}"
    if what == "too_close":
        return "exploded", (
            f"at step {step} a mobile ion was closer to another atom than atoms can be (0.6 of the "
            "sum of covalent radii)"
        )
    return "exploded", reason


def missing_step(folder: Path, record: RunRecord) -> int | None:
    """First step whose frame is not on disk, None when all are."""
    step = recorded_before(find_parts(folder, n_atoms=len(record.species)), record)
    return step if step <= record.last_step else None


def outcome_on_disk(folder: Path, record: RunRecord) -> Outcome | None:
    """How a run ended that was run without this package: by its frames, or by `stopped.txt`."""
    if missing_step(folder, record) is None:
        return Outcome(status="done", reason=None, frames=record.expected_frames)
    stopped = folder / STOPPED_FILE
    ending = unphysical_ending(stopped.read_text(errors="replace")) if stopped.is_file() else None
    return make_outcome(folder, record, *ending) if ending is not None else None


def make_outcome(folder: Path, record: RunRecord, status: Status, reason: str | None) -> Outcome:
    """Outcome with the frames that are on disk."""
    step = recorded_before(find_parts(folder, n_atoms=len(record.species)), record)
    frames = (step - record.equilibration_steps) // record.dump_every_steps
    return Outcome(status=status, reason=reason, frames=min(frames, record.expected_frames))
