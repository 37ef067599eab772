"""Stage 4 on two small crystals, in this process."""

import json
from typing import Any

import pytest
from ase.build import bulk

from mlipsse import keys
from mlipsse.campaign.config.file import parse_config
from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.folder import read_campaign
from mlipsse.campaign.engine.stage import Work
from mlipsse.campaign.engine.table import read_csv
from mlipsse.campaign.stages.report.parts import sampling_summary
from mlipsse.campaign.stages.sample import stage as sample
from mlipsse.campaign.stages.sample.trajectories import (
    LEFT_OUT_COLUMNS,
    _cut,
)
from mlipsse.dataset.frames.extxyz import read_frames, write_frames
from mlipsse.energetics.single_point import SinglePoint
from mlipsse.errors import MlipsseError
from tests.support.here import Here

CONFIG = """
name: test
structure: {{host: host.cif, mobile: Li}}
enumerate: {{compositions: [LiCl]}}
sample: {sample}
simulate: {{temperatures_K: [800]}}
"""
SHORT = {
    "foundation": "mace-sse-small", "duration_ps": 0.04, "timestep_fs": 2, "equilibration_ps": 0.01,
    "frames": 4, "min_atoms": 8, "temperatures_K": [500, 700],
}  # fmt: skip


def trajectories(unit):
    return [one.name for one in unit.arguments["planned"]]


class Springs:
    """Crystals whose atoms hang on their first positions; the descriptor is the atom's place."""

    def __init__(self):
        self.home = {}

    def evaluate(self, structures, *, invariants=False):
        return [self._evaluate(atoms, invariants) for atoms in structures]

    def _evaluate(self, atoms, invariants):
        offset = atoms.positions - self.home.setdefault(len(atoms), atoms.positions.copy())
        stated = atoms.get_scaled_positions() if invariants else None
        return SinglePoint(float((offset**2).sum()), -2.0 * offset, invariants=stated)


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    from mlipsse.campaign.stages.sample import trajectories as sampling

    monkeypatch.setattr(sampling, "make_evaluator", lambda *_, **__: Springs())


def campaign(folder, **changes):
    (folder / "campaign.yaml").write_text(CONFIG.format(sample=json.dumps(SHORT | changes)))
    starts = []
    for k, formula in enumerate(("LiCl", "LiCl", "LiBr")):
        atoms = bulk(formula, "rocksalt", a=5.2, cubic=True)
        atoms.info.update({keys.COMPOSITION: formula, keys.ORDERING: f"{formula}-o{k}"})
        starts.append(atoms)
    write_frames(folder / "03-select" / "selected.extxyz", starts)
    return read_campaign(folder)


def sampled(found, execution):
    work = Work(found, found.folder / "04-sample", execution, lambda *_: None)
    sample.perform(work)
    return work


def frames_of(folder):
    return read_frames(folder / "04-sample" / "frames.extxyz", labelled=False)


def by_trajectory(frames):
    found: dict[str, Any] = {}
    for frame in frames:
        found.setdefault(frame.info[keys.TRAJECTORY], []).append(frame)
    return found


def test_frames_and_tables(tmp_path):
    execution = Here(stated=trajectories)
    work = sampled(campaign(tmp_path, contact_frames=1), execution)
    # Two workers: six trajectories of eight atoms in two units.
    assert [len(names) for names in execution.done] == [3, 3]
    found = by_trajectory(frames_of(tmp_path))
    assert {name: len(some) for name, some in found.items() if "contacts" not in name} == {
        f"{ordering}-T{T}": 4
        for ordering in ("LiCl-o0", "LiCl-o1", "LiBr-o2")
        for T in ("0500", "0700")
    }
    assert sum(len(some) for name, some in found.items() if "contacts" in name) == 3
    rows = read_csv(tmp_path / paths.Sample.trajectories)
    assert [(row["candidates"], row["left_out"], row["frames"]) for row in rows] == [
        ("4", "0", "4")
    ] * 6
    table = (tmp_path / "04-sample" / "left_out.csv").read_text()
    assert table == ",".join(LEFT_OUT_COLUMNS) + "\n"
    assert work.results == {"frames": 24, "left_out": 0, "stopped": 0}
    assert not list((tmp_path / "04-sample" / "units").glob("*.npz"))


def test_a_new_temperature_runs_alone_and_changes_nothing(tmp_path):
    sampled(campaign(tmp_path), Here())
    before = by_trajectory(frames_of(tmp_path))
    execution = Here(stated=trajectories)
    sampled(campaign(tmp_path, temperatures_K=[500, 600, 700]), execution)
    new = ["LiCl-o0-T0600", "LiCl-o1-T0600", "LiBr-o2-T0600"]
    assert sorted(name for names in execution.done for name in names) == sorted(new)
    after = by_trajectory(frames_of(tmp_path))
    assert set(after) == set(before) | set(new)
    for name, some in before.items():
        for one, other in zip(some, after[name], strict=True):
            assert (one.positions == other.positions).all()
    again = Here()
    sampled(campaign(tmp_path, temperatures_K=[500, 600, 700]), again)
    assert again.done == []


def test_filters_selection_and_device_run_nothing_again(tmp_path):
    sampled(campaign(tmp_path), Here())
    execution = Here(stated=trajectories)
    changes = {"max_energy_z": 3, "closest_A": {"Li-Li": 1.0}, "contact_frames": 1}
    sampled(campaign(tmp_path, **changes), execution)
    assert execution.done == []
    sampled(campaign(tmp_path, friction_per_ps=5), execution)
    assert len(execution.done) == 2


def test_a_batch_that_was_begun_stays_together(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        sampled(campaign(tmp_path), Here(at_most=1))
    recorded = json.loads((tmp_path / "04-sample" / paths.Sample.batches.name).read_text())
    assert [len(names) for names in recorded] == [3, 3]
    # One of the second batch had ended before the kill: it stays, its company goes on with it.
    (tmp_path / "04-sample" / "units" / recorded[1][0]).write_text("{}")
    execution = Here(at_most=0)
    with pytest.raises(KeyboardInterrupt):
        sampled(campaign(tmp_path, temperatures_K=[500, 700, 900]), execution)
    recorded_after = json.loads((tmp_path / "04-sample" / paths.Sample.batches.name).read_text())
    assert recorded_after[0] == recorded[1]
    new = [name for names in recorded_after[1:] for name in names]
    assert len(new) == 3
    assert all("T0900" in name for name in new)


def test_what_is_left_out_is_listed_with_its_reason(tmp_path):
    # Nothing is closer than the limit but Li-Cl, which always is.
    sampled(campaign(tmp_path, closest_A={"Li-Cl": 4.0}), Here())
    found = by_trajectory(frames_of(tmp_path))
    assert set(found) == {"LiBr-o2-T0500", "LiBr-o2-T0700"}
    rows = read_csv(tmp_path / "04-sample" / "left_out.csv")
    assert len(rows) == 16
    assert {row["composition"] for row in rows} == {"LiCl"}
    assert all("closer than 4.00 Å" in row["reason"] for row in rows)
    stated = sampling_summary(read_csv(tmp_path / paths.Sample.trajectories))
    assert stated == "8, from 6 trajectories, 0 of which were stopped early; 16 left out by filters"
    counts = [row["left_out"] for row in read_csv(tmp_path / paths.Sample.trajectories)]
    assert counts == ["4"] * 4 + ["0"] * 2


def test_farthest_frames_spread_wider_than_random_ones(tmp_path):
    settings = {"frames": 2, "selection": "farthest", "candidates": 12}
    sampled(campaign(tmp_path, **settings), Here())
    frames = frames_of(tmp_path)
    rows = read_csv(tmp_path / paths.Sample.trajectories)
    assert [row["candidates"] for row in rows] == ["12"] * 6
    kept = {"LiCl": 0, "LiBr": 0}
    for row in rows:
        kept[row["composition"]] += int(row["frames"])
    # As many as at random per composition, wherever they come from.
    assert kept == {"LiCl": 8, "LiBr": 4}
    assert len(frames) == 12
    times = [frame.info["time_ps"] for frame in frames if frame.info[keys.COMPOSITION] == "LiBr"]
    assert len(set(times)) == len(times)


def test_no_frame_at_all_is_reported_with_the_reason(tmp_path):
    with pytest.raises(MlipsseError, match=r"No trajectory gave a frame \(6 were run, 24 frames"):
        sampled(campaign(tmp_path, closest_A={"Li-Cl": 4.0, "Br-Li": 4.0}), Here())
    assert len(read_csv(tmp_path / "04-sample" / "left_out.csv")) == 24


@pytest.mark.parametrize(
    ("sizes", "unit_atoms", "workers", "expected"),
    [
        ([40] * 10, 200, 2, [5, 5]),
        ([40] * 12, 200, 2, [3, 3, 3, 3]),  # as many rounds as needed, all workers busy in each
        ([40] * 3, 200, 2, [1, 2]),
        ([40], 200, 2, [1]),
        ([40] * 4, 0, 2, [1, 1, 1, 1]),
        ([300, 20, 20, 20], 200, 1, [1, 3]),
        ([], 200, 2, []),
    ],
)
def test_batches_are_even_and_keep_workers_busy(sizes, unit_atoms, workers, expected):
    class Planned:
        def __init__(self, size):
            self.start = [None] * size

    planned = [Planned(size) for size in sizes]
    batches = _cut(planned, unit_atoms=unit_atoms, workers=workers)
    assert sorted(map(len, batches)) == sorted(expected)
    assert [one for batch in batches for one in batch] == planned


@pytest.mark.parametrize(
    ("section", "message"),
    [
        (
            "{foundation: 'sevennet: 7net-0', selection: farthest}",
            "requires the descriptors of a MACE model",
        ),
        ("{candidates: 90}", "candidates requires selection: farthest"),
        (
            "{foundation: mace-sse-small, selection: farthest, candidates: 20}",
            r"fewer than frames \(30\)",
        ),
        ("{closest_A: {LiLi: 2}}", "'LiLi' is not a pair of elements"),
        ("{device: gpu}", "sample.device"),
    ],
)
def test_impossible_settings_are_reported(section, message):
    with pytest.raises(MlipsseError, match=message):
        parse_config(CONFIG.format(sample=section), source="campaign.yaml")
