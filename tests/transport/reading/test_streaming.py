"""Blocks: the same frames, in a memory that does not grow with the trajectory."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mlipsse.transport.reading.frames import iterate_frames, read_frames_of
from mlipsse.transport.reading.unwrapping.ions import Unwrapping, unwrap
from tests.support.trajectories.trajectory_files import BOX_A, DUMP, walk, write_dump


def boxes(n_frames: int, *, breathing: bool) -> np.ndarray:
    rng = np.random.default_rng(5)
    return BOX_A * (1 + (0.01 if breathing else 0) * rng.standard_normal(n_frames))


@pytest.mark.parametrize("breathing", [False, True])
@pytest.mark.parametrize("columns", ["xu yu zu", "x y z"])
@pytest.mark.parametrize("block_frames", [1, 2, 17, 1000])
def test_blocks_are_the_whole(
    tmp_path: Path, block_frames: int, columns: str, breathing: bool
) -> None:
    places = walk(120, step_A=0.4)
    lengths = boxes(len(places), breathing=breathing)
    written = places % lengths[:, None, None] if columns == "x y z" else places
    path = write_dump(tmp_path / "x.lammpstrj", written, columns=columns, boxes_A=lengths)
    whole = read_frames_of(path, **DUMP)
    blocks = list(iterate_frames(path, block_frames=block_frames, **DUMP))
    assert max(len(block.positions) for block in blocks) <= max(2, block_frames)
    found = np.concatenate([block.positions for block in blocks])
    np.testing.assert_allclose(found, whole.positions, atol=1e-9)
    counts = [len(block.positions) for block in blocks]
    mean = np.average([block.cell for block in blocks], axis=0, weights=counts)
    np.testing.assert_allclose(mean, whole.cell, rtol=1e-12)


@pytest.mark.parametrize("size", [1, 3, 50])
def test_unwrapping_goes_on_when_the_cell_begins_to_change(size: int) -> None:
    """Constant up to frame 20, then breathing; unwrapped coordinates ten cells away.

    Atoms stay inside, for those that cross a face take the change of the box with them.
    """
    walked = BOX_A / 2 + np.cumsum(np.random.default_rng(6).normal(0, 0.1, (60, 9, 3)), axis=0)
    lengths = np.where(np.arange(60) < 20, BOX_A, boxes(60, breathing=True))
    cells = lengths[:, None, None] * np.eye(3)
    shifted = walked + 10 * lengths[:, None, None]  # ten images: they jump as the box does
    unwrapping = Unwrapping(where="x", trusted=True)
    pieces = []
    for start in range(0, 60, size):
        piece = shifted[start : start + size].copy()
        unwrapping.add(piece, cells[start : start + size], np.zeros((len(piece), 3)))
        pieces.append(piece)
    found = np.concatenate(pieces)
    np.testing.assert_allclose(found - found[0], walked - walked[0], atol=1e-9)
    assert walked.min() > 0
    assert walked.max() < lengths.min()
    assert np.abs(np.diff(shifted, axis=0)).max() > np.abs(np.diff(walked, axis=0)).max() + 1


def test_unwrapping_is_that_of_numpy() -> None:
    """The compiled steps, against the formula."""
    rng = np.random.default_rng(8)
    n_frames = 40
    base = np.array([[9.0, 0, 0], [4.0, 8.0, 0], [-3.0, 2.0, 10.0]])
    cells = base * (1 + 0.01 * rng.standard_normal((n_frames, 1, 1)))
    walked = np.cumsum(rng.normal(0, 0.4, (n_frames, 30, 3)), axis=0)
    wrapped = np.array([w @ np.linalg.inv(c) % 1 @ c for w, c in zip(walked, cells, strict=True)])
    expected = wrapped.copy()
    for frame in range(1, n_frames):
        step = wrapped[frame] - wrapped[frame - 1]
        step -= np.rint(step @ np.linalg.inv(cells[frame])) @ cells[frame]
        expected[frame] = expected[frame - 1] + step
    np.testing.assert_allclose(unwrap(wrapped, cells), expected, atol=1e-11)


def test_our_runs_in_blocks(make_run, full) -> None:
    folder = make_run({500: 12, 1500: 11})
    blocks = list(iterate_frames(folder, block_frames=4))
    assert max(len(block.positions) for block in blocks) == 4
    np.testing.assert_array_equal(np.concatenate([b.positions for b in blocks]), full)
    assert {block.temperature_K for block in blocks} == {800.0}


PROGRAM = """
import sys
from pathlib import Path
from mlipsse.transport.reading import cache as caching
from mlipsse.transport.reading.frames import iterate_frames, read_frames_of

caching.BLOCK_BYTES = 8 << 20

def status_MB(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))

how, small, large = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
options = dict(species=["Li", "Cl"], timestep_fs=2.0)

def read(path):
    if how == "whole":
        return len(read_frames_of(path, **options).positions)
    if how == "blocks":
        return sum(len(b.positions) for b in iterate_frames(path, block_frames=32, **options))
    limit = 1e-3 if path == small else 0.03  # GB
    cache = path.parent / "cache"
    stored = read_frames_of(path, cache=cache, memory_limit_GB=limit, **options).positions
    n_frames, n_ions = stored.shape[:2]
    total = 0.0
    for start in range(0, n_ions, 64):
        ions = stored[:, start : start + 64]
        total += float(((ions[-1] - ions[0]) ** 2).sum())
    assert total > 0
    return n_frames

read(small)  # imports, compiled code
Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
before = status_MB("VmRSS")
n_frames = read(large)
print(n_frames, status_MB("VmHWM") - before)
"""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """96 MB of positions as text, 1,000 frames of 4,000 atoms; and 40 frames of them."""
    folder = tmp_path_factory.mktemp("large")
    rng = np.random.default_rng(0)
    bodies = []
    first = rng.uniform(0, 40, (4000, 3))
    for rows in (first, first + rng.normal(0, 0.1, (4000, 3))):
        lines = (f"{k + 1} {1 + k % 2} {x:.5f} {y:.5f} {z:.5f}" for k, (x, y, z) in enumerate(rows))
        bodies.append("\n".join(lines) + "\n")
    head = "ITEM: NUMBER OF ATOMS\n4000\nITEM: BOX BOUNDS pp pp pp\n0 40\n0 40\n0 40\n"
    head += "ITEM: ATOMS id type xu yu zu\n"
    for name, n_frames in (("small", 40), ("large", 1000)):
        with (folder / name).open("w") as stream:
            for frame in range(n_frames):
                stream.write(f"ITEM: TIMESTEP\n{100 * frame}\n{head}{bodies[frame % 2]}")
    return folder / "small", folder / "large"


@pytest.mark.parametrize(("how", "limit_MB"), [("whole", None), ("blocks", 30), ("cache", 45)])
def test_the_memory_is_bounded(large: tuple[Path, Path], how: str, limit_MB: float | None) -> None:
    """Beyond what reading 40 frames takes, 960 more take nothing but their own block's room."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, how, *map(str, large)],
        capture_output=True,
        text=True,
        check=True,
    )
    n_frames, grown_MB = done.stdout.split()
    assert int(n_frames) == 1000
    if limit_MB is None:
        assert float(grown_MB) > 80  # the measure sees what it should
    else:
        assert float(grown_MB) < limit_MB
