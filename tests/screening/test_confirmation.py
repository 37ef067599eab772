"""`mlipsse screen confirm`: the best crystals in LAMMPS, with the potential of the screening."""

import csv
import json
import shutil
from pathlib import Path

import pytest
from ase.build import bulk
from ase.io import write

from mlipsse.campaign.studies.screening import confirmation, landscapes
from mlipsse.campaign.studies.screening.confirmation import ConfirmationSettings, confirm
from mlipsse.campaign.studies.screening.landscapes import screen
from mlipsse.campaign.studies.screening.units import LandscapeSettings
from mlipsse.errors import MlipsseError
from mlipsse.md.files.record import read_record
from mlipsse.resources import resource_dir
from tests.support.here import HereExecution

SHORT = ConfirmationSettings(best=2, production_ps=0.6, equilibration_ps=0.2, min_atoms=60)


@pytest.fixture(scope="module")
def screened(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("screened")
    write(folder / "LiCl.cif", bulk("LiCl", "rocksalt", a=5.13, cubic=True))
    shutil.copy(resource_dir("examples") / "li3incl6" / "Li3InCl6.cif", folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(landscapes, "Execution", HereExecution)
        settings = LandscapeSettings("mace-sse-small", "Li", spacing_A=0.9)
        screen([folder], settings, out=folder / "out", views=0)
    return folder / "out"


def test_predicted_and_simulated(screened: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirmation, "Execution", HereExecution)
    found = confirm(screened, SHORT)
    ranked = [row for row in json.loads((screened / "table.json").read_text()) if row["rank"]]
    assert [row["name"] for row in found.rows] == [row["name"] for row in ranked]
    assert [row["xi"] for row in found.rows] == [row["xi"] for row in ranked]
    for row in found.rows:
        # 0.6 ps is too short for a diffusivity, and says so.
        assert row["diffusivity_cm2_s"] is None
        assert row["reason"]
        record = read_record(screened / "confirm" / row["name"] / "T1000")
        assert len(record.species) >= 60
        assert record.mobile_charge_e == 1.0
    assert found.rank_correlation is None
    assert len(list(csv.DictReader(found.table.open()))) == 2
    deck = screened / "confirm" / "LiCl" / "T1000" / "in.lammps"
    before = deck.stat().st_mtime_ns
    outcome = deck.with_name("outcome.json").stat().st_mtime_ns
    confirm(screened, SHORT)
    assert deck.stat().st_mtime_ns == before
    assert deck.with_name("outcome.json").stat().st_mtime_ns == outcome, "nothing is run twice"


def test_a_potential_that_lammps_cannot_run(screened: Path, tmp_path: Path) -> None:
    shutil.copytree(screened, tmp_path / "out", ignore=shutil.ignore_patterns("confirm", "units"))
    path = tmp_path / "out" / "screen.json"
    content = json.loads(path.read_text()) | {"potential": "sevennet: 7net-0"}
    path.write_text(json.dumps(content))
    with pytest.raises(MlipsseError, match="requires a MACE model"):
        confirm(tmp_path / "out", SHORT)
    assert not (tmp_path / "out" / "confirm").exists()


def test_a_folder_without_a_screening(tmp_path: Path) -> None:
    with pytest.raises(MlipsseError, match="holds no finished screening"):
        confirm(tmp_path, SHORT)
