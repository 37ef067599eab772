"""`kill -9` of a run with all its processes, at random moments, and what is left afterwards."""

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from ase.io import read

from mlipsse.campaign.engine.record import digest
from mlipsse.transport import read_run
from tests.support.tiny_campaign import FRAMES, command, make_tiny_campaign, mlipsse_apart

pytestmark = pytest.mark.xdist_group("campaign")

DETERMINISTIC = (
    "01-enumerate/orderings.db",
    "01-enumerate/counts.csv",
    "02-rank/ranked.db",
    "02-rank/hull.csv",
    "02-rank/compositions.csv",
    "03-select/selected.extxyz",
    "03-select/selection.csv",
    "04-sample/frames.extxyz",
    "05-label/train.extxyz",
    "05-label/valid.extxyz",
    "05-label/test.extxyz",
)
STAGES = (
    "01-enumerate", "02-rank", "03-select", "04-sample", "05-label",
    "06-finetune", "07-export", "08-simulate", "09-transport", "10-report",
)  # fmt: skip
LONG = (
    "01-enumerate", "02-rank", "04-sample", "05-label", "06-finetune", "07-export", "08-simulate",
)  # fmt: skip
"""Stages that take seconds here; the first counts from the start of the process."""


def descendants(marker: str) -> list[int]:
    """Processes that inherited the marker in their environment, whatever their group."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if marker.encode() in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def run_and_kill(folder: Path, stage: str, delay_s: float, *, children_too: bool) -> bool:
    """Start a run, kill it `delay_s` after it came to `stage`; False when it ended before that."""
    marker = f"MLIPSSE_KILL_{folder.name}_{stage}_{delay_s}"
    screen = folder.with_name(f"{folder.name}.out")
    with screen.open("wb") as output:
        driver = subprocess.Popen(
            command("run", folder),
            env={**os.environ, marker: "1"},
            stdout=output,
            stderr=subprocess.DEVNULL,
        )
    earlier = STAGES[: STAGES.index(stage)]
    # A stage's line is printed when it is done, or found done; the next one begins then.
    while earlier and earlier[-1] not in screen.read_text():
        if driver.poll() is not None:
            return False
        time.sleep(0.02)
    try:
        driver.wait(delay_s)
        return False
    except subprocess.TimeoutExpired:
        pass
    victims = [driver.pid, *(descendants(marker) if children_too else [])]
    for victim in victims:
        try:
            os.kill(victim, signal.SIGKILL)
        except ProcessLookupError:
            continue
    driver.wait()
    return True


def decks(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for pattern in ("in.lammps", "structure.data")
        for path in sorted(folder.glob(f"08-simulate/**/{pattern}"))
    }


def check_like_undisturbed(folder: Path, undisturbed: Path) -> None:
    for name in DETERMINISTIC:
        assert digest(folder / name) == digest(undisturbed / name), name
    for stage in STAGES:
        left = {path.name for path in (folder / stage / "units").glob("*")}
        right = {path.name for path in (undisturbed / stage / "units").glob("*")}
        # The inputs of these hold trained weights.
        if stage not in ("06-finetune", "07-export", "08-simulate"):
            assert left == right, stage
        assert len(left) == len(right), stage
    assert [path for path in folder.rglob(".*.part*")] == []
    mine, theirs = decks(folder), decks(undisturbed)
    assert mine.keys() == theirs.keys()
    assert mine == theirs
    for run in sorted(path.parent for path in folder.glob("08-simulate/**/run.json")):
        trajectory = read_run(run)
        assert len(trajectory.positions) == FRAMES
        steps = np.linalg.norm(np.diff(trajectory.positions, axis=0), axis=-1)
        # 10 fs at 900 K: no atom crosses half an ångström between frames, seams included.
        assert steps.max() < 0.5
    counts = {
        part: len(read(folder / "05-label" / f"{part}.extxyz", ":"))
        for part in ("train", "valid", "test")
    }
    assert sum(counts.values()) == len(read(folder / "04-sample" / "frames.extxyz", ":"))
    summary = json.loads((folder / "10-report" / "summary.json").read_text())
    assert len(summary["compositions"]) == 2
    for entry in summary["compositions"]:
        assert len(entry["temperature_K"]) + len(entry["excluded"]) == 2


def campaign_of_kills(
    folder: Path, undisturbed: Path, stages: tuple[str, ...], rounds: int, seed: int
) -> int:
    make_tiny_campaign(folder)
    random_ = random.Random(seed)
    kills = 0
    for stage in stages:
        for _ in range(rounds):
            delay_s = random_.uniform(0, 10 if stage in LONG else 0.3)
            kills += run_and_kill(folder, stage, delay_s, children_too=random_.random() < 0.7)
    done = mlipsse_apart("run", folder)
    assert done.returncode == 0, done.stdout + done.stderr
    check_like_undisturbed(folder, undisturbed)
    return kills


@pytest.mark.slow
def test_killed_while_simulating_and_training(finished_campaign: Path, tmp_path: Path) -> None:
    stages = ("04-sample", "06-finetune", "08-simulate")
    kills = campaign_of_kills(tmp_path / "killed", finished_campaign, stages, rounds=1, seed=1)
    assert kills >= 2


@pytest.mark.slow
def test_killed_in_every_stage(finished_campaign: Path, tmp_path: Path) -> None:
    kills = campaign_of_kills(tmp_path / "killed", finished_campaign, STAGES, rounds=3, seed=2)
    assert kills >= 15
