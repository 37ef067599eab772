"""Stage 3 on a database of its own: what is taken, and the table of it."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.io import read, write

from mlipsse import keys
from mlipsse.campaign import runner
from mlipsse.campaign.crystals.database import Row, write_database
from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.folder import read_campaign
from mlipsse.campaign.runner import run_campaign
from mlipsse.campaign.stages.select import stage as select

CONFIG = """
name: test
structure:
  host: host.vasp
  mobile: Li
  substitutions: {{Cl: [Cl, Br]}}
  charges: {{Li: 1, Cl: -1, Br: -1}}
enumerate: {{compositions: [LiCl, LiBr], supercells: [1x1x1, 1x1x2]}}
select: {{structures: {structures}, draw: {draw}}}
simulate: {{temperatures_K: [800]}}
"""
KT_EV = 8.617333262e-5 * 800.0
# Boltzmann weights 4/7, 2/7, 1/7 with degeneracies 2, 1, 1 and the last at kT ln 2.
LEVELS = ((0.0, 2.0), (0.0, 1.0), (KT_EV * np.log(2), 1.0))


@pytest.fixture
def selected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Run stage 3 alone; gives its table, frames and the numbers in its record."""
    monkeypatch.setattr(runner, "STAGES", (select.STAGE,))
    rows = []
    for formula in ("LiCl", "LiBr"):
        for cell in ("1x1x1", "1x1x2") if formula == "LiCl" else ("1x1x1",):
            for number, (energy_eV, degeneracy) in enumerate(LEVELS):
                values = {
                    keys.COMPOSITION: formula,
                    keys.ORDERING: f"{formula}-{cell}-o{number}",
                    "supercell": f"cell-{cell}",
                    "degeneracy": degeneracy,
                    "energy_eV": -3.0 + energy_eV,
                    "energy_above_hull_eV_atom": energy_eV / 2,
                    "mobile_code": "m0",
                    "decoration_code": "d0" if formula == "LiCl" else "d1",
                }
                rows.append(Row(Atoms(formula, [[0, 0, 0], [0, 0, 2.5]]), values))
    (tmp_path / "02-rank").mkdir()
    write(tmp_path / "host.vasp", bulk("LiCl", "rocksalt", a=5.1), format="vasp")
    write_database(tmp_path / paths.Rank.database, rows)

    def run(**settings: object):
        (tmp_path / "campaign.yaml").write_text(CONFIG.format(**settings))
        run_campaign(read_campaign(tmp_path))
        with (tmp_path / paths.Select.table).open() as stream:
            table = list(csv.DictReader(stream))
        record = json.loads((tmp_path / "03-select" / "record.json").read_text())
        return table, read(tmp_path / paths.Select.selected, ":"), record["results"]

    return run


@pytest.mark.parametrize(("structures", "expected"), [(1, 1.0), (2, 2.0), (9, 3.0)])
def test_count_gives_what_was_asked_for(selected, structures: int, expected: float) -> None:
    table, frames, results = selected(structures=structures, draw="count")
    places = [(row["composition"], row["supercell"]) for row in table]
    assert places == [("LiCl", "1x1x1"), ("LiCl", "1x1x2"), ("LiBr", "1x1x1")]
    for row in table:
        assert (row["orderings"], float(row["expected"])) == ("3", expected)
        assert int(row["selected"]) == expected
        assert float(row["lowest_weight"]) == pytest.approx(4 / 7)
        entropy = -sum(p * np.log(p) for p in (4 / 7, 2 / 7, 1 / 7))
        assert float(row["effective_orderings"]) == pytest.approx(np.exp(entropy))
    assert results == {"expected_orderings": 3 * expected, "selected_orderings": len(frames)}
    assert len(frames) == 3 * expected
    names = [frame.info[keys.ORDERING] for frame in frames]
    assert {"LiCl-1x1x1-o0", "LiCl-1x1x2-o0", "LiBr-1x1x1-o0"} <= set(names)


def test_boltzmann_gives_its_expected_number(selected) -> None:
    table, frames, results = selected(structures=2, draw="boltzmann")
    for row in table:
        assert float(row["expected"]) == pytest.approx(2 - 4 / 7)
        mine = [
            frame.info[keys.ORDERING]
            for frame in frames
            if frame.info[keys.ORDERING].startswith(f"{row['composition']}-{row['supercell']}-")
        ]
        assert len(mine) == int(row["selected"])
        weights = {"o0": 4 / 7, "o1": 2 / 7, "o2": 1 / 7}
        taken = sum(weights[name[-2:]] for name in mine)
        assert float(row["selected_weight"]) == pytest.approx(taken)
    assert results["expected_orderings"] == pytest.approx(3 * (2 - 4 / 7))
    assert results["selected_orderings"] == len(frames)
    # All that can be taken for sure: count - 1 times a weight above 1 for each.
    table, frames, _ = selected(structures=9, draw="boltzmann")
    assert [row["expected"] for row in table] == ["3.0"] * 3
    assert len(frames) == 9


def test_the_lowest_are_taken_without_a_draw(selected) -> None:
    table, frames, _ = selected(structures=2, draw="lowest")
    assert [(row["expected"], row["selected"]) for row in table] == [("2.0", "2")] * 3
    names = [frame.info[keys.ORDERING] for frame in frames]
    assert names == [
        "LiCl-1x1x1-o0", "LiCl-1x1x1-o1", "LiCl-1x1x2-o0", "LiCl-1x1x2-o1", "LiBr-1x1x1-o0",
        "LiBr-1x1x1-o1",
    ]  # fmt: skip
    assert [frame.info["degeneracy"] for frame in frames] == [2, 1] * 3


def test_surroundings_are_those_of_the_lowest_and_of_the_average(selected, tmp_path) -> None:
    selected(structures=1, draw="count")
    with (tmp_path / paths.Select.coordination).open() as stream:
        rows = list(csv.DictReader(stream))
    assert {row["of"] for row in rows} == {
        "LiCl-1x1x1-o0", "LiCl-1x1x2-o0", "LiBr-1x1x1-o0", "800 K",
    }  # fmt: skip
    # No cation but Li, which is mobile, and every Li site of rocksalt is filled.
    assert {(row["quantity"], row["subject"], row["value"]) for row in rows} == {
        ("occupancy", "Li 4a", "1.0")
    }
