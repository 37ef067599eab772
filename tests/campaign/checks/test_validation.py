"""What would stop a campaign is found before it costs time: all of it, field by field."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from ase import Atoms
from ase.io import write
from typer.testing import CliRunner

from mlipsse import gpus
from mlipsse.campaign.checks import downloads, resources
from mlipsse.campaign.engine.folder import read_campaign
from mlipsse.campaign.runner import stages_to_do
from mlipsse.cli import app
from mlipsse.errors import MlipsseError
from mlipsse.gpus import NoGpu
from mlipsse.orderings import OrderingCount
from tests.support.checks import TWO_HEADS, Found


def test_the_base_is_valid(found: Found) -> None:
    assert found() == []


def test_everything_is_listed_at_once(found: Found, folder: Path, monkeypatch: Any) -> None:
    def none() -> int:
        raise NoGpu("this torch is built without CUDA")

    monkeypatch.setattr(resources, "usable_gpus", none)
    monkeypatch.setattr(gpus.sys, "executable", "/nowhere")  # no process is started
    stated = found(
        rank={"foundation": TWO_HEADS, "device": "cuda"},
        sample={"foundation": "mace-sse-small", "head": "odd", "device": "cuda"},
        label={"source": "vasp", "vasp": {"command": "srun-of-nowhere vasp_std"}},
        finetune={"foundation": "no-such-model", "device": "cuda", "gpus": 2},
        simulate={"structures": ["missing.extxyz"], "npt_ps": 1.0},
        transport={"window_ps": [5, 20], "orderings": "boltzmann"},
        enumerate={"compositions": ["Li3InCl6", "Li3InF6"], "supercells": ["1x1x1", "1x1x2"]},
        execution={"gpus": 4},
    )
    for words in (
        "execution.gpus: 4 requires 4 GPUs, but torch can use none here",
        "Li3InF6",
        "rank.device: cuda requires a GPU, but torch can use none here (this torch is built wi",
        "rank.head: mace-liybc-scan-small has several heads (pt_head, Default), and none is",
        "rank.foundation: The potential mace-liybc-scan-small does not know F",
        "sample.device: cuda",
        "sample.head: mace-sse-small has no head 'odd'; it has Default",
        "label.vasp: The command 'srun-of-nowhere vasp_std' cannot be run",
        "label.vasp: VASP needs the POTCAR Cl of PBE_54",
        "label.vasp: VASP needs the POTCAR Li_sv of PBE_54",
        "finetune.foundation: There is no potential 'no-such-model'",
        "finetune.device: cuda",
        "simulate, 700 K: npt_ps = 1 is shorter than 4 time constants",
        "simulate, 800 K: npt_ps = 1 is shorter than 4 time constants",
        "missing.extxyz",
        "transport.orderings: boltzmann weighs the orderings of Li3InCl6 per cell",
    ):
        assert any(words in sentence for sentence in stated), (words, stated)
    assert len(stated) == len(set(stated))


def test_a_stage_that_is_not_run_is_not_looked_at(found: Found, monkeypatch: Any) -> None:
    monkeypatch.setattr(resources, "usable_gpus", lambda: 0)
    broken = {"device": "cuda"}
    assert found(("enumerate", "rank"), finetune=broken) == []
    assert len(found(("finetune",), finetune=broken)) == 1
    assert found((), rank=broken) == []


def test_stages_that_are_done_are_not_to_do(found: Found, folder: Path) -> None:
    found()
    campaign = read_campaign(folder)
    assert stages_to_do(campaign, last="rank") == ["enumerate", "rank"]
    assert stages_to_do(campaign, first="transport") == ["transport", "report"]
    done = CliRunner().invoke(app, ["run", str(folder), "--until", "enumerate"])
    assert done.exit_code == 0, done.output
    assert stages_to_do(campaign, last="select") == ["rank", "select"]


def test_folders_that_cannot_be_written(found: Found, folder: Path, monkeypatch: Any) -> None:
    real = resources.tempfile.TemporaryFile

    def full(dir: Any = None, **more: Any) -> Any:
        if Path(dir) == folder:
            raise OSError(28, "No space left on device")
        return real(dir=dir, **more)

    monkeypatch.setattr(resources.tempfile, "TemporaryFile", full)
    (stated,) = found(("enumerate",))
    assert str(folder) in stated
    assert "No space left on device" in stated


def test_a_disk_that_cannot_hold_the_trajectories(found: Found, monkeypatch: Any) -> None:
    usage = shutil.disk_usage("/")._replace(free=1_000_000)
    monkeypatch.setattr("mlipsse.campaign.checks.production.shutil.disk_usage", lambda path: usage)
    (stated,) = found(("simulate",), simulate={"production_ps": 1000, "replicas": 2})
    # 80 atoms at least, 10,000 frames of 12 bytes each, four runs
    assert stated.startswith("simulate: the 4 runs require 0.0")
    assert found(("simulate",), simulate={"production_ps": 1, "dump_every_fs": 1000}) == []


@pytest.mark.parametrize(
    ("simulate", "words"),
    [
        ({"until": {"relative_error": 0.1, "max_production_ps": 20.03}}, "max_production_ps, 700"),
        ({"restart_every_ps": 0.25}, "does not divide restart_every_ps"),
        ({"pressure_bar": 1e4}, "applies to the NPT part, but npt_ps is 0"),
        ({"templates": "nowhere"}, "simulate.templates: The folder of templates"),
    ],
)
def test_what_decks_would_refuse(simulate: dict[str, Any], words: str, found: Found) -> None:
    stated = found(("simulate",), simulate=simulate)
    assert stated
    assert any(words in sentence for sentence in stated)


def test_templates_are_rendered(found: Found, folder: Path) -> None:
    (folder / "own").mkdir()
    (folder / "own" / "in.lammps.j2").write_text("units metal\nthermo {{ thermo_evry }}\n")
    (stated,) = found(("simulate",), simulate={"templates": "own"})
    assert "uses an unknown variable" in stated
    (folder / "own" / "in.lammps.j2").write_text("units metal\nthermo {{ thermo_every_steps }}\n")
    assert found(("simulate",), simulate={"templates": "own"}) == []


def test_given_crystals_one_by_one(found: Found, folder: Path) -> None:
    crystal = Atoms("Li6In2Cl12", cell=[10, 10, 10], pbc=True)
    crystal.positions = [[k, 0, 0] for k in range(20)]
    bare = crystal.copy()
    bare.pbc = False
    for name, atoms in (("a/x", crystal), ("b/x", crystal), ("c #1", crystal), ("bare", bare)):
        path = folder / f"{name}.extxyz"
        path.parent.mkdir(exist_ok=True)
        write(path, atoms, format="extxyz")
    files = ["a/x.extxyz", "b/x.extxyz", "c #1.extxyz", "bare.extxyz", "gone.extxyz"]
    stated = found(("simulate",), simulate={"structures": files})
    for words in (
        "is not allowed in a LAMMPS deck",
        "bare.extxyz (bare) is not periodic",
        "gone.extxyz",
        "x contains several crystals whose runs would share a folder",
    ):
        assert any(words in sentence for sentence in stated), words
    assert len(stated) == 4


def test_compositions_of_which_no_arrangement_exists(found: Found, monkeypatch: Any) -> None:
    """Of each composition once, whatever its supercells, and before stage rank misses it."""
    nothing = OrderingCount(0, 0, 0, 0, (), "impossible", "no arrangement keeps to the pairs")
    monkeypatch.setattr("mlipsse.orderings.count_orderings", lambda *_, **__: nothing)
    cells = {"supercells": ["1x1x1", "1x1x2"]}
    assert found(("enumerate",), enumerate=cells) == ["no arrangement keeps to the pairs"]


def test_windows_that_no_run_reaches(found: Found) -> None:
    (stated, _) = found(("transport",), transport={"window_ps": [2, 12]})
    assert "transport.window_ps: the window ends at 12 ps, but the production at 700 K" in stated
    until = {"until": {"relative_error": 0.1, "max_production_ps": 20}}
    assert found(("transport",), transport={"window_ps": [2, 12]}, simulate=until) == []
    assert "two rising lags" in found(("transport",), transport={"window_ps": [5, 2]})[0]


def test_too_little_to_split_or_train_on(found: Found) -> None:
    (stated,) = found(("sample",), select={"structures": 2})
    assert "sample: there are at most 2 trajectories" in stated
    (stated,) = found(("sample",), sample={"frames": 3})
    assert "finetune.batch_size is 10, but 3 trajectories give at most 9 frames" in stated
    assert found(("sample",), select={"structures": 2, "draw": "boltzmann"}) == []


def test_the_command_prints_notes_and_all_problems(
    found: Found, folder: Path, monkeypatch: Any
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    monkeypatch.setattr(downloads, "unreachable", lambda url: "no route to host")
    found(rank={"foundation": "small"}, select={"structures": 2})
    done = CliRunner().invoke(app, ["validate", str(folder), "--json"])
    assert done.exit_code == 2
    answer = json.loads(done.output)
    assert (answer["valid"], len(answer["problems"])) == (False, 2)
    assert not any("is downloaded" in note for note in answer["notes"])  # it cannot be
    assert any(note.startswith("Formal charges: ") for note in answer["notes"])
    done = CliRunner().invoke(app, ["validate", str(folder)])
    assert isinstance(done.exception, MlipsseError)
    assert "no route to host" in str(done.exception)
    assert "at most 2 trajectories" in str(done.exception)
    monkeypatch.setattr(downloads, "unreachable", lambda url: None)
    done = CliRunner().invoke(app, ["validate", str(folder)])
    assert "rank.foundation: mace-torch's model small is downloaded from github.com." in done.output
    assert "no route to host" not in str(done.exception)
