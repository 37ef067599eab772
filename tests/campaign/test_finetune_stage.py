"""Stage 6 with a foundation and a replay set that are downloaded, from files that stand in."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

from mlipsse import keys
from mlipsse.campaign import runner
from mlipsse.campaign.folder import Campaign, read_campaign
from mlipsse.campaign.foundation import find_foundation
from mlipsse.campaign.record import read_record
from mlipsse.campaign.runner import campaign_status, run_campaign
from mlipsse.campaign.stages import finetune, label
from mlipsse.dataset.extxyz import read_frames
from mlipsse.errors import MlipsseError
from mlipsse.files import sha256
from mlipsse.training import replay
from tests.training.tiny_sets import labelled_frames, write_foundation, write_sets

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
    frames = labelled_frames(count=20, seed=3, shift_eV={"Li": -1.0, "Cl": -2.0})
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
    for part, path in label.part_files(made).items():
        path.parent.mkdir(exist_ok=True)
        written = write_sets(tmp_path / "sets")[part]
        path.write_bytes(written.read_bytes())
    return made


def reread(folder: Path, *, foundation: str, frames: int) -> Campaign:
    folder.mkdir(exist_ok=True)
    (folder / "campaign.yaml").write_text(CONFIG.format(foundation=foundation, frames=frames))
    return read_campaign(folder)


def ran(campaign: Campaign) -> bool:
    seconds: list[float | None] = []
    run_campaign(campaign, on_end=lambda stage, taken: seconds.append(taken))
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
    (drawn,) = (campaign.folder / finetune.FOLDER / "units").glob("replay-*.extxyz")
    frames = read_frames(drawn, labelled=True)
    assert len(frames) == 10
    assert {symbol for frame in frames for symbol in frame.symbols} == {"Li", "Cl"}
    record = read_record(campaign.folder / finetune.FOLDER)
    assert record is not None
    assert record.results == {
        "foundation_sha256": sha256(online.model),
        "replay_source_sha256": sha256(online.replay),
        "replay_sha256": sha256(drawn),
    }
    (command,) = record.commands
    assert f"--pt_train_file={drawn.resolve()}" in command
    metrics = json.loads((campaign.path(finetune.METRICS)).read_text())
    assert metrics["replay_head"] == "pt_head"
    assert metrics["foundation_replay_errors"]["force_rmse_meV_A"] > 0

    # Done is done, whether or not there is a network or a cache.
    online.disconnect()
    assert not ran(campaign)
    model = campaign.path(finetune.MODEL)
    written = model.stat().st_mtime_ns

    # A stage that was cut off after its work keeps it, and needs the cache alone.
    (campaign.folder / finetune.FOLDER / "record.json").unlink()
    assert state(campaign) == "partial"
    assert ran(campaign)
    assert model.stat().st_mtime_ns == written
    for path in online.cache.iterdir():
        path.unlink()
    assert not ran(campaign)
    assert state(campaign) == "done"

    # Another number of frames is another training.
    assert state(reread(campaign.folder, foundation="medium", frames=9)) == "changed"


@pytest.mark.parametrize(
    ("foundation", "sentence"),
    [
        ("medium-omat-0", "medium-omat-0 learned another level of theory"),
        ("mace-matpes-r2scan-0", "learned another level of theory"),
        ("chgnet", r"is no MACE model.*mace-torch's \(medium\)"),
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
    with pytest.raises(MlipsseError, match=r"no replay set is shipped.*give mp"):
        find_foundation(read_campaign(folder))
