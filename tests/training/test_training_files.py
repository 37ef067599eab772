"""Learning curves, checkpoints and errors, on what is made by hand."""

import json
import zipfile
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.calculator import Calculator

from mlipsse import keys
from mlipsse.dataset.frames.evaluation import predict
from mlipsse.dataset.frames.predictions import errors_by
from mlipsse.training.checkpoints import (
    best_epoch,
    checkpoints,
    go_on_from_best,
    is_whole,
    prune,
    set_torn_aside,
)
from mlipsse.training.learning_curve import LearningCurve, read_learning_curve


def curve(losses: dict[int, float]) -> LearningCurve:
    nothing = [0.0] * len(losses)
    return LearningCurve(list(losses), list(losses.values()), nothing, nothing, nothing)


def make_checkpoints(folder: Path, *epochs: int) -> None:
    for epoch in epochs:
        with zipfile.ZipFile(folder / f"finetune_run-1_epoch-{epoch}.pt", "w") as archive:
            archive.writestr("data.pkl", f"weights of epoch {epoch} " * 100)


def test_epochs_done_again_count_once(tmp_path: Path) -> None:
    """Started, killed after epoch 3, gone on from epoch 2, killed amid writing a line."""
    epochs = [None, 0, 1, 2, 3, None, 2]
    rows = [
        {
            "mode": "eval",
            "head": head,
            "epoch": epoch,
            "loss": index + (100 if head == "pt_head" else 0),
            "rmse_e_per_atom": 0.001,
            "rmse_f": 0.05,
            "rmse_stress": 0.002,
        }
        for index, epoch in enumerate(epochs)
        for head in ("pt_head", "Default")
    ]
    lines = [json.dumps(row) for row in rows] + [json.dumps({"mode": "opt", "loss": 9.0})]
    path = tmp_path / "train.txt"
    path.write_text("\n".join(lines) + '\n{"mode": "eval", "he')
    read = read_learning_curve(path)
    assert read.epoch == [0, 1, 2]
    assert read.loss == [1, 2, 6]
    assert read.force_rmse_meV_A == [50.0] * 3
    assert read_learning_curve(path, head="pt_head").loss == [101, 102, 106]
    assert read_learning_curve(tmp_path / "missing").epoch == []


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_torn_checkpoint_is_seen(tmp_path: Path, share: float) -> None:
    make_checkpoints(tmp_path, 4, 5)
    torn = checkpoints(tmp_path)[5]
    content = torn.read_bytes()
    torn.write_bytes(content[: int(share * len(content))])
    assert set_torn_aside(tmp_path) == [torn.with_name(torn.name + ".torn")]
    assert list(checkpoints(tmp_path)) == [4]


def test_a_flipped_bit_is_seen(tmp_path: Path) -> None:
    make_checkpoints(tmp_path, 4)
    path = checkpoints(tmp_path)[4]
    content = bytearray(path.read_bytes())
    content[200] ^= 1
    path.write_bytes(content)
    assert not is_whole(path)


def test_training_goes_on_from_the_best_and_keeps_it(tmp_path: Path) -> None:
    make_checkpoints(tmp_path, 1, 2, 3)
    losses = curve({0: 5.0, 1: 3.0, 2: 1.0, 3: 2.0})
    assert best_epoch(tmp_path, losses) == 2
    weights = checkpoints(tmp_path)[2].read_bytes()
    go_on_from_best(tmp_path, losses)
    assert set(checkpoints(tmp_path)) == {2, 3}
    assert checkpoints(tmp_path)[3].read_bytes() == weights
    assert best_epoch(tmp_path, losses) == 2


def test_losses_that_are_no_numbers_are_never_best(tmp_path: Path) -> None:
    make_checkpoints(tmp_path, 0, 1, 2)
    assert best_epoch(tmp_path, curve({0: float("nan"), 1: 4.0, 2: float("nan")})) == 1
    assert best_epoch(tmp_path, curve({0: float("nan")})) is None


def test_pruning_keeps_the_best_and_the_newest(tmp_path: Path) -> None:
    make_checkpoints(tmp_path, *range(6))
    prune(tmp_path, curve({0: 5.0, 1: 1.0, 2: 2.0, 3: 3.0, 4: 4.0}))
    assert set(checkpoints(tmp_path)) == {1, 4, 5}


class Off(Calculator):
    """Gives labels with known errors."""

    implemented_properties: ClassVar = ["energy", "forces", "stress"]

    def calculate(self, atoms: Any = None, *_: Any) -> None:
        self.results = {
            "energy": 3.0 + 0.01 * len(atoms),
            "forces": np.full((len(atoms), 3), 0.02),
            "stress": np.array([0.001, 0.001, 0.001, 0.002, 0.002, 0.002]),
        }


def test_errors_of_known_size() -> None:
    frame = Atoms("Li2", positions=[[0, 0, 0], [0, 0, 2]], cell=[5, 5, 5], pbc=True)
    frame.info = {keys.ENERGY: 3.0, keys.STRESS: np.zeros(6)}
    frame.set_array(keys.FORCES, np.zeros((2, 3)))
    predictions = predict([frame, frame], Off())
    assert predictions.energy_eV_atom.shape == (2, 2)
    assert predictions.forces_eV_A.shape == (2, 12)
    assert predictions.stress_eV_A3.shape == (2, 18)
    errors = predictions.errors
    assert errors.energy_mae_meV_atom == pytest.approx(10)
    assert errors.energy_offset_meV_atom == pytest.approx(10)
    assert errors.force_mae_meV_A == pytest.approx(20)
    assert errors.stress_mae_meV_A3 == pytest.approx((3 * 1 + 6 * 2) / 9)
    assert errors.energy_rmse_meV_atom == pytest.approx(10)
    assert errors.force_rmse_meV_A == pytest.approx(20)
    # three components of 1 and, counted on both sides of the diagonal, six of 2 meV/Å³
    assert errors.stress_rmse_meV_A3 == pytest.approx(np.sqrt((3 * 1 + 6 * 4) / 9))


def test_errors_apart_are_those_of_the_frames_alone() -> None:
    frames = []
    for number, (name, energy_eV) in enumerate([("a", 3.0), ("b", 2.0), ("a", 3.1), (None, 0.0)]):
        frame = Atoms(f"Li{number + 1}", positions=[[0, 0, 2 * k] for k in range(number + 1)])
        frame.set_cell([9, 9, 9])
        frame.pbc = True
        frame.info = {keys.ENERGY: energy_eV, keys.STRESS: np.full(6, 0.001 * number)}
        frame.info |= {"composition": name} if name else {}
        frame.set_array(keys.FORCES, np.full((number + 1, 3), 0.01 * number))
        frames.append(frame)
    apart = errors_by(frames, predict(frames, Off()), "composition")
    assert list(apart) == ["a", "b"]
    assert apart["a"] == predict([frames[0], frames[2]], Off()).errors
    assert apart["b"] == predict([frames[1]], Off()).errors
