import json

import pytest
from ase.io import write
from typer.testing import CliRunner

from mlipsse import keys
from mlipsse.cli import app
from mlipsse.dataset.frames.extxyz import read_frames, write_frames
from mlipsse.errors import MlipsseError
from tests.support.labels.sound_set import trajectory


@pytest.fixture
def files(tmp_path):
    for name, seed in (("train", 1), ("valid", 2), ("test", 3)):
        write_frames(
            tmp_path / f"{name}.extxyz", trajectory(name, gold=4, seed=seed, repeat=(2, 1, 1))
        )
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(app, ["dataset", *map(str, arguments)])


def test_check_answers_by_its_exit_code(files):
    options = ["--valid", files / "valid.extxyz", "--test", files / "test.extxyz"]
    result = run("check", files / "train.extxyz", *options)
    assert result.exit_code == 0, result.output
    assert "energy from REF_energy, eV" in result.output
    assert "Passed." in result.output
    result = run("check", files / "train.extxyz", files / "valid.extxyz", *options, "--json")
    assert result.exit_code == 1
    stated = json.loads(result.output)
    assert (stated["passed"], stated["outcome"]) == (False, "failed")
    failed = [check["name"] for check in stated["checks"] if check["verdict"] == "fail"]
    assert failed == ["leakage"]


def test_what_could_not_be_checked_is_listed_and_nothing_passed(files):
    result = run("check", files / "train.extxyz")
    assert result.exit_code == 0
    assert "Passed." not in result.output
    assert "Not checked: leakage. There is only one split" in result.output
    assert "No check failed; 3 of 23 could not be made." in result.output
    stated = json.loads(run("check", files / "train.extxyz", "--json").output)
    # Two trajectories are too few to compare energies and stresses along.
    skipped = ["energy sets", "constant pressure", "leakage"]
    assert (stated["passed"], stated["failed"], list(stated["skipped"])) == (False, [], skipped)
    assert stated["outcome"] == "incomplete"


def test_what_normalise_wrote_passes(files):
    frames = read_frames(files / "train.extxyz", labelled=True)
    for frame in frames:
        frame.info["e"] = frame.info.pop(keys.ENERGY) / len(frame)
        frame.info["w"] = -1602.176634 * frame.info.pop(keys.STRESS)
        frame.arrays["f"] = frame.arrays.pop(keys.FORCES)
    write(files / "raw.extxyz", frames)
    labels = ["--energy-key", "e", "--forces-key", "f", "--stress-key", "w"]
    labels += ["--energy-unit", "eV/atom", "--stress-unit", "kB"]
    result = run("check", files / "raw.extxyz", *labels)
    assert result.exit_code == 1
    labels += ["--stress-sign", "compression"]
    result = run("check", files / "raw.extxyz", *labels)
    assert result.exit_code == 0, result.output
    result = run("normalise", files / "raw.extxyz", "--out", files / "new.extxyz", *labels)
    assert result.exit_code == 0, result.output
    assert "stress from w, kB, positive under compression" in result.output
    result = run("check", files / "new.extxyz")
    assert result.exit_code == 0, result.output
    assert len(read_frames(files / "new.extxyz", labelled=True)) == len(frames)


def test_an_element_absent_from_the_foundation_model(files):
    result = run("check", files / "train.extxyz", "--potential", "mace-sse-small", "--json")
    assert result.exit_code == 1
    stated = json.loads(result.output)["checks"][-1]
    assert stated["verdict"] == "fail"
    assert "mace-sse-small does not know Au, Cu" in stated["sentence"]


def test_users_errors_are_reported(files):
    result = run("check", files / "absent.extxyz")
    assert isinstance(result.exception, MlipsseError)
