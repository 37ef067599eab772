"""Foundations, replay sets and potentials of a campaign, on this machine or to be downloaded."""

import shutil
import urllib.error
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.io import write

from mlipsse.campaign.checks import downloads
from mlipsse.campaign.checks.campaign import problems, validate
from mlipsse.campaign.engine.folder import read_campaign
from mlipsse.dataset.frames.extxyz import read_frames
from mlipsse.potential.lammps import plugin
from mlipsse.resources import resource_dir
from tests.support.checks import TWO_HEADS, Found


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
    assert "finetune.foundation_head: mace-liybc-scan-small has several heads" in stated
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


def test_a_replay_set_is_looked_into(found: Found, folder: Path) -> None:
    crystal = Atoms("LiCl", [[0, 0, 0], [2.5, 2.5, 2.5]], cell=[5, 5, 5], pbc=True)
    write(folder / "bare.extxyz", crystal, format="extxyz")
    (stated,) = found(("finetune",), finetune={"replay": "bare.extxyz"})
    assert "finetune.replay: frame 0 of" in stated
    assert "REF_energy" in stated
    assert "replay_labels: foundation" in stated
    own = {"replay": "bare.extxyz", "replay_labels": "foundation"}
    assert found(("finetune",), finetune=own) == []


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
