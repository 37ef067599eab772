"""`mlipsse screen` on a folder of crystals, good and bad, stopped and started again."""

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.db import connect
from ase.io import write
from ase.io.cube import read_cube

from mlipsse.campaign.engine.unit_json import encode
from mlipsse.campaign.studies.screening import landscapes, units
from mlipsse.campaign.studies.screening.crystals import ScreeningFilters
from mlipsse.campaign.studies.screening.landscapes import screen
from mlipsse.campaign.studies.screening.units import LandscapeSettings
from mlipsse.errors import MlipsseError
from mlipsse.files import write_text
from mlipsse.resources import resource_dir
from mlipsse.screening.filters import Condition
from tests.support.command_line import mlipsse
from tests.support.here import HereExecution

SETTINGS = LandscapeSettings("mace-sse-small", "Li", spacing_A=0.7)
COARSE = LandscapeSettings("mace-sse-small", "Li", spacing_A=0.9)


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landscapes, "Execution", HereExecution)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An ordered crystal, a disordered one, and what cannot be screened."""
    made = tmp_path / "crystals"
    made.mkdir()
    write(made / "LiCl.cif", bulk("LiCl", "rocksalt", a=5.13, cubic=True))
    shutil.copy(made / "LiCl.cif", made / "again.cif")
    write(made / "NaCl.cif", bulk("NaCl", "rocksalt", a=5.64, cubic=True))
    write(made / "LiI.cif", bulk("LiI", "rocksalt", a=6.0, cubic=True))
    (made / "broken.cif").write_text("data_x\nloop_\n")
    shutil.copy(resource_dir("examples") / "li3incl6" / "Li3InCl6.cif", made)
    return made


def test_a_folder_is_ranked_and_bad_files_are_named(folder: Path, tmp_path: Path) -> None:
    found = screen([folder], SETTINGS, out=tmp_path / "out")
    done = [row for row in found.rows if not row["reason"]]
    assert [row["rank"] for row in done] == [1, 2]
    assert {row["name"] for row in done} == {"Li3InCl6", "LiCl"}
    assert done[0]["xi"] > done[1]["xi"]
    reasons = {row["name"]: row["reason"] for row in found.rows if row["reason"]}
    assert reasons["again"] == "same as LiCl.cif"
    assert "contains no Li" in reasons["NaCl"]
    assert "does not know I" in reasons["LiI"]
    assert "cannot be read" in reasons["broken"]
    rows = list(csv.DictReader(found.table.open()))
    assert [row["name"] for row in rows] == [row["name"] for row in found.rows]
    record = json.loads(found.record.read_text())
    (notes,) = (row["notes"] for row in record if row["name"] == "Li3InCl6")
    assert notes[0].startswith("1 orderings of ")
    page = found.page.read_text()
    assert 'id="landscape-1"' in page
    assert 'id="landscape-2"' in page
    assert page.count("path of lowest barrier: ") == 2
    assert "Overview" not in page
    assert "same as LiCl.cif" in page
    assert (tmp_path / "out" / "landscapes" / "LiCl.png").is_file()
    best = connect(tmp_path / "out" / "table.db").get(rank=1)
    assert best.name == done[0]["name"]
    assert best.xi == pytest.approx(done[0]["xi"])
    assert best.connected_0p5 == pytest.approx(done[0]["connected_0.5"])
    assert len(best.toatoms()) == done[0]["atoms"]
    cube = tmp_path / "out" / "landscapes" / "LiCl.cube"
    with cube.open() as stream:
        content = read_cube(stream)
    assert content["data"].shape == (8, 8, 8)
    assert content["data"].min() == 0.0
    assert len(content["atoms"]) == 8


def test_it_goes_on_where_it_stopped(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = screen([folder / "Li3InCl6.cif"], COARSE, out=tmp_path / "whole")
    computed = units.compute_points
    calls: list[Path] = []

    def count(output: Path, **arguments: object) -> None:
        calls.append(output)
        if len(calls) == 2:
            raise KeyboardInterrupt
        computed(output, **arguments)

    monkeypatch.setattr(units, "compute_points", count)
    with pytest.raises(KeyboardInterrupt):
        screen([folder / "Li3InCl6.cif"], COARSE, out=tmp_path / "out")
    first = list(calls)
    again = screen([folder / "Li3InCl6.cif"], COARSE, out=tmp_path / "out")
    assert first[0] not in calls[len(first) :], "what was done is not done again"
    for name in ("xi", "mpe_eV", "points", "connected_0.5"):
        assert again.rows[0][name] == pytest.approx(whole.rows[0][name], rel=1e-6)


def test_filters(folder: Path, tmp_path: Path) -> None:
    """By a column of a table, and by the hull that the crystals span with the potential."""
    table = tmp_path / "gaps.csv"
    table.write_text("name,gap\nLiCl,6.0\nLi3InCl6,3.4\nNaCl,6\nLiI,4\nwide,5\n")
    write(folder / "wide.cif", bulk("LiCl", "zincblende", a=5.6, cubic=True))
    (folder / "broken.cif").unlink()
    relaxed = replace(COARSE, relaxation="cell")
    filters = ScreeningFilters(table, [Condition("gap", ">", 3.5)], 0.02)
    rows = screen([folder], relaxed, out=tmp_path / "out", filters=filters).rows
    reasons = {row["name"]: row["reason"] for row in rows}
    assert reasons["Li3InCl6"] == "its gap is 3.4, and gap > 3.5 is required"
    assert reasons["LiCl"] == ""
    # Nothing but LiCl can form LiCl: there is no hull that could leave a polymorph out.
    assert reasons["wide"] == ""
    assert [row["above_hull_eV_atom"] for row in rows] == [None] * len(rows)
    with pytest.raises(MlipsseError, match="add --relax cell"):
        screen([folder], COARSE, out=tmp_path / "none", filters=filters)
    with pytest.raises(MlipsseError, match="requires a table of properties"):
        screen([folder], relaxed, out=tmp_path / "none", filters=replace(filters, properties=None))
    assert not (tmp_path / "none").exists()


def test_orderings_are_averaged(folder: Path, tmp_path: Path) -> None:
    settings = LandscapeSettings("mace-sse-small", "Li", spacing_A=0.9, orderings=2)
    (row,) = screen([folder / "Li3InCl6.cif"], settings, out=tmp_path / "out").rows
    assert row["orderings"] == 2
    assert np.isfinite(row["xi_std"])


def test_other_settings_want_another_folder(folder: Path, tmp_path: Path) -> None:
    screen([folder / "LiCl.cif"], SETTINGS, out=tmp_path / "out")
    other = LandscapeSettings("mace-sse-small", "Li", spacing_A=0.6)
    with pytest.raises(MlipsseError, match=r"spacing_A = 0\.7, and 0\.6 is requested"):
        screen([folder / "LiCl.cif"], other, out=tmp_path / "out")


@pytest.mark.parametrize(
    ("places", "potential", "sentence"),
    [
        (["nowhere.cif"], "mace-sse-small", "There is no crystal at nowhere.cif"),
        (["."], "no-such-potential", "There is no potential 'no-such-potential'"),
        (["."], "mace-liybc-scan-small", "has several heads"),
        (["."], "sevennet: nope", "holds no potential 'nope'"),
    ],
)
def test_what_is_refused_before_any_work(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    places: list[str],
    potential: str,
    sentence: str,
) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(MlipsseError, match=sentence):
        screen(
            [Path(place) for place in places],
            LandscapeSettings(potential, "Li"),
            out=tmp_path / "out",
        )


def test_the_command_prints_the_ranking(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ("--potential", "mace-sse-small", "--mobile", "Li", "--spacing", "0.8")
    done = mlipsse("screen", "landscape", folder, *words, "--out", out)
    assert done.returncode == 0, done.stderr
    assert "2 crystals ranked, 4 left out" in done.stdout
    again = mlipsse("screen", "rank", out / "table.json", "--json")
    assert [row["rank"] for row in json.loads(again.stdout)[:2]] == [1, 2]
    wrong = mlipsse("screen", "rank", out / "screen.json")
    assert wrong.returncode == 2
    assert "is not a table of screened crystals" in wrong.stderr


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [({"mobile": "Xx"}, "'Xx' is not the symbol of an element"), ({"device": "cuda"}, "CUDA GPU")],
)
def test_settings_that_suit_no_crystal(
    folder: Path, tmp_path: Path, changes: dict[str, str], sentence: str
) -> None:
    with pytest.raises(MlipsseError, match=sentence):
        screen([folder], replace(SETTINGS, **changes), out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_exit_code_1_when_nothing_could_be_ranked(folder: Path, tmp_path: Path) -> None:
    words = ("--potential", "mace-sse-small", "--mobile", "Li", "--out", tmp_path / "out")
    done = mlipsse("screen", "landscape", folder / "NaCl.cif", *words)
    assert done.returncode == 1
    assert "0 crystals ranked, 1 left out" in done.stdout


def test_a_crystal_is_left_out_whole_when_an_ordering_does_not_relax(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    relax, calls = units.relax_crystal, []

    def fail_once(output: Path, *, crystal: Atoms, settings: LandscapeSettings) -> None:
        calls.append(output)
        if len(calls) == 2:
            write_text(output, encode({"atoms": crystal, "reason": "the cell exploded"}))
        else:
            relax(output, crystal=crystal, settings=settings)

    monkeypatch.setattr(units, "relax_crystal", fail_once)
    settings = replace(COARSE, orderings=2, relaxation="positions")
    (row,) = screen([folder / "Li3InCl6.cif"], settings, out=tmp_path / "out").rows
    assert row["reason"] == "relaxation failed: the cell exploded"
