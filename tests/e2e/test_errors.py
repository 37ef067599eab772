"""Wrong input, as a user would make it: a sentence, exit code 2, no traceback."""

import json
from pathlib import Path

import pytest

from .conftest import make_tiny_campaign, mlipsse


@pytest.fixture
def campaign(tmp_path: Path) -> Path:
    return make_tiny_campaign(tmp_path / "tiny")


def refused(folder: Path, *sentences: str) -> None:
    for name in ("validate", "run"):
        done = mlipsse(name, folder)
        assert done.returncode == 2, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        for sentence in sentences:
            assert sentence in done.stderr
    assert not (folder / "01-enumerate").exists()


def change(folder: Path, old: str, new: str) -> None:
    config = folder / "campaign.yaml"
    text = config.read_text()
    assert old in text
    config.write_text(text.replace(old, new))


def test_unknown_key(campaign: Path) -> None:
    change(campaign, "max_orderings", "max_ordering")
    refused(campaign, "enumerate.max_ordering", "did you mean max_orderings")


def test_charged_composition(campaign: Path) -> None:
    change(campaign, "[Li3InCl6, Li3In0.5Y0.5Br3Cl3]", "[Li4InCl6]")
    refused(campaign, "Li4InCl6", "charge")


def test_occupancies_that_the_supercell_cannot_realise(campaign: Path) -> None:
    change(campaign, "Li3In0.5Y0.5Br3Cl3]", "Li3In0.75Y0.25Br3Cl3]")
    refused(campaign, "Li3In0.75Y0.25Br3Cl3", "cannot be realised in 1x1x1", "1x1x2")


def test_species_without_a_place(campaign: Path) -> None:
    change(campaign, "[Li3InCl6, Li3In0.5Y0.5Br3Cl3]", "[Li3ErCl6]")
    refused(campaign, "Li3ErCl6", "Er")


def test_species_that_the_model_does_not_know(campaign: Path) -> None:
    change(campaign, "In: [In, Y]", "In: [In, Y, Sc]")
    change(campaign, "In: 3,", "In: 3, Sc: 3,")
    change(campaign, "[Li3InCl6, Li3In0.5Y0.5Br3Cl3]", "[Li3ScCl6]")
    refused(campaign, "Sc", "halide-small")


def test_missing_cif(campaign: Path) -> None:
    (campaign / "Li3InCl6.cif").unlink()
    refused(campaign, "Li3InCl6.cif")


def test_unreadable_cif(campaign: Path) -> None:
    (campaign / "Li3InCl6.cif").write_text("not a crystal")
    refused(campaign, "Li3InCl6.cif")


def test_unknown_potentials_and_labels(campaign: Path) -> None:
    change(campaign, 'source: "teacher: chgnet-r2scan"', "source: crystal-ball")
    change(campaign, "foundation: halide-small", "foundation: halide-huge")
    done = mlipsse("validate", campaign, "--json")
    assert done.returncode == 2
    problems = json.loads(done.stdout)["problems"]
    assert any("crystal-ball" in problem for problem in problems)
    assert any("halide-huge" in problem for problem in problems)


def test_no_campaign(tmp_path: Path) -> None:
    for name in ("validate", "run", "status"):
        done = mlipsse(name, tmp_path)
        assert done.returncode == 2
        assert "holds no campaign.yaml" in done.stderr


def test_unknown_stage(campaign: Path) -> None:
    done = mlipsse("run", campaign, "--until", "simulation")
    assert done.returncode == 2
    assert "the stages are enumerate, rank" in done.stderr


def test_init_refuses_to_overwrite(tmp_path: Path) -> None:
    assert mlipsse("init", tmp_path / "a").returncode == 0
    done = mlipsse("init", tmp_path / "a")
    assert done.returncode == 2
    assert "is a campaign already" in done.stderr
    done = mlipsse("init", tmp_path / "b", "--example", "unobtainium")
    assert done.returncode == 2
    assert "there are: li3incl6" in done.stderr


def test_no_compiler(tmp_path: Path) -> None:
    done = mlipsse(
        "potential", "build", environment={"PATH": "", "CXX": "", "MLIPSSE_CACHE": str(tmp_path)}
    )
    assert done.returncode == 2
    assert "compiler" in done.stderr
    assert "Traceback" not in done.stderr


def test_doctor(tmp_path: Path) -> None:
    done = mlipsse("doctor", "--json")
    report = json.loads(done.stdout)
    state = {check["what"]: check["state"] for check in report["checks"]}
    for what in ("torch", "mace-torch", "LAMMPS", "MPI library", "C++ compiler", "GPU", "sbatch"):
        assert what in state
    for what in ("torch", "LAMMPS", "foundation: chgnet", "foundation: shipped"):
        assert state[what] == "ok"
    empty = mlipsse("doctor", "--json", environment={"MLIPSSE_CACHE": str(tmp_path)})
    state = {check["what"]: check for check in json.loads(empty.stdout)["checks"]}
    assert empty.returncode == 1
    assert "mlipsse potential build" in state["pair style mace"]["detail"]
