"""pair_style mace in a LAMMPS that is built from source, with the MPI of the system."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mlipsse.potential.lammps.plugin import build_plugin
from mlipsse.resources import resource_dir
from tests.support.potential.lammps_deck import BRICK, Deck


def of_the_system(program: str) -> str | None:
    """Where a program lies that is not of this Python environment."""
    own = str(Path(sys.prefix) / "bin")
    path = [part for part in os.environ["PATH"].split(os.pathsep) if part != own]
    return shutil.which(program, path=os.pathsep.join(path))


SOURCE = os.environ.get("MLIPSSE_LAMMPS_SOURCE")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        SOURCE is None, reason="needs a LAMMPS source tree, named by MLIPSSE_LAMMPS_SOURCE"
    ),
    pytest.mark.skipif(of_the_system("mpicxx") is None, reason="needs an MPI of the system"),
]


@pytest.fixture(scope="module")
def own_lammps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """LAMMPS with PLUGIN and our package; nothing optimised, it takes some minutes."""
    build = tmp_path_factory.mktemp("lammps")
    options = {
        "CMAKE_PROJECT_lammps_INCLUDE": resource_dir("cmake") / "lammps_package.cmake",
        "PKG_MLIPSSE": "on",
        "PKG_PLUGIN": "on",
        "BUILD_MPI": "on",
        "BUILD_SHARED_LIBS": "on",
        "CMAKE_BUILD_TYPE": "Debug",
        "CMAKE_CXX_FLAGS_DEBUG": "-O0",
        "MPI_CXX_COMPILER": of_the_system("mpicxx"),
        "Python3_EXECUTABLE": sys.executable,
    }
    cmake = Path(sys.prefix) / "bin" / "cmake"
    configure = [cmake, "-S", f"{SOURCE}/cmake", "-B", build]
    subprocess.run([*map(str, configure), *(f"-D{k}={v}" for k, v in options.items())], check=True)
    subprocess.run([cmake, "--build", build, "--parallel", "2"], check=True)
    return build


@pytest.fixture
def own_deck(deck: Deck, own_lammps: Path) -> Deck:
    """Runs structures with that LAMMPS and its MPI, without a plugin."""
    mpirun = [of_the_system("mpirun"), "--oversubscribe", "--allow-run-as-root"]
    deck.command = lambda ranks: [*map(str, mpirun), "-n", str(ranks), own_lammps / "lmp"]
    deck.load = ""
    return deck


@pytest.mark.parametrize("ranks", [1, 2])
def test_built_in(deck, own_deck, ranks):
    """The same numbers as the plugin gives in the LAMMPS of this environment."""
    expected = Deck(own_deck.folder / "plugin", own_deck.model)
    expected.folder.mkdir()
    same(own_deck.run(BRICK, ranks=ranks), expected.run(BRICK))


def test_plugin_of_its_source_tree(own_deck):
    plugin = build_plugin(lammps=Path(SOURCE))
    built_in = own_deck.run(BRICK)
    own_deck.load = f'plugin load "{plugin}"'
    status, screen, _ = own_deck.attempt(BRICK)
    assert status == 0, screen
    assert "Loading plugin" in screen
    same(own_deck.run(BRICK, ranks=2), built_in)


def same(found: tuple[np.ndarray, np.ndarray], expected: tuple[np.ndarray, np.ndarray]) -> None:
    assert found[0][0] == pytest.approx(expected[0][0], abs=1e-9)
    np.testing.assert_allclose(found[0][1:], expected[0][1:], rtol=1e-9, atol=1e-2)
    np.testing.assert_allclose(found[1][:, 3:], expected[1][:, 3:], rtol=0, atol=1e-6)
