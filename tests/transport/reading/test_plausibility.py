"""Wrong units are reported, and fast conductors are not."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mlipsse import lammps
from mlipsse.transport.reading.frames import read_frames_of
from mlipsse.transport.reading.plausibility import doubts
from mlipsse.transport.reading.trajectory import Trajectory
from tests.support.trajectories.lennard_jones import CONDUCTOR

BOHR = 1.8897
KB_EV_K, EV_PER_U = 8.617333e-5, 9648.533  # Å²/ps²
MASSES = {"Li": 6.94, "P": 30.974, "S": 32.06, "I": 126.904}


def solid(
    temperature_K: float, spacing_ps: float, *, hop_D_cm2_s: float = 0.0, n_frames: int = 300
) -> Trajectory:
    """Atoms of many vibrations each, 1 to 20 THz, whose Li also walks: exact in time and energy."""
    rng = np.random.default_rng(int(temperature_K) + n_frames)
    times = spacing_ps * np.arange(n_frames)
    species = ["Li"] * 16 + ["P"] * 4 + ["S"] * 16
    places = np.empty((n_frames, len(species), 3))
    for atom, name in enumerate(species):
        top = {"Li": 12.0, "P": 20.0, "S": 8.0}[name]
        for axis in range(3):
            omega = 2 * np.pi * np.sqrt(rng.uniform(1.0, top**2, 24))
            phase = rng.uniform(0, 2 * np.pi, 24)
            speed = np.sqrt(KB_EV_K * temperature_K / MASSES[name] * EV_PER_U)
            amplitude = np.sqrt(2 / 24) * speed / omega
            places[:, atom, axis] = (amplitude * np.cos(np.outer(times, omega) + phase)).sum(axis=1)
    hops = rng.normal(0, np.sqrt(2e4 * hop_D_cm2_s * spacing_ps), (n_frames, 16, 3))
    places[:, :16] += hops.cumsum(axis=0)
    places += rng.uniform(0, 20, (len(species), 3))
    return Trajectory(places, tuple(species), 20 * np.eye(3), spacing_ps, temperature_K)


@pytest.mark.parametrize("temperature_K", [300.0, 600.0, 1200.0])
@pytest.mark.parametrize("spacing_ps", [0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.3, 1.0, 5.0])
@pytest.mark.parametrize("hop_D_cm2_s", [0.0, 3e-5])
def test_solids_and_conductors_are_believed(
    temperature_K: float, spacing_ps: float, hop_D_cm2_s: float
) -> None:
    if spacing_ps < 0.02:  # a walk has no speed, and is none of atoms below the time of a collision
        hop_D_cm2_s = 0.0
    assert doubts(solid(temperature_K, spacing_ps, hop_D_cm2_s=hop_D_cm2_s)) == []


@pytest.fixture(scope="module")
def molten_like(tmp_path_factory: pytest.TempPathFactory) -> dict[float, Trajectory]:
    """Molecular dynamics of the ion conductor of the tests, 10 fs to 1 ps between frames."""
    folder = tmp_path_factory.mktemp("md")
    from ase import Atoms

    base = Atoms(
        ["Li", "Cl"] * 4,
        scaled_positions=[
            [0.5, 0, 0], [0, 0, 0], [0, 0.5, 0], [0.5, 0.5, 0],
            [0, 0, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0.5], [0, 0.5, 0.5],
        ],
        cell=[5.13] * 3,
        pbc=True,
    ).repeat(2)  # fmt: skip
    lines = ["x", "", f"{len(base)} atoms", "2 atom types", ""]
    lines += [
        f"0 {length} {axis}lo {axis}hi"
        for axis, length in zip("xyz", base.cell.lengths(), strict=True)
    ]
    lines += ["", "Masses", "", "1 35.45", "2 6.94", "", "Atoms # charge", ""]
    for number, atom in enumerate(base, start=1):
        x, y, z = atom.position
        lines.append(f"{number} {1 if atom.symbol == 'Cl' else 2} 0.5 {x} {y} {z}")
    (folder / "x.data").write_text("\n".join(lines) + "\n")
    deck = ["units metal", "atom_style charge", "read_data x.data", *CONDUCTOR, "timestep 0.001"]
    deck += ["velocity all create 1800 7", "fix 1 all nvt temp 900 900 0.1", "run 2000"]
    deck += [
        "dump a all custom 10 a.lammpstrj id type xu yu zu",
        "dump_modify a units yes time yes",
    ]
    deck += ["run 3000", "undump a"]
    deck += ["dump b all custom 1000 b.lammpstrj id type x y z ix iy iz"]
    deck += ["dump_modify b units yes time yes", "run 20000"]
    (folder / "in").write_text("\n".join(deck) + "\n")
    lammps.run(["-log", "none", "-in", "in"], folder=folder)
    found = {}
    for name, spacing_ps in (("a", 0.01), ("b", 1.0)):
        frames = read_frames_of(folder / f"{name}.lammpstrj", species=["Cl", "Li"])
        assert frames.frame_spacing_ps == pytest.approx(spacing_ps)  # the file itself states it
        found[spacing_ps] = replace(frames, temperature_K=900.0)
    return found


@pytest.mark.parametrize("spacing_ps", [0.01, 1.0])
def test_real_dynamics_are_believed(
    molten_like: dict[float, Trajectory], spacing_ps: float
) -> None:
    assert doubts(molten_like[spacing_ps]) == []


def test_a_time_a_thousand_times_too_small(molten_like: dict[float, Trajectory]) -> None:
    for frames in (*molten_like.values(), solid(300.0, 0.1)):
        wrong = replace(frames, frame_spacing_ps=1e-3 * frames.frame_spacing_ps)
        (caution,) = doubts(wrong)
        assert "fs taken for ps" in caution


def test_a_time_a_thousand_times_too_large(molten_like: dict[float, Trajectory]) -> None:
    """Frames 2 fs apart, given as 2 ps apart: atoms fly straight on."""
    (caution,) = doubts(replace(solid(300.0, 0.002), frame_spacing_ps=2.0))
    assert "given in fs instead of ps" in caution


@pytest.mark.parametrize("spacing_ps", [0.001, 0.002])
def test_lengths_in_bohr(spacing_ps: float) -> None:
    frames = solid(600.0, spacing_ps)
    (caution,) = doubts(replace(frames, positions=BOHR * frames.positions))
    assert "Bohr" in caution


@pytest.mark.parametrize("spacing_ps", [0.001, 0.01, 0.1])
def test_lengths_in_nm(spacing_ps: float) -> None:
    frames = solid(300.0, spacing_ps)
    (caution,) = doubts(replace(frames, positions=0.1 * frames.positions, cell=0.1 * frames.cell))
    assert "nm" in caution


def test_frames_that_were_written_twice() -> None:
    frames = solid(600.0, 0.1, hop_D_cm2_s=3e-5)
    twice = replace(frames, positions=np.repeat(frames.positions, 2, axis=0), temperature_K=None)
    (found,) = doubts(twice)
    assert "equal the next frame" in found


def test_what_means_nothing() -> None:
    frames = solid(300.0, 0.1)
    assert doubts(replace(frames, temperature_K=None)) == []
    held = frames.positions.copy()
    held[:, 20:] = held[0, 20:]  # atoms that are held
    assert doubts(replace(frames, positions=held)) == []
    assert doubts(replace(frames, positions=frames.positions[:2])) == []
    drifting = frames.positions + 3.0 * np.arange(300)[:, None, None]
    assert doubts(replace(frames, positions=drifting)) == []


def test_the_command_reports_it(tmp_path: Path) -> None:
    import json

    from typer.testing import CliRunner

    from mlipsse.cli import app
    from tests.support.trajectories.trajectory_files import walk, write_dump

    path = write_dump(tmp_path / "x.lammpstrj", walk(400, 40, step_A=0.25))
    options = ["--mobile", "Li", "--species", "Li,Cl", "--temperature", "900", "--json"]
    for timestep_fs, doubtful in (("2", False), ("0.002", True)):
        done = CliRunner().invoke(
            app, ["transport", "diffusivity", str(path), *options, "--timestep", timestep_fs]
        )
        cautions = json.loads(done.output)["cautions"]
        assert any("fs taken for ps" in caution for caution in cautions) == doubtful
        assert bool(cautions) == doubtful
