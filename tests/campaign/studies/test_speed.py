"""`mlipsse study speed`: sizes kept, published times beside, AIMD from the labels' own cost."""

import json
from pathlib import Path

import numpy as np
import pytest
from ase.io import read

from mlipsse.campaign.studies import speed
from mlipsse.campaign.studies.speed import aimd_costs, study_speed
from mlipsse.errors import MlipsseError
from mlipsse.potential.speed.measurement import BenchmarkRow
from mlipsse.resources import resource_dir

BUNDLE = resource_dir("potentials") / "mace-sse-small"
LABELS = resource_dir("examples").parent / "labels" / "scan" / "pbe.extxyz"


def test_sizes_are_kept_and_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def measured(bundle: Path, *, atoms: list[int], **options: object) -> list[BenchmarkRow]:
        (size,) = atoms
        asked.append(size)
        if size == 640 and asked.count(640) == 1:
            raise KeyboardInterrupt
        return [
            BenchmarkRow(engine, "float32", size, 1, 0.02 * size, 20.0, 4320 / size, 50.0, 0.1, 0.0)
            for engine in ("native", "torchscript")
        ]

    monkeypatch.setattr(speed, "benchmark", measured)
    with pytest.raises(KeyboardInterrupt):
        study_speed(BUNDLE, [640, 160], out=tmp_path)
    found = study_speed(BUNDLE, [640, 160], out=tmp_path)
    assert asked == [160, 640, 640], "what is measured is kept"
    assert [row.atoms for row in found.rows] == [160, 160, 640, 640]
    content = json.loads((tmp_path / "speed.json").read_text())
    first = content["measured"][0]
    # 160 atoms at 20 µs: 3.2 ms a step, 3200 s a million steps
    assert first["hours_per_million_steps"] == pytest.approx(3200 / 3600)
    assert content["published"][0]["us_per_atom_step"] == 196.0
    assert (tmp_path / "speed.png").is_file()
    assert "A40" in (tmp_path / "report.html").read_text()
    study_speed(BUNDLE, [160], out=tmp_path, threads=2)
    assert asked[-1] == 160, "other threads are another measurement"


@pytest.mark.skipif(not LABELS.is_file(), reason="labels/ lies in a checkout alone")
def test_aimd_costs_what_its_single_points_cost() -> None:
    (cost,) = aimd_costs(LABELS)
    assert cost.atoms == pytest.approx(np.mean([len(frame) for frame in read(LABELS, ":")]))
    assert "PBE" in cost.source
    # minutes of one core for a step of 1 fs, a thousand of which are a picosecond
    minutes = [frame.info["cpu_min"] for frame in read(LABELS, ":")]
    assert 0.5 < np.mean(minutes) < 20
    assert cost.core_hours_per_ps == pytest.approx(np.mean(minutes) / 60 * 1000)
    with pytest.raises(MlipsseError, match="states the CPU time"):
        aimd_costs(resource_dir("examples") / "li3incl6-cp2k" / "frame.extxyz")


def test_no_sizes(tmp_path: Path) -> None:
    with pytest.raises(MlipsseError, match="at least one number"):
        study_speed(BUNDLE, [], out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
