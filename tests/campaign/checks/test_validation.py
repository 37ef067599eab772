"""What would stop a campaign is found before it costs time: all of it, field by field."""

import importlib.util
import json
import shutil
import urllib.error
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from ase import Atoms
from ase.io import write
from typer.testing import CliRunner

from mlipsse import gpus
from mlipsse.campaign.checks import downloads, resources
from mlipsse.campaign.checks.campaign import problems, validate
from mlipsse.campaign.config.campaign import CampaignConfig
from mlipsse.campaign.engine.folder import read_campaign
from mlipsse.campaign.runner import stages_to_do
from mlipsse.cli import app
from mlipsse.dataset.frames.extxyz import read_frames
from mlipsse.errors import MlipsseError
from mlipsse.gpus import NoGpu, usable_gpus
from mlipsse.orderings import OrderingCount
from mlipsse.potential.export.other_engines import symmetrix
from mlipsse.potential.lammps import plugin
from mlipsse.resources import resource_dir

TWO_HEADS = "mace-liybc-r2scan-small"
BASE: dict[str, Any] = {
    "name": "check",
    "structure": {
        "host": "Li3InCl6.cif",
        "mobile": "Li",
        "substitutions": {"In": ["In", "Y"], "Cl": ["Cl", "Br"]},
        "charges": {"Li": 1, "In": 3, "Y": 3, "Cl": -1, "Br": -1},
    },
    "enumerate": {"compositions": ["Li3InCl6"]},
    "rank": {"foundation": "mace-sse-small"},
    "select": {"structures": 3},
    "sample": {"foundation": "mace-sse-small"},
    "label": {"source": "teacher: mace-sse-small"},
    "finetune": {"foundation": "mace-sse-small"},
    "simulate": {"temperatures_K": [700, 800], "equilibration_ps": 1, "production_ps": 10},
}

Found = Callable[..., list[str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(resource_dir("examples") / "li3incl6" / "Li3InCl6.cif", tmp_path)
    return tmp_path


@pytest.fixture
def found(folder: Path) -> Found:
    """Problems of the base campaign with sections changed, of some stages."""

    def find(stages: tuple[str, ...] | None = None, **sections: Any) -> list[str]:
        content = BASE | {
            name: BASE.get(name, {}) | own if isinstance(own, dict) else own
            for name, own in sections.items()
        }
        (folder / "campaign.yaml").write_text(yaml.safe_dump(content))
        return problems(read_campaign(folder), stages)

    return find


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
        "rank.head: mace-liybc-r2scan-small has several heads (pt_head, Default), and none is",
        "rank.foundation: The potential mace-liybc-r2scan-small does not know F",
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


@pytest.mark.parametrize(
    ("execution", "gpus", "words"),
    [
        ({"gpus": 2}, 1, "execution.gpus: 2 requires 2 GPUs, but torch can use 1 here"),
        ({"gpus": 2}, 2, ""),
        ({"slurm": {"gpus_per_node": 1}}, 0, ""),  # on the nodes, not here
        ({"slurm": {}}, 4, "finetune.device: cuda requires a GPU, but execution.slurm.gpus_per_"),
    ],
)
def test_gpus_are_counted_where_the_units_run(
    execution: dict[str, Any], gpus: int, words: str, found: Found, monkeypatch: Any
) -> None:
    monkeypatch.setattr(resources, "usable_gpus", lambda: gpus)
    monkeypatch.setattr("mlipsse.campaign.engine.parsl.shutil.which", lambda name: f"/bin/{name}")
    device = {} if "gpus" in execution else {"device": "cuda"}
    stated = found(("finetune",), finetune=device, execution=execution)
    assert [words in sentence for sentence in stated] == ([True] if words else [])


def test_a_gpu_is_usable_when_torch_computes_on_it(monkeypatch: Any) -> None:
    import torch

    if torch.cuda.is_available():
        assert usable_gpus() >= 1
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(NoGpu, match=r"built without CUDA|finds no GPU"):
        usable_gpus()


def test_downloads_are_notes_and_without_network_problems(
    found: Found, folder: Path, monkeypatch: Any
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    wanted = {
        "rank": {"foundation": "medium"},
        "finetune": {"foundation": "mace-mp:medium", "replay": "mp"},
    }
    assert found(**wanted) == []
    campaign = read_campaign(folder)
    assert [note for note in validate(campaign).notes if "github" in note] == [
        "rank.foundation: mace-torch's model medium is downloaded from github.com.",
        "finetune.replay: the replay set mp (MPtrj, 600 MB) is downloaded from github.com.",
    ]
    monkeypatch.setattr(downloads, "unreachable", lambda url: "timed out")
    model, replay = problems(campaign)
    assert "rank.foundation: mace-torch's model medium is not on this machine" in model
    assert not any("downloaded" in note for note in validate(campaign).notes)
    assert "github.com" in model
    assert "(timed out)" in model
    target = folder / "cache" / "mace" / "20231203mace128L1_epoch199model"
    assert str(target) in model
    assert "finetune.replay: the replay set mp" in replay
    target.parent.mkdir(parents=True)
    shutil.copy(resource_dir("potentials") / TWO_HEADS / f"{TWO_HEADS}.model", target)
    stated = problems(campaign)  # a file that is there is read: here one of two heads
    assert sum("has several heads" in sentence for sentence in stated) == 2
    assert not any("medium is not on this machine" in sentence for sentence in stated)


def test_a_server_is_asked_once_and_briefly(monkeypatch: Any) -> None:
    asked = []

    def answer(request: Any, timeout: float) -> Any:
        asked.append((request.get_method(), timeout))
        raise urllib.error.HTTPError(request.full_url, 404, "Not Found", {}, None)

    monkeypatch.undo()  # the fixture that spares servers
    monkeypatch.setattr(downloads.urllib.request, "urlopen", answer)
    assert downloads.unreachable("https://example.org/x") == "the server answers 404 Not Found"
    assert asked == [("HEAD", 5.0)]


def test_a_foundation_that_could_not_be_exported(found: Found, folder: Path) -> None:
    import torch

    from mlipsse.energetics.potentials.mace_model import load_mace_model

    model = load_mace_model(resource_dir("potentials") / "mace-sse-small" / "mace-sse-small.model")
    model.embedding_specs = {"total_charge": {}}  # as MACE-OMOL has
    torch.save(model, folder / "omol.model")
    foundation = {"foundation": "omol.model", "strategy": "naive"}
    (stated,) = found(("export",), finetune=foundation)
    assert stated.startswith("finetune.foundation: ")
    assert "reads total_charge of the whole system" in stated


def test_a_model_from_scratch_is_compared_by_one_head(found: Found) -> None:
    scratch = {"foundation": TWO_HEADS, "strategy": "scratch"}
    (stated,) = found(("finetune",), finetune=scratch)
    assert "finetune.foundation_head: mace-liybc-r2scan-small has several heads" in stated
    fluoride = {"compositions": ["Li3InF6"]}  # not known to it: there is no comparison
    assert found(("finetune",), finetune=scratch, enumerate=fluoride) == []
    assert found(("finetune",), finetune={"foundation": None, "strategy": "scratch"}) == []


def test_what_compiles_the_pair_style(found: Found, monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.setenv("MLIPSSE_CACHE", str(tmp_path / "empty"))
    assert found(("simulate",)) == []
    monkeypatch.setattr(plugin.shutil, "which", lambda name: None)
    stated = found(("simulate",))
    assert any("No C++ compiler was found" in sentence for sentence in stated)
    stated = found(("export",), export={"format": "aotinductor"})
    assert any(
        sentence.startswith("export.format: aotinductor requires a C++ compiler")
        for sentence in stated
    )


def test_notes_about_the_engine(folder: Path, monkeypatch: Any) -> None:
    def notes(content: dict[str, Any]) -> str:
        (folder / "campaign.yaml").write_text(yaml.safe_dump(content))
        return " ".join(validate(read_campaign(folder), ("export",)).notes)

    driver = folder / "gpus"
    monkeypatch.setattr(resources, "GPU_DRIVERS", (str(driver),))
    assert "LAMMPS" not in notes(BASE)
    driver.mkdir()
    assert "has a GPU, which the runs of LAMMPS will not use" in notes(BASE)
    assert "LAMMPS" not in notes(BASE | {"export": {"format": "torchscript"}})
    monkeypatch.setattr(plugin.shutil, "which", lambda name: None)
    assert "There is no C++ compiler, so LAMMPS runs TorchScript" in notes(BASE)


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


def test_the_exported_potential_once_it_is_there(
    found: Found, folder: Path, monkeypatch: Any
) -> None:
    bundle = folder / "07-export" / "potential"
    shutil.copytree(resource_dir("potentials") / "mace-sse-small", bundle)
    assert found(("simulate",)) == []  # stages before it are to be done, and may mend all
    monkeypatch.setattr("mlipsse.campaign.runner.stages_to_do", lambda *_, **__: [])
    assert found(("simulate",)) == []
    fluoride = {"compositions": ["Li3InF6"]}
    assert any(
        "the potential potential does not know F" in one
        for one in found(("simulate",), enumerate=fluoride)
    )
    (bundle / "mace-sse-small.model").write_bytes(b"cut off")
    (stated,) = found(("simulate",))
    assert stated.startswith("export: ")
    assert "mace-sse-small.model" in stated


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


def test_a_replay_set_is_looked_into(found: Found, folder: Path) -> None:
    crystal = Atoms("LiCl", [[0, 0, 0], [2.5, 2.5, 2.5]], cell=[5, 5, 5], pbc=True)
    write(folder / "bare.extxyz", crystal, format="extxyz")
    (stated,) = found(("finetune",), finetune={"replay": "bare.extxyz"})
    assert "finetune.replay: frame 0 of" in stated
    assert "REF_energy" in stated
    assert "replay_labels: foundation" in stated
    own = {"replay": "bare.extxyz", "replay_labels": "foundation"}
    assert found(("finetune",), finetune=own) == []


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


def test_a_replay_set_is_read_as_the_stage_reads_it(found: Found, folder: Path) -> None:
    """A stress of six numbers beside the labels is no fault of the file."""
    crystal = Atoms("LiCl", [[0, 0, 0], [2.5, 2.5, 2.5]], cell=[5, 5, 5], pbc=True)
    crystal.info |= {"REF_energy": -1.0, "REF_stress": np.zeros(6)}
    crystal.arrays["REF_forces"] = np.zeros((2, 3))
    write(folder / "six.extxyz", crystal, format="extxyz")
    text = (folder / "six.extxyz").read_text()
    six = ' stress="0 0 0 0 0 0" REF_energy'
    (folder / "six.extxyz").write_text(text.replace(" REF_energy", six))
    assert len(read_frames(folder / "six.extxyz", labelled=True)) == 1
    assert found(("finetune",), finetune={"replay": "six.extxyz"}) == []


def test_engines_of_production(found: Found, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (refused,) = found(simulate={"engine": "symmetrix"})
    assert "symmetrix-xl does not hold" in refused
    assert "max_ell 2, and symmetrix-xl requires 3" in refused
    scratch = {"strategy": "scratch", "architecture": {"channels": 16, "layers": 3}}
    (refused,) = found(simulate={"engine": "symmetrix"}, finetune=scratch)
    assert "finetune.architecture: it has 3 message-passing layers" in refused
    assert found(simulate={"engine": "upstream"}) == []
    notes = validate(read_campaign(folder)).notes
    assert any("requires ACEsuit's fork of LAMMPS" in note for note in notes)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    (refused,) = found(("export",), simulate={"engine": "mliap"})
    assert "simulate.engine: mliap: The mliap format requires cuequivariance" in refused
    monkeypatch.setattr(symmetrix, "PACKAGE", "no-such-package")
    (refused,) = found(("export",), simulate={"engine": "symmetrix"})
    assert "simulate.engine: symmetrix: The symmetrix format requires symmetrix-xl" in refused


def test_one_device_for_all_stages(
    found: Found, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def config(**sections: Any) -> CampaignConfig:
        found((), **sections)
        return read_campaign(folder).config

    def none() -> int:
        raise NoGpu("this torch is built without CUDA")

    everywhere = {
        *("rank", "sample", "label", "finetune", "export", "export.acceptance", "simulate"),
    }
    assert set(config(device="cuda").devices.values()) == {"cuda"}
    assert set(config(device="cuda").devices) == everywhere
    assert set(config().devices.values()) == {"cpu"}
    own = config(device="cuda", rank={"device": "cpu"}, export={"acceptance": {"device": "cpu"}})
    assert {block for block, device in own.devices.items() if device == "cpu"} == {
        "rank", "export.acceptance",
    }  # fmt: skip
    assert own.export_formats == ("torchscript",)
    for there, device in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr(gpus, "has_gpu", lambda there=there: there)
        assert set(config(device="auto").devices.values()) == {device}
    slurm = {"slurm": {"gpus_per_node": 2}}
    assert config(device="auto", execution=slurm).rank.device == "cuda"
    assert config(device="auto", execution={"slurm": {}}).rank.device == "cpu"

    monkeypatch.setattr(resources, "usable_gpus", none)
    (refused,) = found(device="cuda")
    assert refused.startswith("device: cuda requires a GPU, but torch can use none here (this")
    assert "Set device: cpu" in refused
    (refused,) = found(label={"device": "cuda"})
    assert refused.startswith("label.device: cuda requires a GPU")
    (refused,) = found(export={"acceptance": {"device": "cuda"}})
    assert refused.startswith("export.acceptance.device: cuda requires a GPU")
    monkeypatch.setattr(resources, "usable_gpus", lambda: 1)
    (refused,) = found(device="cuda", export={"format": "native"})
    assert "export.format: native runs on CPUs alone" in refused
    (refused,) = found(export={"format": "aotinductor"}, device="cuda", simulate={"device": "cpu"})
    assert "does not run a model that is compiled for export.device: cuda" in refused
    (refused,) = found(export={"format": "aotinductor", "serial": True}, device="cuda")
    assert "export.serial: true compiles for one CPU thread" in refused
    found(device="cuda")
    notes = validate(read_campaign(folder)).notes
    assert any("2 workers share the first GPU in rank, sample, label" in note for note in notes)


def test_the_device_is_no_part_of_a_result(found: Found, folder: Path) -> None:
    from mlipsse.campaign.stages.rank.stage import STAGE

    found(())
    before = STAGE.config(read_campaign(folder))
    found((), rank={"device": "cuda"})
    assert STAGE.config(read_campaign(folder)) == before
