"""Transport against the number of labels: the curve's models in the campaign's runs."""

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from ase import Atoms
from typer.testing import CliRunner

from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.campaign.engine.stage import Work
from mlipsse.campaign.stages.export.bundle import Trained
from mlipsse.campaign.stages.simulate import rendering
from mlipsse.campaign.studies.learning_curve import SizedModel, SizedModels
from mlipsse.campaign.studies.transport import by_size
from mlipsse.campaign.studies.transport.by_size import transport_by_size
from mlipsse.campaign.studies.transport.runs import check_runs
from mlipsse.cli import app
from mlipsse.errors import MlipsseError
from mlipsse.md.files.record import OUTCOME_FILE, read_record
from mlipsse.potential.bundle.folder import read_card
from mlipsse.report.transport_figures.size import size_transport_figure
from mlipsse.transport import Trajectory, analyse_run, read_run
from tests.support.here import Here
from tests.support.labels.tiny_sets import write_foundation
from tests.support.study_campaign import EXPLOSIVE, Workers, make_campaign
from tests.support.trajectories.lennard_jones import CONDUCTOR, LENNARD_JONES

FORCES = {"foundation": CONDUCTOR, "00004-multihead": LENNARD_JONES, "00004-scratch": EXPLOSIVE}
KNOWN = {"00004-naive": ("Cl",)}
ELEMENTS = ("Li", "Cl")


@pytest.fixture
def campaign(tmp_path: Path) -> Campaign:
    (tmp_path / "tiny.model").write_text("none that is loaded")
    return make_campaign(tmp_path, production_ps=10.0)


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Workers]:
    """Models that are Lennard-Jones forces; the working one is the last of this list."""
    hired = [Workers()]

    @contextmanager
    def work(campaign: Campaign, progress: object) -> Iterator[Work]:
        folder = campaign.path("learning-curve")
        folder.mkdir(exist_ok=True)
        yield Work(campaign, folder, hired[-1], progress)

    def models(work: Work, sizes: object, strategies: list[str]) -> SizedModels:
        files = Trained(tmp_path / "m", tmp_path / "j", tmp_path / "f")
        failed = {"scratch": "The training failed."}
        made = [SizedModel(4, way, files, failed.get(way)) for way in strategies]
        return SizedModels(made, tmp_path / "tiny.model")

    def bundle(work: Work, *_: object) -> SimpleNamespace:
        name = work.folder.parent.name
        work.folder.mkdir(parents=True, exist_ok=True)
        model = work.folder / f"{name}.pt"
        model.write_text(name)
        return SimpleNamespace(
            exports={"torchscript": model},
            elements=KNOWN.get(name, ELEMENTS),
            first_of=lambda forms: "torchscript",
        )

    monkeypatch.setattr(by_size, "curve_work", work)
    monkeypatch.setattr(by_size, "train_by_size", models)
    monkeypatch.setattr(by_size, "provide_bundle", bundle)
    monkeypatch.setattr(by_size, "provide_model_bundle", bundle)
    monkeypatch.setattr(by_size, "build_plugin", lambda: tmp_path / "tiny.model")
    monkeypatch.setattr(rendering, "mace_commands", lambda model, **_: FORCES[model.stem])
    return hired


def rows_of(campaign: Campaign) -> list[dict[str, str]]:
    with campaign.path("learning-curve/transport.csv").open() as stream:
        return list(csv.DictReader(stream))


def shortest_A(run: Trajectory, symbol: str) -> float:
    """Shortest distance of two atoms of an element in any frame, by ASE."""
    own = [number for number, one in enumerate(run.species) if one == symbol]
    found = []
    for frame in np.asarray(run.positions):
        atoms = Atoms(f"H{len(own)}", frame[own], cell=run.cell, pbc=True)
        distances = atoms.get_all_distances(mic=True)
        found.append(distances[~np.eye(len(own), dtype=bool)].min())
    return float(min(found))


def test_every_model_runs_the_campaigns_runs(campaign: Campaign, workers: list[Workers]) -> None:
    rows = transport_by_size(campaign, [4], strategies=["multihead", "scratch"])
    points = [(row["frames"], row["strategy"], row["temperature_K"]) for row in rows]
    assert points == [
        (frames, strategy, kelvin)
        for frames, strategy in ((0, "foundation"), (4, "multihead"), (4, "scratch"))
        for kelvin in (400, 500, 600)
    ]
    assert len(workers[-1].done) == 9
    alone, caged, scratch = rows[:3], rows[3:6], rows[6:]
    # Numbers are those of the run's own analysis.
    root = campaign.path("learning-curve/transport")
    runs = [analyse_run(root / "foundation/LiCl/LiCl-o000" / f"T0{k}/r0") for k in (400, 500, 600)]
    assert [row["diffusivity_cm2_s"] for row in alone] == [
        run.diffusivity.diffusivity_cm2_s for run in runs
    ]
    assert [row["conductivity_std_mS_cm"] for row in alone] == [
        run.conductivity_std_mS_cm for run in runs
    ]
    assert len({row["activation_energy_eV"] for row in alone}) == 1
    assert alone[0]["activation_energy_eV"] is not None
    assert [row["runs_left_out"] for row in rows] == [0, 0, 0, *[1] * 6]
    # Crystals that hold their ions, and forces that blow up, are rows that state it.
    assert all("too little motion" in row["left_out"] for row in caged)
    assert all("exploded" in row["left_out"] for row in scratch)
    assert {row["training_failed"] for row in scratch} == {"The training failed."}
    assert all(row["activation_energy_eV"] is None for row in (*caged, *scratch))
    assert [row["runs_exploded"] for row in rows] == [0] * 6 + [1] * 3
    # Of runs that lasted, ions keep their distance; those that exploded have no frame here.
    ran = read_run(root / "foundation/LiCl/LiCl-o000/T0600/r0")
    assert alone[2]["closest_mobile_pair_A"] == pytest.approx(shortest_A(ran, "Li"), abs=0.05)
    assert all(1.2 < row["closest_mobile_pair_A"] < 4 for row in (*alone, *caged))
    assert all(row["closest_mobile_pair_A"] is None for row in scratch)
    # The same velocities and lengths: models differ in nothing else.
    records = [read_record(path.parent) for path in sorted(root.rglob("T0500/r0/run.json"))]
    assert len(records) == 3
    assert len({record.protocol for record in records}) == 1

    table = rows_of(campaign)
    assert [row["diffusivity_cm2_s"] for row in table] == [
        "" if row["diffusivity_cm2_s"] is None else str(row["diffusivity_cm2_s"]) for row in rows
    ]
    for suffix in (".png", ".svg"):
        assert campaign.path(f"learning-curve/transport{suffix}").stat().st_size > 10_000

    folder = campaign.path("learning-curve")
    assert json.loads((folder / "transport.json").read_text()) == rows
    with (folder / "radial.csv").open() as stream:
        curves = list(csv.DictReader(stream))
    assert {(row["strategy"], row["temperature_K"]) for row in curves} == {
        (way, kelvin)
        for way in ("foundation", "multihead")
        for kelvin in ("400.0", "500.0", "600.0")
    }
    assert max(float(row["g"]) for row in curves if float(row["r_A"]) < 1.2) == 0
    assert max(float(row["g"]) for row in curves) > 2
    assert (folder / "radial.svg").stat().st_size > 10_000
    page = (folder / "report.html").read_text()
    assert "from scratch, 4 frames" in page
    assert "Runs left out" in page

    # Again: nothing is left to do, and the numbers are the same.
    workers.append(Workers())
    assert transport_by_size(campaign, [4], strategies=["multihead", "scratch"]) == rows
    assert workers[-1].done == []


def test_an_interrupted_curve_goes_on(campaign: Campaign, workers: list[Workers]) -> None:
    workers.append(Workers(at_most=2))
    chosen = {"strategies": ["multihead"], "temperatures_K": [500, 600]}
    with pytest.raises(KeyboardInterrupt):
        transport_by_size(campaign, [4], **chosen)
    root = campaign.path("learning-curve/transport")
    ended = {path: path.stat().st_mtime_ns for path in root.rglob(OUTCOME_FILE)}
    assert len(ended) == 2
    workers.append(Workers())
    rows = transport_by_size(campaign, [4], **chosen)
    assert len(workers[-1].done) == 2
    assert all(path.stat().st_mtime_ns == time for path, time in ended.items())
    assert {row["temperature_K"] for row in rows} == {500, 600}
    # More temperatures later: those that are done are kept.
    workers.append(Workers())
    assert len(transport_by_size(campaign, [4], strategies=["multihead"])) == 6
    assert workers[-1].done == ["LiCl-o000-T0400-r0"] * 2


def test_a_run_that_fails_is_reported_after_the_others(
    campaign: Campaign, workers: list[Workers], monkeypatch: pytest.MonkeyPatch
) -> None:
    """LAMMPS that stops for no reason of physics: the table is there, and the error."""

    def broken(self: Workers, units: list, progress: object) -> None:
        Here.run(self, units[:-1], progress)
        raise MlipsseError("LAMMPS stopped: no space left.")

    monkeypatch.setattr(Workers, "run", broken)
    with pytest.raises(
        MlipsseError, match=r"no space left\. The table .* the runs that did not end"
    ):
        transport_by_size(campaign, [4], strategies=["multihead"], temperatures_K=[400])
    alone, unended = rows_of(campaign)
    assert float(alone["diffusivity_cm2_s"]) > 0
    assert unended["left_out"] == "LiCl-o000-T0400-r0: did not end"


def test_a_model_that_lacks_an_element(campaign: Campaign, workers: list[Workers]) -> None:
    rows = transport_by_size(campaign, [4], strategies=["naive"], temperatures_K=[400])
    assert [row["runs_left_out"] for row in rows] == [0, 1]
    assert rows[1]["left_out"] == "LiCl-o000-T0400-r0: the potential does not know Li"


@pytest.mark.parametrize(
    ("temperatures_K", "compositions", "words"),
    [
        ([450], None, r"simulate.temperatures_K \(400, 500, 600 K\); 450 is not\."),
        ([], None, r"none is not\."),
        (None, ["NaCl"], r"those of the campaign \(LiCl\); NaCl is not\."),
    ],
)
def test_runs_that_the_campaign_does_not_have(
    campaign: Campaign,
    temperatures_K: list[float] | None,
    compositions: list[str] | None,
    words: str,
) -> None:
    with pytest.raises(MlipsseError, match=words):
        check_runs(campaign, temperatures_K, compositions)


def test_orderings_come_first(campaign: Campaign) -> None:
    campaign.path(paths.Select.selected).unlink()
    with pytest.raises(MlipsseError, match="No orderings are selected yet"):
        transport_by_size(campaign, [4])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--temperatures", "600"], "--compositions require --transport"),
        (["--transport", "--temperatures", "warm"], "is not a list of temperatures"),
        (["--transport", "--compositions", "NaCl"], "NaCl is not."),
    ],
)
def test_words_that_are_not_understood(words: list[str], sentence: str, campaign: Campaign) -> None:
    result = CliRunner().invoke(app, ["learning-curve", str(campaign.folder), *words])
    assert isinstance(result.exception, MlipsseError)
    assert sentence in str(result.exception)


@pytest.mark.slow
def test_models_that_are_trained(tmp_path: Path) -> None:
    """A training, its export and its runs, by a network of random weights before and after."""
    write_foundation(tmp_path / "tiny.model")
    campaign = make_campaign(tmp_path, production_ps=0.5)
    words = ["learning-curve", str(campaign.folder), "--sizes", "4", "--strategies", "multihead",
             "--transport", "--temperatures", "400", "--json"]  # fmt: skip
    first = CliRunner().invoke(app, words)
    assert first.exit_code == 0, first.output
    alone, tuned = json.loads(first.stdout)["transport"]
    assert [(row["frames"], row["strategy"]) for row in (alone, tuned)] == [
        (0, "foundation"),
        (4, "multihead"),
    ]
    # The limit of the energy offset is one that no training keeps: the model is run all the same.
    assert "refused above 1e-09" in tuned["training_failed"]
    for row in (alone, tuned):
        assert row["runs"] + row["runs_left_out"] == 1
        assert "did not end" not in row["left_out"]
    root = campaign.path("learning-curve/transport")
    cards = [read_card(root / name / "potential/potential/card.yaml")
             for name in ("foundation", "00004-multihead")]  # fmt: skip
    assert [card["frames"] for card in cards] == [None, 4]
    assert [card["exported_head"] for card in cards] == ["Default", "Default"]
    used = [read_record(path.parent).extra["potential_sha256"]
            for path in sorted(root.rglob("run.json"), reverse=True)]  # fmt: skip
    assert used == [card["sha256"]["potential.safetensors"] for card in cards]
    kept = {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.suffix != ".part"}
    again = CliRunner().invoke(app, words)
    assert json.loads(again.stdout) == json.loads(first.stdout)
    assert all(
        path.stat().st_mtime_ns == time
        for path, time in kept.items()
        if path.suffix in {".pt", ".model", ".json", ".dcd"} and path.name != "plan.json"
    )


def row(frames: int, strategy: str, kelvin: float, value: float | None) -> dict:
    names = ("diffusivity", "conductivity", "activation_energy")
    units = ("cm2_s", "mS_cm", "eV")
    numbers = {f"{n}_{u}": value for n, u in zip(names, units, strict=True)} | {
        f"{n}_std_{u}": value and 0.1 * value for n, u in zip(names, units, strict=True)
    }
    lost = value is None
    return {"frames": frames, "strategy": strategy, "composition": "LiCl", "temperature_K": kelvin,
            **numbers, "runs": int(not lost), "runs_left_out": int(lost),
            "left_out": "r0: exploded: it heated to 4000 K" if lost else ""}  # fmt: skip


def test_the_figure_draws_every_model() -> None:
    rows = [
        row(frames, strategy, kelvin, value and value * kelvin / 400)
        for frames, strategy, value in (
            (0, "foundation", 0.5), (50, "multihead", 0.2), (50, "scratch", None),
            (500, "multihead", 0.25), (500, "scratch", 0.3),
        )
        for kelvin in (400.0, 500.0)
    ]  # fmt: skip
    figure = size_transport_figure(rows)
    arrhenius, conductivity, energy = figure.axes
    drawn = [line.get_xydata().tolist() for line in energy.lines]
    assert [[50, 0.2], [500, 0.25]] in drawn
    assert [[500 * 1.06, 0.3]] in drawn
    assert [[0, 0.5], [1, 0.5]] in drawn  # the foundation, all the way
    assert [[50 * 1.06, 0.05]] in drawn  # the cross of what exploded
    assert [text.get_text() for text in energy.get_legend().get_texts()] == [
        "foundation",
        "multi-head with replay",
        "from scratch",
    ]
    assert [text.get_text() for text in arrhenius.get_legend().get_texts()] == [
        "foundation",
        "50 frames",
        "500 frames",
    ]
    assert [[500 * 1.06, 0.3 * 500 / 400]] in [
        line.get_xydata().tolist() for line in conductivity.lines
    ]
    assert figure.get_supxlabel() == (
        "LiCl, from scratch, 50 frames: 2 of 2 runs left out, e.g. r0: exploded: it heated to "
        "4000 K"
    )


def test_the_figure_of_nothing_usable_has_no_scale() -> None:
    figure = size_transport_figure(
        [row(0, "foundation", 400.0, None), row(4, "naive", 400.0, None)]
    )
    assert [len(axes.get_yticks()) for axes in figure.axes] == [0, 0, 0]
    assert len(figure.get_supxlabel().splitlines()) == 2
