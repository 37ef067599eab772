"""A training of a study, whose model is taken even where it fails a check."""

import json
from pathlib import Path

from mlipsse.campaign.engine.stage import Work
from mlipsse.campaign.stages.export.bundle import Trained
from mlipsse.campaign.stages.finetune.unit import training_unit
from mlipsse.training.result import failed_name
from mlipsse.training.settings import Training


def train_model(
    work: Work, name: str, training: Training, *, folder: Path, model: Path
) -> tuple[Trained, str | None]:
    """Train unless it is done; the model, and the sentence of a training that failed a check.

    Parameters
    ----------
    folder : of the training's own files
    model : where the model is put

    Raises
    ------
    MlipsseError
        when the training breaks off.
    """
    unit = training_unit(work, name, training, folder=folder, model=model)
    work.run_units([unit])
    failed = json.loads(unit.output.read_text(encoding="utf-8"))["failed"]
    files = Trained(failed_name(model) if failed else model, unit.output, training.sets["train"])
    return files, failed
