"""How good a model gets with more labels: nested training sets, one table, one figure."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms

from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.execution import Execution
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.campaign.engine.stage import Progress, Work
from mlipsse.campaign.engine.table import write_csv
from mlipsse.campaign.stages.export.bundle import Trained
from mlipsse.campaign.stages.finetune.foundation import provide_foundation
from mlipsse.campaign.stages.finetune.stage import isolated_atoms_eV
from mlipsse.campaign.studies.trainings import train_model
from mlipsse.dataset.frames.extxyz import read_frames, write_frames
from mlipsse.errors import MlipsseError
from mlipsse.files import exclusive_lock, write_text
from mlipsse.report.page.text import rounded
from mlipsse.training.settings import Strategy, Training

if TYPE_CHECKING:
    from mlipsse.report.page.content import Section

_ERRORS = (
    "energy_rmse_meV_atom",
    "force_rmse_meV_A",
    "stress_rmse_meV_A3",
    "energy_mae_meV_atom",
    "force_mae_meV_A",
    "stress_mae_meV_A3",
    "energy_offset_meV_atom",
)

_PAGE_COLUMNS = {
    "frames": "frames",
    "strategy": "strategy",
    "repetition": "repetition",
    "epochs": "epochs",
    "energy (meV/atom)": "test_energy_rmse_meV_atom",
    "force (meV/Å)": "test_force_rmse_meV_A",
    "stress (meV/Å³)": "test_stress_rmse_meV_A3",
    "failed": "failed",
}


@dataclass(frozen=True)
class SizedModel:
    """A model of the curve.

    Attributes
    ----------
    frames : in its training set
    strategy : of its training
    trained : its files; a model that failed a check is one all the same
    failed : the sentence of such a training, or None
    repetition : from 0; each has a subset and random numbers of its own
    """

    frames: int
    strategy: Strategy
    trained: Trained
    failed: str | None
    repetition: int = 0

    @property
    def name(self) -> str:
        """Name of its files and folders, e.g. `00050-multihead`."""
        return _name(self.frames, self.strategy, self.repetition)


@dataclass(frozen=True)
class SizedModels:
    """The models of a curve.

    Attributes
    ----------
    models : by rising size
    foundation : file of the foundation model
    """

    models: Sequence[SizedModel]
    foundation: Path


def learn_by_size(
    campaign: Campaign,
    sizes: Sequence[int],
    *,
    strategies: Sequence[Strategy] = ("multihead", "scratch"),
    repetitions: int = 1,
    progress: Progress = lambda done, total, text: None,
) -> list[dict[str, Any]]:
    """Train on nested subsets of the campaign's training set, each strategy on each of them.

    A larger subset holds the smaller ones. Validation and test set, epochs, patience and all else
    are the same for all; from scratch with `finetune.architecture: foundation` the architecture is
    the foundation's too. Trainings that are done are kept.

    Parameters
    ----------
    sizes : training frames, e.g. the published 50, 100, 500, 1000, 2500
    repetitions : trainings of every size and strategy; each repetition draws nested subsets and
        random numbers of its own, so that their spread shows what is chance

    Returns
    -------
    list of dict
        rows of `learning-curve/learning-curve.csv`, the foundation model alone first (no frames);
        beside it lies the figure

    Raises
    ------
    MlipsseError
        when there are no labels yet, a size is more than there are, or a training breaks off. One
        that fails a check is a row with the failure.
    """
    check_sizes(campaign, sizes)
    with curve_work(campaign, progress) as work:
        models = train_by_size(work, sizes, strategies, repetitions).models
    answers = [json.loads(model.trained.metrics.read_text(encoding="utf-8")) for model in models]
    alone = answers[0]["foundation_errors"]
    rows = [
        {"frames": 0, "strategy": "foundation", "repetition": 0, "epochs": 0}
        | _errors(alone)
        | {"forgetting": "", "failed": ""},
        *(_row(model, answer) for model, answer in zip(models, answers, strict=True)),
    ]
    write_csv(campaign.path(paths.LearningCurve.table), rows)
    record = campaign.path(paths.LearningCurve.record)
    write_text(record, json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
    _draw(campaign.path(paths.LearningCurve.figure), rows[1:], alone["test"])
    write_size_page(campaign)
    return rows


def check_sizes(campaign: Campaign, sizes: Sequence[int]) -> None:
    """Whether there are labels, and as many as the sizes ask for.

    Raises
    ------
    MlipsseError
        when not.
    """
    sets = campaign.labelled_sets
    absent = [str(path) for path in sets.values() if not path.is_file()]
    if absent:
        raise MlipsseError(
            f"There are no labels yet: {absent[0]} is missing. Run the campaign until label first."
        )
    frames = len(read_frames(sets["train"], labelled=True))
    if not sizes or min(sizes) < 1 or max(sizes) > frames:
        raise MlipsseError(
            f"The sizes {', '.join(map(str, sorted(set(sizes)))) or '(none)'} must lie between 1 "
            f"and {frames}, the frames of {sets['train']}."
        )


@contextmanager
def curve_work(campaign: Campaign, progress: Progress) -> Iterator[Work]:
    """What the curve is made with; nothing else runs in the campaign meanwhile."""
    with (
        exclusive_lock(campaign.path(paths.Root.lock), holder="mlipsse run"),
        Execution(campaign.config.execution, campaign.folder) as execution,
    ):
        folder = campaign.path(paths.LearningCurve.folder)
        folder.mkdir(exist_ok=True)
        yield Work(campaign, folder, execution, progress)


def train_by_size(
    work: Work, sizes: Sequence[int], strategies: Sequence[Strategy], repetitions: int = 1
) -> SizedModels:
    """The models of the curve, trained unless they are there.

    Raises
    ------
    MlipsseError
        when a training breaks off.
    """
    config = work.campaign.config
    sets = work.campaign.labelled_sets
    frames = read_frames(sets["train"], labelled=True)
    foundation, replay = provide_foundation(work)
    if foundation is None:
        raise MlipsseError(
            "A learning curve compares with a foundation, and finetune.foundation names none on "
            "this machine. Set finetune.foundation."
        )
    if replay is not None:
        sets = {**sets, "replay": replay}
    isolated_eV = isolated_atoms_eV(work.campaign)
    points = [
        (size, strategy, repetition)
        for size in sorted(set(sizes))
        for strategy in strategies
        for repetition in range(repetitions)
    ]
    models = []
    for done, (size, strategy, repetition) in enumerate(points):
        name = _name(size, strategy, repetition)
        seed = config.seed + repetition
        order = np.random.default_rng(seed).permutation(len(frames))
        part = f"{size:05d}{_suffix(repetition)}"
        subset = work.campaign.path(paths.LearningCurve.subset.of(frames=part))
        _write_subset(subset, frames, order[:size])
        base = config.finetune.settings(seed=seed, isolated_eV=isolated_eV)
        model = work.campaign.path(paths.LearningCurve.model.of(model=name))
        # One after another: each has all threads.
        work.progress(done, len(points), name)
        reporting = replace(
            work,
            progress=lambda _done, _total, text, done=done: (  # type: ignore[misc]
                work.progress(done, len(points), text)
            ),
        )
        trained, failed = train_model(
            reporting,
            name,
            Training(
                sets={**sets, "train": subset},
                foundation=foundation,
                settings=base.replaced(**_as(strategy)),
                limits=config.finetune.limits,
            ),
            folder=work.campaign.path(paths.LearningCurve.training.of(model=name)),
            model=model,
        )
        models.append(SizedModel(size, strategy, trained, failed, repetition))
    return SizedModels(models, foundation)


def _name(size: int, strategy: Strategy, repetition: int) -> str:
    return f"{size:05d}-{strategy}{_suffix(repetition)}"


def _suffix(repetition: int) -> str:
    """The first has none, so that a curve can be continued with more of them."""
    return f"-r{repetition}" if repetition else ""


def _as(strategy: Strategy) -> dict[str, Any]:
    """What changes in the settings with the strategy."""
    changes: dict[str, Any] = {"strategy": strategy}
    if strategy == "scratch":
        changes |= {"lora_rank": None, "freeze": "nothing", "e0s": "estimated"}
    return changes


def _write_subset(path: Path, frames: Sequence[Atoms], chosen: np.ndarray) -> None:
    write_frames(path, [frames[index] for index in sorted(chosen.tolist())])


def _row(model: SizedModel, answer: Mapping[str, Any]) -> dict[str, Any]:
    curve = answer["learning_curve"]
    forgetting = [check for check in answer["checks"] if check["name"] == "forgetting"]
    return {
        "frames": model.frames,
        "strategy": answer["strategy"],
        "repetition": model.repetition,
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


def write_size_page(campaign: Campaign, *more: "Section") -> None:
    """Write the page of the study: errors, where they are known, and further sections."""
    from mlipsse.report.page.content import FigureFile, ReportContent, Section, Table
    from mlipsse.report.page.html import write_report

    sections = list(more)
    record = campaign.path(paths.LearningCurve.record)
    if record.is_file():
        rows = json.loads(record.read_text(encoding="utf-8"))
        figure = FigureFile(
            campaign.path(paths.LearningCurve.figure),
            "Errors on the test set against training frames.",
            wide=True,
        )
        table = Table(
            "Errors on the test set",
            tuple(_PAGE_COLUMNS),
            [tuple(rounded(row[key]) for key in _PAGE_COLUMNS.values()) for row in rows],
            note="RMSE. The foundation model alone has no frames; its energies are of other "
            "labels, and differ by constants.",
        )
        sections.insert(0, Section("errors", "Errors", figures=[figure], tables=[table]))
    title = f"Number of labels: {campaign.config.name}"
    content = ReportContent(title, sections=sections, kind="Errors and transport against labels")
    write_report(content, campaign.path(paths.LearningCurve.page))


def _draw(path: Path, rows: Sequence[Mapping[str, Any]], foundation: Mapping[str, Any]) -> None:
    from mlipsse.report.figures.size import size_figure
    from mlipsse.report.figures.style import save_figure

    save_figure(size_figure(rows, foundation=foundation), path)
