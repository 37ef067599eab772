"""The published study: its campaigns are valid, and what has a result is not run again."""

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from mlipsse import keys
from mlipsse.campaign.checks.campaign import problems
from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.folder import read_campaign
from mlipsse.dataset.frames.extxyz import read_frames, write_frames
from mlipsse.resources import resource_dir

ROOT = Path(__file__).parents[2]
FORMULAS = ("Li3InCl6", "Li3In0.5Y0.5Br3Cl3")

NUMBERS = {
    "temperature_K": [800, 900],
    "diffusivity_cm2_s": [1e-5, 1.6e-5],
    "diffusivity_std_cm2_s": [1e-6, 2e-6],
    "conductivity_mS_cm": [300, 420],
    "activation_energy_eV": 0.3,
    "activation_energy_std_eV": 0.03,
}


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script in a copy of its folder, with ground states of two compositions, no results."""
    for name in ("published", "liybc"):
        shutil.copytree(resource_dir("examples") / name, tmp_path / "examples" / name)
    path = tmp_path / "examples" / "published" / "run.py"
    for result in path.parent.glob("*/production/*.json"):
        result.unlink()
    frames = read_frames(ROOT / "labels" / "scan" / "frames.extxyz", labelled=False)
    crystals = [
        next(frame for frame in frames if frame.info[keys.COMPOSITION] == formula)
        for formula in FORMULAS
    ]
    folder = path.parent / "liybc" / "ground-states"
    write_frames(folder / paths.Export.lowest.name, crystals)
    (folder / paths.Export.reranked_compositions.name).write_text(
        "composition,energy_above_hull_eV_atom,formation_energy_eV_atom,found\n"
        "Li3InCl6,0.0021,-0.01,Ewald\n"
    )
    spec = importlib.util.spec_from_file_location("published_study", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("family", ["liybc", "nasicon"])
def test_the_campaign_of_ground_states_is_valid(family: str) -> None:
    folder = resource_dir("examples") / "published" / family / "ground-states"
    assert problems(read_campaign(folder)) == []


def test_sampled_orderings_are_run_as_they_are(
    study: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two commands make them; the crystals of a check are those of its cell."""
    family, commands = study.HERE / "nasicon", []
    crystal = read_frames(ROOT / "labels" / "scan" / "frames.extxyz", labelled=False)[0]

    def run(*words: object) -> None:
        commands.append(" ".join(map(str, words)))
        out = Path(str(words[-1])) / "samples"
        out.mkdir(parents=True)
        for number in range(int(str(words[words.index("--samples") + 1]))):
            write_frames(out / f"o{number}.extxyz", [crystal])

    monkeypatch.setattr(study, "mlipsse", run)
    for cell, samples in study.NASICON.sampling.cells.items():
        kept = family / "ground-states" / study.sampled_file(cell)
        study.sample(study.NASICON.sampling, cell, samples, tmp_path, kept)
    assert ["--supercell 4x4x4 --temperature 1473 --samples 1" in one for one in commands] == [
        False,
        True,
    ]
    check = study.NASICON.checks["monte-carlo"]
    assert study.crystals(family / "ground-states", check) == 3 * [crystal]


def test_every_production_is_valid_and_runs_once(
    study: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = []

    def run(command: str, folder: Path) -> None:
        campaign = read_campaign(folder)
        assert problems(campaign) == []
        for name in campaign.config.simulate.structures:
            (crystal,) = read_frames(folder / name, labelled=False)
            assert len(crystal) >= 160
        ran.append(folder.name)
        summary = campaign.path(paths.Report.summary)
        summary.parent.mkdir(parents=True)
        summary.write_text(json.dumps({"compositions": [{"formula": folder.name, **NUMBERS}]}))

    monkeypatch.setattr(study, "mlipsse", run)
    family, work = study.HERE / "liybc", tmp_path / "work"
    study.run(family, work, [])
    with pytest.raises(SystemExit, match=r"^--only: Li3ScCl6 is none of Li3InCl6, "):
        study.run(family, work, ["Li3InCl6", "Li3ScCl6"])
    assert ran == []
    study.run(family, work, ["Li3InCl6"])
    assert ran == ["Li3InCl6"]
    assert study.checks(family) == "No check has a result yet."
    rows = study.table(family).splitlines()
    assert any("| Li3InCl6 | Ea (eV) |  | 0.300 ± 0.030 | fit | 0.24 |" in row for row in rows), (
        rows
    )
    assert any("| Li3InCl6 | energy above hull (meV/atom) |  | 2.1 |" in row for row in rows), rows
    assert study.hull_table(family).splitlines()[-1] == "| Li3InCl6 | -10.0 | 2.1 | 0 | Ewald |"
    study.run(family, work, None)
    assert ran == [*FORMULAS, *study.FAMILIES["liybc"].checks]
    assert study.checks(family).splitlines()[2:4] == [
        "| Li3InCl6 |  | 0.300 ± 0.030 | 800 | 1.00 ± 0.10 |",
        "| Li3InCl6 | a canonical thermostat (CSVR) | 0.300 ± 0.030 | 800 | 1.00 ± 0.10 |",
    ]
    study.run(family, work, None)
    assert len(ran) == len(set(ran))
    assert sorted(path.stem for path in (family / "production").glob("*.json")) == sorted(ran)
    (larger,) = read_frames(work / "larger" / study.CRYSTALS, labelled=False)
    assert len(larger) >= 320
    check = read_campaign(work / "csvr").config
    assert (check.simulate.ensemble, check.enumerate.compositions) == ("csvr", ["Li3InCl6"])


def test_figures_show_what_has_a_result(tmp_path: Path) -> None:
    """Those of the results that are kept."""
    script = resource_dir("examples") / "published" / "figures.py"
    subprocess.run([sys.executable, script, "liybc", tmp_path / "figures"], check=True)
    assert {path.name for path in (tmp_path / "figures").glob("*.png")} == {
        f"liybc-{name}.png" for name in ("arrhenius", "parity", "triangle")
    }
