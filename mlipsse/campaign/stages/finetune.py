"""Stage 6: MACE fine-tuned on the labels, with replay, and what it learned and forgot."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from mlipsse.campaign.execution import Unit
from mlipsse.campaign.folder import Campaign
from mlipsse.campaign.foundation import find_foundation, provide_foundation
from mlipsse.campaign.record import digest
from mlipsse.campaign.stage import Stage, Work
from mlipsse.campaign.stages import label
from mlipsse.errors import MlipsseError
from mlipsse.files import write_text
from mlipsse.training.judgement import Limits
from mlipsse.training.settings import FineTuneSettings

FOLDER = "06-finetune"
MODEL = f"{FOLDER}/finetuned.model"
METRICS = f"{FOLDER}/metrics.json"
TRAINING = "training"


def inputs(campaign: Campaign) -> list[Path]:
    """The labelled sets, and those of foundation model and replay set that are not downloaded."""
    return [*label.part_files(campaign).values(), *find_foundation(campaign).files]


def perform(work: Work) -> list[Path]:
    """Write `finetuned.model`, `metrics.json` and figures.

    A training that failed a check leaves the same, its model marked as failed, and stops here.
    """
    campaign, config = work.campaign, work.campaign.config
    foundation, replay = provide_foundation(work)
    sets = label.part_files(campaign) | ({"replay": replay} if replay is not None else {})
    settings = config.finetune.settings(seed=config.seed)
    limits = config.finetune.limits
    identity = {
        "files": {name: digest(path) for name, path in {**sets, "foundation": foundation}.items()},
        "settings": asdict(settings),
        "limits": asdict(limits),
    }
    training = work.folder / TRAINING
    unit = Unit(
        "fine-tuning",
        work.unit_path("finetune", identity, ".json"),
        train,
        {
            "sets": sets,
            "foundation": foundation,
            "settings": settings,
            "limits": limits,
            "folder": training,
            "model": campaign.path(MODEL),
            "threads": work.execution.all_threads,
        },
        describe=partial(_describe, training, settings),
    )
    work.run_units([unit])
    answer = json.loads(unit.output.read_text(encoding="utf-8"))
    figures = _figures(work.folder, answer)
    work.commands.append(" ".join(answer.pop("command")))
    write_text(campaign.path(METRICS), json.dumps(answer, indent=1) + "\n")
    if answer["failed"]:
        raise MlipsseError(f"{answer['failed']} Errors and figures of it are in {work.folder}.")
    return [campaign.path(MODEL), campaign.path(METRICS), *figures]


def train(
    output: Path,
    *,
    sets: Mapping[str, Path],
    foundation: Path,
    settings: FineTuneSettings,
    limits: Limits,
    folder: Path,
    model: Path,
    threads: int,
) -> None:
    """Unit of work: the training; a killed one goes on from its best checkpoint."""
    from mlipsse.training.finetune import fine_tune
    from mlipsse.training.result import FailedTraining

    failed = None
    try:
        result = fine_tune(
            sets,
            foundation=foundation,
            settings=settings,
            limits=limits,
            folder=folder,
            out=model,
            threads=threads,
        )
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


def _figures(folder: Path, answer: dict[str, Any]) -> list[Path]:
    """Parity and learning; takes what only they need out of `answer`."""
    from mlipsse.report.learning_plot import learning_figure
    from mlipsse.report.parity_plot import parity_figure
    from mlipsse.report.style import save_figure

    curves = answer["learning_curve"], answer["replay_learning_curve"]
    figures = {
        "parity": parity_figure(answer.pop("test")),
        "learning": learning_figure(*curves),
    }
    replay_test = answer.pop("replay_test")
    if replay_test is not None:
        figures["parity-replay"] = parity_figure(replay_test)
    return [path for name, figure in figures.items() for path in save_figure(figure, folder / name)]


def _describe(folder: Path, settings: FineTuneSettings) -> str:
    from mlipsse.training.trainer import learning_curve

    curve = learning_curve(folder, settings)
    if not curve.epoch:
        return ""
    return (
        f"epoch {curve.epoch[-1]} of at most {settings.max_epochs}, "
        f"validation force error {curve.force_rmse_meV_A[-1]:.0f} meV/Å"
    )


STAGE = Stage(6, "finetune", ("seed", "finetune"), inputs, perform)
