"""What is on disk decides where a run goes on; the DCD files come from MDAnalysis' writer."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from MDAnalysis.lib.formats.libdcd import DCDFile

from mlipsse.errors import MlipsseError
from mlipsse.md.files.parts import find_parts, recorded_before, whole_frames
from mlipsse.md.files.record import RunRecord, read_record
from mlipsse.md.files.resume import prepare
from mlipsse.md.watch.health import read_thermo, run_health

N_ATOMS = 64


def write_part(folder: Path, first_step: int, frames: int) -> Path:
    path = folder / f"traj.{first_step}.dcd"
    rng = np.random.default_rng(first_step)
    with DCDFile(str(path), "w") as file:
        file.write_header("x", N_ATOMS, 0, 10, 1.0, is_periodic=1)
        for _ in range(frames):
            file.write(rng.normal(size=(N_ATOMS, 3)).astype("f4"), [9, 9, 9, 90, 90, 90])
    return path


def write_restart(folder: Path, slot: str, step: int) -> None:
    (folder / f"restart.{slot}").write_text("whole")
    (folder / f"restart.{slot}.inc").write_text(f"variable step_{slot} index {step}\n")


def is_whole(restart: Path) -> bool:
    return restart.read_text() == "whole"


@pytest.fixture
def folder(make_run: Callable[..., Path]) -> Path:
    """Frames lie at 2000, 2010, ..., 6000."""
    return make_run()


@pytest.fixture
def record(folder: Path) -> RunRecord:
    return read_record(folder)


def test_frames_are_counted_whole(tmp_path: Path) -> None:
    path = write_part(tmp_path, 0, 5)
    whole = path.read_bytes()
    frame_bytes = 56 + 3 * (4 * N_ATOMS + 8)
    assert whole_frames(path, n_atoms=N_ATOMS) == 5
    for cut in (1, 4, 300, frame_bytes - 1):
        path.write_bytes(whole[:-cut])
        assert whole_frames(path, n_atoms=N_ATOMS) == 4
    path.write_bytes(whole[:-frame_bytes])
    assert whole_frames(path, n_atoms=N_ATOMS) == 4
    header_bytes = len(whole) - 5 * frame_bytes
    for size in (0, 1, 50, header_bytes - 1, header_bytes):
        path.write_bytes(whole[:size])
        assert whole_frames(path, n_atoms=N_ATOMS) == 0


def test_a_garbled_frame_ends_the_count(tmp_path: Path) -> None:
    path = write_part(tmp_path, 0, 5)
    content = bytearray(path.read_bytes())
    frame_bytes = 56 + 3 * (4 * N_ATOMS + 8)
    third = len(content) - 3 * frame_bytes
    content[third + 56 : third + 60] = b"\0\0\0\0"
    path.write_bytes(content)
    assert whole_frames(path, n_atoms=N_ATOMS) == 2


def test_a_trajectory_of_another_run_is_a_sentence(tmp_path: Path) -> None:
    path = write_part(tmp_path, 0, 1)
    with pytest.raises(MlipsseError, match="contains 64 atoms but the run has 80"):
        whole_frames(path, n_atoms=80)


@pytest.mark.parametrize(
    ("parts", "missing"),
    [
        ([], 2000),
        ([(2000, 1)], 2010),
        ([(2000, 401)], 6010),
        ([(2000, 100), (2500, 10)], 2600),
        ([(2000, 51), (2500, 10)], 2600),  # the seam frame is in both
        ([(2000, 49), (2500, 10)], 2490),
        ([(2000, 200), (2500, 0)], 2500),  # the later part counts, and it is empty
        ([(2500, 10)], 2000),
    ],
)
def test_first_missing_frame(
    folder: Path, record: RunRecord, parts: list[tuple[int, int]], missing: int
) -> None:
    for first_step, frames in parts:
        write_part(folder, first_step, frames)
    assert recorded_before(find_parts(folder, n_atoms=N_ATOMS), record) == missing


def test_the_newest_restart_is_taken(folder: Path, record: RunRecord) -> None:
    write_restart(folder, "a", 3000)
    write_restart(folder, "b", 4000)
    write_part(folder, 2000, 230)
    assert prepare(folder, record, is_whole=is_whole) == 4000


def test_no_restart_counts_before_its_frames_are_on_disk(folder: Path, record: RunRecord) -> None:
    write_restart(folder, "a", 3000)
    write_restart(folder, "b", 4000)
    write_part(folder, 2000, 150)
    assert prepare(folder, record, is_whole=is_whole) == 3000
    assert (folder / "restart.b.inc").read_text() == "variable step_b index -1\n"


def test_of_two_restarts_at_one_step_the_torn_one_is_struck_out(
    folder: Path, record: RunRecord
) -> None:
    write_restart(folder, "a", 1000)
    write_restart(folder, "b", 1000)
    (folder / "restart.b").write_text("torn")
    assert prepare(folder, record, is_whole=is_whole) == 1000
    assert (folder / "restart.a.inc").read_text() == "variable step_a index 1000\n"
    assert (folder / "restart.b.inc").read_text() == "variable step_b index -1\n"


def test_parts_after_the_restart_are_removed(folder: Path, record: RunRecord) -> None:
    write_restart(folder, "a", 3000)
    write_part(folder, 2000, 100)
    abandoned = write_part(folder, 4000, 10)
    kept = write_part(folder, 3000, 80)
    assert prepare(folder, record, is_whole=is_whole) == 3000
    assert not abandoned.exists()
    assert kept.exists()


def test_a_run_without_restarts_starts_over(folder: Path, record: RunRecord) -> None:
    write_part(folder, 2000, 100)
    (folder / "finished.txt").write_text("complete at step 6000\n")
    assert prepare(folder, record, is_whole=is_whole) is None
    assert not list(folder.glob("traj.*"))
    assert not (folder / "finished.txt").exists()


def log_text(rows: list[tuple[int, float, float]]) -> str:
    names = "'Step', 'Time', 'Temp', 'TotEng', 'Econserve', 'Press', 'Volume', "
    lines = [
        f"  - [{step}, 0, {temperature}, {econserve}, {econserve}, 5, 1100, ]"
        for step, temperature, econserve in rows
    ]
    return "\n".join(["chatter", "---", f"keywords: [{names}]", "data:", *lines, "..."]) + "\n"


def test_thermo_of_parts_is_joined_once(folder: Path, record: RunRecord) -> None:
    first = log_text([(step, 300.0, 0.0) for step in range(0, 4001, 500)])
    (folder / "log.0.lammps").write_text(first + log_text([(4000, 300.0, 0.0)]))
    (folder / "log.3000.lammps").write_text(log_text([(s, 310.0, 0.0) for s in (3000, 3500)]))
    (folder / "log.3500.lammps").write_text("killed before its first row\n")
    thermo = read_thermo(folder)
    assert thermo.step.tolist() == [0, 500, 1000, 1500, 2000, 2500, 3000, 3500]
    assert thermo.temperature_K.tolist() == [300.0] * 6 + [310.0] * 2
    health = run_health(folder, record)
    assert (health.last_step, health.complete) == (3500, False)
    assert health.mean_temperature_K == 305.0
    assert health.volume_A3 == 1100.0


def test_torn_rows_are_left_out(folder: Path) -> None:
    text = log_text([(0, 300.0, 0.0), (100, 301.0, 0.0)])
    (folder / "log.0.lammps").write_text(text[: text.rindex(", 1100")])
    assert read_thermo(folder).step.tolist() == [0]


def test_energy_drift_is_measured_within_parts(folder: Path, record: RunRecord) -> None:
    # 64 meV/ps in all, i.e. 1 meV/atom/ps, and a new zero of energy in every part.
    for part, zero in ((2000, -5.0), (4000, 90.0)):
        steps = range(part, part + 2001, 100)
        rows = [(step, 300.0, zero + 0.064 * step / 1000) for step in steps]
        (folder / f"log.{part}.lammps").write_text(log_text(rows))
    assert run_health(folder, record).energy_drift_meV_atom_ps == pytest.approx(1.0, rel=1e-9)


def test_a_run_that_has_not_begun_has_no_numbers(folder: Path, record: RunRecord) -> None:
    health = run_health(folder, record)
    assert (health.last_step, health.complete) == (-1, False)
    assert health.mean_temperature_K is None
    assert health.energy_drift_meV_atom_ps is None


def test_missing_thermo_columns_are_a_sentence(folder: Path) -> None:
    (folder / "log.0.lammps").write_text("keywords: ['Step', 'Temp', ]\n")
    with pytest.raises(MlipsseError, match="lacks thermo columns"):
        read_thermo(folder)
