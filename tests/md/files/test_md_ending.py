"""How runs end, are lengthened, sealed, and taken over from machines without this package."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mlipsse.errors import MlipsseError
from mlipsse.md.files.ending import unphysical_ending
from mlipsse.md.files.record import OUTCOME_FILE, read_outcome, read_record
from mlipsse.md.files.segments import SEGMENTS_FILE, verify_segments
from mlipsse.md.run import run_folder
from mlipsse.md.watch.health import run_health

MakeRun = Callable[..., Path]
Frames = Callable[[Path], dict[int, np.ndarray]]
SOFT = (
    "pair_style lj/cut 5.0",
    "pair_coeff 1 1 0.02 3.6",
    "pair_coeff 1 2 0.05 2.3",
    "pair_coeff 2 2 0.02 2.9",
    "pair_modify shift yes",
)
FROM_THE_CRYSTAL = {"pair_commands": SOFT, "relax_cell": False, "equilibration_ps": 0.0}


def steps_of(folder: Path) -> list[int]:
    record = read_record(folder)
    first = record.equilibration_steps
    return list(range(first, first + record.production_steps + 1, record.dump_every_steps))


def test_a_framework_that_melts_stops_the_run(make_run: MakeRun, frames_by_step: Frames) -> None:
    folder = make_run(**FROM_THE_CRYSTAL, temperature_K=4000.0, production_ps=400.0)
    result = run_folder(folder)
    assert result.status == "melted"
    assert result.reason is not None
    assert "% of the framework's centres are displaced" in result.reason
    record = read_record(folder)
    # A chlorine has 5.13³ / 4 Å³.
    assert record.limits.displaced_A == pytest.approx(5.13 / 4 ** (1 / 3) / 3, abs=1e-4)
    displaced = run_health(folder, record).framework_displaced
    assert displaced > 0.5
    assert f"{100 * displaced:.0f} %" in result.reason
    frames = frames_by_step(folder)
    assert 0 < len(frames) == result.frames < record.expected_frames
    before = (folder / OUTCOME_FILE).stat().st_mtime_ns
    assert run_folder(folder).status == "melted"
    assert (folder / OUTCOME_FILE).stat().st_mtime_ns == before


def test_the_displaced_fraction_is_that_of_the_trajectory(
    make_run: MakeRun, frames_by_step: Frames
) -> None:
    """The deck averages one position in 25 fs: the frames. Killed and resumed on the way."""
    folder = make_run(
        **FROM_THE_CRYSTAL, temperature_K=3400.0, production_ps=6.0, dump_every_fs=25.0
    )
    deck = folder / "in.lammps"
    text = deck.read_text().replace("> 0.5 error hard", "> 2.0 error hard")
    deck.write_text(text.replace("\nrun  ", '\nif "$(step) >= 3000" then "quit 1"\nrun  '))
    with pytest.raises(MlipsseError, match="exit status 1"):
        run_folder(folder)
    deck.write_text(text)
    assert run_folder(folder).status == "done"
    record = read_record(folder)
    frames = frames_by_step(folder)
    others = np.array(record.species) != record.mobile
    printed: dict[int, float] = {}
    for path in sorted(folder.glob("displaced.*.txt")):
        rows = [line.split() for line in path.read_text().splitlines()[1:]]
        printed |= {int(step): float(fraction) for step, fraction in rows if int(step) % 1000 == 0}
    for step in (1000, 2000, 3000, 5000, 6000):
        average = np.mean([frames[at] for at in range(step - 975, step + 1, 25)], axis=0)
        moved = (average - frames[0])[others]
        moved -= moved.mean(axis=0)
        away = np.linalg.norm(moved, axis=1) > record.limits.displaced_A
        assert printed[step] == pytest.approx(away.mean(), abs=6e-4)
    assert 0.1 < printed[6000] < 1.0


def test_displacements_in_the_log_are_those_of_the_trajectory(
    make_run: MakeRun, frames_by_step: Frames
) -> None:
    """Killed and resumed, they still count from step 0: the equilibration is in both."""
    folder = make_run(equilibration_ps=0.0, production_ps=4.0, thermo_every_fs=10.0)
    deck = folder / "in.lammps"
    text = deck.read_text()
    deck.write_text(text.replace("\nrun  ", '\nif "$(step) >= 2000" then "quit 1"\nrun  '))
    with pytest.raises(MlipsseError, match="exit status 1"):
        run_folder(folder)
    deck.write_text(text)
    run_folder(folder)
    frames = frames_by_step(folder)
    health = run_health(folder, read_record(folder))
    moved = frames[4000] - frames[0]
    ions, others = moved[::2], moved[1::2]
    assert health.mobile_msd_A2 == pytest.approx((ions**2).sum(1).mean(), rel=1e-3)
    others = others - others.mean(0)
    assert health.framework_msd_A2 == pytest.approx((others**2).sum(1).mean(), rel=1e-3)
    assert health.framework_displaced == 0.0
    assert health.diffusing is False
    assert health.steps_per_s is not None
    assert health.steps_per_s > 100


def test_the_text_dump_holds_elements_and_velocities(
    make_run: MakeRun, frames_by_step: Frames
) -> None:
    folder = make_run(velocities_every_ps=1.0, temperature_K=250.0)
    run_folder(folder)
    blocks = (folder / "velocities.2000.lammpstrj").read_text().split("ITEM: TIMESTEP\n")[1:]
    assert [int(block.split("\n", 1)[0]) for block in blocks] == [2000, 3000, 4000, 5000, 6000]
    rows = [line.split() for line in blocks[2].splitlines()[-64:]]
    assert [row[1] for row in rows] == ["Li", "Cl"] * 32
    table = np.array([[float(word) for word in row[2:]] for row in rows])
    np.testing.assert_allclose(table[:, :3], frames_by_step(folder)[4000], atol=2e-4)
    masses_u = np.tile([6.94, 35.45], 32)
    kinetic_eV = 0.5 * (masses_u[:, None] * table[:, 3:] ** 2).sum() * 1.0364269e-4
    temperature_K = 2 * kinetic_eV / (3 * 64 - 3) / 8.617333e-5
    thermo = (folder / "log.0.lammps").read_text()
    logged = [row for row in thermo.splitlines() if row.startswith("  - [4000,")]
    assert temperature_K == pytest.approx(float(logged[0].split(",")[2]), rel=2e-3)


def test_a_longer_run_goes_on_and_a_shorter_one_keeps_its_frames(
    make_run: MakeRun, frames_by_step: Frames
) -> None:
    folder, whole = make_run(production_ps=1.0), make_run("whole", production_ps=1.5)
    run_folder(folder)
    run_folder(whole)
    make_run(production_ps=1.5)
    assert read_outcome(folder) is None
    result = run_folder(folder)
    assert (result.frames, result.resumed_from_step) == (151, 3000)
    assert sorted(frames_by_step(folder)) == steps_of(folder)
    for step, positions in frames_by_step(whole).items():
        np.testing.assert_allclose(frames_by_step(folder)[step], positions, atol=1e-4)
    make_run(production_ps=0.5)
    assert run_folder(folder).frames == 51
    assert sorted(frames_by_step(folder))[-1] == 3500


def test_segments_are_sealed_and_damage_is_named(make_run: MakeRun) -> None:
    folder = make_run()
    run_folder(folder)
    part = folder / "traj.2000.dcd"
    sealed = json.loads((folder / SEGMENTS_FILE).read_text())[part.name]
    assert (sealed["frames"], sealed["bytes"]) == (401, part.stat().st_size)
    verify_segments(folder)
    whole = part.read_bytes()
    part.write_bytes(whole[:-1000] + bytes([whole[-1000] ^ 1]) + whole[-999:])
    with pytest.raises(MlipsseError, match="is not what the run wrote"):
        verify_segments(folder)
    part.unlink()
    with pytest.raises(MlipsseError, match="is missing, although the run wrote it"):
        verify_segments(folder)


def test_results_from_elsewhere_are_taken_as_they_are(make_run: MakeRun) -> None:
    done = make_run()
    run_folder(done)
    (done / OUTCOME_FILE).unlink()
    (done / SEGMENTS_FILE).unlink()
    (done / "lammps.out").unlink()
    result = run_folder(done)
    assert (result.status, result.frames) == ("done", 401)
    assert not (done / "lammps.out").exists()  # nothing was started
    verify_segments(done)
    stopped = make_run("stopped")
    shutil.copy(done / "traj.2000.dcd", stopped)
    with (stopped / "traj.2000.dcd").open("r+b") as stream:
        stream.truncate(100_000)
    (stopped / "stopped.txt").write_text(
        "ERROR: Fix halt condition for fix-id runaway met on step 3210 with value 1312.4 (src)\n"
    )
    result = run_folder(stopped)
    assert (result.status, result.reason) == ("exploded", "it heated to 1312 K by step 3210")
    assert 0 < result.frames < 401


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ("ERROR: Fix halt condition for fix-id melted met on step 20 with value 9.0.", "melted"),
        ("ERROR: Fix halt condition for fix-id too_close met on step 20 with value 1.", "exploded"),
        ("ERROR: Lost atoms: original 64 current 63.", "exploded"),
        ("ERROR: Number of atoms in compute msd group must not change.", "exploded"),
        ("ERROR: All pair coeffs are not set.", None),
        ("it was killed by SIGKILL (out of memory?).", None),
    ],
)
def test_physics_is_distinguished_from_technical_failures(error: str, status: str | None) -> None:
    ending = unphysical_ending(error)
    assert (ending and ending[0]) == status


@pytest.mark.skipif(os.geteuid() != 0, reason="a small disk is mounted, which takes root")
def test_a_full_disk_in_the_middle_of_a_dump(
    tmp_path: Path, frames_by_step: Frames, make_run: MakeRun
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", disk]
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("no disk may be mounted here")
    try:
        folder = make_run("disk/run", production_ps=100.0)
        with pytest.raises(MlipsseError, match="No space left on device"):
            run_folder(folder)
        subprocess.run(["mount", "-o", "remount,size=100m", disk], check=True)
        result = run_folder(folder)
        assert result.resumed_from_step is not None
        assert result.resumed_from_step > 10_000
        assert sorted(frames_by_step(folder)) == steps_of(folder)
    finally:
        subprocess.run(["umount", disk], check=True)
