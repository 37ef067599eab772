"""How a run ended: from the sentence LAMMPS stopped with, or from what is on disk."""

import re
from pathlib import Path

from mlipsse.md.files.parts import find_parts, recorded_before
from mlipsse.md.files.record import Outcome, RunRecord, Status
from mlipsse.md.plan.settling import MAX_GROWTH_PERCENT
from mlipsse.structures.framework import melted_reason

STOPPED_FILE = "stopped.txt"
"""Where `run.sh`, on a machine without this package, keeps the sentence of a run that left physics.
"""

_MELTED = "melted_"
"""Fixes of a deck that watch a group of `Framework.groups`."""
_HALT = re.compile(
    r"Fix halt condition for fix-id (\w+) met on step (\d+) with value (\S+?)\.?(?:\s|$)"
)
_DRIFT = re.compile(
    r"volume had not settled in the NPT part: it changed by (\S+) % over the second half, with a "
    r"standard error of (\S+) %"
)
_UNPHYSICAL = re.compile(
    r"Fix halt|Lost atoms|Non-numeric|Out of range atoms|MACE force on atom|simulation unstable"
    r"|relaxation changed the volume|Number of atoms in compute msd group"
    r"|volume had not settled|tilted box too far|Box bounds are invalid"
    # Berendsen's thermostat, once all atoms are lost: a run starts with velocities.
    r"|Computed current temperature for fix [^ ]+ must not be 0",
    re.IGNORECASE,
)
UNPHYSICAL = _UNPHYSICAL.pattern
"""What marks the error of a run that left what is physical, as a regular expression."""


def unphysical_ending(reason: str) -> tuple[Status, str] | None:
    """The physical reason behind an error of LAMMPS; None for a technical failure.

    Returns
    -------
    (status, sentence) or None
    """
    if not _UNPHYSICAL.search(reason):
        return None
    drift = _DRIFT.search(reason)
    if drift is not None:
        return "unsettled", unsettled_reason(float(drift[1]), float(drift[2]))
    halt = _HALT.search(reason)
    if halt is None:
        return "exploded", reason
    what, step, value = halt[1], halt[2], float(halt[3])
    if what.startswith(_MELTED):
        return "melted", f"at step {step}, {melted_reason(what.removeprefix(_MELTED), value)}"
    if what == "melted":  # of a deck that an earlier version rendered
        return "melted", (
            f"the framework's mean squared displacement against the crystal reached {value:.1f} Å² "
            f"at step {step}, more than one neighbour distance squared"
        )
    if what == "swollen":
        return "exploded", (
            f"its volume had changed by {100 * value:.1f} % by step {step} of the NPT part, more "
            f"than {MAX_GROWTH_PERCENT} %"
        )
    if what == "runaway":
        return "exploded", f"it heated to {value:.0f} K by step {step}"
    if what == "too_close":
        return "exploded", (
            f"at step {step} a mobile ion was closer to another atom than atoms can be (0.6 of the "
            "sum of covalent radii)"
        )
    return "exploded", reason


def unsettled_reason(drift_percent: float, error_percent: float) -> str:
    """Sentence about a volume that drifts, without its full stop."""
    return (
        f"the volume changed by {drift_percent:+.1f} ± {error_percent:.1f} % over the second half "
        "of the NPT part: it had not settled; raise npt_ps; if the drift persists, the potential "
        "does not keep this crystal stable at this temperature"
    )


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
