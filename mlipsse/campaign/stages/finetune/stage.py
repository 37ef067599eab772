"""Stage 6: MACE fine-tuned on the labels, with replay, and what it learned and forgot."""

import json
from pathlib import Path
from typing import Any

from mlipsse.campaign.engine.folder import Campaign
from mlipsse.campaign.engine.stage import Stage, Work
from mlipsse.campaign.stages.finetune.foundation import find_foundation, provide_foundation
from mlipsse.campaign.stages.finetune.unit import training_unit
from mlipsse.campaign.stages.label import stage as label
from mlipsse.errors import MlipsseError
from mlipsse.files import write_text

FOLDER = "06-finetune"
MODEL = f"{FOLDER}/finetuned.model"
METRICS = f"{FOLDER}/metrics.json"
TRAINING = "training"
REPLAY_PARITY = f"{FOLDER}/parity-replay.png"


def inputs(campaign: Campaign) -> list[Path]:
    """The labelled sets, and those of foundation model and replay set that are not downloaded."""
    return [
        *label.part_files(campaign).values(),
        *label.isolated_atoms_files(campaign),
        *find_foundation(campaign).files,
    ]


def perform(work: Work) -> list[Path]:
    """Write `finetuned.model`, `metrics.json` and figures.

    A training that failed a check leaves the same, its model marked as failed, and stops here.
    """
    campaign, config = work.campaign, work.campaign.config
    foundation, replay = provide_foundation(work)
    sets = label.part_files(campaign) | ({"replay": replay} if replay is not None else {})
    unit = training_unit(
        work,
        "finetune",
        sets=sets,
        foundation=foundation,
        settings=config.finetune.settings(
            seed=config.seed, isolated_eV=label.isolated_atoms_eV(campaign)
        ),
        limits=config.finetune.limits,
        folder=work.folder / TRAINING,
        model=campaign.path(MODEL),
    )
    work.run_units([unit])
    answer = json.loads(unit.output.read_text(encoding="utf-8"))
    figures = _figures(work.folder, answer)
    work.commands.append(" ".join(answer.pop("command")))
    write_text(campaign.path(METRICS), json.dumps(answer, indent=1) + "\n")
    if answer["failed"]:
        raise MlipsseError(f"{answer['failed']} Its errors and figures are in {work.folder}.")
    return [campaign.path(MODEL), campaign.path(METRICS), *figures]


def _figures(folder: Path, answer: dict[str, Any]) -> list[Path]:
    """Parity and learning; takes what only they need out of `answer`."""
    from mlipsse.report.figures.learning import learning_figure
    from mlipsse.report.figures.parity import parity_figure
    from mlipsse.report.figures.style import save_figure

    curves = answer["learning_curve"], answer["replay_learning_curve"]
    figures = {
        "parity": parity_figure(answer.pop("test")),
        "learning": learning_figure(*curves),
    }
    name = Path(REPLAY_PARITY).stem
    for stale in folder.glob(f"{name}.*"):  # of a training with other settings
        stale.unlink()
    replay_test = answer.pop("replay_test")
    if replay_test is not None:
        figures[name] = parity_figure(replay_test)
    return [path for name, figure in figures.items() for path in save_figure(figure, folder / name)]


STAGE = Stage(6, "finetune", ("seed", "finetune"), inputs, perform)
