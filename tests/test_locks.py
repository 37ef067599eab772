"""One holder at a time, also where the file system has no locks."""

import errno
import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlipsse import owner_file
from mlipsse.errors import MlipsseError
from mlipsse.files import exclusive_lock, is_locked
from mlipsse.owner_file import WRITING_S, owner_path


@pytest.fixture(params=[errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP], ids=errno.errorcode.get)
def no_locks(request, monkeypatch) -> None:
    """As on Lustre without `-o flock`, and some NFS."""

    def flock(descriptor: int, operation: int) -> None:
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(fcntl, "flock", flock)


def test_one_holder_without_file_locks(no_locks, tmp_path):
    lock = tmp_path / "run" / ".lock"
    with exclusive_lock(lock, holder="LAMMPS run") as descriptor:
        os.fstat(descriptor)
        assert is_locked(lock)
        with (
            pytest.raises(MlipsseError, match=rf"process {os.getpid()} on .*remove the file"),
            exclusive_lock(lock, holder="LAMMPS run", patience_s=0.2),
        ):
            pass
        assert is_locked(lock), "a refused one does not take the file away"
    assert not is_locked(lock)
    with exclusive_lock(lock, holder="LAMMPS run"):
        pass
    assert [path.name for path in lock.parent.iterdir()] == [".lock"]


def test_a_killed_holder_is_no_holder(no_locks, tmp_path):
    lock = tmp_path / ".lock"
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    for line in (
        f"{os.uname().nodename} {gone.pid} 1\n",
        f"{os.uname().nodename} {os.getpid()} 1\n",
    ):
        owner_path(lock).write_text(line)  # the second: its number was given out again
        with exclusive_lock(lock, holder="LAMMPS run"):
            assert is_locked(lock)


def test_who_took_a_dead_owner_s_place_meanwhile_keeps_it(no_locks, tmp_path, monkeypatch):
    """Both saw the dead one; the other was faster between our look and our hand."""
    lock = tmp_path / ".lock"
    dead = f"{os.uname().nodename} {os.getpid()} 1\n"
    owner_path(lock).write_text(dead)
    real = owner_file._remove_dead

    def late(path: Path, seen: str | None) -> None:
        path.write_text("node7 123 456\n")
        real(path, seen)

    monkeypatch.setattr(owner_file, "_remove_dead", late)
    with (
        pytest.raises(MlipsseError, match="process 123 on node7"),
        exclusive_lock(lock, holder="x"),
    ):
        pass
    assert owner_path(lock).read_text() == "node7 123 456\n"
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("content", ["", "\n"])
def test_an_empty_owner_file_is_of_a_writer_or_of_a_killed_one(no_locks, tmp_path, content):
    lock = tmp_path / ".lock"
    lock.touch()
    owner_path(lock).write_text(content)
    assert is_locked(lock)
    with pytest.raises(MlipsseError, match="names process"), exclusive_lock(lock, holder="run"):
        pass
    before_s = time.time() - 2 * WRITING_S
    os.utime(owner_path(lock), (before_s, before_s))
    assert not is_locked(lock)
    with exclusive_lock(lock, holder="run"):
        assert str(os.getpid()) in owner_path(lock).read_text().split()


def test_of_another_node_nothing_is_known(no_locks, tmp_path):
    lock = tmp_path / ".lock"
    owner_path(lock).write_text("node7 123 456\n")
    with (
        pytest.raises(MlipsseError, match="process 123 on node7") as caught,
        exclusive_lock(lock, holder="LAMMPS run"),
    ):
        pass
    assert str(owner_path(lock)) in str(caught.value)
    owner_path(lock).unlink()
    with exclusive_lock(lock, holder="LAMMPS run"):
        pass


def test_a_node_without_locks_is_seen_by_one_that_has_them(tmp_path):
    lock = tmp_path / ".lock"
    owner_path(lock).write_text("node7 123 456\n")
    with pytest.raises(MlipsseError, match="node7"), exclusive_lock(lock, holder="run"):
        pass


def test_other_failures_are_not_hidden(tmp_path, monkeypatch):
    def flock(descriptor: int, operation: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(OSError, match="Input/output"), exclusive_lock(tmp_path / "x", holder="run"):
        pass


def test_a_lock_file_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(MlipsseError, match="cannot make its lock file"),
        exclusive_lock(Path(tmp_path / "file" / ".lock"), holder="LAMMPS run"),
    ):
        pass
