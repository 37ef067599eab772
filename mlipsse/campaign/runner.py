"""Run a campaign's stages in order: skip what is done, go on where it stopped."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.execution import Execution
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.campaign.engine.record import (
    Record,
    digests,
    fingerprint,
    outputs_intact,
    read_record,
    versions,
    write_record,
)
from mlipsse.campaign.engine.stage import Progress, Stage, Work
from mlipsse.campaign.stages.order import STAGES
from mlipsse.errors import MlipsseError
from mlipsse.files import exclusive_lock, remove_abandoned

State = Literal["done", "changed", "partial", "waiting"]


@dataclass(frozen=True)
class StageStatus:
    """How far a stage is.

    Attributes
    ----------
    state : done; changed (done once, but an input or the config is another now); partial (cut
        off, will go on); waiting (not begun)
    units_done, units : of the units of work it was last cut into
    wall_time_s : of the run that completed it, seconds
    """

    stage: str
    folder: str
    state: State
    units_done: int
    units: int
    wall_time_s: float | None


def stage_named(name: str) -> Stage:
    """The stage called `name`.

    Raises
    ------
    MlipsseError
        naming the stages there are.
    """
    for stage in STAGES:
        if stage.name == name:
            return stage
    raise MlipsseError(
        f"There is no stage {name!r}; the stages are {', '.join(s.name for s in STAGES)}."
    )


def run_campaign(
    campaign: Campaign,
    *,
    first: str | None = None,
    last: str | None = None,
    on_start: Callable[[Stage], Progress] = lambda stage: lambda done, total, text: None,
    on_end: Callable[[Stage, float | None, Sequence[str]], None] = lambda *_: None,
) -> None:
    """Run the stages from `first` to `last` (default: all).

    A stage whose fingerprint and outputs still match its record is skipped. With `first`, the
    stages before it are taken as they stand, and those from it on are done again; units of work
    whose inputs are unchanged are kept all the same.

    Parameters
    ----------
    on_start : called before a stage runs; returns its progress function
    on_end : called after a stage, with its seconds, or None when it was skipped, and its notes

    Raises
    ------
    MlipsseError
        when a stage fails for a reason that the user can mend, or another run holds the campaign.
    """
    begin = STAGES.index(stage_named(first)) if first else 0
    end = STAGES.index(stage_named(last)) if last else len(STAGES) - 1
    if end < begin:
        raise MlipsseError(f"--until {last} comes before --from {first}. Swap the two.")
    with (
        exclusive_lock(campaign.path(paths.Root.lock), holder="mlipsse run"),
        Execution(campaign.config.execution, campaign.folder) as execution,
    ):
        for stage in STAGES[begin : end + 1]:
            inputs = stage.inputs(campaign)
            _require_inputs(stage, inputs)
            key, content = _fingerprint(stage, campaign, inputs)
            record = read_record(stage.folder(campaign))
            if first is None and record and _holds(record, key, campaign):
                on_end(stage, None, record.notes)
                continue
            started = time.monotonic()
            work = Work(campaign, stage.folder(campaign), execution, on_start(stage))
            work.folder.mkdir(exist_ok=True)
            remove_abandoned(work.folder)
            outputs = _perform(stage, work)
            seconds = time.monotonic() - started
            write_record(
                work.folder,
                Record(
                    stage=stage.name,
                    fingerprint=key,
                    config=stage.config(campaign),
                    inputs=content,
                    outputs=digests(campaign.folder, outputs),
                    versions=versions(),
                    commands=work.commands,
                    wall_time_s=round(seconds, 3),
                    results=work.results,
                    notes=work.notes,
                ),
            )
            work.remove_stale_units()
            on_end(stage, seconds, work.notes)


def stages_to_do(
    campaign: Campaign, *, first: str | None = None, last: str | None = None
) -> list[str]:
    """Names of the stages that `run_campaign` may work on: from the first that is not done.

    Raises
    ------
    MlipsseError
        for an unknown stage.
    """
    begin = STAGES.index(stage_named(first)) if first else 0
    end = STAGES.index(stage_named(last)) if last else len(STAGES) - 1
    chosen = list(STAGES[begin : end + 1])
    if first is None:
        while chosen and _is_done(chosen[0], campaign):
            del chosen[0]
    return [stage.name for stage in chosen]


def _is_done(stage: Stage, campaign: Campaign) -> bool:
    try:
        return _status(stage, campaign).state == "done"
    except MlipsseError:  # an input that the config names cannot be had: validation names it
        return False


def campaign_status(campaign: Campaign) -> list[StageStatus]:
    """State of every stage, from the files alone; changes nothing."""
    return [_status(stage, campaign) for stage in STAGES]


def _perform(stage: Stage, work: Work) -> list[Path]:
    try:
        return stage.perform(work)
    except MlipsseError as error:
        raise MlipsseError(f"Stage {stage.name}: {error}") from error
    except OSError as error:
        raise MlipsseError(
            f"Stage {stage.name}: the system refused to read or write a file ({error}). Check "
            "disk space and permissions and run again; finished work is kept."
        ) from error


def _require_inputs(stage: Stage, inputs: Sequence[Path]) -> None:
    missing = [path for path in inputs if not path.is_file()]
    if missing:
        raise MlipsseError(
            f"Stage {stage.name} requires {missing[0]}, which does not exist. Run the earlier "
            "stages first: `mlipsse run DIR`."
        )


def _fingerprint(
    stage: Stage, campaign: Campaign, inputs: Sequence[Path]
) -> tuple[str, dict[str, str]]:
    content = digests(campaign.folder, inputs)
    key = fingerprint({"stage": stage.name, "config": stage.config(campaign), "inputs": content})
    return key, content


def _holds(record: Record, key: str, campaign: Campaign) -> bool:
    return record.fingerprint == key and outputs_intact(campaign.folder, record.outputs)


def _status(stage: Stage, campaign: Campaign) -> StageStatus:
    folder = stage.folder(campaign)
    record = read_record(folder)
    planned = _planned(folder)
    done = sum((folder / name).is_file() for name in planned)
    state: State
    if record is not None:
        inputs = stage.inputs(campaign)
        inputs_there = all(path.is_file() for path in inputs)
        same = inputs_there and record.fingerprint == _fingerprint(stage, campaign, inputs)[0]
        whole = all((campaign.folder / name).is_file() for name in record.outputs)
        state = "done" if same and whole else "changed"
    else:
        state = "partial" if folder.is_dir() else "waiting"
    return StageStatus(
        stage=stage.name,
        folder=stage.folder_name,
        state=state,
        units_done=done,
        units=len(planned),
        wall_time_s=record.wall_time_s if record and state == "done" else None,
    )


def _planned(folder: Path) -> Sequence[str]:
    try:
        names = json.loads((folder / paths.EveryStage.plan.name).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ()
    return [str(name) for name in names]
