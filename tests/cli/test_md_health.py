"""`mlipsse md health`: pressures with their errors, and cautions, from the logs of runs."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from mlipsse.cli import app, md
from mlipsse.md.files.record import read_record
from tests.support.trajectories.lennard_jones import render

NAMES = "'Step', 'Time', 'Temp', 'TotEng', 'Econserve', 'Press', 'Volume', "


def logged(folder: Path, *, pressure_bar: float, columns: str = "") -> None:
    rng = np.random.default_rng(0)
    rows = [
        f"  - [{step}, 0, 300, 0, 0, {pressure_bar + rng.normal(0, 2000):.1f}, 1100, {columns}]\n"
        for step in range(0, 6001, 10)
    ]
    tensor = "'Pxx', 'Pyy', 'Pzz', 'Pxy', 'Pxz', 'Pyz', " if columns else ""
    (folder / "log.0.lammps").write_text(f"keywords: [{NAMES}{tensor}]\ndata:\n{''.join(rows)}")


def test_pressure_and_caution_of_each_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlipsse.cli.md.console._width", 200)  # one row per run
    logged(render(tmp_path / "hot"), pressure_bar=25_000)
    logged(render(tmp_path / "calm"), pressure_bar=500, columns="500, 500, 500, 0, 0, 0, ")
    done = CliRunner().invoke(app, ["md", "health", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "p, GPa" in done.output
    assert re.search(r"│ 2\.(49|50|51) ± 0\.01 │", done.output)  # a mean known to 0.01
    assert done.output.count("caution:") == 1
    assert done.output.count("│ LiCl-o000-T0300-r0 │") == 2
    assert re.search(
        r"LiCl-o000-T0300-r0 in \S+hot: caution: the mean pressure is 2\.\d\d ± 0\.01 GPa, but 0",
        done.output,
    )
    done = CliRunner().invoke(app, ["md", "health", str(tmp_path), "--json"])
    calm, hot = json.loads(done.output)
    assert calm["run"] == hot["run"] == "LiCl-o000-T0300-r0"
    assert [Path(one["folder"]).name for one in (calm, hot)] == ["calm", "hot"]
    assert calm["cautions"] == []
    assert calm["pressure"]["mean_GPa"] == pytest.approx(0.05, abs=0.05)
    assert calm["pressure"]["anisotropy_GPa"] == pytest.approx(0, abs=1e-9)
    assert hot["pressure"]["anisotropy_GPa"] is None
    assert hot["volume_drift"] is None
    assert "set simulate.npt_ps" in hot["cautions"][0]


def test_runs_have_the_name_that_tables_and_files_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(md, "console", Console(highlight=False, width=200))
    folder = render(tmp_path / "LiCl" / "o000" / "T0300" / "r0")
    done = CliRunner().invoke(app, ["md", "health", str(tmp_path)])
    assert done.exit_code == 0, done.output
    name = read_record(folder).name
    assert f"│ {name} │ queued │" in done.output
    assert "folder" not in done.output
