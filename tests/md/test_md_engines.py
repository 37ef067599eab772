"""Decks of other engines in LAMMPS: all but their pair lines run, to the same trajectory."""

import subprocess
from pathlib import Path

import pytest

from mlipsse import lammps
from mlipsse.engines import ENGINES, EngineName
from mlipsse.md.files.parts import find_parts
from mlipsse.md.files.record import read_record
from tests.support.trajectories.lennard_jones import render

OTHERS = [name for name in ENGINES if name != "mlipsse"]


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = render(tmp_path_factory.mktemp("run") / "mlipsse")
    lammps.run(["-log", "none", "-in", "in.lammps"], folder=folder)
    return folder


@pytest.mark.parametrize("engine", OTHERS)
def test_a_deck_of_another_engine_runs_to_its_end(
    engine: EngineName, ours: Path, tmp_path: Path
) -> None:
    folder = render(tmp_path / engine, engine=engine)
    lammps.run(["-log", "none", "-in", "in.lammps"], folder=folder)
    record = read_record(folder)
    (part,) = find_parts(folder, n_atoms=len(record.species))
    (expected,) = find_parts(ours, n_atoms=len(record.species))
    assert part.frames == expected.frames > 1
    assert part.path.read_bytes()[-1000:] == expected.path.read_bytes()[-1000:]
    assert (folder / "finished.txt").is_file()
    assert (folder / "restart.a").is_file()
    watched = bool(list(folder.glob("displaced.*.txt")))
    assert watched == ENGINES[engine].averages_atoms


def test_an_engine_of_one_rank_refuses_two(tmp_path: Path) -> None:
    folder = render(tmp_path / "upstream", engine="upstream")
    done = subprocess.run(
        [
            lammps.mpirun(),
            "-np",
            "2",
            lammps.find_lammps().binary,
            "-log",
            "none",
            "-in",
            "in.lammps",
        ],
        cwd=folder,
        env=lammps.environment(1),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "processors" in done.stdout
    assert not list(folder.glob("traj.*"))
