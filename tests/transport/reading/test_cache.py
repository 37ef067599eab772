"""Converted trajectories: the same to the last bit, never stale, and made again when damaged."""

import gzip
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from mlipsse.errors import MlipsseError
from mlipsse.transport.reading import cache
from mlipsse.transport.reading.cache import cached_frames
from mlipsse.transport.reading.frames import read_frames_of
from mlipsse.transport.reading.options import ReadOptions
from mlipsse.transport.reading.stored import StoredPositions
from tests.support.trajectories.trajectory_files import DUMP, walk, write_dump


@pytest.fixture(scope="module")
def places() -> np.ndarray:
    """More frames and atoms than a chunk holds."""
    return walk(600, 150)


@pytest.fixture(scope="module")
def dump(tmp_path_factory: pytest.TempPathFactory, places: np.ndarray) -> Path:
    return write_dump(tmp_path_factory.mktemp("dump") / "x.lammpstrj", places, digits=6)


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*"))


def test_what_comes_out_is_what_was_read(dump: Path, tmp_path: Path) -> None:
    truth = read_frames_of(dump, **DUMP)
    folder = tmp_path / "cache"
    for _ in range(2):
        found = read_frames_of(dump, cache=folder, **DUMP)
        np.testing.assert_array_equal(found.positions, truth.positions)
        assert found.species == truth.species
        assert found.frame_spacing_ps == truth.frame_spacing_ps
        np.testing.assert_allclose(found.cell, truth.cell, rtol=1e-14)
        np.testing.assert_array_equal(found.lattice, truth.lattice)
        assert len(files(folder)) == 1


def test_the_second_reading_is_of_the_cache(
    dump: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = read_frames_of(dump, cache=tmp_path / "cache", **DUMP)

    def never(*_: object, **__: object) -> None:
        raise AssertionError("the source was read again")

    monkeypatch.setattr(cache, "frame_blocks", never)
    again = read_frames_of(dump, cache=tmp_path / "cache", **DUMP)
    np.testing.assert_array_equal(first.positions, again.positions)
    # Neither the name nor the time of a file counts.
    moved = shutil.copyfile(dump, tmp_path / "y.lammpstrj")
    read_frames_of(moved, cache=tmp_path / "cache", **DUMP)


def test_a_changed_file_is_another_trajectory(dump: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    dump = Path(shutil.copy(dump, tmp_path / "x.lammpstrj"))
    before = read_frames_of(dump, cache=folder, **DUMP)
    state = dump.stat()
    text = dump.read_bytes()
    place = text.rindex(b".") + 3  # one digit of the last number
    dump.write_bytes(text[:place] + (b"1" if text[place : place + 1] != b"1" else b"2")
                     + text[place + 1 :])  # fmt: skip
    os.utime(dump, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert dump.stat().st_size == state.st_size
    after = read_frames_of(dump, cache=folder, **DUMP)
    assert (before.positions != after.positions).sum() == 1
    assert len(files(folder)) == 2


def test_options_are_part_of_the_key(dump: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    read_frames_of(dump, cache=folder, **DUMP)
    other = read_frames_of(dump, cache=folder, species=("Na", "Cl"), timestep_fs=1.0)
    assert other.species[0] == "Na"
    assert other.frame_spacing_ps == pytest.approx(0.1)
    assert len(files(folder)) == 2


def test_zipped_files(dump: Path, tmp_path: Path) -> None:
    zipped = tmp_path / "x.lammpstrj.gz"
    zipped.write_bytes(gzip.compress(dump.read_bytes()))
    truth = read_frames_of(dump, **DUMP).positions
    for _ in range(2):
        found = read_frames_of(zipped, cache=tmp_path / "cache", **DUMP)
        np.testing.assert_array_equal(found.positions, truth)


def test_our_runs_lie_there_in_float32_without_loss(make_run, full, tmp_path: Path) -> None:
    import h5py

    folder = make_run({500: 12, 1500: 11})
    truth = read_frames_of(folder)
    for _ in range(2):
        found = read_frames_of(folder, cache=tmp_path / "cache")
        np.testing.assert_array_equal(found.positions, full.astype(float))
        assert found.temperature_K == truth.temperature_K == 800.0
    (stored,) = files(tmp_path / "cache")
    with h5py.File(stored) as file:
        assert file["positions"].dtype == np.float32


@pytest.mark.parametrize("harm", ["cut", "overwritten", "a byte", "empty"])
def test_a_damaged_file_is_made_again(dump: Path, tmp_path: Path, harm: str) -> None:
    folder = tmp_path / "cache"
    truth = read_frames_of(dump, cache=folder, **DUMP).positions
    (stored,) = files(folder)
    content = bytearray(stored.read_bytes())
    if harm == "cut":
        del content[len(content) // 2 :]
    elif harm == "overwritten":
        content[:] = b"x" * len(content)
    elif harm == "a byte":
        content[len(content) // 2] ^= 1
    else:
        content.clear()
    stored.write_bytes(content)
    found = read_frames_of(dump, cache=folder, **DUMP).positions
    np.testing.assert_array_equal(found, truth)
    assert stored.stat().st_size > 1e6


def test_a_source_that_is_refused_leaves_nothing(tmp_path: Path, places: np.ndarray) -> None:
    broken = places.copy()
    broken[-1, 3] = np.nan
    path = write_dump(tmp_path / "nan.lammpstrj", broken)
    with pytest.raises(MlipsseError, match=r"frame 599 of .* not finite"):
        read_frames_of(path, cache=tmp_path / "cache", **DUMP)
    assert files(tmp_path / "cache") == []


def test_the_folder_is_bounded(tmp_path: Path) -> None:
    """A trajectory takes 0.4 MB: two fit. The first is used again before the third comes."""
    folder = tmp_path / "cache"
    dumps = [write_dump(tmp_path / f"{k}.lammpstrj", walk(256, 64, seed=k)) for k in range(4)]
    names: dict[int, Path | None] = {}
    for time, number in enumerate([0, 1, 0, 2, 3]):
        before = set(files(folder))
        cached_frames([dumps[number]], folder, ReadOptions(**DUMP), limit_GB=1.1e-3)
        names[number] = next(iter(set(files(folder)) - before), names.get(number))
        os.utime(names[number], (1e9 + time, 1e9 + time))
        if number == 2:
            assert set(files(folder)) == {names[0], names[2]}
    assert set(files(folder)) == {names[2], names[3]}
    newest = read_frames_of(dumps[3], **DUMP).positions
    kept = cached_frames([dumps[3]], folder, ReadOptions(**DUMP))
    np.testing.assert_array_equal(kept.positions, newest)


SLICES = [
    np.s_[:],
    np.s_[7],
    np.s_[-1],
    np.s_[10:300:7],
    np.s_[::-1],
    np.s_[:, 5],
    np.s_[:, 60:70],
    np.s_[:, [3, 149, 64, 64, 0]],
    np.s_[5:9, [3, 149, 64]],
    np.s_[2, [3, 149, 64]],
    np.s_[:, []],
    np.s_[:, np.arange(150) % 2 == 0],
    np.s_[4:, 1:100:3, 2],
    np.s_[..., 0],
]


@pytest.mark.parametrize("key", SLICES, ids=str)
def test_slices_are_those_of_an_array(dump: Path, tmp_path: Path, key: object) -> None:
    truth = read_frames_of(dump, **DUMP).positions
    frames = read_frames_of(dump, cache=tmp_path / "cache", memory_limit_GB=1e-3, **DUMP)
    stored = frames.positions
    assert isinstance(stored, StoredPositions)
    assert (stored.shape, len(stored), stored.ndim) == (truth.shape, len(truth), 3)
    np.testing.assert_array_equal(stored[key], truth[key])
    np.testing.assert_array_equal(np.asarray(stored), truth)
    assert frames.temperature_K is None


def test_a_temperature_that_is_given_is_not_kept(dump: Path, tmp_path: Path) -> None:
    for kelvin in (800.0, 700.0, None):
        found = read_frames_of(dump, cache=tmp_path / "cache", temperature_K=kelvin, **DUMP)
        assert found.temperature_K == kelvin
    assert len(files(tmp_path / "cache")) == 1


def test_too_large_for_the_memory_without_a_cache(dump: Path) -> None:
    with pytest.raises(MlipsseError, match=r"require 0.00\d+ GB, but only 0.001 GB may be used"):
        read_frames_of(dump, memory_limit_GB=1e-3, **DUMP)


def test_one_without_times_is_not_taken_for_one_with(tmp_path: Path) -> None:
    """Where times do not matter, a spacing of 1 ps is invented: never shown to who asks for it."""
    path = write_dump(tmp_path / "x.lammpstrj", walk(20, 5))
    untimed = {"species": DUMP["species"], "cache": tmp_path / "cache"}
    assert read_frames_of(path, timeless=True, **untimed).frame_spacing_ps == 1.0
    with pytest.raises(MlipsseError, match="time step"):
        read_frames_of(path, **untimed)
