"""A campaign with a potential that is there: from orderings to the report, nothing trained."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlipsse.campaign.checks.campaign import problems, validate
from mlipsse.campaign.engine.folder import read_campaign
from mlipsse.campaign.runner import run_campaign
from mlipsse.errors import MlipsseError
from mlipsse.potential.bundle.folder import read_bundle
from mlipsse.resources import resource_dir

SHIPPED = resource_dir("potentials") / "mace-sse-small"
TWO_HEADS = resource_dir("potentials") / "mace-liybc-scan-small"
CONFIG: dict[str, Any] = {
    "name": "given",
    "seed": 3,
    "structure": {
        "host": "Li3InCl6.cif",
        "mobile": "Li",
        "substitutions": {"In": ["In", "Y"], "Cl": ["Cl", "Br"]},
        "charges": {"Li": 1, "In": 3, "Y": 3, "Cl": -1, "Br": -1},
    },
    "enumerate": {"compositions": ["Li3InCl6"], "max_orderings": 2},
    "rank": {"max_force_eV_A": 0.7, "max_steps": 40},
    "select": {"structures": 1},
    "export": {
        "potential": "mace-sse-small",
        "format": "torchscript",
        "acceptance": {
            "duration_ps": 0.06, "constant_energy_ps": 0.03, "min_atoms": 20, "require": False,
        },
    },
    "simulate": {
        "temperatures_K": [700, 900], "min_atoms": 20, "min_length_A": 0,
        "equilibration_ps": 0.06, "production_ps": 0.3, "dump_every_fs": 10,
        "restart_every_ps": 0.1,
    },
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(resource_dir("examples") / "li3incl6" / "Li3InCl6.cif", tmp_path)
    return tmp_path


def write(folder: Path, **changes: Any) -> None:
    """The config with some blocks changed."""
    content = CONFIG | {
        name: CONFIG.get(name, {}) | own if isinstance(own, dict) else own
        for name, own in changes.items()
    }
    (folder / "campaign.yaml").write_text(yaml.safe_dump(content))


def test_to_the_report(folder: Path) -> None:
    write(folder)
    campaign = read_campaign(folder)
    assert problems(campaign) == []
    run_campaign(campaign)
    for stage in ("04-sample", "05-label", "06-finetune"):
        assert [path.name for path in (folder / stage).iterdir()] == ["record.json"]
    bundle = read_bundle(folder / "07-export" / "potential")
    assert (
        bundle.label_source == "teacher: sevennet: 7net-l3i5 (PBE level; teacher labels, not DFT)"
    )
    assert bundle.extra["given"] == "mace-sse-small"
    page = (folder / "10-report" / "report.html").read_text()
    assert "mace-sse-small, given, not trained here" in page
    assert "teacher labels, not DFT" in page
    summary = json.loads((folder / "10-report" / "summary.json").read_text())
    assert summary["compositions"][0]["formula"] == "Li3InCl6"
    before = (folder / "07-export" / "record.json").read_bytes()
    run_campaign(read_campaign(folder))
    assert (folder / "07-export" / "record.json").read_bytes() == before


def test_a_bundle_and_a_file_of_ones_own(folder: Path) -> None:
    shutil.copytree(SHIPPED, folder / "mine")
    for given in ("mine", str(SHIPPED), "mine/mace-sse-small.model"):
        write(folder, export={"potential": given})
        assert problems(read_campaign(folder)) == []


def test_what_is_wrong_with_a_given_potential(folder: Path) -> None:
    write(folder, export={"potential": "no-such"})
    with pytest.raises(MlipsseError, match="there is no potential no-such: it is neither"):
        _ = read_campaign(folder).given_potential
    assert any("there is no potential no-such" in text for text in problems(read_campaign(folder)))

    write(folder, export={"potential": str(TWO_HEADS / f"{TWO_HEADS.name}.model")})
    (text,) = problems(read_campaign(folder))
    assert text.startswith("export.head: ")
    assert "has several heads (pt_head, Default)" in text
    write(folder, export={"potential": str(TWO_HEADS), "head": "nobody"})
    (text,) = problems(read_campaign(folder))
    assert "has no head 'nobody'" in text

    shutil.copytree(SHIPPED, folder / "mine")
    with (folder / "mine" / "mace-sse-small.model").open("ab") as file:
        file.write(b"more")
    write(folder, export={"potential": "mine"})
    (text,) = problems(read_campaign(folder))
    assert "is not the file its card describes" in text

    structure = CONFIG["structure"]
    other = {
        "substitutions": structure["substitutions"] | {"Cl": ["Cl", "I"]},
        "charges": structure["charges"] | {"I": -1},
    }
    write(folder, structure=other, enumerate={"compositions": ["Li3InI6"]})
    found = problems(read_campaign(folder))
    assert any(text.startswith("export.potential: ") and "I" in text for text in found)


@pytest.mark.parametrize("block", ["sample", "label", "finetune"])
def test_a_training_beside_it_is_refused(folder: Path, block: str) -> None:
    write(folder, **{block: {}})
    with pytest.raises(MlipsseError, match=f"is not trained, but the block {block} describes"):
        read_campaign(folder)


def test_a_head_alone_is_refused(folder: Path) -> None:
    write(folder, export={"potential": None, "head": "Default"})
    with pytest.raises(MlipsseError, match=r"export\.head is the head of export\.potential"):
        read_campaign(folder)


def test_with_one_device_for_all(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlipsse.campaign.checks.resources.usable_gpus", lambda: 1)
    write(folder, device="cuda")
    campaign = read_campaign(folder)
    assert set(campaign.config.devices) == {"rank", "export", "export.acceptance", "simulate"}
    assert set(campaign.config.devices.values()) == {"cuda"}
    assert validate(campaign).problems == []
