"""Frames that a run wrote again after a restart, and counters that were reset."""

from dataclasses import dataclass

import numpy as np

from mlipsse.errors import MlipsseError


@dataclass(frozen=True, eq=False)
class Restarts:
    """Which frames of a file count.

    Attributes
    ----------
    kept : (n_frames,) bool; a stamp that comes again counts once, the later time
    seam : (n_frames,) bool, frames before which others were left out
    """

    kept: np.ndarray
    seam: np.ndarray

    @property
    def left_out(self) -> int:
        """How many frames do not count."""
        return int(np.count_nonzero(~self.kept))

    def note(self, where: str) -> str | None:
        """A sentence on what is left out; None where nothing is."""
        if self.kept.all():
            return None
        return (
            f"{where}: {self.left_out} frames are left out because their steps occur again after "
            "a restart"
        )


def find_restarts(stamps: np.ndarray, where: str) -> Restarts:
    """Find the frames of one file that come again.

    A restart goes back to a step that was reached before; the frames from there on count as they
    were written after it. A counter that falls back further is none: a run that reset its step,
    or another run, and what came before it would be lost.

    Parameters
    ----------
    stamps : (n_frames,) steps or times in the order of the file
    where : names the file

    Raises
    ------
    MlipsseError
        when a stamp falls below all that came before it, or by more than half of them; and when
        most frames would be left out, for stamps that fall or stand still.
    """
    stamps = np.asarray(stamps)
    kept = np.ones(len(stamps), dtype=bool)
    seam = np.zeros(len(stamps), dtype=bool)
    if (np.diff(stamps) > 0).all():
        return Restarts(kept, seam)
    standing: list[int] = []
    for frame, stamp in enumerate(stamps):
        lost = 0
        while standing and stamps[standing[-1]] >= stamp:
            kept[standing.pop()] = False
            lost += 1
        if lost > 1 and lost > len(standing):
            raise MlipsseError(
                f"{where}: the step falls from {stamps[frame - 1]:g} to {stamp:g} after frame "
                f"{frame - 1}, further than a restart goes back: the counter was reset, or another "
                f"run begins, and {lost} frames before it would be lost. Cut the file there, and "
                "analyse the parts one by one."
            )
        seam[frame] = lost > 0
        standing.append(frame)
    left_out = int(np.count_nonzero(~kept))
    if 2 * left_out > len(stamps):
        raise MlipsseError(
            f"{where}: the steps of its frames fall or stand still ({stamps[0]:g} first, "
            f"{stamps[-1]:g} last), and {left_out} of {len(stamps)} frames would be left out as "
            "repeated by a restart. Write the frames in their order, each with its own step."
        )
    return Restarts(kept, seam & kept)
