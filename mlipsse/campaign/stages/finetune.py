"""Stage 6: MACE fine-tuned on the labels, with replay, and what it learned and forgot."""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from mlipsse.campaign.config import FinetuneConfig
from mlipsse.campaign.execution import Unit
from mlipsse.campaign.folder import Campaign
from mlipsse.campaign.foundation import find_foundation, provide_foundation
from mlipsse.campaign.record import digest
from mlipsse.campaign.stage import Stage, Work
from mlipsse.campaign.stages import label
from mlipsse.files import write_text
from mlipsse.training.settings import FineTuneSettings

FOLDER = "06-finetune"
MODEL = f"{FOLDER}/finetuned.model"
METRICS = f"{FOLDER}/metrics.json"
TRAINING = "training"


def inputs(campaign: Campaign) -> list[Path]:
    """The labelled sets, and those of foundation model and replay set that are not downloaded."""
    return [*label.part_files(campaign).values(), *find_foundation(campaign).files]


def perform(work: Work) -> list[Path]:
    """Write `finetuned.model`, `metrics.json`, `parity.png` and `learning.png`."""
    from mlipsse.report.learning_plot import learning_figure
    from mlipsse.report.parity_plot import parity_figure
    from mlipsse.report.style import save_figure

    campaign, config = work.campaign, work.campaign.config
    foundation, replay = provide_foundation(work)
    sets = {**label.part_files(campaign), "replay": replay}
    settings = _settings(config.finetune, seed=config.seed)
    identity = {
        "files": {name: digest(path) for name, path in {**sets, "foundation": foundation}.items()},
        "settings": vars(settings),
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
            "folder": training,
            "model": campaign.path(MODEL),
            "threads": work.execution.all_threads,
        },
        describe=partial(_describe, training, settings),
    )
    work.run_units([unit])
    answer = json.loads(unit.output.read_text(encoding="utf-8"))
    test = answer.pop("test")
    work.commands.append(" ".join(answer.pop("command")))
    write_text(campaign.path(METRICS), json.dumps(answer, indent=1) + "\n")
    figures = [
        *save_figure(parity_figure(test), work.folder / "parity"),
        *save_figure(learning_figure(**answer["learning_curve"]), work.folder / "learning"),
    ]
    return [campaign.path(MODEL), campaign.path(METRICS), *figures]


def train(
    output: Path,
    *,
    sets: Mapping[str, Path],
    foundation: Path,
    settings: FineTuneSettings,
    folder: Path,
    model: Path,
    threads: int,
) -> None:
    """Unit of work: the training; a killed one goes on from its best checkpoint."""
    from mlipsse.training.finetune import fine_tune
    from mlipsse.training.trainer import train_command

    result = fine_tune(
        sets, foundation=foundation, settings=settings, folder=folder, out=model, threads=threads
    )
    test = {
        "energy (eV/atom)": result.test.energy_eV_atom.tolist(),
        "force (eV/Å)": result.test.forces_eV_A.tolist(),
        "stress (eV/Å³)": result.test.stress_eV_A3.tolist(),
    }
    command = train_command(sets, foundation=foundation, settings=settings, folder=folder)
    write_text(output, json.dumps({**result.as_dict(), "test": test, "command": command}))


def _settings(config: FinetuneConfig, *, seed: int) -> FineTuneSettings:
    return FineTuneSettings(
        max_epochs=config.max_epochs,
        patience=config.patience,
        learning_rate=config.learning_rate,
        batch_size=config.batch_size,
        dtype=config.dtype,
        device=config.device,
        seed=seed,
    )


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
