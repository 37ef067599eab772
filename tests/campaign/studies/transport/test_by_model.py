"""Transport of several potentials: force errors beside the runs of a campaign."""

import csv
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from mlipsse.campaign.engine.folder import Campaign
from mlipsse.campaign.engine.stage import Work
from mlipsse.campaign.stages.simulate import rendering
from mlipsse.campaign.studies.models import ComparedModels, ModelChoice
from mlipsse.campaign.studies.transport import by_model, subject
from mlipsse.campaign.studies.transport.by_model import transport_by_model
from mlipsse.campaign.studies.transport.subject import folder_name
from mlipsse.cli import app
from mlipsse.errors import MlipsseError
from mlipsse.md.calculator import RunCalculator
from mlipsse.md.files.record import read_record
from mlipsse.report.page.content import Section, Table
from mlipsse.transport import analyse_run
from tests.support.study_campaign import EXPLOSIVE, Workers, make_campaign
from tests.support.trajectories.lennard_jones import CONDUCTOR

SHIPPED, OTHER = "mace-sse-small", "mace-liybc-scan-small"
FORCES = {SHIPPED: CONDUCTOR, OTHER: EXPLOSIVE}


@pytest.fixture
def campaign(tmp_path: Path) -> Campaign:
    (tmp_path / "tiny.model").write_text("none that is loaded")
    return make_campaign(tmp_path, production_ps=10.0)


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Workers]:
    """Models that are Lennard-Jones forces; the working one is the last of this list."""
    hired = [Workers()]

    @contextmanager
    def execution(config: object, folder: Path) -> Iterator[Workers]:
        yield hired[-1]

    def bundle(work: Work, model: Path, head: str | None) -> SimpleNamespace:
        work.folder.mkdir(parents=True, exist_ok=True)
        exported = work.folder / f"{model.stem}.pt"
        exported.write_text(model.stem)
        return SimpleNamespace(
            exports={"torchscript": exported},
            elements=("Li", "Cl"),
            first_of=lambda forms: "torchscript",
        )

    monkeypatch.setattr(by_model, "Execution", execution)
    monkeypatch.setattr(by_model, "build_plugin", lambda: tmp_path / "tiny.model")
    monkeypatch.setattr(subject, "provide_model_bundle", bundle)
    monkeypatch.setattr(rendering, "mace_commands", lambda model, **_: FORCES[model.stem])
    return hired


@pytest.fixture
def calculator(tmp_path: Path) -> Path:
    """The file of a calculator of ASE."""
    path = tmp_path / "soft lj.yaml"
    path.write_text(
        f"python: {sys.executable}\ncalculator: ase.calculators.lj:LennardJones\nfunctional: none\n"
        "elements: [Li, Cl]\narguments: {epsilon: 0.05, sigma: 2.2, rc: 5.0, smooth: false}\n"
    )
    return path


def errors_of(*choices: ModelChoice, out: Path) -> ComparedModels:
    rows = [
        {"potential": choice.name, "force_rmse_meV_A": 10.0 * (1 + number)}
        for number, choice in enumerate(choices)
    ]
    table = Table("Errors", ("potential",), [(choice.name,) for choice in choices])
    return ComparedModels(rows, out / "models.csv", Section("models", "Models", tables=[table]))


def test_potentials_in_one_protocol(
    campaign: Campaign, workers: list[Workers], tmp_path: Path
) -> None:
    choices = [ModelChoice(SHIPPED), ModelChoice(OTHER, "Default")]
    out = tmp_path / "study"
    errors = errors_of(*choices, out=out)
    rows = transport_by_model(campaign, choices, errors, out=out)
    assert [(row["potential"], row["temperature_K"]) for row in rows] == [
        (name, kelvin) for name in (SHIPPED, f"{OTHER} (Default)") for kelvin in (400, 500, 600)
    ]
    good, bad = rows[:3], rows[3:]
    root = out / "transport" / folder_name(choices[0])
    runs = [analyse_run(root / "LiCl/LiCl-o000" / f"T0{k}/r0") for k in (400, 500, 600)]
    assert [row["diffusivity_cm2_s"] for row in good] == [
        run.diffusivity.diffusivity_cm2_s for run in runs
    ]
    assert good[0]["activation_energy_std_eV"] > 0
    assert all(row["diffusivity_cm2_s"] is None for row in bad)
    assert [(row["runs"], row["runs_left_out"], row["runs_exploded"]) for row in rows] == [
        *[(1, 0, 0)] * 3,
        *[(0, 1, 1)] * 3,
    ]
    records = [read_record(path.parent) for path in sorted(out.rglob("T0500/r0/run.json"))]
    assert len({record.protocol for record in records}) == 1, "they differ in the potential alone"
    assert len({record.extra["potential_sha256"] for record in records}) == 2

    assert json.loads((out / "transport.json").read_text()) == rows
    with (out / "transport.csv").open() as stream:
        assert [row["potential"] for row in csv.DictReader(stream)] == [
            row["potential"] for row in rows
        ]
    for name in ("transport.png", "transport.svg", "radial.csv", "radial.png"):
        assert (out / name).stat().st_size > 3_000
    page = (out / "report.html").read_text()
    assert 'id="models"' in page
    assert 'id="transport"' in page

    workers.append(Workers())
    assert transport_by_model(campaign, choices, errors, out=out) == rows
    assert workers[-1].done == [], "what is done is kept"


def test_an_interrupted_study_goes_on(
    campaign: Campaign, workers: list[Workers], tmp_path: Path
) -> None:
    choice, out = ModelChoice(SHIPPED), tmp_path / "study"
    workers.append(Workers(at_most=1))
    keywords = {"out": out, "runs": ([400.0, 600.0], ["LiCl"])}
    with pytest.raises(KeyboardInterrupt):
        transport_by_model(campaign, [choice], errors_of(choice, out=out), **keywords)
    workers.append(Workers())
    rows = transport_by_model(campaign, [choice], errors_of(choice, out=out), **keywords)
    assert [row["temperature_K"] for row in rows] == [400, 600]
    assert workers[-1].done == ["LiCl-o000-T0600-r0"]


def test_a_calculator_runs_in_the_same_deck(
    tmp_path: Path, workers: list[Workers], calculator: Path
) -> None:
    (tmp_path / "tiny.model").write_text("none that is loaded")
    campaign = make_campaign(tmp_path, production_ps=0.1)
    choice, out = ModelChoice(str(calculator)), tmp_path / "study"
    (row,) = transport_by_model(
        campaign,
        [choice],
        errors_of(choice, out=out),
        out=out,
        runs=([400.0], None),
    )
    assert row["potential"] == str(calculator)
    assert (row["runs_left_out"], row["runs_exploded"]) == (1, 0), "too short for a diffusivity"
    assert row["closest_mobile_pair_A"] > 1.5
    folder = out / "transport" / folder_name(choice) / "LiCl/LiCl-o000/T0400/r0"
    record = read_record(folder)
    assert record.extra["calculator"]["potential"] == str(calculator)
    assert record.last_step == 600
    assert "pf/callback" in (folder / "in.lammps").read_text()
    # Another potential under the same name has other runs.
    calculator.write_text(calculator.read_text().replace("0.05", "0.06"))
    other = RunCalculator(str(calculator)).extra()["potential_sha256"]
    assert other != record.extra["potential_sha256"]


def test_no_two_potentials_share_a_folder() -> None:
    names = [folder_name(ModelChoice(f"{folder}/a.model")) for folder in ("/x", "/y")]
    names += [folder_name(ModelChoice("sevennet: 7net-mf-0/PBE"))]
    assert len(set(names)) == 3
    assert all(name.replace(".", "").replace("-", "").isalnum() for name in names)


@pytest.mark.parametrize("command", ["models", "labels"])
def test_what_the_command_refuses(
    command: str, campaign: Campaign, tmp_path: Path, invoke: Callable[..., str]
) -> None:
    kind = {"models": "--potentials", "labels": "--against"}[command]
    rest = [kind, "mace-sse-small", "--out", str(tmp_path / "o")]
    labels = str(campaign.labelled_sets["test"])
    assert "is a file. Name a campaign's folder" in invoke(command, labels, *rest, "--transport")
    folder = str(campaign.folder)
    assert "require --transport" in invoke(command, folder, *rest, "--temperatures", "400")
    wrong = ["--transport", "--temperatures", "450"]
    assert "450 is not." in invoke(command, folder, *rest, *wrong)
    wrong = ["--transport", "--compositions", "NaCl"]
    assert "NaCl is not." in invoke(command, folder, *rest, *wrong)
    assert not (tmp_path / "o").exists()


@pytest.fixture
def invoke() -> Callable[..., str]:
    """The refusal of `mlipsse study`."""

    def call(*words: str) -> str:
        result = CliRunner().invoke(app, ["study", *words])
        assert isinstance(result.exception, MlipsseError)
        return str(result.exception)

    return call
