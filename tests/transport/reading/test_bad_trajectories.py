"""Trajectories that are not what they should be: each gets a sentence that states what to do."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.io import write
from typer.testing import CliRunner

from mlipsse.cli import app
from mlipsse.errors import MlipsseError
from mlipsse.transport.reading.frames import iterate_frames, read_frames_of
from mlipsse.transport.reading.source.file_bytes import text_bytes
from mlipsse.transport.reading.unwrapping.boxes import BoxSteps
from tests.support.trajectories.trajectory_files import BOX_A, DUMP, dump_text, walk, write_dump


def read_all(path: Path, block_frames: int | None) -> None:
    if block_frames is None:
        read_frames_of(path, **DUMP)
    else:
        list(iterate_frames(path, block_frames=block_frames, **DUMP))


def test_one_frame(tmp_path: Path) -> None:
    path = write_dump(tmp_path / "x.lammpstrj", walk(1))
    with pytest.raises(MlipsseError, match="holds one frame, but displacements need at least 2"):
        read_frames_of(path, **DUMP)
    with pytest.raises(MlipsseError, match="holds one frame"):
        list(iterate_frames(path, block_frames=1, **DUMP))


def test_two_frames_give_no_diffusivity_but_a_reason(tmp_path: Path) -> None:
    path = write_dump(tmp_path / "x.lammpstrj", walk(2))
    assert read_frames_of(path, **DUMP).positions.shape == (2, 8, 3)
    done = CliRunner().invoke(
        app,
        ["transport", "diffusivity", str(path), "--mobile", "Li", "--species", "Li,Cl",
         "--timestep", "2", "--temperature", "800", "--json"],
    )  # fmt: skip
    assert done.exit_code == 3, done.output
    answer = json.loads(done.output)
    assert answer["diffusivity_cm2_s"] is None
    assert answer["reason"]


@pytest.mark.parametrize("block_frames", [None, 4])
def test_nan(tmp_path: Path, block_frames: int | None) -> None:
    places = walk(20)
    places[13, 2, 1] = np.nan
    for columns in ("xu yu zu", "x y z"):
        path = write_dump(tmp_path / "x.lammpstrj", places, columns=columns)
        with pytest.raises(MlipsseError, match=r"Positions of frame 13 of .* are not finite"):
            read_all(path, block_frames)


@pytest.mark.parametrize("block_frames", [None, 6])
def test_a_box_that_jumps(tmp_path: Path, block_frames: int | None) -> None:
    """By 5 % between two frames of a run at constant volume, and of one that breathes by 0.2 %."""
    for breath in (0.0, 0.002):
        lengths = BOX_A * (1 + breath * np.random.default_rng(0).standard_normal(60))
        lengths[30:] *= 1.05
        path = write_dump(tmp_path / "x.lammpstrj", walk(60, step_A=0.1), boxes_A=lengths)
        with pytest.raises(MlipsseError, match=r"changes by \d.\d % from frame 29 to 30"):
            read_all(path, block_frames)


def test_boxes_that_breathe_are_taken() -> None:
    """A small cell at 1200 K: 2 % in length and shear from frame to frame, 20,000 frames."""
    rng = np.random.default_rng(1)
    cells = np.diag([10.0, 11.0, 12.0]) @ (np.eye(3) + 0.02 * rng.standard_normal((20000, 3, 3)))
    BoxSteps(where="x").add(cells)
    with pytest.raises(MlipsseError, match="changes by"):
        BoxSteps(where="x").add(np.concatenate([cells[:30], 1.3 * cells[30:60]]))


def test_a_box_that_lammps_flips_is_the_same_lattice() -> None:
    """`fix npt` with tilt factors beyond a half of a length: xy goes from +0.52 to -0.48."""
    tilt = np.linspace(0.3, 0.7, 41)
    cells = np.array([[[10.0, 0, 0], [10 * xy, 11.0, 0], [0, 0, 12.0]] for xy in tilt])
    flipped = cells.copy()
    flipped[tilt > 0.5, 1, 0] -= 10.0
    np.testing.assert_allclose(BoxSteps(where="x").add(flipped), cells, atol=1e-9)
    halves = BoxSteps(where="x")
    both = [halves.add(flipped[:25]), halves.add(flipped[25:])]
    np.testing.assert_allclose(np.concatenate(both), cells, atol=1e-9)


def test_a_frame_without_a_cell(tmp_path: Path) -> None:
    write(tmp_path / "x.extxyz", [Atoms("LiCl", positions=p[:2]) for p in walk(3)])
    with pytest.raises(MlipsseError, match=r"Frame 0 of .* has no cell"):
        read_frames_of(tmp_path / "x.extxyz", frame_spacing_ps=0.1)


def test_times_that_come_twice_count_once(tmp_path: Path) -> None:
    places = walk(20)
    path = tmp_path / "x.lammpstrj"
    path.write_text(dump_text(places[:10]) + dump_text(places[9:], first=900))
    np.testing.assert_allclose(read_frames_of(path, **DUMP).positions, places, atol=1e-8)


def test_a_torn_extxyz_and_a_torn_gz(tmp_path: Path) -> None:
    import gzip

    places = walk(20)
    frames = [Atoms(["Li"] * 4 + ["Cl"] * 4, positions=p, cell=[BOX_A] * 3, pbc=True)
              for p in places]  # fmt: skip
    path = tmp_path / "x.extxyz"
    write(path, frames)
    text = path.read_text()
    for cut in (1, 2, 20, 300):
        path.write_text(text[:-cut])
        found = read_frames_of(path, frame_spacing_ps=0.1).positions
        n_frames = 20 if cut == 1 else 19  # without the end of the last line alone all is there
        np.testing.assert_allclose(found, places[:n_frames], atol=1e-7)
    torn = tmp_path / "x.lammpstrj.gz"
    torn.write_bytes(gzip.compress(dump_text(walk(400)).encode())[:-2000])
    found = read_frames_of(torn, **DUMP).positions
    assert 300 < len(found) < 400
    np.testing.assert_allclose(found, walk(400)[: len(found)], atol=1e-8)


def test_damage_inside_is_refused(tmp_path: Path) -> None:
    text = dump_text(walk(5))
    path = tmp_path / "x.lammpstrj"
    for old, new, words in (
        ("TIMESTEP\n300\n", "TIMESTEP\n3x0\n", r"'3x0' stands where a header has"),
        ("0 12.000000000\n", "0 twelve\n", r"'0 twelve' stands where a header has the bounds"),
        ("ATOMS\n8\n", "ATOMS\n7\n", "7 atoms with"),
    ):
        place = text.rindex(old)
        path.write_text(text[:place] + new + text[place + len(old) :])
        with pytest.raises(MlipsseError, match=words):
            read_frames_of(path, **DUMP)


def test_what_is_given_and_what_the_file_states_must_agree(tmp_path: Path) -> None:
    """`dump_modify units yes time yes` writes both, and then nothing need be given."""
    places = walk(10)
    text = dump_text(places)
    for frame in range(10):
        old = f"ITEM: TIMESTEP\n{100 * frame}\n"
        text = text.replace(old, f"ITEM: TIME\n{0.15 * frame:.16g}\n{old}")
    path = tmp_path / "x.lammpstrj"
    path.write_text("ITEM: UNITS\nmetal\n" + text)
    frames = read_frames_of(path, species=("Li", "Cl"))
    assert frames.frame_spacing_ps == pytest.approx(0.15)
    np.testing.assert_allclose(frames.positions, places, atol=1e-8)
    assert [len(b.positions) for b in iterate_frames(path, block_frames=4, species=("Li", "Cl"))]
    with pytest.raises(MlipsseError, match=r"records 1.5 fs per step, but 2 fs are given"):
        read_frames_of(path, **DUMP)
    with pytest.raises(MlipsseError, match=r"has 0.15 ps between its frames, but 0.2 ps are given"):
        read_frames_of(path, species=("Li", "Cl"), frame_spacing_ps=0.2)
    path.write_text("ITEM: UNITS\nreal\n" + text)
    frames = read_frames_of(path, species=("Li", "Cl"))
    assert frames.frame_spacing_ps == pytest.approx(0.15e-3)
    path.write_text("ITEM: UNITS\nelectron\n" + text)
    with pytest.raises(MlipsseError, match="units electron, whose lengths are not in Å"):
        read_frames_of(path, species=("Li", "Cl"))
    plain = write_dump(tmp_path / "y.lammpstrj", places)
    with pytest.raises(MlipsseError, match=r"has 0.2 ps between its frames, but 200 ps are given"):
        read_frames_of(plain, frame_spacing_ps=200, **DUMP)


XDATCAR = "x\n1.0\n6 0 0\n0 6 0\n0 0 6\n{}\nDirect configuration= 1\n"
NO_ATOMS = (
    "ITEM: TIMESTEP\n{0}\nITEM: NUMBER OF ATOMS\n0\nITEM: BOX BOUNDS pp pp pp\n0 6\n0 6\n0 6\n"
    "ITEM: ATOMS id type x y z\n"
)


def write_without_atoms(path: Path) -> Path:
    """Three frames of the kind that the name stands for, without atoms."""
    if path.suffix == ".traj":
        write(path, [Atoms(cell=[6.0] * 3, pbc=True)] * 3)
    elif path.name == "XDATCAR":
        path.write_text(XDATCAR.format("Li Cl\n0 0"))
    elif path.suffix == ".extxyz":
        path.write_text('0\nLattice="6 0 0 0 6 0 0 0 6" Properties=species:S:1:pos:R:3\n' * 3)
    else:
        path.write_text("".join(map(NO_ATOMS.format, range(3))))
    return path


@pytest.mark.parametrize("name", ["XDATCAR", "x.traj", "x.extxyz", "x.lammpstrj"])
def test_a_trajectory_without_atoms(tmp_path: Path, name: str) -> None:
    path = write_without_atoms(tmp_path / name)
    with pytest.raises(MlipsseError, match=re.escape(str(path))):
        read_frames_of(path, frame_spacing_ps=1.0, species=["Li"], temperature_K=300.0)


@pytest.mark.parametrize("suffix", ["", ".gz", ".bz2", ".xz"])
@pytest.mark.parametrize("content", [b"", b"\x1f", b"\x1f\x8b", b"\x1f\x8b\x08", b"BZh", b"abc"])
@pytest.mark.parametrize(
    "name", ["XDATCAR", "vasprun.xml", "x.traj", "x.xyz", "x.lammpstrj", "x.h5md"]
)
def test_a_file_of_a_few_bytes(tmp_path: Path, name: str, content: bytes, suffix: str) -> None:
    path = tmp_path / f"{name}{suffix}"
    path.write_bytes(content)
    with pytest.raises(MlipsseError, match=re.escape(path.name)):
        read_frames_of(path, frame_spacing_ps=1.0, species=["Li"], temperature_K=300.0)
    assert text_bytes(path) >= len(content)
