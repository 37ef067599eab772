"""From a CIF to a summary, and what must hold on the way."""

import json
import math
import shutil
from pathlib import Path

import pytest
import yaml
from ase.io import read

from mlipsse import keys
from tests.support.command_line import mlipsse
from tests.support.tiny_campaign import FRAMES

pytestmark = pytest.mark.xdist_group("campaign")

STAGES = (
    "01-enumerate", "02-rank", "03-select", "04-sample", "05-label",
    "06-finetune", "07-export", "08-simulate", "09-transport", "10-report",
)  # fmt: skip
COMPOSITIONS = ["Li3InCl6", "Li3In0.5Y0.5Br3Cl3"]


def test_every_stage_leaves_its_files(finished_campaign: Path) -> None:
    for name in (
        "01-enumerate/orderings.db",
        "01-enumerate/counts.csv",
        "02-rank/ranked.db",
        "02-rank/hull.csv",
        "02-rank/compositions.csv",
        "02-rank/hull.png",
        "02-rank/formation.png",
        "02-rank/formation.svg",
        "03-select/selected.extxyz",
        "03-select/selection.csv",
        "04-sample/frames.extxyz",
        "05-label/train.extxyz",
        "05-label/valid.extxyz",
        "05-label/test.extxyz",
        "06-finetune/metrics.json",
        "06-finetune/parity.png",
        "06-finetune/learning.png",
        "07-export/tiny/card.yaml",
        "07-export/acceptance.csv",
        "09-transport/arrhenius.json",
        "09-transport/directions.csv",
        "09-transport/structure.csv",
        "10-report/report.html",
        "10-report/summary.json",
        "10-report/conductivity.csv",
        "10-report/directions.csv",
        "10-report/activation.csv",
    ):
        assert (finished_campaign / name).stat().st_size > 0, name
    for stage in STAGES:
        record = json.loads((finished_campaign / stage / "record.json").read_text())
        assert record["stage"] == stage[3:]
        assert record["versions"]["torch"]
        assert record["outputs"]
    counts = json.loads((finished_campaign / "03-select" / "record.json").read_text())["results"]
    assert counts == {"expected_orderings": 4.0, "selected_orderings": 4}
    leftovers = [path for path in finished_campaign.rglob(".*.part*")]
    assert leftovers == []


def test_summary_keeps_its_contract(finished_campaign: Path) -> None:
    summary = json.loads((finished_campaign / "10-report" / "summary.json").read_text())
    assert "teacher labels, not DFT" in summary["label_source"]
    assert [entry["formula"] for entry in summary["compositions"]] == COMPOSITIONS
    for entry in summary["compositions"]:
        temperatures = entry["temperature_K"]
        for key in ("diffusivity_cm2_s", "diffusivity_std_cm2_s", "conductivity_mS_cm"):
            assert len(entry[key]) == len(temperatures)
            assert all(math.isfinite(value) for value in entry[key])
        assert len(entry["pressure_GPa"]) == len(temperatures)
        assert all(math.isfinite(value) for value in entry["pressure_GPa"])
        excluded = [item["temperature_K"] for item in entry["excluded"]]
        assert sorted(temperatures + excluded) == [700.0, 900.0]
        assert all(item["reason"] for item in entry["excluded"])
        assert set(entry["directions"]) == {"a", "b", "c", "ab", "ac", "bc"}
        for part in entry["directions"].values():
            assert part["temperature_K"] == temperatures
        assert entry["energy_above_hull_eV_atom"] >= 0
        assert (entry["activation_energy_eV"] is None) == (len(temperatures) < 2)
        assert (entry["activation_energy_std_eV"] is None) == (len(temperatures) < 3)


def test_the_model_was_tried_before_it_was_used(finished_campaign: Path) -> None:
    card = yaml.safe_load((finished_campaign / "07-export" / "tiny" / "card.yaml").read_text())
    tried = card["acceptance"]["structures"]
    assert len(tried) == len(COMPOSITIONS)
    assert all(entry["temperature_K"] == 900 for entry in tried)
    assert all("g(r)" in {line["name"] for line in entry["criteria"]} for entry in tried)
    report = (finished_campaign / "10-report" / "report.html").read_text()
    assert "Acceptance of the potential" in report
    assert ("These runs used a potential that was not accepted" in report) == (
        not card["acceptance"]["accepted"]
    )


def test_splits_share_no_trajectory(finished_campaign: Path) -> None:
    parts = {}
    for part in ("train", "valid", "test"):
        frames = read(finished_campaign / "05-label" / f"{part}.extxyz", ":")
        parts[part] = {frame.info[keys.TRAJECTORY] for frame in frames}
        for frame in frames:
            assert keys.ENERGY in frame.info
            assert frame.arrays[keys.FORCES].shape == (len(frame), 3)
            assert "not DFT" in frame.info[keys.LABEL_SOURCE]
    assert parts["train"]
    assert not parts["train"] & parts["valid"]
    assert not parts["train"] & parts["test"]
    assert not parts["valid"] & parts["test"]


def test_runs_have_exactly_their_frames(finished_campaign: Path) -> None:
    from mlipsse.transport import read_run

    runs = sorted(path.parent for path in finished_campaign.glob("08-simulate/**/run.json"))
    assert len(runs) == 4
    for run in runs:
        assert len(read_run(run).positions) == FRAMES


def test_rerunning_does_nothing(finished_campaign: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(finished_campaign, copy)
    before = {path: path.stat().st_mtime_ns for path in copy.rglob("*") if path.is_file()}
    done = mlipsse("run", copy)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("done already") == 10
    after = {path: path.stat().st_mtime_ns for path in copy.rglob("*") if path.is_file()}
    after = {path: time for path, time in after.items() if ".mlipsse" not in path.parts}
    assert after == {path: before[path] for path in after}


def test_status_reports_all_is_done(finished_campaign: Path) -> None:
    done = mlipsse("status", finished_campaign, "--json")
    content = json.loads(done.stdout)
    rows = content["stages"]
    assert [row["folder"] for row in rows] == list(STAGES)
    assert {row["state"] for row in rows} == {"done"}
    table = mlipsse("status", finished_campaign).stdout
    assert all(stage in table for stage in STAGES)
    assert {run["state"] for run in content["runs"]} == {"done"}
    assert f"{len(content['runs'])} runs: {len(content['runs'])} done." in table


def test_a_new_temperature_keeps_the_runs_that_are_done(
    finished_campaign: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(finished_campaign, copy)
    config = copy / "campaign.yaml"
    config.write_text(
        config.read_text().replace("temperatures_K: [700, 900]", "temperatures_K: [700, 800, 900]")
    )
    before = {path: path.stat().st_mtime_ns for path in copy.glob("08-simulate/**/traj.*.dcd")}
    model = (copy / "07-export" / "tiny" / "tiny.pt").stat().st_mtime_ns
    done = mlipsse("run", copy)
    assert done.returncode == 0, done.stderr
    # The export looks whether the model was tried at the highest temperature: it was.
    assert done.stdout.count("done already") == 6
    assert (copy / "07-export" / "tiny" / "tiny.pt").stat().st_mtime_ns == model
    after = {path: path.stat().st_mtime_ns for path in copy.glob("08-simulate/**/traj.*.dcd")}
    assert len(after) == len(before) + 2
    assert {path: after[path] for path in before} == before
