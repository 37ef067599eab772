"""Real runs of mace_run_train on a tiny model."""

import json
import os
import pickle
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlipsse import keys
from mlipsse.dataset.frames.extxyz import read_frames
from mlipsse.energetics.potentials.calculators import make_calculator
from mlipsse.energetics.potentials.mace_model import head_names, load_mace_model
from mlipsse.errors import MlipsseError
from mlipsse.training import FineTuneSettings, fine_tune, trainer
from mlipsse.training.architecture import Architecture
from mlipsse.training.command import Job, train_command
from mlipsse.training.result import FailedTraining, FineTuned
from mlipsse.training.settings import FineTuneLimits, Training
from mlipsse.training.trainer import train_model, training_log

SETTINGS = FineTuneSettings(max_epochs=3, batch_size=4)

# Three epochs of a model of random weights leave energies off by tens of meV/atom.
LIMITS = FineTuneLimits(max_energy_offset_meV_atom=300, max_softening=2)

DRIVER = """\
import sys
from pathlib import Path
from mlipsse.training import FineTuneSettings
from mlipsse.training.trainer import train_model
from tests.training.test_fine_tune import job_of
folder, foundation, epochs = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
sets = {part: folder / f"{part}.extxyz" for part in ("train", "valid", "test", "replay")}
settings = FineTuneSettings(max_epochs=epochs, batch_size=4)
train_model(job_of(sets, foundation, settings), folder=folder / "work", threads=1)
"""


def job_of(sets: dict[str, Path], foundation: Path, settings: FineTuneSettings) -> Job:
    """A multi-head training without what is measured around it."""
    return Job(
        sets={**sets, "replay_valid": sets["replay"]},
        foundation=foundation,
        e0s_eV={"Li": -6.0, "Cl": -2.5},
        settings=settings,
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fine-tuned")


@pytest.fixture(scope="module")
def tuned(place: Path, module_sets: dict[str, Path], foundation: Path) -> FineTuned:
    return fine_tune(
        Training(sets=module_sets, foundation=foundation, settings=SETTINGS, limits=LIMITS),
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


def test_isolated_atom_energies_are_estimated_per_element(
    tuned: FineTuned, place: Path, module_sets: dict[str, Path], foundation: Path
) -> None:
    """Against what mace-torch reports: foundation's -1 and -2 eV, and the fitted shift."""
    (line,) = re.findall(r"Energies used.*head Default: (\{.*\})", training_log(place / "work"))
    used = {int(z): float(e) for z, e in re.findall(r"(\d+): (-?[\d.]+)", line)}
    assert used == pytest.approx({3: tuned.e0s_eV["Li"], 17: tuned.e0s_eV["Cl"]}, abs=1e-6)
    assert used[3] == pytest.approx(-1 + tuned.offset.shift_eV["Li"], abs=1e-6)
    assert used[17] == pytest.approx(-2 + tuned.offset.shift_eV["Cl"], abs=1e-6)
    assert tuned.offset.rank == 2
    # What mace-torch estimates of the same frames (estimate_e0s_from_foundation).
    assert mace_estimate(module_sets["train"], foundation) == pytest.approx(used, abs=1e-3)


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
    again = fine_tune(
        Training(sets=module_sets, foundation=foundation, settings=SETTINGS, limits=LIMITS),
        folder=place / "work",
        out=place / "out.model",
    )
    assert model.stat().st_mtime_ns == written
    assert again.as_dict() == tuned.as_dict()


def test_patience_stops_the_run(tmp_path: Path, sets: dict[str, Path], foundation: Path) -> None:
    """mace-torch's own does not, on one device."""
    still = SETTINGS.replaced(max_epochs=400, patience=2, learning_rate=1e-12)
    folder = tmp_path / "work"
    model = train_model(job_of(sets, foundation, still), folder=folder, threads=1)
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
    settings = SETTINGS.replaced(max_epochs=epochs)
    train_model(job_of(sets, foundation, settings), folder=tmp_path / "work", threads=1)
    first = [row for row in results(tmp_path / "work") if row["epoch"] == 0]
    assert len(first) == 1, "it began anew"
    assert [path.name for path in checkpoints.glob("*.torn")] == [newest.name + ".torn"]


def test_a_failed_training_states_what_mace_stated(
    tmp_path: Path, sets: dict[str, Path], foundation: Path
) -> None:
    # Without given energies mace-torch would fit them, and refuses that for several heads.
    job = replace(job_of(sets, foundation, SETTINGS), e0s_eV=None)
    with pytest.raises(MlipsseError, match=r"ended with status 1: .*(?s:.*)mace_run_train\.out"):
        train_model(job, folder=tmp_path / "work", threads=1)


@pytest.mark.parametrize(
    "words",
    [
        "OSError: [Errno 28] No space left on device",
        # The message of torch about a checkpoint that did not fit (seen on a full disk).
        "RuntimeError: [enforce fail at inline_container.cc:672] . unexpected pos 284608 vs 284496",
    ],
)
def test_a_full_disk_is_reported_as_such(
    words: str,
    tmp_path: Path,
    sets: dict[str, Path],
    foundation: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dying = [sys.executable, "-c", f"import sys; print({words!r}); sys.exit(1)"]
    monkeypatch.setattr(trainer, "train_command", lambda *_, **__: dying)
    with pytest.raises(MlipsseError, match=r"disk ran full .* continues from the best whole"):
        train_model(job_of(sets, foundation, SETTINGS), folder=tmp_path / "work", threads=1)


def test_several_gpus_are_started_by_torchrun(
    tmp_path: Path, sets: dict[str, Path], foundation: Path
) -> None:
    settings = SETTINGS.replaced(device="cuda", gpus=4)
    job = job_of(sets, foundation, settings)
    command = train_command(job, folder=tmp_path)
    assert command[1:5] == ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=4"]
    assert {"--distributed", "--launcher=torchrun"} <= set(command)
    alone = train_command(job, folder=tmp_path, max_epochs=0)
    assert "--distributed" not in alone, "the best checkpoint is made a model by one process"


@pytest.mark.parametrize(
    ("changes", "heads", "untouched"),
    [
        # One head: mace-torch by itself keeps the foundation's isolated-atom energies.
        ({"strategy": "naive"}, ("Default",), ()),
        pytest.param(
            {"strategy": "scratch", "architecture": "foundation"},
            ("Default",),
            (),
            marks=pytest.mark.slow,
        ),
        pytest.param({"lora_rank": 2}, ("pt_head", "Default"), (), marks=pytest.mark.slow),
        pytest.param(
            {"freeze": "interactions"},
            ("pt_head", "Default"),
            ("node_embedding", "interactions"),
            marks=pytest.mark.slow,
        ),
    ],
)
def test_other_ways_of_training(
    changes: dict[str, Any],
    heads: tuple[str, ...],
    untouched: tuple[str, ...],
    tmp_path: Path,
    module_sets: dict[str, Path],
    foundation: Path,
) -> None:
    tuned = fine_tune(
        Training(
            sets=module_sets,
            foundation=foundation,
            settings=SETTINGS.replaced(**changes),
            limits=LIMITS,
        ),
        folder=tmp_path / "work",
        out=tmp_path / "out.model",
    )
    assert tuned.heads == heads
    before, after = load_mace_model(foundation), load_mace_model(tuned.model)
    assert head_names(after) == heads
    assert not [name for name, _ in after.named_parameters() if "lora" in name], "not merged"
    old, new = dict(before.named_parameters()), dict(after.named_parameters())
    same = {n for n, w in old.items() if w.shape == new[n].shape and bool((w == new[n]).all())}
    kept = {name for name in old if name.startswith(untouched)} if untouched else set()
    assert kept <= same
    assert len(kept) < len(old) - len(same - kept), "nothing was trained"
    if changes.get("strategy") != "scratch":
        assert tuned.e0s_eV["Li"] == pytest.approx(-1 + tuned.offset.shift_eV["Li"], abs=1e-5)
    assert tuned.replay_errors is not None, "forgetting is measured in any case"


def test_scratch_needs_no_foundation(tmp_path: Path, module_sets: dict[str, Path]) -> None:
    """Nor a replay set; isolated-atom energies that are given are the model's."""
    small = Architecture(channels=2, max_L=0, max_ell=1, correlation=1, layers=1, r_max_A=3.0)
    e0s = {"Li": -5.0, "Cl": -2.0}
    tuned = fine_tune(
        Training(
            sets={part: module_sets[part] for part in ("train", "valid", "test")},
            foundation=None,
            settings=SETTINGS.replaced(
                strategy="scratch", architecture=small, e0s=e0s, max_epochs=1
            ),
            limits=FineTuneLimits(
                max_energy_rmse_meV_atom=1e5, max_energy_offset_meV_atom=1e5, max_softening=2
            ),
        ),
        folder=tmp_path / "work",
        out=tmp_path / "out.model",
    )
    assert tuned.e0s_eV == pytest.approx(e0s, abs=1e-5)
    assert tuned.foundation_errors == {}
    assert tuned.offset is None
    verdicts = {check.name: check.verdict for check in tuned.checks}
    assert verdicts["better than the foundation"] in ("skip", "warn")
    assert verdicts["forgetting"] == "skip"
    json.dumps(tuned.as_dict(), allow_nan=False)
    with pytest.raises(MlipsseError, match="multihead requires a foundation"):
        fine_tune(
            Training(sets=module_sets, foundation=None, settings=SETTINGS),
            folder=tmp_path / "no",
            out=tmp_path / "no.model",
        )


def test_a_training_that_fails_a_check_is_marked(
    tuned: FineTuned,
    place: Path,
    tmp_path: Path,
    module_sets: dict[str, Path],
    foundation: Path,
) -> None:
    """Limits are no part of the training: it is judged again, not done again."""
    out = tmp_path / "out.model"
    out.write_text("of an earlier, good training")
    with pytest.raises(FailedTraining, match=r"forgetting .* refused above -100%") as failure:
        fine_tune(
            Training(
                sets=module_sets,
                foundation=foundation,
                settings=SETTINGS,
                limits=LIMITS.model_copy(update={"max_forgetting": -1.0}),
            ),
            folder=place / "work",
            out=out,
        )
    assert not out.exists()
    assert failure.value.result.model == tmp_path / "out.failed.model"
    assert failure.value.result.curve == tuned.curve
    assert make_calculator(str(tmp_path / "out.failed.model"), head="Default")
    assert pickle.loads(pickle.dumps(failure.value)).result.failures


def mace_estimate(train: Path, foundation: Path) -> dict[int, float]:
    from mace.data import KeySpecification, estimate_e0s_from_foundation, load_from_xyz
    from mace.tools import AtomicNumberTable

    specification = KeySpecification(
        info_keys={"energy": keys.ENERGY, "stress": keys.STRESS, "head": "head"},
        arrays_keys={"forces": keys.FORCES},
    )
    _, frames = load_from_xyz(str(train), key_specification=specification)
    return estimate_e0s_from_foundation(
        load_mace_model(foundation), {3: -1.0, 17: -2.0}, frames, AtomicNumberTable([3, 17])
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
