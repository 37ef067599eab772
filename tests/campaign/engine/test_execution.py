import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from mlipsse.campaign.config.execution import ExecutionConfig
from mlipsse.campaign.engine import execution as execution_module
from mlipsse.campaign.engine import parsl as parsl_kernel
from mlipsse.campaign.engine.execution import Execution, Unit
from mlipsse.errors import MlipsseError

# Workers import the units' functions, so these live in a module of their own.
FUNCTIONS = """
import os, time
from pathlib import Path
from mlipsse.errors import MlipsseError
from mlipsse.files import write_text

def write_process(output, seconds=0.0):
    with (Path(output).parent / "journal").open("a") as stream:
        stream.write(f"{Path(output).name} {os.getpid()}\\n")
    time.sleep(seconds)
    write_text(output, os.environ["OMP_NUM_THREADS"])

def slow_at_first(output, times):
    journal = Path(output).parent / "journal"
    lines = journal.read_text().splitlines()
    before = sum(line.split()[0] == Path(output).name for line in lines)
    write_process(output, 300.0 if before < times and len(lines) < 1 + 2 * times else 0.0)

def fail(output):
    raise MlipsseError("the cell is 3 A wide; the limit is 4 A: take a larger one.")

def forget(output):
    pass
"""

DRIVER = """
import sys
from pathlib import Path
import unit_functions
from mlipsse.campaign.config.execution import ExecutionConfig
from mlipsse.campaign.engine.execution import Execution, Unit

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    units = [
        Unit(f"u{i}", folder / f"u{i}", unit_functions.write_process, {"seconds": 60.0})
        for i in range(2)
    ]
    with Execution(ExecutionConfig(workers=2), folder) as execution:
        execution.run(units)
"""


@pytest.fixture(autouse=True)
def resident_pool() -> None:
    """These tests start Parsl themselves."""


@pytest.fixture
def functions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "unit_functions.py").write_text(FUNCTIONS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    sys.modules.pop("unit_functions", None)
    import unit_functions

    return unit_functions


def test_units_are_done_once_and_failures_named(tmp_path: Path, functions) -> None:
    seen: list[tuple[int, int]] = []
    good = [Unit(f"u{i}", tmp_path / f"u{i}", functions.write_process) for i in range(3)]
    with Execution(ExecutionConfig(workers=2, threads_per_worker=1), tmp_path) as execution:
        execution.run(good, lambda done, total, text: seen.append((done, total)))
        assert seen[0] == (0, 3)
        assert seen[-1] == (3, 3)
        assert [unit.output.read_text() for unit in good] == ["1", "1", "1"]

        more = [*good, Unit("extra", tmp_path / "u3", functions.write_process)]
        execution.run(more)
        journal = (tmp_path / "journal").read_text().split("\n")
        assert sorted(line.split()[0] for line in journal if line) == ["u0", "u1", "u2", "u3"]

        bad = Unit("relaxation of x", tmp_path / "bad", functions.fail)
        late = Unit("late", tmp_path / "late", functions.write_process)
        with pytest.raises(MlipsseError, match="relaxation of x: the cell is 3 A wide"):
            execution.run([bad, late])
        assert late.done

        with pytest.raises(MlipsseError, match="without its result"):
            execution.run([Unit("forgetful", tmp_path / "never", functions.forget)])


def processes_with(marker: str) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                text = (entry / "environ").read_bytes()
            except OSError:
                continue
            if marker.encode() in text:
                found.append(int(entry.name))
    return found


def test_nothing_is_left_when_the_work_is_done(tmp_path: Path, functions, monkeypatch) -> None:
    marker = f"MLIPSSE_TEST_DONE_{tmp_path.name}_{os.getpid()}"
    monkeypatch.setenv(marker, "1")
    unit = Unit("u0", tmp_path / "u0", functions.write_process)
    with Execution(ExecutionConfig(workers=2, threads_per_worker=1), tmp_path) as execution:
        execution.run([unit])
        assert len(processes_with(marker)) > 2
    deadline = time.monotonic() + 20
    while left := processes_with(marker):
        assert time.monotonic() < deadline, f"processes {left} are left"
        time.sleep(0.2)


@pytest.mark.parametrize("times", [1, 2])
def test_a_silent_pool_is_replaced(tmp_path: Path, functions, monkeypatch, times: int) -> None:
    """As of a machine that sleeps: another pool goes on; if it falls silent too, a sentence.

    Three units and two workers: one waits for a worker when the pool is lost.
    """
    monkeypatch.setattr(parsl_kernel, "_LOCAL_THRESHOLD_S", 5)
    monkeypatch.setattr(execution_module, "LOST_POOLS", 1)
    marker = f"MLIPSSE_TEST_STOPPED_{tmp_path.name}_{os.getpid()}"
    monkeypatch.setenv(marker, "1")
    (tmp_path / "journal").touch()  # a slow unit may begin before the early one
    early = Unit("early", tmp_path / "early", functions.write_process)
    slow = [
        Unit(name, tmp_path / name, functions.slow_at_first, {"times": times})
        for name in ("slow0", "slow1", "slow2")
    ]
    stopped: list[int] = []

    def stop_the_pool(done: int, total: int, text: str) -> None:
        journal = tmp_path / "journal"
        begun = journal.read_text().count("slow") if journal.is_file() else 0
        if done != 1 or begun < 2 * (len(stopped) + 1) or len(stopped) == times:
            return
        for process in processes_with(marker):
            line = (Path("/proc") / str(process) / "cmdline").read_bytes()
            if (
                b"process_worker_pool" in line and b"--while" not in line
            ) and process not in stopped:
                os.kill(process, signal.SIGSTOP)
                stopped.append(process)

    config = ExecutionConfig(workers=2, threads_per_worker=1)
    with Execution(config, tmp_path) as execution:
        if times == 1:
            execution.run([early, *slow], stop_the_pool)
        else:
            with pytest.raises(
                MlipsseError, match=r"worker of slow\d was lost.*: .* run the same command again"
            ):
                execution.run([early, *slow], stop_the_pool)
    assert len(stopped) == times
    assert early.done
    assert all(unit.done for unit in slow) is (times == 1)
    deadline = time.monotonic() + 30
    while left := processes_with(marker):
        assert time.monotonic() < deadline, f"processes {left} are left"
        for process in stopped:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)
        time.sleep(0.2)


def test_workers_end_with_a_killed_driver(tmp_path: Path, functions) -> None:
    script = tmp_path / "driver.py"
    script.write_text(DRIVER)
    marker = f"MLIPSSE_TEST_{tmp_path.name}_{os.getpid()}"
    driver = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path)], env={**os.environ, marker: "1"}
    )
    journal = tmp_path / "journal"
    deadline = time.monotonic() + 60
    while not (journal.is_file() and journal.read_text().count("\n") == 2):
        assert time.monotonic() < deadline, "the units did not start"
        assert driver.poll() is None
        time.sleep(0.2)
    workers = {int(line.split()[1]) for line in journal.read_text().splitlines()}
    assert workers <= set(processes_with(marker))
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    deadline = time.monotonic() + 10
    while workers & set(processes_with(marker)):
        assert time.monotonic() < deadline, "a busy worker outlived its driver"
        time.sleep(0.2)
    # The idle manager notices by its heartbeat, well before it matters.
    deadline = time.monotonic() + 60
    while left := processes_with(marker):
        assert time.monotonic() < deadline, f"processes {left} outlived their driver"
        time.sleep(0.5)
