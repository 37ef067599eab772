"""The lines of every engine: in decks, in scripts, in bundles."""

import os
import subprocess
from pathlib import Path

import pytest

from mlipsse.engines import ENGINES, EngineName, file_kind
from mlipsse.errors import MlipsseError
from mlipsse.md.files.array_job import ArrayJob, write_array_job
from mlipsse.md.files.deck import mace_commands
from mlipsse.potential.export.target import SUFFIXES
from tests.md.files.test_md_deck import deck

FILES: dict[EngineName, str] = {
    "mlipsse": "p.safetensors",
    "symmetrix": "p.symmetrix.json",
    "mliap": "p.mliap.pt",
    "upstream": "p.upstream.pt",
}
OTHERS = [name for name in ENGINES if name != "mlipsse"]


def commands(engine: EngineName, file: str | None = None, dtype: str = "float32") -> list[str]:
    """With single spaces."""
    lines = mace_commands(
        plugin=Path("lib/macepair.so"), model=Path("pot") / (file or FILES[engine]),
        species=("Li", "Cl"), engine=engine, dtype=dtype,
    )  # fmt: skip
    return [" ".join(line.split()) for line in lines]


def test_every_format_has_an_engine() -> None:
    suffixes = {suffix for engine in ENGINES.values() for suffix in engine.suffixes}
    assert suffixes == set(SUFFIXES.values())
    assert all(file_kind(Path(f"x{suffix}")) for suffix in suffixes)


def test_pair_lines() -> None:
    assert commands("mliap") == [
        'pair_style mliap unified "pot/p.mliap.pt" 0',
        "pair_coeff * * Li Cl",
    ]
    assert commands("upstream") == [
        "pair_style mace no_domain_decomposition", 'pair_coeff * * "pot/p.upstream.pt" Li Cl',
    ]  # fmt: skip
    assert commands("symmetrix") == [
        'variable symmetrix index "streamed_edges auto"',
        "pair_style symmetrix/mace/float32/kk mpi_message_passing ${symmetrix}",
        'pair_coeff * * "pot/p.symmetrix.json" Li Cl',
    ]
    assert "pair_style symmetrix/mace/kk " in commands("symmetrix", dtype="float64")[1]
    cuda = mace_commands(plugin=Path("p.so"), model=Path("p.pt"), species=["Li"], device="cuda")
    assert "pair_style mace device cuda #" in " ".join(cuda[1].split())
    assert commands("mlipsse")[:2] == [
        'plugin load "lib/macepair.so"', "pair_style mace # native code: C++ written for the model",
    ]  # fmt: skip


@pytest.mark.parametrize("engine", list(ENGINES))
def test_a_file_of_another_engine_is_refused(engine: EngineName) -> None:
    for other, file in FILES.items():
        if other != engine:
            with pytest.raises(MlipsseError, match=f"engine {engine} .*The engine {other} loads"):
                commands(engine, file)
    with pytest.raises(MlipsseError, match="does not fit the engine"):
        commands(engine, "p.model")


@pytest.mark.parametrize("engine", OTHERS)
def test_a_deck_of_another_engine(engine: EngineName) -> None:
    ours = deck().splitlines()
    theirs = deck(engine=engine).splitlines()
    assert not any(line.startswith("suffix") for line in theirs)
    assert "newton          on" in theirs
    assert ("processors      1 1 1" in "\n".join(theirs)) == (engine == "upstream")
    for kept in ("write_restart", "dump ", "fix             runaway", "fix             too_close"):
        assert [line for line in ours if line.startswith(kept)] == [
            line for line in theirs if line.startswith(kept)
        ]
    averages = any("ave/atom" in line and not line.startswith("#") for line in theirs)
    assert averages == ENGINES[engine].averages_atoms
    assert any("does not run beside mliap" in line for line in theirs) == (engine == "mliap")


def test_newton_off_is_refused_for_kokkos(tmp_path: Path) -> None:
    (tmp_path / "in.lammps.j2").write_text("units metal\n{{ pair_commands | join('\n') }}\n")
    assert deck(template_dir=tmp_path)
    with pytest.raises(MlipsseError, match=r"no line `newton on`, which the engine mliap requires"):
        deck(template_dir=tmp_path, engine="mliap")


@pytest.mark.parametrize("engine", list(ENGINES))
def test_the_script_starts_lammps_with_the_options_of_the_engine(
    engine: EngineName, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, programs = tmp_path / "some runs", tmp_path / "bin"
    (root / "r0").mkdir(parents=True)
    programs.mkdir()
    job = ArrayJob(name="x", engine=engine, model=f"pot/{FILES[engine]}", dtype="float64")
    write_array_job(root, [Path("r0")], job)
    said = tmp_path / "said"
    for name, words in (
        ("lmp", f'printf "<%s>" "$@" >"{said}"'),
        (
            "symmetrix_prepare_jit_device_artifact",
            f'printf "%s|" "$@" >"{tmp_path}/asked"; echo jit_device_artifact /c/a.so',
        ),
    ):
        (programs / name).write_text(f"#!/bin/bash\n{words}\n")
        (programs / name).chmod(0o755)
    environment = os.environ | {"PATH": f"{programs}:{os.environ['PATH']}"}
    run = ["bash", str(root / "run.sh"), "r0"]
    done = subprocess.run(run, cwd=root, env=environment, check=False, capture_output=True)
    assert done.returncode == 0, done.stderr
    options = "".join(f"<{word}>" for word in ENGINES[engine].options)
    prepared = "<-var><symmetrix><streamed_edges direct jit_device_artifact /c/a.so>"
    expected = f"<-log><none>{options}{prepared if engine == 'symmetrix' else ''}<-in><in.lammps>"
    assert said.read_text() == expected
    if engine == "symmetrix":
        asked = (tmp_path / "asked").read_text().split("|")
        assert asked[:4] == [
            "--model",
            str(root / "pot/p.symmetrix.json"),
            "--precision",
            "float64",
        ]
    if engine != "mlipsse":
        plain = environment | {"LMP_OPTIONS": "", "SYMMETRIX": "streamed_edges auto"}
        subprocess.run(run, cwd=root, env=plain, check=True)
        own = "<-var><symmetrix><streamed_edges auto>" if engine == "symmetrix" else ""
        assert said.read_text() == f"<-log><none>{own}<-in><in.lammps>"
