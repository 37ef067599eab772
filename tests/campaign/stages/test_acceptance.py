"""Stage 7 on files that stand in for the stages before it: tried once, recorded, and enforced."""

import csv
import json
import shutil
from pathlib import Path

import pytest
import yaml
from ase.io import read

from mlipsse import keys
from mlipsse.campaign import runner
from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.folder import Campaign, read_campaign
from mlipsse.campaign.engine.record import read_record
from mlipsse.campaign.runner import campaign_status, run_campaign
from mlipsse.campaign.stages.export import acceptance
from mlipsse.campaign.stages.export import stage as export
from mlipsse.campaign.stages.report.parts import acceptance_cautions, acceptance_figures
from mlipsse.campaign.stages.simulate.accepted import require_accepted
from mlipsse.dataset.frames.extxyz import read_frames, write_frames
from mlipsse.dataset.frames.strain import strain_frames
from mlipsse.errors import MlipsseError
from mlipsse.potential.acceptance.report import CARD_KEY

CONFIG = """
name: test
structure: {{host: host.cif, mobile: Li}}
enumerate: {{compositions: [Li3InCl6]}}
rank: {{relaxation: positions}}
label: {{source: "teacher: {potential}"}}
sample: {{min_atoms: 1}}
export:
  name: test
  acceptance: {{duration_ps: {duration_ps}, constant_energy_ps: 0.02, min_atoms: 1}}
simulate: {{temperatures_K: [300, 400], timestep_fs: 2}}
execution: {{workers: 1}}
"""


@pytest.fixture
def campaign(tmp_path, shipped_bundle, monkeypatch) -> Campaign:
    """Trained, not yet exported; its crystal and frames are replay frames of the model itself."""
    monkeypatch.setattr(runner, "STAGES", (export.STAGE,))
    frames = read(shipped_bundle / "replay.extxyz", ":")
    atoms = next(one for one in frames if set(one.symbols) == {"Li", "In", "Cl"} and len(one) <= 40)
    for folder in ("03-select", "04-sample", "05-label", "06-finetune"):
        (tmp_path / folder).mkdir()
    (tmp_path / "host.cif").write_text("")
    start = atoms.copy()
    start.info = {keys.COMPOSITION: "Li3InCl6", keys.ORDERING: "o001", "relaxed_energy_eV": -60.0}
    write_frames(tmp_path / paths.Select.selected, [start])
    dynamics = strain_frames([start] * 5, max_strain=0.02, seed=1)
    for frame in dynamics:
        frame.info |= {keys.ORIGIN: "dynamics", "temperature_K": 500.0}
    write_frames(tmp_path / paths.Sample.frames, dynamics)
    labelled = atoms.copy()
    labelled.info |= {keys.LABEL_SOURCE: "teacher: itself"}
    write_frames(tmp_path / "05-label" / "train.extxyz", [labelled])
    write_frames(tmp_path / "05-label" / "test.extxyz", [labelled])
    (model,) = shipped_bundle.glob("*.model")
    shutil.copyfile(model, tmp_path / paths.Finetune.model)
    card = yaml.safe_load((shipped_bundle / "card.yaml").read_text())
    metrics = {"head": card["exported_head"], "replay_head": "replay", "errors": {"test": {}},
               "replay_errors": {}}  # fmt: skip
    (tmp_path / paths.Finetune.metrics).write_text(json.dumps(metrics))
    return configured(tmp_path, shipped_bundle, duration_ps=0.04)


def configured(folder: Path, bundle: Path, *, duration_ps: float) -> Campaign:
    text = CONFIG.format(potential=bundle.name, duration_ps=duration_ps)
    (folder / "campaign.yaml").write_text(text)
    return read_campaign(folder)


def card_of(campaign: Campaign) -> dict:
    return yaml.safe_load(campaign.card_file.read_text())


def test_the_export_is_tried_once_and_reported(campaign, shipped_bundle) -> None:
    run_campaign(campaign)
    record = card_of(campaign)[CARD_KEY]
    (crystal,) = record["structures"]
    assert crystal["structure"] == "o001"
    assert crystal["temperature_K"] == 400
    found = {line["name"]: line for line in crystal["criteria"]}
    # The labels are the model's own: the volume agrees to the rounding of the export.
    assert found["volume"]["value"] < 1e-3
    assert shipped_bundle.name in found["volume"]["sentence"]
    assert "500 K" in found["g(r)"]["sentence"]
    folder = campaign.path(paths.Export.folder)
    with campaign.path(paths.Export.acceptance).open(newline="") as table:
        assert len(list(csv.DictReader(table))) == len(crystal["criteria"]) == 9
    for figure in acceptance_figures(campaign):
        path, caption = figure.path, figure.caption
        assert path.stat().st_size > 0
        assert path.with_suffix(".svg").stat().st_size > 0
        assert "o001" in caption
    results = {"accepted": record["accepted"], "format": "native"}
    assert read_record(folder).results == results

    # Cut off after the trials: neither they nor the export are done again.
    made = [campaign.model_file, *folder.glob("units/*")]
    assert len(made) == 3
    times = [path.stat().st_mtime_ns for path in made]
    (folder / "record.json").unlink()
    run_campaign(campaign)
    assert [path.stat().st_mtime_ns for path in made] == times
    assert card_of(campaign)[CARD_KEY] == record


@pytest.mark.slow
def test_other_trials_keep_the_export_and_damage_does_not(campaign, shipped_bundle) -> None:
    run_campaign(campaign)
    made = campaign.model_file.stat().st_mtime_ns

    # Other trials are other units; the exported file, which runs may hang on, stays.
    longer = configured(campaign.folder, shipped_bundle, duration_ps=0.05)
    assert [row.state for row in campaign_status(longer)] == ["changed"]
    run_campaign(longer)
    assert longer.model_file.stat().st_mtime_ns == made
    assert card_of(longer)[CARD_KEY]["structures"][0]["duration_ps"] == 0.05

    # A damaged bundle is made again.
    longer.model_file.write_bytes(b"")
    run_campaign(longer)
    assert longer.model_file.stat().st_size > 1000


def refused_card(campaign: Campaign, *, accepted: bool = False) -> Path:
    path = campaign.card_file
    path.parent.mkdir(parents=True)
    line = {"name": "hot run", "verdict": "fail", "sentence": "At 400 K Li and Li came close."}
    line |= {"verdict": "pass"} if accepted else {}
    structures = [{"structure": "o001", "criteria": [line]}]
    path.write_text(yaml.safe_dump({CARD_KEY: {"accepted": accepted, "structures": structures}}))
    return path


def with_settings(campaign: Campaign, **changes: bool | int) -> Campaign:
    text = (campaign.folder / "campaign.yaml").read_text()
    extra = "".join(f", {key}: {str(value).lower()}" for key, value in changes.items())
    text = text.replace("min_atoms: 1}\nsimulate", f"min_atoms: 1{extra}}}\nsimulate")
    (campaign.folder / "campaign.yaml").write_text(text)
    return read_campaign(campaign.folder)


def test_a_refused_model_stops_before_simulate(campaign) -> None:
    card = refused_card(campaign)
    with pytest.raises(
        MlipsseError, match="o001, hot run: At 400 K Li and Li came close"
    ) as stated:
        require_accepted(campaign)
    assert "export.acceptance.require: false" in str(stated.value)
    (caution,) = acceptance_cautions(yaml.safe_load(card.read_text()))
    assert "not accepted" in caution


@pytest.mark.parametrize("change", [{"require": False}, {"run": False}])
def test_it_need_not_stop(campaign, change) -> None:
    changed = with_settings(campaign, **change)
    assert changed.config.export.acceptance.model_dump().items() >= change.items()
    refused_card(changed)
    require_accepted(changed)


def test_an_accepted_model_goes_on(campaign) -> None:
    card = refused_card(campaign, accepted=True)
    require_accepted(campaign)
    assert acceptance_cautions(yaml.safe_load(card.read_text())) == []


def test_untried_is_not_refused(campaign) -> None:
    changed = with_settings(campaign, run=False)
    assert acceptance.inputs(changed) == []
    assert acceptance_figures(changed) == []


def test_simulate_asks_for_acceptance(campaign) -> None:
    from mlipsse.campaign.engine.stage import Work
    from mlipsse.campaign.stages.simulate import stage as simulate

    refused_card(campaign)
    work = Work(campaign, campaign.path("08-simulate"), None, lambda *stated: None)
    with pytest.raises(MlipsseError, match="was not accepted"):
        simulate.perform(work)


@pytest.mark.parametrize(
    ("most", "expected"), [(1, ["o0"]), (3, ["o0", "o4", "o8"]), (20, [f"o{k}" for k in range(9)])]
)
def test_some_compositions_spread_evenly(campaign, monkeypatch, most, expected) -> None:
    groups = [[f"o{k}", "higher"] for k in range(9)]
    monkeypatch.setattr(acceptance, "selected_by_energy", lambda campaign: [*groups, []])
    assert acceptance._crystals(campaign) == [f"o{k}" for k in range(9)]
    assert acceptance._crystals(with_settings(campaign, compositions=most)) == expected


def test_labels_given_stand_for_selected_orderings(campaign, shipped_bundle) -> None:
    """A campaign that begins at label has no orderings: the lowest frame is tried."""
    text = (campaign.folder / "campaign.yaml").read_text()
    text = text.replace(f'"teacher: {shipped_bundle.name}"', '"extxyz: mine.xyz", functional: SCAN')
    (campaign.folder / "campaign.yaml").write_text(text)
    given = read_campaign(campaign.folder)
    (frame,) = read_frames(given.folder / "05-label" / "train.extxyz", labelled=True)
    lower = frame.copy()
    for one, energy_eV in ((frame, -60.0), (lower, -61.0)):
        one.info |= {keys.COMPOSITION: "Li3InCl6", keys.ENERGY: energy_eV}
    lower.positions += 0.5
    write_frames(given.folder / "05-label" / "train.extxyz", [frame])
    for part in ("valid", "test"):
        write_frames(given.folder / "05-label" / f"{part}.extxyz", [lower])
    (start,) = acceptance._crystals(given)
    assert start.info[keys.ORDERING] == "o001", "a selection that is there is taken"
    (given.folder / paths.Select.selected).unlink()
    (start,) = acceptance._crystals(given)
    assert start.positions == pytest.approx(lower.positions)
    assert start.info == {keys.COMPOSITION: "Li3InCl6", keys.ORDERING: "Li3InCl6-labelled"}
    assert not start.arrays.keys() - {"numbers", "positions"}
    assert all(path.is_file() for path in acceptance.inputs(given))
