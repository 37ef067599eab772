"""Where a run goes on: the newest restart that is whole and whose frames are all on disk."""

import re
from collections.abc import Callable
from pathlib import Path

from mlipsse.files import write_text
from mlipsse.md.files.parts import Part, find_parts, recorded_before
from mlipsse.md.files.record import FINISHED_FILE, RunRecord

SLOTS = ("a", "b")

_NEVER = -1
_LINE = re.compile(r"variable step_[ab] index (-?\d+)\n")


def prepare(folder: Path, record: RunRecord, *, is_whole: Callable[[Path], bool]) -> int | None:
    """Prepare the folder so that its deck continues where it can; return the step.

    A restart that is torn, or that comes after a missing frame, is struck out, so that the deck
    takes the older one. Parts of the trajectory that start after the chosen step are removed: they
    would cut off what the run records again.

    Parameters
    ----------
    folder : of a run that is not complete and that no other process writes to
    is_whole : whether a restart file is complete

    Returns
    -------
    int or None
        step of the chosen restart; None when the run starts from the beginning.
    """
    (folder / FINISHED_FILE).unlink(missing_ok=True)
    parts = find_parts(folder, n_atoms=len(record.species))
    chosen = None
    # Of two restarts at one step the deck takes b.
    for slot, step in sorted(_stamps(folder), key=lambda stamp: (stamp[1], stamp[0]), reverse=True):
        if chosen is None and _is_usable(folder, slot, step, parts, record, is_whole):
            chosen = step
        elif chosen is None:
            write_text(folder / _stamp_name(slot), f"variable step_{slot} index {_NEVER}\n")
    for part in parts:
        if chosen is None or part.first_step > chosen:
            part.path.unlink()
            (folder / f"velocities.{part.first_step}.lammpstrj").unlink(missing_ok=True)
    for path in folder.glob("displaced.*.txt"):
        first_step = path.name.split(".")[1]
        if chosen is None or (first_step.isdigit() and int(first_step) > chosen):
            path.unlink()
    return chosen


def _is_usable(
    folder: Path,
    slot: str,
    step: int,
    parts: tuple[Part, ...],
    record: RunRecord,
    is_whole: Callable[[Path], bool],
) -> bool:
    before = [part for part in parts if part.first_step < step]
    if step > record.equilibration_steps and recorded_before(before, record) < step:
        return False
    restart = folder / f"restart.{slot}"
    return restart.is_file() and is_whole(restart)


def _stamps(folder: Path) -> list[tuple[str, int]]:
    """Slots that claim a complete restart, with its step."""
    claims = []
    for slot in SLOTS:
        path = folder / _stamp_name(slot)
        if not path.is_file():
            continue
        line = _LINE.fullmatch(path.read_text(errors="replace"))
        if line is None:  # torn: LAMMPS must not stumble over it
            path.unlink()
        elif int(line[1]) != _NEVER:
            claims.append((slot, int(line[1])))
    return claims


def _stamp_name(slot: str) -> str:
    return f"restart.{slot}.inc"
