"""Runs by LAMMPS itself, undisturbed and killed; what counts is what is on disk afterwards."""

import json
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

from mlipsse import lammps
from mlipsse.errors import MlipsseError
from mlipsse.md.files.data_file import data_text
from mlipsse.md.files.record import read_outcome, read_record
from mlipsse.md.run import run_folder
from mlipsse.md.watch.health import run_health
from mlipsse.processes import stop_group

MakeRun = Callable[..., Path]
Frames = Callable[[Path], dict[int, np.ndarray]]

DRIVER = "import sys, pathlib; from mlipsse.md.run import run_folder; run_folder(pathlib.Path(%r))"
LONG = {"equilibration_ps": 20.0, "production_ps": 30.0}
ENDLESS = {"equilibration_ps": 20.0, "production_ps": 20_000.0}


def expected_steps(folder: Path) -> list[int]:
    record = read_record(folder)
    first = record.equilibration_steps
    return list(range(first, first + record.production_steps + 1, record.dump_every_steps))


def start_driver(folder: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", DRIVER % str(folder)], stderr=subprocess.PIPE)


def wait_until(condition: Callable[[], bool], *, limit_s: float = 20.0) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "the awaited state did not come"
        time.sleep(0.01)


def jolts_A(frames: dict[int, np.ndarray]) -> np.ndarray:
    """Root mean square second difference of positions around each inner frame, Å.

    It is acceleration x time^2, within a fifth of its median in every frame of this crystal; a
    frame lost gives twice the median, velocities drawn anew 1.3 to 1.6 times.
    """
    positions = np.array([frames[step] for step in sorted(frames)])
    seconds = positions[2:] - 2 * positions[1:-1] + positions[:-2]
    return np.sqrt((seconds**2).mean(axis=(1, 2)))


def test_an_undisturbed_run_has_exactly_its_frames(
    make_run: MakeRun, frames_by_step: Frames
) -> None:
    folder = make_run("a path with spaces")
    result = run_folder(folder)
    assert (result.status, result.reason, result.resumed_from_step) == ("done", None, None)
    assert result.frames == 401
    assert [path.name for path in folder.glob("traj.*")] == ["traj.2000.dcd"]
    assert sorted(frames_by_step(folder)) == expected_steps(folder)


def test_the_record_is_what_analysis_reads(make_run: MakeRun) -> None:
    folder = make_run()
    content = json.loads((folder / "run.json").read_text())
    assert content["species"] == ["Li", "Cl"] * 32
    expected = {
        "formula": "LiCl",
        "composition": "LiCl",
        "ordering": "LiCl-o000",
        "temperature_K": 300.0,
        "replica": 0,
        "timestep_fs": 1.0,
        "dump_every_steps": 10,
        "equilibration_steps": 2000,
        "production_steps": 4000,
        "mobile": "Li",
        "mobile_charge_e": 1,
    }
    assert {name: content[name] for name in expected} == expected
    assert content["protocol"]["ensemble"] == "berendsen"


def test_a_run_that_ended_is_not_repeated(make_run: MakeRun) -> None:
    folder = make_run()
    run_folder(folder)
    before = {path: path.stat().st_mtime_ns for path in folder.glob("[a-z]*")}
    assert run_folder(folder).frames == 401
    assert {path: path.stat().st_mtime_ns for path in folder.glob("[a-z]*")} == before


def test_the_cell_relaxes_and_the_thermostat_holds(make_run: MakeRun) -> None:
    folder = make_run(production_ps=40.0)
    run_folder(folder)
    health = run_health(folder, read_record(folder))
    assert health.complete
    assert health.mean_temperature_K == pytest.approx(300, abs=3)
    assert health.energy_drift_meV_atom_ps == pytest.approx(0, abs=0.05)
    pressures_bar = [row[7] for row in relaxation_rows(folder)]
    assert abs(pressures_bar[0]) > 10_000
    assert abs(pressures_bar[-1]) < 1


def test_a_strained_cell_relaxes_to_the_crystal(make_run: MakeRun, crystal: Atoms) -> None:
    straight, strained = make_run("straight"), make_run("strained")
    strain = np.array([[0.03, 0.02, -0.01], [0.02, -0.03, 0.015], [-0.01, 0.015, 0.02]])
    crystal.set_cell(crystal.cell[:] @ (np.eye(3) + strain), scale_atoms=True)
    crystal.rattle(0.03, seed=5)
    (strained / "structure.data").write_text(data_text(crystal, title="strained"))
    for folder in (straight, strained):
        run_folder(folder)
    energy_eV, volume_A3 = (relaxation_rows(straight)[-1][index] for index in (3, 8))
    assert relaxation_rows(strained)[0][3] > energy_eV + 1.0
    assert relaxation_rows(strained)[-1][3] == pytest.approx(energy_eV, abs=1e-4)
    assert relaxation_rows(strained)[-1][8] == pytest.approx(volume_A3, rel=1e-4)


def relaxation_rows(folder: Path) -> list[list[float]]:
    """Thermo rows of the relaxation: step, time, temp, pe, ke, etotal, econserve, press, vol."""
    lines = [line.split() for line in (folder / "log.relax.lammps").read_text().splitlines()]
    return [[float(w) for w in words] for words in lines if len(words) == 9 and words[0].isdigit()]


@pytest.mark.parametrize("ensemble", ["csvr", "nose-hoover"])
def test_canonical_thermostats_fluctuate_as_they_should(make_run: MakeRun, ensemble: str) -> None:
    folder = make_run(production_ps=60.0, ensemble=ensemble, thermo_every_fs=20.0)
    run_folder(folder)
    health = run_health(folder, read_record(folder))
    degrees_of_freedom = 3 * 64 - 3
    canonical_K = 300 * (2 / degrees_of_freedom) ** 0.5
    assert health.mean_temperature_K == pytest.approx(300, abs=3)
    assert health.std_temperature_K == pytest.approx(canonical_K, rel=0.15)


def test_plain_lmp_killed_at_random_moments_loses_and_doubles_nothing(
    make_run: MakeRun, frames_by_step: Frames
) -> None:
    folder = make_run(**LONG)
    draw = random.Random(11)
    for _ in range(6):
        process = lammps.start(["-in", "in.lammps"], folder=folder)
        time.sleep(draw.uniform(0.02, 0.35))
        process.kill()
        process.wait()
    interrupted(folder, at_step=25_000)
    result = run_folder(folder)
    assert result.frames == 3001
    frames = frames_by_step(folder)
    assert sorted(frames) == expected_steps(folder)
    # Accelerations at the seams are like anywhere else: neither positions nor velocities jump.
    jolt_A = jolts_A(frames)
    steps = [int(path.name.split(".")[1]) for path in folder.glob("traj.*.dcd")]
    seams = [(step - 20_000) // 10 for step in steps if step > 20_000]
    inner = range(len(jolt_A))
    around = sorted({i + shift for i in seams for shift in (-2, -1, 0) if i + shift in inner})
    at_seams, elsewhere = jolt_A[around], np.delete(jolt_A, around)
    assert seams
    assert at_seams.max() < 1.08 * elsewhere.max()


@pytest.mark.parametrize("moment", ["log.relax.lammps", "restart.b.inc", "traj.20000.dcd"])
def test_a_killed_driver_takes_lammps_along_and_the_run_goes_on(
    make_run: MakeRun, frames_by_step: Frames, moment: str
) -> None:
    folder = make_run(**LONG)
    driver = start_driver(folder)
    wait_until((folder / moment).exists)
    driver.send_signal(signal.SIGKILL)
    driver.communicate()
    result = run_folder(folder)  # waits for LAMMPS to be gone
    assert result.status == "done"
    assert sorted(frames_by_step(folder)) == expected_steps(folder)


def test_a_second_start_is_refused_while_the_first_one_lives(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlipsse.md.run._PATIENCE_S", 0.2)
    folder = make_run(**ENDLESS)
    process = start_driver(folder)
    wait_until((folder / "traj.20000.dcd").exists)
    try:
        with pytest.raises(MlipsseError, match="Another LAMMPS run is using"):
            run_folder(folder)
        with pytest.raises(MlipsseError, match="Another LAMMPS run is using"):
            make_run(temperature_K=400.0, replace=True)
    finally:
        process.kill()
        process.communicate()


def interrupted(folder: Path, *, at_step: int) -> dict[str, int]:
    """Kill a run that waits 500 steps after its restart at `at_step`; steps of both restarts."""
    deck, waits = folder / "in.lammps", folder / "waits"
    text = deck.read_text()
    stop = f'if "$(step) >= {at_step}" then "run 500" "shell touch waits" "shell sleep 60"\nrun  '
    deck.write_text(text.replace("\nrun  ", f"\n{stop}"))
    process = lammps.start(["-in", "in.lammps"], folder=folder)
    wait_until(lambda: waits.exists() or process.poll() is not None)
    stop_group(process)
    waits.unlink(missing_ok=True)
    deck.write_text(text)
    return restart_steps(folder)


def restart_steps(folder: Path) -> dict[str, int]:
    found = {}
    for slot in "ab":
        stamp = folder / f"restart.{slot}.inc"
        words = stamp.read_text().split() if stamp.exists() else []
        if len(words) == 4:
            found[slot] = int(words[3])
    return found


def test_a_torn_restart_gives_way_to_the_older_one(
    make_run: MakeRun, frames_by_step: Frames
) -> None:
    folder = make_run(**LONG)
    steps = interrupted(folder, at_step=30_000)
    assert sorted(steps.values()) == [29_000, 30_000]
    newest = max(steps, key=lambda slot: steps[slot])
    torn = folder / f"restart.{newest}"
    torn.write_bytes(torn.read_bytes()[:-20])
    assert run_folder(folder).resumed_from_step == 29_000
    assert sorted(frames_by_step(folder)) == expected_steps(folder)


@pytest.mark.parametrize("stamp", ["", "variable step_", "\0\0\0\0"])
def test_a_torn_stamp_gives_way_to_the_older_restart(
    make_run: MakeRun, frames_by_step: Frames, stamp: str
) -> None:
    folder = make_run(**LONG)
    steps = interrupted(folder, at_step=30_000)
    newest = max(steps, key=lambda slot: steps[slot])
    (folder / f"restart.{newest}.inc").write_text(stamp)
    assert run_folder(folder).resumed_from_step == 29_000
    assert sorted(frames_by_step(folder)) == expected_steps(folder)


def test_a_hole_in_the_trajectory_is_recorded_again(
    make_run: MakeRun, frames_by_step: Frames
) -> None:
    folder = make_run(**LONG)
    interrupted(folder, at_step=30_000)
    part = folder / "traj.20000.dcd"
    part.write_bytes(part.read_bytes()[:100_000])  # as on a full disk
    result = run_folder(folder)
    assert (result.resumed_from_step, result.frames) == (None, 3001)
    assert sorted(frames_by_step(folder)) == expected_steps(folder)


def test_a_finished_run_that_lost_a_part_is_run_again(make_run: MakeRun) -> None:
    folder = make_run()
    run_folder(folder)
    (folder / "traj.2000.dcd").unlink()
    assert run_folder(folder).frames == 401


def test_a_full_disk_is_a_sentence_and_the_run_goes_on_after_it(
    make_run: MakeRun, frames_by_step: Frames
) -> None:
    folder = make_run()
    (folder / "traj.2000.dcd").symlink_to("/dev/full")
    with pytest.raises(MlipsseError, match="No space left on device"):
        run_folder(folder)
    assert read_outcome(folder) is None
    (folder / "traj.2000.dcd").unlink()
    assert run_folder(folder).resumed_from_step == 2000
    assert sorted(frames_by_step(folder)) == expected_steps(folder)


def test_a_restart_counts_only_when_it_is_complete(
    make_run: MakeRun, frames_by_step: Frames
) -> None:
    folder = make_run()
    (folder / "restart.b").symlink_to("/dev/full")
    for _ in range(2):
        with pytest.raises(MlipsseError, match="I/O error while writing restart"):
            lammps.run(["-in", "in.lammps"], folder=folder)
        assert restart_steps(folder) == {"a": 0, "b": -1}
    (folder / "restart.b").unlink()
    lammps.run(["-in", "in.lammps"], folder=folder)
    assert sorted(frames_by_step(folder)) == expected_steps(folder)


def test_dynamics_that_explode_are_named_and_not_repeated(make_run: MakeRun) -> None:
    """By LAMMPS itself, within the ten steps between two looks at the temperature."""
    folder = make_run(
        timestep_fs=10.0,
        temperature_K=3000.0,
        dump_every_fs=100.0,
        thermo_every_fs=100.0,
        tdamp_ps=1e6,
    )
    deck = folder / "in.lammps"
    steps_of_10_fs = deck.read_text()
    deck.write_text(re.sub(r"(?m)^timestep( +)0?\.01$", r"timestep\g<1>0.2", steps_of_10_fs))
    assert deck.read_text() != steps_of_10_fs
    result = run_folder(folder)
    assert result.status == "exploded"
    assert result.reason is not None
    assert result.reason.startswith("ERROR")
    assert run_folder(folder).reason == result.reason


def test_a_crystal_that_collapses_in_the_relaxation_is_named(make_run: MakeRun) -> None:
    folder = make_run(pair_commands=("pair_style lj/cut 5.0", "pair_coeff * * 0.4 1.9"))
    result = run_folder(folder)
    assert result.status == "exploded"
    assert result.reason is not None
    assert "changed the volume by -" in result.reason
    assert (result.frames, list(folder.glob("traj.*"))) == (0, [])


def test_a_technical_failure_is_raised_and_leaves_no_outcome(make_run: MakeRun) -> None:
    folder = make_run(pair_commands=("pair_style lj/cut 5.0", "pair_coeff 1 1 0.02 3.6"))
    with pytest.raises(MlipsseError, match="pair coeffs are not set"):
        run_folder(folder)
    assert read_outcome(folder) is None


def test_a_template_that_writes_no_frames_is_noticed(make_run: MakeRun, tmp_path: Path) -> None:
    templates = tmp_path / "templates"
    templates.mkdir()
    (templates / "in.lammps.j2").write_text("units metal\n")
    folder = make_run(template_dir=templates)
    with pytest.raises(MlipsseError, match="frame of step 2000 is not on disk"):
        run_folder(folder)


def test_a_folder_without_a_record_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(MlipsseError, match=r"contains no run\.json"):
        run_folder(tmp_path)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(MlipsseError, match="is not the JSON of a run"):
        run_folder(tmp_path)
    (tmp_path / "run.json").write_text('{"formula": "LiCl"}')
    with pytest.raises(MlipsseError, match="lacks composition, ordering"):
        run_folder(tmp_path)


def test_rendering_again_leaves_a_run_alone_and_another_run_is_refused(make_run: MakeRun) -> None:
    folder = make_run()
    run_folder(folder)
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    make_run()
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    with pytest.raises(MlipsseError, match="results of a run with other settings"):
        make_run(temperature_K=400.0)
    make_run(temperature_K=400.0, replace=True)
    assert {path.name for path in folder.iterdir()} == {
        ".lock",
        "in.lammps",
        "run.json",
        "structure.data",
    }


def test_an_interrupted_run_is_the_undisturbed_run(
    make_run: MakeRun, frames_by_step: Frames
) -> None:
    whole, folder = make_run("whole"), make_run("interrupted")
    run_folder(whole)
    deck = folder / "in.lammps"
    text = deck.read_text()
    for stop in (1000, 4000):  # in the equilibration, in the production; both between restarts
        broken_off = f'if "$(step) >= {stop}" then "run 500" "quit 1"\nrun  '
        deck.write_text(text.replace("\nrun  ", "\n" + broken_off))
        with pytest.raises(MlipsseError, match="exit status 1"):
            run_folder(folder)
    deck.write_text(text)
    assert run_folder(folder).resumed_from_step == 4000
    undisturbed, frames = frames_by_step(whole), frames_by_step(folder)
    assert sorted(frames) == sorted(undisturbed)
    # Rounding differs by 1e-16 at a restart; 5 ps of chaos have not made it visible yet.
    for step, positions in undisturbed.items():
        np.testing.assert_allclose(frames[step], positions, atol=1e-4)
