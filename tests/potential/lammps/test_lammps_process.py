"""LAMMPS as a process: its errors, its lock, and that it cannot outlive its parent."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlipsse import lammps
from mlipsse.errors import MlipsseError
from mlipsse.files import exclusive_lock

ENDLESS = "variable k loop 1000000000\nlabel top\nnext k\njump SELF top\n"


def wait_until(condition, *, patience_s: float = 20.0) -> bool:
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def is_running(pid: int) -> bool:
    """Neither gone nor a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_found_without_starting_it():
    found = lammps.find_lammps()
    assert found.binary.read_bytes()[:4] == b"\x7fELF", "the binary, not its Python wrapper"
    assert (found.include_dir / "lammps" / "pair.h").is_file()
    assert found.version.startswith("2025.7.22")


def test_runs_to_its_end(tmp_path):
    (tmp_path / "deck.lmp").write_text(
        'print "threads $(extract_setting(nthreads))" file out.txt\n'
    )
    lammps.run(["-in", "deck.lmp"], folder=tmp_path, threads=1)
    assert (tmp_path / "out.txt").exists()
    assert "LAMMPS" in (tmp_path / "lammps.out").read_text()


def test_error_is_lammps_own_sentence(tmp_path):
    (tmp_path / "deck.lmp").write_text("pair_style nonsense\n")
    with pytest.raises(MlipsseError, match=r"ERROR: .*nonsense") as caught:
        lammps.run(["-in", "deck.lmp"], folder=tmp_path)
    assert str(tmp_path / "lammps.out") in str(caught.value)


def test_killed_by_a_signal(tmp_path):
    (tmp_path / "deck.lmp").write_text(ENDLESS)
    process = lammps.start(["-in", "deck.lmp"], folder=tmp_path)
    os.kill(process.pid, signal.SIGTERM)
    status = process.wait()
    assert "SIGTERM" in lammps.failure(tmp_path / "lammps.out", status=status)


def test_threads_below_one(tmp_path):
    with pytest.raises(MlipsseError, match="0 threads"):
        lammps.start([], folder=tmp_path, threads=0)


def test_holds_the_lock_while_it_lives(tmp_path):
    (tmp_path / "deck.lmp").write_text(ENDLESS)
    lock = tmp_path / "lock"
    with exclusive_lock(lock, holder="run") as descriptor:
        process = lammps.start(["-in", "deck.lmp"], folder=tmp_path, keep_open=[descriptor])
    try:
        with (
            pytest.raises(MlipsseError, match="Another run is using"),
            exclusive_lock(lock, holder="run"),
        ):
            pass
    finally:
        process.kill()
        process.wait()
    with exclusive_lock(lock, holder="run"):
        pass


def test_dies_with_its_parent(tmp_path):
    (tmp_path / "deck.lmp").write_text(ENDLESS)
    code = (
        "import sys, time; from pathlib import Path; from mlipsse import lammps\n"
        "child = lammps.start(['-in', 'deck.lmp'], folder=Path(sys.argv[1]))\n"
        "print(child.pid, flush=True); time.sleep(60)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert wait_until(lambda: is_running(child))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert wait_until(lambda: not is_running(child))


def test_interrupt_kills_it(tmp_path):
    (tmp_path / "deck.lmp").write_text(ENDLESS)
    # A shell starts what it puts into the background deaf to interrupts, and this test with it.
    code = (
        "import signal, sys; from pathlib import Path; from mlipsse import lammps\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "lammps.run(['-in', 'deck.lmp', '-log', 'started.log'], folder=Path(sys.argv[1]))\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stderr=subprocess.DEVNULL
    )
    assert wait_until((tmp_path / "started.log").exists)
    children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
    parent.send_signal(signal.SIGINT)
    assert parent.wait(timeout=20) != 0
    assert children
    assert wait_until(lambda: not any(is_running(int(pid)) for pid in children))
