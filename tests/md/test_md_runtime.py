"""LAMMPS, the pair style and libtorch in a folder that was moved, without PATH and Python."""

import fcntl
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from ase.io import read

from mlipsse.errors import MlipsseError
from mlipsse.md.files.array_job import ArrayJob, write_array_job
from mlipsse.md.files.data_file import species_by_type
from mlipsse.md.files.deck import mace_commands
from mlipsse.md.files.folder import render_folder
from mlipsse.md.files.record import RunSubject, record_of
from mlipsse.md.plan.protocol import Protocol
from mlipsse.md.run import run_folder
from mlipsse.md.runtime import make_runtime
from mlipsse.potential.lammps.plugin import build_plugin
from mlipsse.resources import resource_dir

BUNDLE = resource_dir("potentials") / "mace-sse-small"


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("made") / "runtime"
    make_runtime(made, plugin=build_plugin())
    moved = tmp_path_factory.mktemp("a place with spaces") / "rt"
    shutil.move(made, moved)
    return moved


def mace_run(folder: Path, plugin: Path) -> Path:
    atoms = read(BUNDLE / "replay.extxyz", "0")
    protocol = Protocol(
        temperature_K=600,
        equilibration_ps=0.005,
        production_ps=0.01,
        dump_every_fs=1,
        thermo_every_fs=1,
        restart_every_ps=0.005,
        relax_cell=False,
    )
    subject = RunSubject(
        formula="x", composition="x", ordering="x", replica=0, mobile="Li", mobile_charge_e=1
    )
    record = record_of(atoms, subject, protocol)
    commands = mace_commands(
        plugin=plugin, model=BUNDLE / f"{BUNDLE.name}.pt", species=species_by_type(atoms)
    )
    render_folder(folder, atoms, record, pair_commands=commands)
    return folder


def test_a_deck_runs_with_an_empty_path(runtime: Path, tmp_path: Path) -> None:
    folder = mace_run(tmp_path / "run", runtime / "lib" / "macepair.so")
    done = subprocess.run(
        [runtime / "bin" / "lmp", "-in", "in.lammps"],
        cwd=folder,
        env={"PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    before = (folder / "finished.txt").stat().st_mtime_ns
    assert run_folder(folder).frames == 11
    assert (folder / "finished.txt").stat().st_mtime_ns == before


def test_nothing_is_loaded_from_elsewhere(runtime: Path) -> None:
    """All but the C library; the loader lists their places."""
    for file in (runtime / "bin" / "lmp", runtime / "lib" / "macepair.so"):
        listing = subprocess.run(
            ["ldd", file], capture_output=True, text=True, check=True, env={"PATH": os.defpath}
        ).stdout
        assert "not found" not in listing
        for line in listing.splitlines():
            words = line.split(" => ")
            if len(words) == 2 and str(runtime) not in words[1]:
                assert words[0].strip().split(".so")[0] in (
                    "libc", "libm", "libdl", "librt", "libpthread", "libutil", "libresolv"
                )  # fmt: skip
    assert not list(runtime.rglob("*python*"))


def test_several_ranks_start_from_it(runtime: Path, tmp_path: Path) -> None:
    folder = mace_run(tmp_path / "run", runtime / "lib" / "macepair.so")
    done = subprocess.run(
        [runtime / "bin" / "mpirun", "-np", "2", runtime / "bin" / "lmp", "-in", "in.lammps"],
        cwd=folder,
        env={"PATH": str(runtime / "bin"), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    grid = re.search(r"(\d) by (\d) by (\d) MPI processor grid", done.stdout)
    assert grid is not None
    assert sorted(grid.groups()) == ["1", "1", "2"]
    assert run_folder(folder).frames == 11


def test_run_script_does_without_us(runtime: Path, tmp_path: Path) -> None:
    """`run.sh` by env.sh: to the end, again, refused while another process runs."""
    root = tmp_path / "a campaign"
    folder = mace_run(root / "r0", runtime / "lib" / "macepair.so")
    write_array_job(root, [Path("r0")], ArrayJob(name="x"))
    command = f'. "{runtime}/env.sh" && bash run.sh r0'
    with (folder / ".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        refused = subprocess.run(["bash", "-c", command], cwd=root, check=False)
    assert refused.returncode == 3
    for _ in range(2):
        done = subprocess.run(["bash", "-c", command], cwd=root, check=False, capture_output=True)
        assert done.returncode == 0, done.stderr
    assert run_folder(folder).frames == 11


def test_a_folder_of_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(MlipsseError, match="contains other files"):
        make_runtime(tmp_path, plugin=build_plugin())
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
