import json
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from mlipsse.campaign import runner
from mlipsse.campaign.engine.folder import Campaign, read_campaign
from mlipsse.campaign.engine.paths import StageFolder
from mlipsse.campaign.engine.stage import Stage, Work
from mlipsse.campaign.runner import campaign_status, run_campaign
from mlipsse.errors import MlipsseError
from mlipsse.files import exclusive_lock, write_text

CONFIG = """
name: test
seed: {seed}
structure: {{host: host.cif, mobile: Li}}
enumerate: {{compositions: [Li3InCl6]}}
select: {{structures: {structures}}}
simulate: {{temperatures_K: [800]}}
"""


@pytest.fixture
def campaign(tmp_path: Path) -> Campaign:
    (tmp_path / "host.cif").write_text("a host")
    (tmp_path / "campaign.yaml").write_text(CONFIG.format(seed=1, structures=5))
    return read_campaign(tmp_path)


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Three stages in a row that copy their input and note that they ran."""
    journal: list[str] = []

    def make(number: int, name: str, section: str, source: str) -> Stage:
        def perform(work: Work) -> list[Path]:
            journal.append(name)
            text = work.campaign.path(source).read_text()
            value = getattr(work.campaign.config, section)
            write_text(work.folder / "out", f"{text}|{value}")
            work.notes.append(f"{name} took {source} as it is")
            return [work.folder / "out"]

        return Stage(StageFolder(number, name, ""), (section,), lambda c: [c.path(source)], perform)

    stages = (
        make(1, "first", "seed", "host.cif"),
        make(2, "second", "select", "01-first/out"),
        make(3, "third", "export", "02-second/out"),
    )
    monkeypatch.setattr(runner, "STAGES", stages)
    return journal


def reread(campaign: Campaign, **values: int) -> Campaign:
    (campaign.folder / "campaign.yaml").write_text(
        CONFIG.format(**{"seed": 1, "structures": 5, **values})
    )
    return read_campaign(campaign.folder)


def states(campaign: Campaign) -> list[str]:
    return [status.state for status in campaign_status(campaign)]


def test_done_stages_are_skipped(campaign: Campaign, ran: list[str]) -> None:
    assert states(campaign) == ["waiting"] * 3
    run_campaign(campaign)
    run_campaign(campaign)
    assert ran == ["first", "second", "third"]
    assert states(campaign) == ["done"] * 3
    record = json.loads((campaign.folder / "02-second" / "record.json").read_text())
    assert record["inputs"].keys() == {"01-first/out"}
    assert record["outputs"].keys() == {"02-second/out"}
    assert record["config"]["select"]["structures"] == 5


def test_notes_of_a_stage_are_reported_when_it_ends_and_kept(
    campaign: Campaign, ran: list[str]
) -> None:
    stated: list[tuple[str, bool, list[str]]] = []

    def on_end(stage: Stage, seconds: float | None, notes: Sequence[str]) -> None:
        stated.append((stage.name, seconds is None, list(notes)))

    run_campaign(campaign, last="first", on_end=on_end)
    run_campaign(campaign, last="first", on_end=on_end)
    note = "first took host.cif as it is"
    assert stated == [("first", False, [note]), ("first", True, [note])]


def test_a_change_reruns_its_stage_and_those_after(campaign: Campaign, ran: list[str]) -> None:
    run_campaign(campaign)
    ran.clear()
    changed = reread(campaign, structures=6)
    assert states(changed) == ["done", "changed", "done"]
    run_campaign(changed)
    assert ran == ["second", "third"]


def test_a_changed_input_file_reruns(campaign: Campaign, ran: list[str]) -> None:
    run_campaign(campaign)
    ran.clear()
    (campaign.folder / "host.cif").write_text("another host")
    run_campaign(campaign)
    assert ran == ["first", "second", "third"]


@pytest.mark.parametrize("damage", ["remove", "change"])
def test_a_damaged_output_is_made_again(campaign: Campaign, ran: list[str], damage: str) -> None:
    run_campaign(campaign)
    ran.clear()
    path = campaign.folder / "02-second" / "out"
    whole = path.read_text()
    if damage == "remove":
        path.unlink()
    else:
        path.write_text(whole + "?")
    run_campaign(campaign)
    assert ran == ["second"]
    assert path.read_text() == whole


def test_from_and_until(campaign: Campaign, ran: list[str]) -> None:
    run_campaign(campaign, last="second")
    assert ran == ["first", "second"]
    run_campaign(campaign, first="second", last="third")
    assert ran == ["first", "second", "second", "third"]
    with pytest.raises(MlipsseError, match="comes before"):
        run_campaign(campaign, first="third", last="first")
    with pytest.raises(MlipsseError, match=r"no stage 'fourth'; the stages are first, second"):
        run_campaign(campaign, last="fourth")


def test_from_a_stage_without_inputs(campaign: Campaign, ran: list[str]) -> None:
    with pytest.raises(
        MlipsseError, match=r"Stage third requires .*02-second/out, which does not exist"
    ):
        run_campaign(campaign, first="third")


def test_two_runs_at_once_are_refused(campaign: Campaign, ran: list[str]) -> None:
    held = threading.Event()
    with exclusive_lock(campaign.folder / ".mlipsse" / "lock", holder="mlipsse run"):
        held.set()
        with pytest.raises(MlipsseError, match="Another mlipsse run is using"):
            run_campaign(campaign)
    run_campaign(campaign)
    assert ran == ["first", "second", "third"]


def test_a_full_disk_gets_a_sentence(
    campaign: Campaign, ran: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, text: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sys.modules[__name__], "write_text", full)
    with pytest.raises(MlipsseError, match=r"Stage first: .*No space left on device.*run again"):
        run_campaign(campaign)
    monkeypatch.undo()


def test_what_killed_writers_left_is_removed(campaign: Campaign, ran: list[str]) -> None:
    abandoned = [".out.123.part", ".out.123.part.html", "units/.unit.5.part.json"]
    for name in abandoned:
        write_text(campaign.folder / "02-second" / name, "half")
    run_campaign(campaign)
    assert ran == ["first", "second", "third"]
    left = sorted(path.name for path in (campaign.folder / "02-second").rglob("*.*"))
    assert left == ["record.json"]
