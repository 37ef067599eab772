"""Stage 6 with a foundation and a replay set that are downloaded, from files that stand in."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

from mlipsse import keys
from mlipsse.campaign import runner
from mlipsse.campaign.checks.campaign import problems
from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.folder import Campaign, read_campaign
from mlipsse.campaign.engine.record import read_record
from mlipsse.campaign.runner import campaign_status, run_campaign
from mlipsse.campaign.stages.finetune import stage as finetune
from mlipsse.campaign.stages.finetune.foundation import find_foundation, label_replay
from mlipsse.dataset.frames.extxyz import read_frames
from mlipsse.energetics.potentials.calculators import make_calculator
from mlipsse.errors import MlipsseError
from mlipsse.files import sha256
from mlipsse.training.replay_set import filtering as replay
from mlipsse.training.replay_set.pseudo_labels import read_replayed
from tests.support.labels.tiny_sets import (
    REPLAY_SHIFT_EV,
    labelled_frames,
    write_foundation,
    write_sets,
)

CONFIG = """
name: named
structure: {{host: host.cif, mobile: Li}}
enumerate: {{compositions: [LiCl]}}
finetune:
  foundation: {foundation}
  replay: mp
  replay_frames: {frames}
  max_epochs: 3
  batch_size: 4
  max_energy_offset_meV_atom: {offset}
  max_softening: 2  # three epochs
simulate: {{temperatures_K: [800]}}
execution: {{workers: 1}}
"""


@dataclass
class Online:
    """Files that stand in for what is downloaded; `connect` makes them reachable."""

    model: Path
    replay: Path
    cache: Path
    monkeypatch: pytest.MonkeyPatch

    def connect(self) -> None:
        self._set(self.model, self.replay)

    def disconnect(self) -> None:
        # The names stay: mace-torch's cache goes by them.
        nowhere = self.model.parent / "nowhere"
        self._set(nowhere / self.model.name, nowhere / self.replay.name)

    def _set(self, model: Path, replay_set: Path) -> None:
        from mace.calculators.foundations_models import mace_mp_urls

        self.monkeypatch.setitem(mace_mp_urls, "medium", model.as_uri())
        self.monkeypatch.setattr(replay, "MP_REPLAY_URL", replay_set.as_uri())


@pytest.fixture
def online(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Online:
    """Not connected yet."""
    folder = tmp_path / "online"
    folder.mkdir()
    frames = labelled_frames(count=20, seed=3, shift_eV=REPLAY_SHIFT_EV)
    for number, frame in enumerate(frames):
        forces, info = frame.arrays.pop(keys.FORCES), dict(frame.info)
        frame.info = {"mp_id": f"mp-{number}"}
        if number % 5 == 0:
            frame.symbols[frame.symbols == "Cl"] = "Br"  # the model does not know it
        frame.calc = SinglePointCalculator(
            frame, energy=info[keys.ENERGY], forces=forces, stress=info[keys.STRESS]
        )
    write(folder / "mp_traj_combined.xyz", frames, format="extxyz")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(runner, "STAGES", (finetune.STAGE,))
    made = Online(
        model=write_foundation(folder / "tiny.model"),
        replay=folder / "mp_traj_combined.xyz",
        cache=tmp_path / "cache" / "mace",
        monkeypatch=monkeypatch,
    )
    made.disconnect()
    return made


@pytest.fixture
def campaign(tmp_path: Path) -> Campaign:
    folder = tmp_path / "campaign"
    made = reread(folder, foundation="medium", frames=10)
    for part, path in made.labelled_sets.items():
        path.parent.mkdir(exist_ok=True)
        written = write_sets(tmp_path / "sets")[part]
        path.write_bytes(written.read_bytes())
    return made


def reread(folder: Path, *, foundation: str, frames: int, offset: float = 300) -> Campaign:
    folder.mkdir(exist_ok=True)
    text = CONFIG.format(foundation=foundation, frames=frames, offset=offset)
    (folder / "campaign.yaml").write_text(text)
    return read_campaign(folder)


def ran(campaign: Campaign) -> bool:
    seconds: list[float | None] = []
    run_campaign(campaign, on_end=lambda stage, taken, notes: seconds.append(taken))
    return seconds != [None]


def state(campaign: Campaign) -> str:
    (status,) = campaign_status(campaign)
    return status.state


def test_named_foundation_and_replay_set(campaign: Campaign, online: Online) -> None:
    # Looking downloads nothing.
    assert find_foundation(campaign).files == []
    assert state(campaign) == "waiting"
    assert not online.cache.exists()

    # A download that fails stops the stage with a sentence, and is tried again.
    with pytest.raises(MlipsseError, match="Stage finetune: mace-torch could not download"):
        ran(campaign)
    online.connect()
    online.monkeypatch.setattr(replay, "MP_REPLAY_URL", (online.cache / "mp.xyz").as_uri())
    with pytest.raises(MlipsseError, match=r"Stage finetune: The replay set mp .* put it at"):
        ran(campaign)
    online.connect()
    assert ran(campaign)
    assert state(campaign) == "done"

    # What was replayed is ten of the file's sixteen frames of known elements, and is on record.
    (drawn,) = (campaign.folder / paths.Finetune.folder / "units").glob("replay-*.extxyz")
    frames = read_frames(drawn, labelled=True)
    assert len(frames) == 10
    assert {symbol for frame in frames for symbol in frame.symbols} == {"Li", "Cl"}
    record = read_record(campaign.folder / paths.Finetune.folder)
    assert record is not None
    assert record.results == {
        "foundation_sha256": sha256(online.model),
        "replay_source_sha256": sha256(online.replay),
        "replay_sha256": sha256(drawn),
    }
    (command,) = record.commands
    part = campaign.folder / paths.Finetune.folder / "training" / "replay.extxyz"
    assert f"--pt_train_file={part.resolve()}" in command
    trained_on = [f.info[keys.ENERGY] for f in read_frames(part, labelled=True)]
    assert len(trained_on) == 8, "one is watched, one held out"
    assert set(trained_on) < {f.info[keys.ENERGY] for f in frames}
    metrics = json.loads((campaign.path(paths.Finetune.metrics)).read_text())
    assert metrics["replay_head"] == "pt_head"
    assert metrics["foundation_replay_errors"]["force_rmse_meV_A"] > 0

    # Done is done, whether or not there is a network or a cache.
    online.disconnect()
    assert not ran(campaign)
    model = campaign.path(paths.Finetune.model)
    written = model.stat().st_mtime_ns

    # A stage that was cut off after its work keeps it, and needs the cache alone.
    (campaign.folder / paths.Finetune.folder / "record.json").unlink()
    assert state(campaign) == "partial"
    assert ran(campaign)
    assert model.stat().st_mtime_ns == written
    for path in online.cache.iterdir():
        path.unlink()
    assert not ran(campaign)
    assert state(campaign) == "done"

    # A limit that it breaks marks it as failed, without training anew; what was measured stays.
    checkpoints = list((campaign.folder / paths.Finetune.folder / "training/checkpoints").glob("*"))
    before = {path: path.stat().st_mtime_ns for path in checkpoints}
    online.connect()
    strict = reread(campaign.folder, foundation="medium", frames=10, offset=1e-6)
    for _ in range(2):  # the second time from what the first left
        with pytest.raises(MlipsseError, match=r"failed 1 of 8 checks.*Its errors and figures"):
            ran(strict)
    assert not model.exists()
    assert model.with_suffix(".failed.model").is_file()
    failed = json.loads(campaign.path(paths.Finetune.metrics).read_text())
    assert failed["failures"][0].startswith("Energies of the validation set are off by")
    assert failed["errors"] == metrics["errors"]
    assert {path: path.stat().st_mtime_ns for path in checkpoints} == before
    assert checkpoints

    # Another number of frames is another training.
    assert state(reread(campaign.folder, foundation="medium", frames=9)) == "changed"


@pytest.mark.parametrize(
    ("foundation", "sentence"),
    [
        ("medium-omat-0", "medium-omat-0 learned another level of theory"),
        ("mace-matpes-r2scan-0", "learned another level of theory"),
        ("'sevennet: 7net-0'", r"is not a MACE model.*mace-torch \(e\.g\. medium\)"),
    ],
)
def test_foundations_that_mp_is_no_replay_of(
    foundation: str, sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(MlipsseError, match=sentence):
        find_foundation(reread(tmp_path / "campaign", foundation=foundation, frames=9))


def test_a_name_alone_has_no_replay_set(tmp_path: Path) -> None:
    folder = tmp_path / "campaign"
    reread(folder, foundation="medium", frames=9)
    config = (folder / "campaign.yaml").read_text()
    (folder / "campaign.yaml").write_text(config.replace("  replay: mp\n", ""))
    with pytest.raises(MlipsseError, match=r"has no replay set.*Give mp"):
        find_foundation(read_campaign(folder))


def test_structures_are_labelled_by_the_foundation_itself(tmp_path: Path) -> None:
    foundation = write_foundation(tmp_path / "tiny.model")
    crystal = bulk("LiCl", "rocksalt", a=5.1)
    crystal.rattle(0.1, seed=1)
    write(tmp_path / "named.cif", crystal)
    label_replay(
        tmp_path / "labelled.extxyz",
        structures=tmp_path / "named.cif",
        foundation=foundation,
        head=None,
        device="cpu",
        dtype="float64",
    )
    (frame,) = read_frames(tmp_path / "labelled.extxyz", labelled=True)
    assert frame.info[keys.LABEL_SOURCE] == "pseudo-labels: tiny.model"
    frame.calc = make_calculator(str(foundation), dtype="float64")
    assert frame.get_potential_energy() == pytest.approx(frame.info[keys.ENERGY], abs=1e-6)
    np.testing.assert_allclose(frame.get_forces(), frame.arrays[keys.FORCES], atol=1e-6)
    np.testing.assert_allclose(frame.get_stress(), frame.info[keys.STRESS], atol=1e-8)
    assert np.abs(frame.get_forces()).max() > 1e-3


@pytest.mark.parametrize(
    ("content", "sentence"),
    [("nonsense", "cannot be read as structures"), ("1\n\nLi 0 0 0\n", "is not periodic")],
)
def test_structures_that_cannot_be_labelled(content: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "named.xyz").write_text(content)
    with pytest.raises(MlipsseError, match=sentence):
        read_replayed(tmp_path / "named.xyz")


def test_naive_training_needs_no_replay_set(tmp_path: Path) -> None:
    folder = tmp_path / "campaign"
    reread(folder, foundation="medium", frames=9)
    config = (folder / "campaign.yaml").read_text().replace("replay: mp", "strategy: naive")
    (folder / "campaign.yaml").write_text(config)
    assert find_foundation(read_campaign(folder)).replay is None


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("options: {clip_grads: 10}", "has no option 'clip_grads'"),
        ("options: {lr: 0.1}", "'lr' of mace_run_train is set by mlipsse"),
        ("options: {wandb: 1}", "takes no value: give true"),
        ("e0s: {Li: -1.0}", "contains no energy of Cl"),
    ],
)
def test_what_is_wrong_with_a_training_is_found_before(
    line: str, sentence: str, tmp_path: Path
) -> None:
    folder = tmp_path / "campaign"
    reread(folder, foundation=str(write_foundation(tmp_path / "tiny.model")), frames=9)
    labelled = write_sets(tmp_path)["replay"]
    config = (folder / "campaign.yaml").read_text()
    config = config.replace("replay: mp", f"replay: {labelled}\n  {line}")
    (folder / "campaign.yaml").write_text(config)
    assert any(sentence in problem for problem in problems(read_campaign(folder)))


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("lora_rank: 4\n  freeze: embedding", "Give one of the two"),
        ("strategy: scratch\n  lora_rank: 4", "has no weights to keep"),
        ("strategy: scratch\n  e0s: foundation", "has no foundation"),
        ("gpus: 2", "only with cuda"),
        ("freeze: everything", "freeze"),
    ],
)
def test_settings_that_do_not_go_together(line: str, sentence: str, tmp_path: Path) -> None:
    folder = tmp_path / "campaign"
    reread(folder, foundation="medium", frames=9)
    config = (folder / "campaign.yaml").read_text().replace("replay: mp", line)
    (folder / "campaign.yaml").write_text(config)
    with pytest.raises(MlipsseError, match=sentence):
        read_campaign(folder)
