"""`mlipsse study labels`: the same frames under two sources."""

import json
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from mlipsse import keys
from mlipsse.campaign.studies import labels as study
from mlipsse.campaign.studies.labels import compare_labels
from mlipsse.dataset.frames.extxyz import read_frames, write_frames
from mlipsse.errors import MlipsseError
from tests.support.here import HereExecution


def labelled(factor: float, *, seed: int = 1) -> list[Atoms]:
    """Frames whose forces are `factor` times those of the first source, and noise on Cl."""
    rng = np.random.default_rng(seed)
    noise = np.random.default_rng(99)
    frames = []
    for number in range(8):
        atoms = bulk("LiCl", "rocksalt", a=5.1, cubic=True)
        atoms.positions += rng.normal(scale=0.1, size=atoms.positions.shape)
        forces = rng.normal(size=atoms.positions.shape)
        on_chlorine = (atoms.symbols == "Cl")[:, None] * noise.normal(size=forces.shape)
        atoms.arrays[keys.FORCES] = factor * forces + (factor != 1) * 0.05 * on_chlorine
        atoms.info = {
            keys.ENERGY: -30.0 + (2.0 if factor != 1 else 0.0) + 0.01 * number,
            keys.STRESS: np.zeros(6),
            keys.LABEL_SOURCE: "A" if factor == 1 else "B",
            "temperature_K": 600.0 if number < 4 else 900.0,
        }
        frames.append(atoms)
    return frames


def test_two_sources(tmp_path: Path) -> None:
    write_frames(tmp_path / "one.extxyz", labelled(1.0))
    others = labelled(0.8)[::-1][:-1]  # in another order, and one failed
    others[0].positions += others[0].cell[0]  # written from another cell
    write_frames(tmp_path / "two.extxyz", others)
    found = compare_labels(
        tmp_path / "one.extxyz", str(tmp_path / "two.extxyz"), out=tmp_path / "out"
    )
    assert (found.pairs, found.missing) == (7, 1)
    rows = {row["of"]: row for row in found.rows}
    assert list(rows) == ["all", "Cl", "Li", "600 K", "900 K"]
    assert rows["Li"]["force_slope"] == pytest.approx(0.8, abs=1e-6)
    assert rows["all"]["force_slope"] == pytest.approx(0.8, abs=0.01)
    assert rows["Li"]["force_rmse_meV_A"] == pytest.approx(200, rel=0.15)
    assert rows["Cl"]["force_rmse_meV_A"] > rows["Li"]["force_rmse_meV_A"]
    assert rows["all"]["energy_rmse_meV_atom"] < 1e-3
    assert rows["all"]["energy_offset_meV_atom"] == pytest.approx(250)
    assert (rows["600 K"]["frames"], rows["900 K"]["frames"]) == (3, 4)
    content = json.loads((tmp_path / "out" / "labels.json").read_text())
    assert (content["labels"], content["against"]) == (["A"], ["B"])
    assert (tmp_path / "out" / "labels.png").is_file()
    assert "1 have only the first" in (tmp_path / "out" / "report.html").read_text()


def test_an_element_counts_the_frames_that_have_it(tmp_path: Path) -> None:
    for name, factor in (("one", 1.0), ("two", 0.8)):
        frames = labelled(factor)
        frames[-1].symbols[frames[-1].symbols == "Cl"] = "Br"
        write_frames(tmp_path / f"{name}.extxyz", frames)
    two = str(tmp_path / "two.extxyz")
    found = compare_labels(tmp_path / "one.extxyz", two, out=tmp_path / "out")
    counted = {row["of"]: row["frames"] for row in found.rows}
    assert (counted["all"], counted["Li"], counted["Cl"], counted["Br"]) == (8, 8, 7, 1)


def test_a_teacher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study, "Execution", HereExecution)
    write_frames(tmp_path / "one.extxyz", labelled(1.0))
    out = tmp_path / "out"
    found = compare_labels(tmp_path / "one.extxyz", "teacher: mace-sse-small", out=out)
    assert (found.pairs, found.missing) == (8, 0)
    others = read_frames(out / "other.extxyz", labelled=True)
    assert others[0].info[keys.LABEL_SOURCE] == "teacher: mace-sse-small (teacher labels, not DFT)"
    again = compare_labels(out / "other.extxyz", "teacher: mace-sse-small", out=tmp_path / "again")
    assert again.rows[0]["force_rmse_meV_A"] < 1e-3
    assert again.rows[0]["force_slope"] == pytest.approx(1.0)


def test_other_frames(tmp_path: Path) -> None:
    write_frames(tmp_path / "one.extxyz", labelled(1.0))
    write_frames(tmp_path / "two.extxyz", labelled(0.8, seed=2))
    with pytest.raises(MlipsseError, match="holds none of the frames"):
        compare_labels(tmp_path / "one.extxyz", str(tmp_path / "two.extxyz"), out=tmp_path / "out")
