"""Stage 6: MACE fine-tuned on the labels, with replay, and what it learned and forgot."""

import json
from pathlib import Path
from typing import Any

from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.campaign.engine.stage import Stage, Work
from mlipsse.campaign.stages.finetune.foundation import find_foundation, provide_foundation
from mlipsse.campaign.stages.finetune.unit import training_unit
from mlipsse.errors import MlipsseError
from mlipsse.files import write_text
from mlipsse.training.settings import Training


def isolated_atoms_eV(campaign: Campaign) -> dict[str, float]:
    """Energies of isolated atoms among the labels, eV by element; none without the file.

    A campaign that an earlier version labelled has no such file.
    """
    path = campaign.path(paths.Label.isolated_atoms)
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def inputs(campaign: Campaign) -> list[Path]:
    """The labelled sets, and those of foundation model and replay set that are not downloaded."""
    if not campaign.trains:
        return []
    isolated = campaign.path(paths.Label.isolated_atoms)
    return [
        *campaign.labelled_sets.values(),
        *([isolated] if isolated.is_file() else []),
        *find_foundation(campaign).files,
    ]


def perform(work: Work) -> list[Path]:
    """Write `finetuned.model`, `metrics.json` and figures.

    A training that failed a check leaves the same, its model marked as failed, and stops here.
    """
    campaign, config = work.campaign, work.campaign.config
    if not campaign.trains:
        work.results["skipped"] = "the potential is given"
        return []
    foundation, replay = provide_foundation(work)
    sets = campaign.labelled_sets | ({"replay": replay} if replay is not None else {})
    training = Training(
        sets=sets,
        foundation=foundation,
        settings=config.finetune.settings(
            seed=config.seed, isolated_eV=isolated_atoms_eV(campaign)
        ),
        limits=config.finetune.limits,
    )
    unit = training_unit(
        work,
        "finetune",
        training,
        folder=campaign.path(paths.Finetune.training),
        model=campaign.path(paths.Finetune.model),
    )
    work.run_units([unit])
    answer = json.loads(unit.output.read_text(encoding="utf-8"))
    figures = _figures(campaign, answer)
    work.commands.append(" ".join(answer.pop("command")))
    write_text(campaign.path(paths.Finetune.metrics), json.dumps(answer, indent=1) + "\n")
    if answer["failed"]:
        raise MlipsseError(f"{answer['failed']} Its errors and figures are in {work.folder}.")
    return [campaign.path(paths.Finetune.model), campaign.path(paths.Finetune.metrics), *figures]


def _figures(campaign: Campaign, answer: dict[str, Any]) -> list[Path]:
    """Parity and learning; takes what only they need out of `answer`."""
    from mlipsse.report.figures.learning import learning_figure
    from mlipsse.report.figures.parity import parity_figure
    from mlipsse.report.figures.style import save_figure

    curves = answer["learning_curve"], answer["replay_learning_curve"]
    figures = {
        paths.Finetune.parity_figure: parity_figure(answer.pop("test")),
        paths.Finetune.learning_figure: learning_figure(*curves),
    }
    folder, replay = campaign.path(paths.Finetune.folder), paths.Finetune.replay_figure
    for stale in replay.names:  # of a training with other settings
        (folder / stale).unlink(missing_ok=True)
    replay_test = answer.pop("replay_test")
    if replay_test is not None:
        figures[replay] = parity_figure(replay_test)
    return [
        path
        for place, figure in figures.items()
        for path in save_figure(figure, campaign.path(place))
    ]


STAGE = Stage(paths.Finetune.folder, ("seed", "finetune"), inputs, perform)
