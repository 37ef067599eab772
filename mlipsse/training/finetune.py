"""Multi-head fine-tuning with replay: checked before, trained, checked after, measured."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mlipsse.energetics.calculators import make_calculator
from mlipsse.files import write_aside
from mlipsse.mace_model import load_mace_model
from mlipsse.training.checks import (
    EnergyOffset,
    energy_offset,
    read_sets,
    require_better,
    require_labels_read,
    require_learning,
    require_replay,
)
from mlipsse.training.learning_curve import LearningCurve
from mlipsse.training.metrics import Errors, Predictions, predict
from mlipsse.training.settings import HEAD, REPLAY_HEAD, FineTuneSettings
from mlipsse.training.trainer import learning_curve, train_model, training_log


@dataclass(frozen=True, eq=False)
class FineTuned:
    """What a fine-tuning came to.

    Attributes
    ----------
    model : the `.model` file, with both heads
    head, replay_head : names of the heads of the new labels and of the replay set
    errors : of the fine-tuned head on train, valid and test
    foundation_errors : of the foundation model on the same sets, before
    replay_errors, foundation_replay_errors : of the replay head on the replay set, after and
        before: their difference is what was forgotten
    offset : of the new labels' energies from the foundation's, per element
    test : labels and predictions of the test set
    curve : errors on the validation set, epoch by epoch
    """

    model: Path
    errors: Mapping[str, Errors]
    foundation_errors: Mapping[str, Errors]
    replay_errors: Errors
    foundation_replay_errors: Errors
    offset: EnergyOffset
    test: Predictions
    curve: LearningCurve
    head: str = HEAD
    replay_head: str = REPLAY_HEAD

    def as_dict(self) -> dict[str, Any]:
        """What JSON can hold of it: all but the model's path and the predictions."""
        return {
            "head": self.head,
            "replay_head": self.replay_head,
            "errors": {part: asdict(errors) for part, errors in self.errors.items()},
            "foundation_errors": {
                part: asdict(errors) for part, errors in self.foundation_errors.items()
            },
            "replay_errors": asdict(self.replay_errors),
            "foundation_replay_errors": asdict(self.foundation_replay_errors),
            "energy_offset": asdict(self.offset),
            "learning_curve": asdict(self.curve),
        }


def fine_tune(
    sets: Mapping[str, Path],
    *,
    foundation: Path,
    settings: FineTuneSettings,
    folder: Path,
    out: Path,
    threads: int = 1,
    progress: Callable[[LearningCurve], None] | None = None,
) -> FineTuned:
    """Fine-tune `foundation` on labelled sets, keeping its own labels alive by replay.

    A training that was killed goes on from its best whole checkpoint when called again with the
    same arguments; with others it starts afresh. Model files are pickles, which run code when
    loaded.

    Parameters
    ----------
    sets : train, valid, test and replay -> extxyz with labels under `mlipsse.keys`
    foundation : MACE model with one head
    folder : of the training's own files; nothing else may write there
    out : where the model of the best epoch is put, in one step
    threads : for torch
    progress : called with the learning curve after every epoch

    Raises
    ------
    MlipsseError
        when a set or the foundation model will not do, the training fails, and when its result
        may not be called a fine-tuning (see `mlipsse.training.checks`).
    """
    frames = read_sets(sets, foundation=foundation)
    device, dtype = settings.device, settings.dtype
    before = make_calculator(str(foundation), device=device, dtype=dtype)
    old = {part: predict(frames[part], before) for part in ("train", "valid", "test", "replay")}
    offset = energy_offset(frames["train"], old["train"])
    trained = train_model(
        sets,
        foundation=_foundation_in(dtype, foundation, folder=folder),
        settings=settings,
        folder=folder,
        threads=threads,
        progress=progress,
    )
    log = training_log(folder)
    require_labels_read(log, n_train=len(frames["train"]))
    require_replay(trained, log)
    after = make_calculator(str(trained), head=HEAD, device=device)
    replayed = make_calculator(str(trained), head=REPLAY_HEAD, device=device)
    new = {part: predict(frames[part], after) for part in ("train", "valid", "test")}
    curve = learning_curve(folder, settings)
    require_learning(curve, new["valid"].errors)
    require_better(new["valid"].errors, old["valid"].errors)
    with write_aside(out) as aside:
        shutil.copyfile(trained, aside)
    return FineTuned(
        model=out,
        errors={part: prediction.errors for part, prediction in new.items()},
        foundation_errors={part: old[part].errors for part in new},
        replay_errors=predict(frames["replay"], replayed).errors,
        foundation_replay_errors=old["replay"].errors,
        offset=offset,
        test=new["test"],
        curve=curve,
    )


def _foundation_in(dtype: str, foundation: Path, *, folder: Path) -> Path:
    """The foundation, or a copy in `dtype`: estimating E0s fails in mace-torch when they differ."""
    import torch

    model = load_mace_model(foundation)
    wanted = getattr(torch, dtype)
    if next(model.parameters()).dtype == wanted:
        return foundation
    copy = folder / f"foundation-{dtype}.model"
    with write_aside(copy) as aside, aside.open("wb") as stream:
        torch.save(model.to(wanted), stream)
    return copy
