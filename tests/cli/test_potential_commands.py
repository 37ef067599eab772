"""`mlipsse potential ...` as scripts call it: JSON, exit codes, sentences."""

import json
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from mlipsse.cli import main
from mlipsse.potential.speed.measurement import BenchmarkRow
from mlipsse.resources import resource_dir

Invoke = Callable[..., tuple[int, str, str]]

SHIPPED = resource_dir("potentials") / "mace-sse-small"


@pytest.fixture
def invoke(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Invoke:
    """The command line inside this process, where torch is imported once: status, out, err."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["mlipsse", "potential", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    return run


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    from mlipsse.potential.parity import comparison, dynamics
    from mlipsse.potential.parity import report as parity

    monkeypatch.setattr(comparison, "MAX_DRIFT_EV_ATOM_PS", 1.0)
    monkeypatch.setattr(parity, "LEAST_ATOMS", 1)
    monkeypatch.setattr(dynamics, "STEPS", 20)
    monkeypatch.setattr(dynamics, "_RELAXATION_STEPS", 3)
    monkeypatch.setattr(dynamics, "_THERMALISATION_STEPS", 10)


def test_from_a_model_to_a_checked_bundle(tmp_path: Path, invoke: Invoke, quick: None) -> None:
    out = tmp_path / "mine"
    status, text, _ = invoke(
        "export", SHIPPED, "--head", "Default", "--format", "torchscript", "--dtype", "float64",
        "--out", out, "--structure", SHIPPED / "replay.extxyz", "--json",
    )  # fmt: skip
    assert status == 0
    assert json.loads(text) == {
        "bundle": str(out), "files": {"torchscript": str(out / "mine.pt")}, "refused": {},
        "head": "Default", "dtype": "float64",
    }  # fmt: skip

    status, text, _ = invoke("info", out, "--json")
    assert status == 0
    facts = json.loads(text)
    assert facts["whole"] is True
    assert facts["card"]["label_source"].endswith(
        "sevennet: 7net-l3i5 (PBE level; teacher labels, not DFT)"
    )
    assert {file["state"] for file in facts["files"]} == {"ok"}

    status, text, error = invoke("check", out, "--json")
    assert (status, error) == (0, "")
    facts = json.loads(text)
    assert facts["passed"] is True
    assert facts["dtype"] == "float64"
    assert 0 < facts["max_force_error_eV_A"] < 1e-10
    assert facts["max_energy_error_eV"] < 1e-9
    assert facts["max_stress_error_eV_A3"] < 1e-10
    assert facts["drift_eV_atom_ps"] != 0

    (out / "mine.pt").write_bytes(b"damaged")
    status, _, error = invoke("check", out, "--json")
    assert status == 2
    assert "is not the file its card describes" in error
    status, text, _ = invoke("info", out)
    assert status == 1
    assert "changed" in text


def test_a_check_that_is_not_passed(
    invoke: Invoke, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlipsse.potential.parity import comparison

    monkeypatch.setattr(comparison, "MAX_DRIFT_EV_ATOM_PS", 0.0)
    status, text, error = invoke("check", SHIPPED, "--structures", SHIPPED / "replay.extxyz@150")
    assert status == 2, "a file name, not ASE's notation"
    assert "There is no file" in error
    status, text, error = invoke("check", SHIPPED)
    assert status == 1
    assert "Not passed: torchscript in lammps: the energy drifts by" in text
    assert "Passed" not in text
    assert "mace-sse-small.pt in LAMMPS" in error


def test_build_reports_its_path(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlipsse.potential.lammps import plugin

    asked = []

    def pretend(**options: object) -> Path:
        asked.append(options)
        return tmp_path / "macepair.so"

    monkeypatch.setattr(plugin, "build_plugin", pretend)
    assert invoke("build")[1] == f"{tmp_path / 'macepair.so'}\n"
    status, text, _ = invoke(
        "build", "--rebuild", "--lammps", tmp_path, "--mpi", tmp_path / "include", "--json"
    )
    assert status == 0
    assert json.loads(text) == {"plugin": str(tmp_path / "macepair.so")}
    assert asked == [
        {"rebuild": False, "lammps": None, "mpi": None},
        {"rebuild": True, "lammps": tmp_path, "mpi": tmp_path / "include"},
    ]


def test_bench_passes_its_options_on(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlipsse.potential.speed import benchmark

    asked: dict[str, Any] = {}

    rows = [
        BenchmarkRow("torchscript", "float32", 160, 2, 66.8, 417.3, 1.29, 322.0, 0.04, 0.0),
        BenchmarkRow(
            "native", "float32", 160, 2, 3.1, 19.4, 27.9, 36.9, 0.03, 0.21, memory_kB_per_atom=14.2
        ),
    ]

    def pretend(bundle: Path, **options: object) -> list[BenchmarkRow]:
        asked.update(options, bundle=bundle)
        return rows

    monkeypatch.setattr(benchmark, "benchmark", pretend)
    options = ("--atoms", "160, 640", "--threads", "2", "--backends", "ase,torchscript")
    status, text, _ = invoke("bench", SHIPPED, *options, "--json")
    assert status == 0
    assert json.loads(text) == [asdict(row) for row in rows]
    assert asked["bundle"] == SHIPPED
    assert (asked["atoms"], asked["threads"]) == ([160, 640], 2)
    assert asked["backends"] == ["ase", "torchscript"]
    _, text, _ = invoke("bench", SHIPPED, *options)
    assert text.startswith("float32, 2 threads\n")
    assert re.search(r"torchscript +160 +66.8 +417 +1.29 +322 +- +4% *\n", text)
    assert re.search(r"native +160 +3.1 +19.4 +27.9 +36.9 +14.2 +3% *\n", text)
    assert "Up to 21% of the time a run waited for a core" in text
    status, _, error = invoke("bench", SHIPPED, "--atoms", "many")
    assert status == 2
    assert "--atoms 160,640" in error


def test_info_reads_the_shipped_potential(invoke: Invoke, tmp_path: Path) -> None:
    status, text, _ = invoke("info", SHIPPED)
    assert status == 0
    for words in (
        "mace-sse-small",
        "Li, O, Na, Si, P, S, Cl, Ge, Br, Y, Zr, In",
        "teacher labels, not DFT",
        "runs code",
    ):
        assert words in text
    status, _, error = invoke("info", tmp_path)
    assert status == 2
    assert "is not a potential bundle" in error


def test_wrong_options_are_sentences(invoke: Invoke, tmp_path: Path) -> None:
    model = SHIPPED / "mace-sse-small.model"
    shutil.copyfile(model, tmp_path / "loose.model")
    loose = tmp_path / "loose.model"
    for options, sentence in (
        (("--head", "DFT"), "has no head DFT; it has Default"),
        (("--serial", "--device", "cuda"), "Serial code is for the device cpu, not for cuda"),
        (("--sha256", "0" * 64), "was not opened"),
        (("--structure", tmp_path / "nothing.cif"), "There is no file"),
    ):
        status, _, error = invoke("export", loose, "--out", tmp_path / "x", *options)
        assert status == 2
        assert sentence in error
        assert error.startswith("Error: ")
        assert ".part" not in error
    assert [path.name for path in tmp_path.iterdir()] == ["loose.model"]


def test_accept_reports_the_table_the_card_and_an_exit_code(
    tmp_path: Path, invoke: Invoke, shipped_bundle: Path
) -> None:
    from ase.io import read, write

    bundle = tmp_path / "mine"
    shutil.copytree(shipped_bundle, bundle)
    frames = read(shipped_bundle / "replay.extxyz", ":")
    crystal = next(one for one in frames if len(one) <= 40 and {"Li", "In"} <= set(one.symbols))
    write(tmp_path / "crystal.extxyz", crystal)
    options = ("--structure", tmp_path / "crystal.extxyz", "--duration", "0.04", "--min-atoms", "1",
               "--constant-energy", "0.02", "--timestep", "2", "--mobile", "Li")  # fmt: skip
    status, text, error = invoke(
        "accept", bundle, *options, "--temperature", "300", "--figures", tmp_path / "figures",
        "--reference-potential", shipped_bundle.name, "--labels", tmp_path / "crystal.extxyz",
        "--json",
    )  # fmt: skip
    record = json.loads(text)
    assert status == (0 if record["accepted"] else 1), error
    (entry,) = record["structures"]
    assert entry["temperature_K"] == 300
    verdicts = {line["name"]: line["verdict"] for line in entry["criteria"]}
    # The model against itself, and nothing to compare g(r) with.
    assert (verdicts["volume"], verdicts["g(r)"], verdicts["softening"]) == ("pass", "skip", "pass")
    drawn = sorted(path.suffix for path in (tmp_path / "figures").iterdir())
    assert drawn == [".png", ".svg"]

    status, text, _ = invoke("info", bundle, "--json")
    assert status == 0  # the card is no file that it lists
    assert json.loads(text)["card"]["acceptance"] == record
    _, text, _ = invoke("info", bundle)
    assert "conservation" in text  # words of a cell may stand on two lines
    assert ("Not accepted." in text) == (not record["accepted"])


def test_accept_refuses_what_it_cannot_try(
    tmp_path: Path, invoke: Invoke, shipped_bundle: Path
) -> None:
    from ase.build import bulk
    from ase.io import write

    write(tmp_path / "gold.extxyz", bulk("Au"))
    write(tmp_path / "salt.extxyz", bulk("LiCl", "rocksalt", a=5.1))
    gold, salt = tmp_path / "gold.extxyz", tmp_path / "salt.extxyz"
    for crystal, options, words in (
        (gold, (), "Au, which"),
        (salt, ("--reference", gold), "frames are of Au; the structures are of ClLi"),
        (salt, ("--labels", shipped_bundle / "replay.extxyz"), "The labelled frames are of"),
        (salt, ("--labels", salt), "REF_energy"),
        (salt, ("--labels", tmp_path / "none.extxyz"), "There is no file"),
        (salt, ("--temperature", "-5"), "--temperature -5: give a finite number above 0"),
    ):
        status, _, error = invoke("accept", shipped_bundle, "--structure", crystal, *options)
        assert status == 2
        assert words in error
