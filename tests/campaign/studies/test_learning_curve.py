"""Errors against the number of labels."""

import csv
import json
from pathlib import Path

import pytest
from matplotlib.collections import LineCollection
from typer.testing import CliRunner

from mlipsse import keys
from mlipsse.campaign.engine.folder import Campaign, read_campaign
from mlipsse.campaign.studies.learning_curve import learn_by_size
from mlipsse.cli import app
from mlipsse.dataset.frames.extxyz import read_frames
from mlipsse.errors import MlipsseError
from mlipsse.report.figures.size import size_figure
from tests.support.labels.tiny_sets import write_foundation, write_sets

CONFIG = """
name: curve
structure: {{host: host.cif, mobile: Li}}
enumerate: {{compositions: [LiCl]}}
finetune:
  foundation: {foundation}
  replay: {replay}
  architecture: foundation
  max_epochs: 2
  batch_size: 2
  max_energy_offset_meV_atom: 1000
  max_forgetting: 10
simulate: {{temperatures_K: [800]}}
execution: {{workers: 1}}
"""


@pytest.fixture
def campaign(tmp_path: Path) -> Campaign:
    folder = tmp_path / "campaign"
    folder.mkdir()
    sets = write_sets(tmp_path)
    foundation = write_foundation(tmp_path / "tiny.model")
    (folder / "campaign.yaml").write_text(
        CONFIG.format(foundation=foundation, replay=sets["replay"])
    )
    made = read_campaign(folder)
    for part, path in made.labelled_sets.items():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(sets[part].read_bytes())
    return made


@pytest.mark.slow
def test_nested_sets_one_table_one_figure(campaign: Campaign) -> None:
    alone, *rows = learn_by_size(campaign, [8, 4])
    assert (alone["frames"], alone["strategy"]) == (0, "foundation")
    points = [(row["frames"], row["strategy"]) for row in rows]
    assert points == [(4, "multihead"), (4, "scratch"), (8, "multihead"), (8, "scratch")]
    folder = campaign.path("learning-curve")
    few, all_of_them = (
        [
            frame.info[keys.ENERGY]
            for frame in read_frames(folder / f"subsets/train-{size:05d}.extxyz", labelled=True)
        ]
        for size in (4, 8)
    )
    assert set(few) < set(all_of_them)
    assert len(few) == 4
    with (folder / "learning-curve.csv").open() as stream:
        table = list(csv.DictReader(stream))
    assert [float(row["test_force_rmse_meV_A"]) for row in table] == [
        row["test_force_rmse_meV_A"] for row in (alone, *rows)
    ]
    assert (folder / "learning-curve.png").stat().st_size > 10_000
    # All but the training frames are the same.
    tests = {row["test_force_rmse_meV_A"] for row in (alone, *rows)}
    assert len(tests) == len(rows) + 1

    # A larger size is added; what is done is kept.
    models = {path: path.stat().st_mtime_ns for path in (folder / "models").iterdir()}
    again = learn_by_size(campaign, [4, 6], strategies=["scratch"])
    assert again[:2] == [alone, rows[1]]
    assert all(path.stat().st_mtime_ns == time for path, time in models.items())


@pytest.mark.slow
def test_repetitions_draw_subsets_of_their_own(campaign: Campaign) -> None:
    _, *rows = learn_by_size(campaign, [4], strategies=["scratch"], repetitions=2)
    assert [(row["frames"], row["repetition"]) for row in rows] == [(4, 0), (4, 1)]
    assert rows[0]["test_force_rmse_meV_A"] != rows[1]["test_force_rmse_meV_A"]
    folder = campaign.path("learning-curve")
    first, second = (
        {f.info[keys.ENERGY] for f in read_frames(folder / f"subsets/{name}", labelled=True)}
        for name in ("train-00004.extxyz", "train-00004-r1.extxyz")
    )
    assert first != second
    assert (folder / "models" / "00004-scratch-r1.model").is_file()


@pytest.mark.parametrize("sizes", [[], [0, 4], [4, 9]])
def test_sizes_that_there_are_not(sizes: list[int], campaign: Campaign) -> None:
    with pytest.raises(MlipsseError, match=r"must lie between 1 and 8, the frames of"):
        learn_by_size(campaign, sizes)
    assert not campaign.path("learning-curve").exists()


def test_labels_come_first(campaign: Campaign) -> None:
    campaign.labelled_sets["valid"].unlink()
    with pytest.raises(MlipsseError, match="There are no labels yet"):
        learn_by_size(campaign, [4])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["--sizes", "4,many"],
            "is not a list of whole numbers above 0; write e.g. --sizes 50,100,500",
        ),
        (
            ["--strategies", "lora"],
            "lora is not a strategy. Choose among multihead, naive, scratch",
        ),
        (["--strategies", ","], "none is not a strategy"),
    ],
)
def test_words_that_are_not_understood(words: list[str], sentence: str, campaign: Campaign) -> None:
    result = CliRunner().invoke(app, ["learning-curve", str(campaign.folder), *words])
    assert isinstance(result.exception, MlipsseError)
    assert sentence in str(result.exception)


def test_the_figure_draws_means_of_repetitions() -> None:
    names = ("energy_rmse_meV_atom", "force_rmse_meV_A", "stress_rmse_meV_A3")
    rows = [
        {"frames": 50, "strategy": "scratch", **dict.fromkeys((f"test_{n}" for n in names), value)}
        for value in (10.0, 20.0, 30.0)
    ]
    force = size_figure(rows, foundation=dict.fromkeys(names, 70.0)).axes[1]
    assert force.lines[0].get_xydata().tolist() == [[50, 20.0]]
    bars = force.collections[0]
    assert isinstance(bars, LineCollection)
    (bar,) = bars.get_segments()
    assert bar[:, 1].tolist() == [10.0, 30.0]


def test_the_figure_draws_every_point() -> None:
    names = ("energy_rmse_meV_atom", "force_rmse_meV_A", "stress_rmse_meV_A3")
    rows = [
        {"frames": n, "strategy": way, **{f"test_{name}": 100 / n + k for name in names}}
        for k, way in enumerate(("multihead", "scratch"))
        for n in (50, 100, 500)
    ]
    figure = size_figure(json.loads(json.dumps(rows)), foundation=dict.fromkeys(names, 70.0))
    energy, force, stress = figure.axes
    assert [len(axes.lines) for axes in (energy, force, stress)] == [2, 3, 3]
    assert force.lines[1].get_xydata().tolist() == [[50, 3.0], [100, 2.0], [500, 1.2]]
    assert [text.get_text() for text in force.get_legend().get_texts()] == [
        "multi-head with replay",
        "from scratch",
        "foundation",
    ]
