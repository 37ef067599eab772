"""Transport of two label sources: two models that learned the same frames."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from mlipsse import keys
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.campaign.engine.stage import Work
from mlipsse.campaign.stages.export.bundle import Trained
from mlipsse.campaign.stages.simulate import rendering
from mlipsse.campaign.studies.labels import ComparedLabels
from mlipsse.campaign.studies.transport import by_labels
from mlipsse.campaign.studies.transport.by_labels import transport_by_labels
from mlipsse.dataset.frames.extxyz import read_frames, write_frames
from mlipsse.errors import MlipsseError
from mlipsse.report.page.content import Section, Table
from mlipsse.training.settings import Training
from tests.support.study_campaign import Workers, make_campaign
from tests.support.trajectories.lennard_jones import CONDUCTOR, LENNARD_JONES

FORCES = {"first": CONDUCTOR, "second": LENNARD_JONES}
SECTION = Section("labels", "Labels", tables=[Table("Differences", ("of",), [("all",)])])


@pytest.fixture
def campaign(tmp_path: Path) -> Campaign:
    (tmp_path / "tiny.model").write_text("none that is loaded")
    return make_campaign(tmp_path, production_ps=10.0)


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Training]:
    """What was trained, by name; the models are Lennard-Jones forces."""
    asked: dict[str, Training] = {}

    @contextmanager
    def execution(config: object, folder: Path) -> Iterator[Workers]:
        yield Workers()

    def train(
        work: Work, name: str, training: Training, *, folder: Path, model: Path
    ) -> tuple[Trained, str | None]:
        asked[name] = training
        return Trained(model, tmp_path / "j", training.sets["train"]), None

    def bundle(work: Work, model: Trained) -> SimpleNamespace:
        work.folder.mkdir(parents=True, exist_ok=True)
        exported = work.folder / f"{model.model.stem}.pt"
        exported.write_text(model.model.stem)
        return SimpleNamespace(
            exports={"torchscript": exported},
            elements=("Li", "Cl"),
            first_of=lambda forms: "torchscript",
        )

    monkeypatch.setattr(by_labels, "Execution", execution)
    monkeypatch.setattr(by_labels, "build_plugin", lambda: tmp_path / "tiny.model")
    monkeypatch.setattr(by_labels, "train_model", train)
    monkeypatch.setattr(by_labels, "provide_bundle", bundle)
    monkeypatch.setattr(
        by_labels, "provide_foundation", lambda work: (tmp_path / "tiny.model", None)
    )
    monkeypatch.setattr(rendering, "mace_commands", lambda model, **_: FORCES[model.stem])
    return asked


def others(campaign: Campaign, path: Path, *, parts: tuple[str, ...], leave_out: int = 0) -> Path:
    """Frames of some sets under another source, in another order, some of the training left out."""
    frames = []
    for part in parts:
        own = read_frames(campaign.labelled_sets[part], labelled=True)
        for frame in own[leave_out if part == "train" else 0 :]:
            frame.info[keys.LABEL_SOURCE] = "PBE"
            frame.info[keys.ENERGY] += 1.0
            frame.arrays[keys.FORCES] = 0.5 * frame.arrays[keys.FORCES]
            frames.append(frame)
    write_frames(path, frames[::-1])
    return path


def compared(out: Path) -> ComparedLabels:
    return ComparedLabels([], 1, 0, out / "labels.csv", SECTION)


def test_two_models_differ_in_their_labels_alone(
    campaign: Campaign, trained: dict[str, Training], tmp_path: Path
) -> None:
    file = others(campaign, tmp_path / "pbe.extxyz", parts=("train", "valid", "test"), leave_out=1)
    out = tmp_path / "study"
    rows = transport_by_labels(campaign, str(file), compared(out), out=out)
    first, second = trained["first"], trained["second"]
    assert first.settings == second.settings
    assert first.settings.e0s == "estimated"
    n_train = len(read_frames(campaign.labelled_sets["train"], labelled=True))
    for part in ("train", "valid", "test"):
        one, other = (read_frames(side.sets[part], labelled=True) for side in (first, second))
        assert len(one) == len(other) > 0
        if part == "train":
            assert len(one) == n_train - 1, "only frames with both labels"
        for a, b in zip(one, other, strict=True):
            assert abs(a.positions - b.positions).max() < 1e-6
            assert b.info[keys.ENERGY] == pytest.approx(a.info[keys.ENERGY] + 1.0)
            assert b.arrays[keys.FORCES] == pytest.approx(0.5 * a.arrays[keys.FORCES], abs=1e-7)
    assert [(row["labels"], row["source"]) for row in rows] == [
        *[("first", "teacher: morse")] * 3,
        *[("second", "PBE")] * 3,
    ]
    assert all(row["diffusivity_cm2_s"] > 0 for row in rows[:3])
    assert all("too little motion" in row["left_out"] for row in rows[3:])
    page = (out / "report.html").read_text()
    assert "second: PBE" in page
    assert 'id="labels"' in page
    assert (out / "transport.svg").stat().st_size > 10_000


def test_a_set_without_second_labels(
    campaign: Campaign, trained: dict[str, Training], tmp_path: Path
) -> None:
    file = others(campaign, tmp_path / "pbe.extxyz", parts=("train", "test"))
    out = tmp_path / "study"
    with pytest.raises(MlipsseError, match=r"labels of none of the \d+ frames of .*valid\.extxyz"):
        transport_by_labels(campaign, str(file), compared(out), out=out)
    assert trained == {}


def test_a_teacher_labels_all_sets(
    campaign: Campaign,
    trained: dict[str, Training],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def label(frames: list, teacher: str, *_: object) -> list:
        assert teacher == "mace-sse-small"
        return [frame.copy() for frame in frames]

    monkeypatch.setattr(by_labels, "teacher_labels", label)
    out = tmp_path / "study"
    transport_by_labels(
        campaign, "teacher: mace-sse-small", compared(out), out=out, runs=([400.0], None)
    )
    for part, path in campaign.labelled_sets.items():
        own = read_frames(path, labelled=True)
        assert len(read_frames(trained["second"].sets[part], labelled=True)) == len(own)
