"""Several files of one run, and what a run that was killed leaves behind."""

import json
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.io import write
from typer.testing import CliRunner

from mlipsse.cli import app
from mlipsse.errors import MlipsseError
from mlipsse.transport.reading.frames import iterate_frames, read_frames_of
from tests.support.trajectories.trajectory_files import BOX_A, DUMP, dump_text, walk, write_dump

N_FRAMES = 60


@pytest.fixture
def places() -> np.ndarray:
    return walk(N_FRAMES)


def moved(positions: np.ndarray) -> np.ndarray:
    return positions - positions[0]


@pytest.mark.parametrize("block_frames", [None, 1, 7])
def test_files_are_joined_without_duplicates(
    tmp_path: Path, places: np.ndarray, block_frames: int | None
) -> None:
    """The second begins in the middle of the first, the third where the second ended."""
    parts = [
        write_dump(tmp_path / "a.lammpstrj", places[:30]),
        write_dump(tmp_path / "b.lammpstrj", places[20:41], first=2000),
        write_dump(tmp_path / "c.lammpstrj", places[40:], first=4000),
    ]
    if block_frames is None:
        frames = read_frames_of(parts, **DUMP)
        found = frames.positions
        assert frames.frame_spacing_ps == pytest.approx(0.2)
    else:
        blocks = list(iterate_frames(parts, block_frames=block_frames, **DUMP))
        assert {block.frame_spacing_ps for block in blocks} == {0.2}
        found = np.concatenate([block.positions for block in blocks])
    np.testing.assert_allclose(found, places, atol=1e-8)


def test_the_file_that_comes_later_counts(tmp_path: Path, places: np.ndarray) -> None:
    other = places[:30].copy()
    other[20:] += 0.05  # what the run wrote after its last restart, before it was killed
    parts = [
        write_dump(tmp_path / "a.lammpstrj", other),
        write_dump(tmp_path / "b.lammpstrj", places[20:], first=2000),
    ]
    np.testing.assert_allclose(read_frames_of(parts, **DUMP).positions, places, atol=1e-8)


def test_image_flags_that_a_restart_lost_do_not_jump(tmp_path: Path, places: np.ndarray) -> None:
    lost = places[30:] - BOX_A * np.array([1, -2, 0])
    parts = [
        write_dump(tmp_path / "a.lammpstrj", places[:30]),
        write_dump(tmp_path / "b.lammpstrj", lost, first=3000),
    ]
    np.testing.assert_allclose(read_frames_of(parts, **DUMP).positions, places, atol=1e-8)
    blocks = iterate_frames(parts, block_frames=7, **DUMP)
    found = np.concatenate([block.positions for block in blocks])
    np.testing.assert_allclose(found, places, atol=1e-8)


def test_files_without_times(tmp_path: Path, places: np.ndarray) -> None:
    """A frame at the end of one file and at the beginning of the next counts once."""
    species = ["Li"] * 4 + ["Cl"] * 4
    frames = [Atoms(species, positions=place, cell=[BOX_A] * 3, pbc=True) for place in places]
    for frame in frames:
        frame.wrap()
    write(tmp_path / "a.extxyz", frames[:30])
    write(tmp_path / "b.extxyz", frames[29:])
    both = [tmp_path / "a.extxyz", tmp_path / "b.extxyz"]
    found = read_frames_of(both, frame_spacing_ps=0.2)
    np.testing.assert_allclose(moved(found.positions), moved(places), atol=1e-6)


def test_gaps_and_wrong_orders_are_refused_by_name(tmp_path: Path, places: np.ndarray) -> None:
    a = write_dump(tmp_path / "a.lammpstrj", places[:20])
    b = write_dump(tmp_path / "b.lammpstrj", places[25:], first=2500)
    with pytest.raises(MlipsseError, match=r"a.lammpstrj, which ends at 1900.*b.lammpstrj.*5 fram"):
        read_frames_of([a, b], **DUMP)
    with pytest.raises(MlipsseError, match=r"a.lammpstrj begins at 0, not after the beginning"):
        read_frames_of([b, a], **DUMP)
    with pytest.raises(MlipsseError, match=r"a.lammpstrj begins at 0, not after the beginning"):
        read_frames_of([a, a], **DUMP)
    fewer = write_dump(tmp_path / "c.lammpstrj", places[20:, :6], first=2000)
    with pytest.raises(MlipsseError, match=r"c.lammpstrj contains other atoms than"):
        read_frames_of([a, fewer], **DUMP)
    twice = write_dump(tmp_path / "d.lammpstrj", places[20:], first=2000, every=200)
    with pytest.raises(MlipsseError, match=r"d.lammpstrj: frames are 100, 200 steps apart"):
        read_frames_of([a, twice], **DUMP)


@pytest.mark.parametrize("block_frames", [None, 5, 1000])
def test_a_run_killed_while_it_wrote_and_gone_on_with(
    tmp_path: Path, places: np.ndarray, block_frames: int | None
) -> None:
    """A torn frame in the middle, and steps that come again after it; a torn last frame."""
    text = dump_text(places[:30])[:-40] + "\n" + dump_text(places[20:], first=2000)[:-25]
    path = tmp_path / "x.lammpstrj"
    path.write_text(text)
    if block_frames is None:
        found = read_frames_of(path, **DUMP).positions
    else:
        blocks = iterate_frames(path, block_frames=block_frames, **DUMP)
        found = np.concatenate([block.positions for block in blocks])
    np.testing.assert_allclose(found, places[:-1], atol=1e-8)


def test_the_command_takes_several(tmp_path: Path) -> None:
    places = walk(400, 40, step_A=0.25)
    write_dump(tmp_path / "a.lammpstrj", places[:210])
    write_dump(tmp_path / "b.lammpstrj", places[200:], first=20000)
    write_dump(tmp_path / "all.lammpstrj", places)
    options = ["--mobile", "Li", "--species", "Li,Cl", "--timestep", "2", "--temperature", "900"]
    answers = []
    for files in (["a.lammpstrj", "b.lammpstrj"], ["all.lammpstrj"]):
        paths = [str(tmp_path / name) for name in files]
        done = CliRunner().invoke(
            app, ["transport", "diffusivity", *paths, *options, "--json",
                  "--cache", str(tmp_path / "cache")],
        )  # fmt: skip
        assert done.exit_code == 0, done.output
        answers.append(json.loads(done.output))
    # the last digit of a product of matrices depends on where in memory they lie
    tensors = [answer.pop("tensor_cm2_s") for answer in answers]
    np.testing.assert_allclose(*tensors, rtol=1e-12)
    ((note,), none) = [answer.pop("notes") for answer in answers]
    assert "a.lammpstrj: its last 10 frame(s) are left out" in note
    assert none == []
    assert answers[0] == answers[1]
    assert answers[0]["frames"] == 400
    assert answers[0]["cautions"] == []
    assert len(list((tmp_path / "cache").glob("*.h5"))) == 2
