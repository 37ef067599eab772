"""How good a model gets with more labels: nested training sets, one table, one figure."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from mlipsse.campaign.execution import Execution
from mlipsse.campaign.folder import Campaign
from mlipsse.campaign.foundation import provide_foundation
from mlipsse.campaign.runner import LOCK_NAME
from mlipsse.campaign.stage import Work
from mlipsse.campaign.stages import label
from mlipsse.campaign.table import write_csv
from mlipsse.campaign.training import training_unit
from mlipsse.dataset.extxyz import read_frames, write_frames
from mlipsse.errors import MlipsseError
from mlipsse.files import exclusive_lock
from mlipsse.training.settings import Strategy

FOLDER = "learning-curve"
TABLE = f"{FOLDER}/learning-curve.csv"

_ERRORS = (
    "energy_rmse_meV_atom",
    "force_rmse_meV_A",
    "stress_rmse_meV_A3",
    "energy_mae_meV_atom",
    "force_mae_meV_A",
    "stress_mae_meV_A3",
    "energy_offset_meV_atom",
)


def learn_by_size(
    campaign: Campaign,
    sizes: Sequence[int],
    *,
    strategies: Sequence[Strategy] = ("multihead", "scratch"),
    progress: Callable[[int, int, str], None] = lambda done, total, text: None,
) -> list[dict[str, Any]]:
    """Train on nested subsets of the campaign's training set, each strategy on each of them.

    A larger subset holds the smaller ones. Validation and test set, epochs, patience and all else
    are the same for all; from scratch with `finetune.architecture: foundation` the architecture is
    the foundation's too. Trainings that are done are kept.

    Parameters
    ----------
    sizes : training frames, e.g. the published 50, 100, 500, 1000, 2500

    Returns
    -------
    list of dict
        rows of `learning-curve/learning-curve.csv`, the foundation model alone first (no frames);
        beside it lies the figure

    Raises
    ------
    MlipsseError
        when there are no labels yet, a size is more than there are, or a training breaks off. One
        that fails a check is a row that says so.
    """
    sizes = sorted(set(sizes))
    sets = label.part_files(campaign)
    absent = [str(path) for path in sets.values() if not path.is_file()]
    if absent:
        raise MlipsseError(
            f"There are no labels yet: {absent[0]} is missing. Run the campaign until label first."
        )
    frames = read_frames(sets["train"], labelled=True)
    if not sizes or sizes[0] < 1 or sizes[-1] > len(frames):
        raise MlipsseError(
            f"The sizes {', '.join(map(str, sizes)) or '(none)'} must lie between 1 and "
            f"{len(frames)}, the frames of {sets['train']}."
        )
    config = campaign.config
    folder = campaign.path(FOLDER)
    with (
        exclusive_lock(campaign.folder / LOCK_NAME, holder="mlipsse run"),
        Execution(config.execution, campaign.folder) as execution,
    ):
        folder.mkdir(exist_ok=True)
        work = Work(campaign, folder, execution, progress)
        foundation, replay = provide_foundation(work)
        if replay is not None:
            sets = {**sets, "replay": replay}
        base = config.finetune.settings(seed=config.seed)
        order = np.random.default_rng(config.seed).permutation(len(frames))
        units = []
        for size in sizes:
            subset = folder / "subsets" / f"train-{size:05d}.extxyz"
            _write_subset(subset, frames, order[:size])
            for strategy in strategies:
                name = f"{size:05d}-{strategy}"
                units.append(
                    training_unit(
                        work,
                        name,
                        sets={**sets, "train": subset},
                        foundation=foundation,
                        settings=replace(base, **_as(strategy)),
                        limits=config.finetune.limits,
                        folder=folder / "trainings" / name,
                        model=folder / "models" / f"{name}.model",
                    )
                )
        # One after another: each has all threads.
        for done, unit in enumerate(units):
            progress(done, len(units), unit.name)
            work.run_units([unit])
        answers = [json.loads(unit.output.read_text(encoding="utf-8")) for unit in units]
    points = [(size, strategy) for size in sizes for strategy in strategies]
    alone = answers[0]["foundation_errors"]
    rows = [
        {"frames": 0, "strategy": "foundation", "epochs": 0}
        | _errors(alone)
        | {"forgetting": "", "failed": ""},
        *(_row(size, answer) for (size, _), answer in zip(points, answers, strict=True)),
    ]
    write_csv(campaign.path(TABLE), rows)
    _draw(folder, rows[1:], alone["test"])
    return rows


def _as(strategy: Strategy) -> dict[str, Any]:
    """What changes in the settings with the strategy."""
    changes: dict[str, Any] = {"strategy": strategy}
    if strategy == "scratch":
        changes |= {"lora_rank": None, "freeze": "nothing", "e0s": "estimated"}
    return changes


def _write_subset(path: Path, frames: Sequence[Atoms], chosen: np.ndarray) -> None:
    write_frames(path, [frames[index] for index in sorted(chosen.tolist())])


def _row(size: int, answer: Mapping[str, Any]) -> dict[str, Any]:
    curve = answer["learning_curve"]
    forgetting = [check for check in answer["checks"] if check["name"] == "forgetting"]
    return {
        "frames": size,
        "strategy": answer["strategy"],
        "epochs": len(curve["epoch"]),
        **_errors(answer["errors"]),
        "forgetting": forgetting[0]["numbers"].get("forgetting", ""),
        "failed": "; ".join(answer["failures"]),
    }


def _errors(sets: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    return {
        f"{part}_{name}": round(sets[part][name], 4)
        for part in ("valid", "test")
        for name in _ERRORS
    }


def _draw(folder: Path, rows: Sequence[Mapping[str, Any]], foundation: Mapping[str, Any]) -> None:
    from mlipsse.report.size_plot import size_figure
    from mlipsse.report.style import save_figure

    save_figure(size_figure(rows, foundation=foundation), folder / "learning-curve")
