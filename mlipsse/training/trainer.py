"""Run mace-torch's trainer to its end, through kills and stalls (mace-torch 0.3.16)."""

import json
import math
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from mlipsse.errors import MlipsseError
from mlipsse.files import exclusive_lock, sha256, write_text
from mlipsse.processes import start_child, stop_group, wait_for_child
from mlipsse.training import checkpoints
from mlipsse.training.command import NAME, Job, train_command
from mlipsse.training.learning_curve import LearningCurve, read_learning_curve
from mlipsse.training.settings import HEAD, FineTuneSettings

_IDENTITY = "training.json"
_LOOK_EVERY_S = 1.0
_DYING_TRAINER_S = 10.0

_DISK_FULL = (
    "No space left on device",
    "Disk quota exceeded",
    "file write failed",
    "unexpected pos",
)
"""By the system, and by torch when it writes a checkpoint."""


def train_model(job: Job, *, folder: Path, threads: int) -> Path:
    """Run `mace_run_train` until it stops improving; the model of the best epoch.

    A training that was killed goes on from its best whole checkpoint; one of other settings or
    files in the same folder is thrown away.

    Raises
    ------
    MlipsseError
        when another training is at work in `folder`, or mace_run_train fails.
    """
    settings = job.settings
    folder.mkdir(parents=True, exist_ok=True)
    # The trainer of a driver just killed is asked to exit, and holds the lock until it has.
    with exclusive_lock(folder / "lock", holder="fine-tuning", patience_s=_DYING_TRAINER_S) as lock:
        _throw_other_training_away(folder, _identity(job))
        model = folder / f"{NAME}.model"
        if checkpoints.is_whole(model):
            return model
        epochs = folder / "checkpoints"
        checkpoints.set_torn_aside(epochs)
        curve = learning_curve(folder, settings)
        if not _is_over(curve, settings):
            checkpoints.go_on_from_best(epochs, curve)
            command = train_command(job, folder=folder)
            with _start(command, folder=folder, threads=threads, lock=lock) as child:
                _watch(child, folder=folder, settings=settings)
            curve = learning_curve(folder, settings)
            checkpoints.set_torn_aside(epochs)
        best = checkpoints.best_epoch(epochs, curve)
        newest = max(checkpoints.checkpoints(epochs), default=None)
        if best is None:
            raise MlipsseError(
                f"The training in {folder} left no checkpoint of a finite validation loss: it "
                "diverged. Lower the learning rate, and check the labels."
            )
        if newest != best or not checkpoints.is_whole(model):
            # No epoch is left to do, so it loads the best checkpoint and writes the model.
            checkpoints.keep_only(epochs, best)
            command = train_command(job, folder=folder, max_epochs=0)
            with _start(command, folder=folder, threads=threads, lock=lock) as child:
                _check(wait_for_child(child), folder)
        return model


def learning_curve(folder: Path, settings: FineTuneSettings, *, head: str = HEAD) -> LearningCurve:
    """Errors per epoch of the training in `folder`; empty before the first epoch."""
    results = folder / "results" / f"{NAME}_run-{settings.seed}_train.txt"
    return read_learning_curve(results, head=head)


def training_log(folder: Path) -> str:
    """mace-torch's log of all that was done in `folder`."""
    logs = [path for path in (folder / "logs").glob("*.log") if "_debug" not in path.name]
    return logs[0].read_text(errors="replace") if logs else ""


def _start(
    command: Sequence[str], *, folder: Path, threads: int, lock: int
) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        # e3nn's constants and model files are pickles; read before torch and e3nn are imported.
        "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1",
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
    }
    with _screen(folder).open("ab") as output:
        return start_child(
            command, folder=folder, environment=environment, output=output, keep_open=[lock]
        )


def _watch(
    child: "subprocess.Popen[bytes]",
    *,
    folder: Path,
    settings: FineTuneSettings,
) -> None:
    """Wait for the end, and bring it about when patience is used up.

    mace-torch's own `--patience` only writes a line to the log when training on one device.
    """
    seen: LearningCurve | None = None
    try:
        while True:
            try:
                status: int | None = child.wait(_LOOK_EVERY_S)
            except subprocess.TimeoutExpired:
                status = None
            curve = learning_curve(folder, settings)
            if curve.epoch and curve != seen:
                seen = curve
                checkpoints.prune(folder / "checkpoints", curve)
            if status is not None:
                _check(status, folder)
                return
            if _has_stalled(curve, settings):
                return
    finally:
        stop_group(child)


def _is_over(curve: LearningCurve, settings: FineTuneSettings) -> bool:
    done = bool(curve.epoch) and curve.epoch[-1] + 1 >= settings.max_epochs
    return done or _has_stalled(curve, settings)


def _has_stalled(curve: LearningCurve, settings: FineTuneSettings) -> bool:
    """Whether patience is used up, or the loss is no number any more."""
    if not curve.epoch:
        return False
    best = curve.epoch[curve.loss.index(min(curve.loss))]
    return not math.isfinite(curve.loss[-1]) or curve.epoch[-1] - best >= settings.patience


def _check(status: int, folder: Path) -> None:
    if status != 0:
        text = _screen(folder).read_text(errors="replace")
        lines = [line for line in text.splitlines() if line.strip()]
        if any(words in text for words in _DISK_FULL):
            raise MlipsseError(
                "The disk ran full during training (free now: "
                f"{shutil.disk_usage(folder).free / 1e9:.1f} GB in {folder}). Free disk space and "
                "run again; the training continues from the best whole checkpoint."
            )
        raise MlipsseError(
            f"mace_run_train ended with status {status}: {lines[-1] if lines else 'no output'} "
            f"The full output is in {_screen(folder)}."
        )


def _screen(folder: Path) -> Path:
    return folder / "mace_run_train.out"


def _identity(job: Job) -> str:
    files = {name: sha256(path) for name, path in job.sets.items()}
    if job.foundation is not None:
        files["foundation"] = sha256(job.foundation)
    content = {
        "files": files,
        "e0s_eV": job.e0s_eV,
        "architecture": job.architecture,
        "settings": job.settings.model_dump(),
    }
    return json.dumps(content, indent=1, sort_keys=True) + "\n"


def _throw_other_training_away(folder: Path, identity: str) -> None:
    record = folder / _IDENTITY
    if record.is_file() and record.read_text(encoding="utf-8") == identity:
        return
    for name in ("checkpoints", "results", "logs"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for path in (folder / f"{NAME}.model", _screen(folder)):
        path.unlink(missing_ok=True)
    write_text(record, identity)
