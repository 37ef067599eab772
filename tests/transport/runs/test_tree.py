"""A tree of runs: ended, still going, melted, and not begun."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mlipsse.cli import app
from mlipsse.errors import MlipsseError
from mlipsse.md.files.record import Outcome, read_record, write_outcome
from mlipsse.md.run import run_folder
from mlipsse.md.watch.health import run_health
from mlipsse.transport import analyse_run, analyse_tree, read_run
from tests.support.trajectories.lennard_jones import CONDUCTOR, render

RUN = {"production_ps": 20.0, "dump_every_fs": 50.0, "relax_cell": False}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("runs")
    for temperature in (350.0, 450.0):
        folder = render(
            root / f"T{temperature:.0f}", pair_commands=CONDUCTOR, temperature_K=temperature, **RUN
        )
        run_folder(folder)
    going = render(root / "going", pair_commands=CONDUCTOR, temperature_K=400.0, **RUN)
    run_folder(going)
    (going / "outcome.json").unlink()
    (going / "segments.json").unlink()
    part = going / "traj.2000.dcd"
    with part.open("r+b") as stream:
        stream.truncate(part.stat().st_size * 3 // 4)
    render(root / "queued", pair_commands=CONDUCTOR, temperature_K=500.0, **RUN)
    melted = render(root / "melted", pair_commands=CONDUCTOR, temperature_K=550.0, **RUN)
    write_outcome(melted, Outcome(status="melted", reason="it flowed", frames=0))
    return root


def test_what_has_ended_and_what_goes_on(tree: Path) -> None:
    found = analyse_tree(tree)
    assert [path.name for path, _ in found.runs] == ["T350", "T450", "going"]
    assert [path.name for path in found.unfinished] == ["going", "queued"]
    by_name = {path.name: run for path, run in found.runs}
    assert by_name["T350"].duration_ps == pytest.approx(20.0)
    assert by_name["going"].duration_ps == pytest.approx(15.0, abs=0.1)
    assert by_name["T450"].diffusivity.diffusivity_cm2_s == pytest.approx(
        analyse_run(tree / "T450").diffusivity.diffusivity_cm2_s
    )
    (item,) = found.compositions
    assert [point.temperature_K for point in item.points] == [350.0, 400.0, 450.0]
    assert item.arrhenius.activation_energy_eV is not None
    reasons = {run.temperature_K: run.reason for run in item.excluded}
    assert reasons == {500.0: "has no frames yet", 550.0: "melted: it flowed"}
    names = {path: read_record(path).name for path in tree.iterdir()}
    assert [run.name for _, run in found.runs] == [names[path] for path, _ in found.runs]
    excluded = [run.row()["run"] for run in item.excluded]
    assert excluded == [names[tree / "queued"], names[tree / "melted"]]
    assert names[tree / "melted"].endswith("-T0550-r0")


def test_so_far_are_the_first_frames_of_the_whole(tree: Path) -> None:
    with pytest.raises(MlipsseError, match="is incomplete: "):
        read_run(tree / "going")
    so_far = read_run(tree / "going", so_far=True)
    assert 250 < so_far.n_frames < 350


def test_the_command(tree: Path) -> None:
    done = CliRunner().invoke(app, ["transport", "analyse", str(tree), "--json"])
    assert done.exit_code == 0, done.output
    answer = json.loads(done.output)
    assert [run["ended"] for run in answer["runs"]] == [True, True, False]
    assert len(answer["compositions"][0]["temperatures"]) == 3
    assert [run["run"] for run in answer["runs"]] == [
        read_record(tree / name).name for name in ("T350", "T450", "going")
    ]
    excluded = answer["compositions"][0]["excluded"]
    assert [one["run"] for one in excluded] == [
        read_record(tree / name).name for name in ("queued", "melted")
    ]
    assert excluded[1]["reason"] == "melted: it flowed"
    pressures_GPa = [run["pressure_GPa"] for run in answer["runs"]]
    health = [run_health(tree / n, read_record(tree / n)).pressure for n in ("T350", "T450")]
    assert pressures_GPa[:2] == [one.mean_GPa for one in health if one is not None]
    assert bool(answer["cautions"]) == any(abs(value) > 1 for value in pressures_GPa)
    stated = CliRunner().invoke(app, ["transport", "analyse", str(tree)]).output
    assert "2 runs have not ended" in stated
    assert "melted: it flowed" in stated


def test_no_runs(tmp_path: Path) -> None:
    with pytest.raises(MlipsseError, match="There is no run below"):
        analyse_tree(tmp_path)
