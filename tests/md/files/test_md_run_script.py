"""`run.sh` on nodes without file locks, without `flock`, and without LAMMPS."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from mlipsse.md.files.array_job import ArrayJob, write_array_job
from mlipsse.owner_file import WRITING_S

SLOW_LAMMPS = """\
#!/bin/bash
[ -e ../go ] && exec touch finished.txt
touch ../started
exec sleep 600
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder of one run, with a LAMMPS that sleeps until the file `go` is there."""
    root = tmp_path / "campaign"
    (root / "r0").mkdir(parents=True)
    write_array_job(root, [Path("r0")], ArrayJob(name="x"))
    programs = tmp_path / "bin"
    programs.mkdir()
    program(programs / "lmp", SLOW_LAMMPS)
    return root


def program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def start(root: Path) -> "subprocess.Popen[str]":
    path = f"{root.parent / 'bin'}:{os.environ['PATH']}"
    return subprocess.Popen(
        ["bash", "run.sh", "r0"],
        cwd=root,
        env=os.environ | {"PATH": path},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def result(root: Path) -> tuple[int, str]:
    done = start(root)
    _, words = done.communicate(timeout=60)
    return done.returncode, words


@pytest.mark.parametrize(
    "flock",
    ["echo 'flock: 9: No locks available' >&2; exit 71", "exit 65", "exit 127"],
    ids=["no locks", "not implemented", "no such program"],
)
def test_without_locks_one_at_a_time(root: Path, flock: str) -> None:
    program(root.parent / "bin" / "flock", f"#!/bin/bash\n{flock}\n")
    first = start(root)
    while not (root / "started").exists():
        assert first.poll() is None
        time.sleep(0.02)
    status, words = result(root)
    assert status == 3
    assert "Another LAMMPS is using r0: .lock.owner" in words
    assert "remove the file" in words
    first.terminate()
    assert first.wait(timeout=30) == 1
    assert not (root / "r0" / ".lock.owner").exists()
    (root / "go").touch()
    assert result(root) == (0, "")
    assert (root / "r0" / "finished.txt").exists()
    assert not (root / "r0" / ".lock.owner").exists()


@pytest.mark.parametrize("owner", ["{host} 999999999 5", "{host} {pid} 5"], ids=["gone", "another"])
def test_a_killed_owner_is_none(root: Path, owner: str) -> None:
    program(root.parent / "bin" / "flock", "#!/bin/bash\nexit 71\n")
    text = owner.format(host=os.uname().nodename, pid=os.getpid())
    (root / "r0" / ".lock.owner").write_text(text + "\n")
    (root / "go").touch()
    assert result(root) == (0, "")


def test_an_empty_owner_file_locks_a_folder_for_a_minute(root: Path) -> None:
    program(root.parent / "bin" / "flock", "#!/bin/bash\nexit 71\n")
    owner = root / "r0" / ".lock.owner"
    owner.touch()
    (root / "go").touch()
    assert result(root)[0] == 3
    before_s = time.time() - 2 * WRITING_S
    os.utime(owner, (before_s, before_s))
    assert result(root) == (0, "")
    assert not owner.exists()


def test_an_owner_on_another_node_is_seen_through_a_lock_that_works(root: Path) -> None:
    (root / "r0" / ".lock.owner").write_text("node7 123 456\n")
    (root / "go").touch()
    status, words = result(root)
    assert status == 3
    assert ".lock.owner" in words


def test_no_lammps_on_the_node(root: Path) -> None:
    (root.parent / "bin" / "lmp").unlink()
    status, words = result(root)
    assert status == 1
    assert "There is no program lmp on this node" in words
    assert "mlipsse md runtime" in words
