"""What a run is doing, seen from its folder."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mlipsse import lammps
from mlipsse.errors import MlipsseError
from mlipsse.files import exclusive_lock
from mlipsse.md.run import run_folder
from mlipsse.md.watch.health import newest_thermo, read_thermo
from mlipsse.md.watch.state import run_state

MakeRun = Callable[..., Path]


def broken_off(folder: Path, *, at_step: int) -> None:
    """Run the deck up to a restart at `at_step` and end there."""
    deck = folder / "in.lammps"
    text = deck.read_text()
    deck.write_text(text.replace("\nrun  ", f'\nif "$(step) >= {at_step}" then "quit 1"\nrun  '))
    with pytest.raises(MlipsseError, match="exit status 1"):
        run_folder(folder)
    deck.write_text(text)


def test_a_run_from_queued_to_done(make_run: MakeRun) -> None:
    folder = make_run()
    state = run_state(folder)
    assert (state.state, state.step, state.progress) == ("queued", 0, 0.0)
    assert (state.ns_per_day, state.seconds_left) == (None, None)
    with exclusive_lock(folder / ".lock", holder="LAMMPS run"):
        assert run_state(folder).state == "running"
    broken_off(folder, at_step=3000)
    now = time.time()
    assert run_state(folder, now=now + 60).state == "stalled"
    state = run_state(folder, now=now + 3600)
    assert (state.state, state.step, state.progress) == ("stalled", 3000, 0.5)
    assert state.reason is not None
    assert "no process is running it" in state.reason
    with exclusive_lock(folder / ".lock", holder="LAMMPS run"):
        assert run_state(folder, now=now + 10).state == "running"
        late = run_state(folder, now=now + 3600)
        assert late.state == "stalled"
        assert late.reason == "it has logged nothing for 60 min"
    assert state.ns_per_day == pytest.approx(state.steps_per_s * 86_400e-6)
    assert state.seconds_left == pytest.approx(3000 / state.steps_per_s)
    broken_off(folder, at_step=4000)
    with exclusive_lock(folder / ".lock", holder="LAMMPS run"):
        assert run_state(folder, now=time.time()).state == "continuing"
    run_folder(folder)
    state = run_state(folder, now=now + 1e6)
    assert (state.state, state.reason, state.seconds_left) == ("done", None, 0.0)


def test_plain_lammps_elsewhere_is_seen_by_its_files(make_run: MakeRun) -> None:
    folder = make_run()
    lammps.run(["-log", "none", "-in", "in.lammps"], folder=folder)
    assert run_state(folder, now=time.time() + 1e6).state == "done"
    (folder / "finished.txt").unlink()
    (folder / "stopped.txt").write_text("ERROR: Lost atoms: original 64 current 63\n")
    state = run_state(folder)
    assert state.state == "exploded"
    assert state.reason is not None
    assert "Lost atoms" in state.reason


def test_speed_is_that_of_the_last_piece(make_run: MakeRun) -> None:
    folder = make_run(production_ps=20.0)
    started = time.monotonic()
    run_folder(folder)
    seconds = time.monotonic() - started
    speed = run_state(folder).steps_per_s
    assert speed is not None
    assert speed > 22_000 / seconds  # all of the run, its start and relaxation with it


def test_a_long_log_is_read_at_its_end(make_run: MakeRun) -> None:
    folder = make_run(thermo_every_fs=1.0, production_ps=20.0)
    run_folder(folder)
    assert (folder / "log.0.lammps").stat().st_size > 1_000_000
    newest, all_rows = newest_thermo(folder), read_thermo(folder)
    assert newest.step[-1] == all_rows.step[-1] == 22_000
    assert len(newest.step) < 400
    assert newest.framework_msd_A2[-1] == all_rows.framework_msd_A2[-1]
    with (folder / "log.0.lammps").open("a") as log:  # a line that is being written
        log.write("  - [22001, 22.0")
    assert newest_thermo(folder).step[-1] == 22_000
