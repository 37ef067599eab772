"""Devices and engines of a campaign: what this machine cannot do is refused first."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlipsse import gpus
from mlipsse.campaign.checks import resources
from mlipsse.campaign.checks.campaign import validate
from mlipsse.campaign.config.campaign import CampaignConfig
from mlipsse.campaign.engine.folder import read_campaign
from mlipsse.gpus import NoGpu, usable_gpus
from mlipsse.potential.export.other_engines import symmetrix
from mlipsse.potential.lammps import plugin
from tests.support.checks import BASE, Found


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
