"""Checkpoints of mace-torch's trainer: which are whole, which is best, where to go on.

mace-torch 0.3.16 writes a checkpoint after every epoch that improved on all since *its own* start,
goes on from, and in the end keeps, the one of the highest epoch. After a resume that need not be
the best. It writes in place, so a kill can tear one, and a torn one makes it begin anew, silently.
"""

import math
import re
import shutil
import zipfile
from pathlib import Path

from mlipsse.files import write_aside
from mlipsse.training.learning_curve import LearningCurve

_EPOCH = re.compile(r"_epoch-(\d+)\.pt$")


def is_whole(path: Path) -> bool:
    """Whether a file that torch wrote (a zip archive) is all there, checksums included."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (OSError, zipfile.BadZipFile):
        return False


def set_torn_aside(folder: Path) -> list[Path]:
    """Rename torn checkpoints in `folder` to `*.torn`; their new paths."""
    torn = [path for path in checkpoints(folder).values() if not is_whole(path)]
    return [path.rename(path.with_name(path.name + ".torn")) for path in torn]


def checkpoints(folder: Path) -> dict[int, Path]:
    """Epoch -> checkpoint."""
    return {
        int(match[1]): path for path in folder.glob("*.pt") if (match := _EPOCH.search(path.name))
    }


def best_epoch(folder: Path, curve: LearningCurve) -> int | None:
    """The epoch of lowest finite validation loss that has a checkpoint; None when there is none."""
    pairs = zip(curve.epoch, curve.loss, strict=True)
    losses = {epoch: loss for epoch, loss in pairs if math.isfinite(loss)}
    known = [epoch for epoch in checkpoints(folder) if epoch in losses]
    return min(known, key=lambda epoch: losses[epoch], default=None)


def go_on_from_best(folder: Path, curve: LearningCurve) -> None:
    """Leave the best checkpoint, and a copy of it named as the next epoch, where training goes on.

    mace-torch would do the checkpoint's epoch again and write over it, better or worse.
    """
    best = best_epoch(folder, curve)
    keep_only(folder, best)
    if best is not None:
        path = checkpoints(folder)[best]
        following = path.with_name(_EPOCH.sub(f"_epoch-{best + 1}.pt", path.name))
        with write_aside(following) as aside:
            shutil.copyfile(path, aside)


def keep_only(folder: Path, *epochs: int | None) -> None:
    """Remove the checkpoints of other epochs."""
    for epoch, path in checkpoints(folder).items():
        if epoch not in epochs:
            path.unlink()


def prune(folder: Path, curve: LearningCurve) -> None:
    """Keep the best and the two newest: the newest may be half written."""
    keep_only(folder, best_epoch(folder, curve), *sorted(checkpoints(folder))[-2:])
