"""The unit of work that trains a model."""

import json
from functools import partial
from pathlib import Path

from mlipsse.campaign.engine.execution import Unit
from mlipsse.campaign.engine.record import digest
from mlipsse.campaign.engine.stage import Work
from mlipsse.files import write_text
from mlipsse.training.settings import FineTuneLimits, FineTuneSettings, Training


def training_unit(work: Work, name: str, training: Training, *, folder: Path, model: Path) -> Unit:
    """One training with the machine to itself; its output is JSON (see `train`).

    Parameters
    ----------
    folder : of the training's own files
    model : where the model is put
    """
    files = {part: digest(path) for part, path in training.sets.items()}
    if training.foundation is not None:
        files["foundation"] = digest(training.foundation)
    limits = training.limits.model_dump()
    if limits["max_softening"] == FineTuneLimits().max_softening:
        # A training that was done before there was this limit is not done again.
        del limits["max_softening"]
    identity = {
        "files": files,
        "settings": training.settings.model_dump(),
        "limits": limits,
    }
    return Unit(
        name,
        work.unit_path(name, identity, ".json"),
        train,
        {
            "training": training,
            "folder": folder,
            "model": model,
            "threads": work.execution.all_threads,
        },
        describe=partial(_describe, folder, training.settings),
    )


def train(output: Path, *, training: Training, folder: Path, model: Path, threads: int) -> None:
    """Unit of work: the training; a killed one goes on from its best checkpoint.

    Writes what was measured, the test sets' predictions under `test` and `replay_test`, and under
    `failed` the sentence of a training that may not be called one.
    """
    from mlipsse.training.finetune import fine_tune
    from mlipsse.training.result import FailedTraining

    failed = None
    try:
        result = fine_tune(training, folder=folder, out=model, threads=threads)
    except FailedTraining as failure:
        failed, result = str(failure), failure.result
    pairs = {"test": result.test, "replay_test": result.replay_test}
    answer = {
        **result.as_dict(),
        **{name: some.pairs if some is not None else None for name, some in pairs.items()},
        "command": result.command,
        "failed": failed,
    }
    write_text(output, json.dumps(answer))


def _describe(folder: Path, settings: FineTuneSettings) -> str:
    from mlipsse.training.trainer import learning_curve

    curve = learning_curve(folder, settings)
    if not curve.epoch:
        return ""
    return (
        f"epoch {curve.epoch[-1]} of at most {settings.max_epochs}, "
        f"validation force error {curve.force_rmse_meV_A[-1]:.0f} meV/Å"
    )
