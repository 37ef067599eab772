"""Real runs of mace_run_train on a tiny model."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mlipsse import keys
from mlipsse.dataset.extxyz import read_frames
from mlipsse.energetics.calculators import make_calculator
from mlipsse.errors import MlipsseError
from mlipsse.training import FineTuned, FineTuneSettings, fine_tune
from mlipsse.training.trainer import train_model, training_log

SETTINGS = FineTuneSettings(max_epochs=3, batch_size=4)

DRIVER = """\
import sys
from pathlib import Path
from mlipsse.training import FineTuneSettings
from mlipsse.training.trainer import train_model
folder, foundation, epochs = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
parts = ("train", "valid", "test", "replay")
train_model(
    {part: folder / f"{part}.extxyz" for part in parts},
    foundation=foundation,
    settings=FineTuneSettings(max_epochs=epochs, batch_size=4),
    folder=folder / "work",
    threads=1,
)
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fine-tuned")


@pytest.fixture(scope="module")
def tuned(place: Path, module_sets: dict[str, Path], foundation: Path) -> FineTuned:
    return fine_tune(
        module_sets,
        foundation=foundation,
        settings=SETTINGS,
        folder=place / "work",
        out=place / "out.model",
    )


def results(folder: Path) -> list[dict]:
    (path,) = (folder / "results").glob("*_train.txt")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [row for row in rows if row["mode"] == "eval" and row["head"] == "Default"]


def test_both_heads_are_there_and_the_new_one_has_learned(tuned: FineTuned) -> None:
    assert make_calculator(str(tuned.model), head=tuned.head)
    assert make_calculator(str(tuned.model), head=tuned.replay_head)
    before, after = tuned.foundation_errors["valid"], tuned.errors["valid"]
    assert after.force_rmse_meV_A < before.force_rmse_meV_A
    assert after.energy_rmse_meV_atom < 0.2 * before.energy_rmse_meV_atom
    json.dumps(tuned.as_dict(), allow_nan=False)


def test_isolated_atom_energies_are_estimated_per_element(tuned: FineTuned, place: Path) -> None:
    """Against what mace-torch says it used: foundation's -1 and -2 eV, and the fitted shift."""
    (line,) = re.findall(r"Energies used.*head Default: (\{.*\})", training_log(place / "work"))
    used = {int(z): float(e) for z, e in re.findall(r"(\d+): (-?[\d.]+)", line)}
    assert used[3] == pytest.approx(-1 + tuned.offset.shift_eV["Li"], abs=1e-3)
    assert used[17] == pytest.approx(-2 + tuned.offset.shift_eV["Cl"], abs=1e-3)
    assert tuned.offset.rank == 2


def test_errors_equal_those_of_the_calculator_and_of_mace(
    tuned: FineTuned, module_sets: dict[str, Path]
) -> None:
    calculator = make_calculator(str(tuned.model), head="Default")
    differences = []
    for frame in read_frames(module_sets["test"], labelled=True):
        calculator.calculate(frame)
        differences.append((calculator.results["forces"] - frame.arrays[keys.FORCES]).ravel())
    by_hand = 1000 * np.sqrt(np.mean(np.concatenate(differences) ** 2))
    assert tuned.errors["test"].force_rmse_meV_A == pytest.approx(by_hand, rel=1e-6)
    best = int(np.argmin(tuned.curve.loss))
    valid = tuned.errors["valid"]
    for ours, theirs in (
        (valid.energy_rmse_meV_atom, tuned.curve.energy_rmse_meV_atom[best]),
        (valid.force_rmse_meV_A, tuned.curve.force_rmse_meV_A[best]),
        (valid.stress_rmse_meV_A3, tuned.curve.stress_rmse_meV_A3[best]),
    ):
        assert ours == pytest.approx(theirs, rel=1e-4)


def test_what_is_done_is_not_done_again(
    tuned: FineTuned, place: Path, module_sets: dict[str, Path], foundation: Path
) -> None:
    model = place / "work" / "finetune.model"
    written = model.stat().st_mtime_ns
    arguments = {"foundation": foundation, "folder": place / "work", "threads": 1}
    train_model(module_sets, settings=SETTINGS, **arguments)
    assert model.stat().st_mtime_ns == written


def test_patience_stops_the_run(tmp_path: Path, sets: dict[str, Path], foundation: Path) -> None:
    """mace-torch's own does not, on one device."""
    still = replace(SETTINGS, max_epochs=400, patience=2, learning_rate=1e-12)
    folder = tmp_path / "work"
    model = train_model(sets, foundation=foundation, settings=still, folder=folder, threads=1)
    assert len([row for row in results(folder) if row["epoch"] is not None]) < 200
    assert make_calculator(str(model), head="pt_head")


def test_a_killed_training_goes_on_and_leaves_no_writer(
    tmp_path: Path, sets: dict[str, Path], foundation: Path
) -> None:
    epochs = 30
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(tmp_path), str(foundation), str(epochs)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    checkpoints = tmp_path / "work" / "checkpoints"
    wait_until(lambda: len(list(checkpoints.glob("*.pt"))) >= 2)
    (trainer,) = children(driver.pid)
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait()
    wait_until(lambda: not alive(trainer), timeout_s=5)
    newest = max(checkpoints.glob("*.pt"), key=lambda path: int(path.stem.split("-")[-1]))
    newest.write_bytes(newest.read_bytes()[:1000])  # as a kill amid writing leaves it
    done = results(tmp_path / "work")[-1]["epoch"]
    assert done < epochs - 1
    train_model(
        sets,
        foundation=foundation,
        settings=replace(SETTINGS, max_epochs=epochs),
        folder=tmp_path / "work",
        threads=1,
    )
    first = [row for row in results(tmp_path / "work") if row["epoch"] == 0]
    assert len(first) == 1, "it began anew"
    assert [path.name for path in checkpoints.glob("*.torn")] == [newest.name + ".torn"]


def test_a_failed_training_says_what_mace_said(
    tmp_path: Path, sets: dict[str, Path], foundation: Path
) -> None:
    with pytest.raises(MlipsseError, match=r"ended with status 1: .*(?s:.*)mace_run_train\.out"):
        train_model(
            sets,
            foundation=foundation,
            settings=replace(SETTINGS, e0s="average"),  # refused by mace-torch for multi-head
            folder=tmp_path / "work",
            threads=1,
        )


def wait_until(condition, *, timeout_s: float = 40) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def children(pid: int) -> list[int]:
    return [int(w) for w in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
