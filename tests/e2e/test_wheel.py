"""The wheel carries all it needs: built, installed into a fresh environment, and used there."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]

DECK = """
import sys
from pathlib import Path
from ase.io import read
import mlipsse
from mlipsse import keys
from mlipsse.md.files.data_file import species_by_type
from mlipsse.md.files.deck import mace_commands
from mlipsse.md.files.folder import render_folder
from mlipsse.md.plan.protocol import Protocol
from mlipsse.md.files.record import RunSubject, record_of
from mlipsse.md.run import run_folder
from mlipsse.potential.export.torchscript import export_torchscript
from mlipsse.potential.export.source_model import model_summary
from mlipsse.potential.lammps.plugin import build_plugin
from mlipsse.resources import resource_dir

assert Path(mlipsse.__file__).is_relative_to(sys.prefix), mlipsse.__file__
shipped = resource_dir("potentials") / "mace-sse-small"
assert shipped.is_relative_to(sys.prefix), shipped
model = next(shipped.glob("*.model"))
folder = Path("run").resolve()
folder.mkdir()
export_torchscript(model, head=model_summary(model).heads[0], dtype="float32", out=folder / "m.pt")
atoms = read(shipped / "replay.extxyz", "0")
protocol = Protocol(
    temperature_K=600, equilibration_ps=0.005, production_ps=0.01, dump_every_fs=1,
    thermo_every_fs=1, restart_every_ps=0.005, relax_cell=False,
)
subject = RunSubject(
    formula="x", composition="x", ordering="x", replica=0, mobile="Li", mobile_charge_e=1
)
render_folder(
    folder, atoms, record_of(atoms, subject, protocol),
    pair_commands=mace_commands(
        plugin=build_plugin(), model=Path("m.pt"), species=species_by_type(atoms)
    ),
)
result = run_folder(folder)
assert (result.status, result.frames) == ("done", 11), result
print("a deck ran")
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, CHECKOUT],
        check=True,
        capture_output=True,
    )
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def fresh_environment(wheel: Path) -> Path:
    """A new environment with the dependencies of this one, and mlipsse from its wheel."""
    prefix = wheel.parent / "environment"
    venv.create(prefix, symlinks=True)
    own = Path(sys.prefix)  # MPICH's wheel puts libraries and headers right below it
    for source in (Path(sysconfig.get_path("purelib")), own / "lib", own / "include"):
        target = prefix / source.relative_to(own)
        target.mkdir(exist_ok=True)
        for path in source.iterdir():
            if path.name.startswith(("python3", "mlipsse", "_editable", "_mlipsse")):
                continue
            if path.is_dir():
                shutil.copytree(
                    path, target / path.name, copy_function=os.link, symlinks=True,
                    dirs_exist_ok=True,
                )  # fmt: skip
            elif not (target / path.name).exists():
                os.link(path, target / path.name, follow_symlinks=False)
    python = prefix / "bin" / "python"
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel], check=True
    )
    return prefix


def test_it_holds_every_file_that_is_shipped(wheel: Path) -> None:
    shipped = {
        f"mlipsse/shipped/{path.relative_to(CHECKOUT)}"
        for folder in ("lammps_templates", "potentials", "examples", "cmake")
        for path in (CHECKOUT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    modules = {str(path.relative_to(CHECKOUT)) for path in (CHECKOUT / "mlipsse").rglob("*.py")}
    templates = {str(path.relative_to(CHECKOUT)) for path in (CHECKOUT / "mlipsse").rglob("*.j2")}
    with zipfile.ZipFile(wheel) as archive:
        assert shipped | modules | templates <= set(archive.namelist())
    assert min(len(shipped), len(modules)) > 30
    assert templates


@pytest.mark.slow
def test_init_and_a_deck_from_the_wheel(fresh_environment: Path, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "MLIPSSE_CACHE": str(tmp_path / "cache"),
        "HOME": str(tmp_path),
        "PATH": f"{fresh_environment / 'bin'}:{os.environ['PATH']}",
    }
    environment.pop("PYTHONPATH", None)

    def run(*command: str | Path, status: int = 0) -> str:
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout

    mlipsse = fresh_environment / "bin" / "mlipsse"
    run(mlipsse, "init", "campaign")
    assert (tmp_path / "campaign" / "campaign.yaml").is_file()
    # The teacher of the demo has an environment of its own, which a wheel does not bring.
    (problem,) = json.loads(run(mlipsse, "validate", "campaign", "--json", status=2))["problems"]
    assert "run `mlipsse env make sevennet`" in problem
    for example in (CHECKOUT / "examples").iterdir():
        run(mlipsse, "init", example.name, "--example", example.name)
        assert {path.name for path in (tmp_path / example.name).iterdir()} == {
            path.name for path in example.iterdir() if path.suffix in {".yaml", ".cif", ".extxyz"}
        }
    config = tmp_path / "campaign" / "campaign.yaml"
    config.write_text(config.read_text().replace("sevennet: 7net-l3i5", "mace-sse-small"))
    assert "valid" in run(mlipsse, "validate", "campaign")
    assert "a deck ran" in run(fresh_environment / "bin" / "python", "-c", DECK)
