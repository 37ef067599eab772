"""Options of reading: one object, by name, or both."""

from pathlib import Path

import numpy as np
import pytest

from mlipsse.errors import MlipsseError
from mlipsse.transport import ReadOptions, analyse_trajectory, iterate_frames, read_frames_of
from tests.support.trajectories.trajectory_files import DUMP, walk, write_dump


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    return write_dump(tmp_path / "run.dump", walk(20))


def test_an_object_gives_what_names_give(dump: Path) -> None:
    options = ReadOptions(**DUMP)
    named, given = read_frames_of(dump, **DUMP), read_frames_of(dump, options)
    np.testing.assert_array_equal(given.positions, named.positions)
    assert given.frame_spacing_ps == named.frame_spacing_ps
    blocks = list(iterate_frames(dump, options, block_frames=7))
    assert [block.n_frames for block in blocks] == [7, 7, 6]
    assert read_frames_of(dump, options, timestep_fs=1.0).frame_spacing_ps == pytest.approx(
        given.frame_spacing_ps / DUMP["timestep_fs"]
    )


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("frame_spacing_ps", "ps"),
        ("timestep_fs", "fs"),
        ("temperature_K", "K"),
        ("memory_limit_GB", "GB"),
    ],
)
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan")])
def test_numbers_must_be_above_0(name: str, unit: str, value: float) -> None:
    with pytest.raises(MlipsseError, match=f"{name} = .* must be above 0 {unit}"):
        ReadOptions(**{name: value})


def test_an_option_that_is_not_there_is_named(dump: Path) -> None:
    with pytest.raises(TypeError, match="time_step"):
        read_frames_of(dump, time_step=2.0)


def test_a_temperature_other_than_the_records_is_refused(make_run) -> None:
    folder = make_run({500: 21})
    assert read_frames_of(folder).temperature_K == 800.0
    assert read_frames_of(folder, temperature_K=800.0).temperature_K == 800.0
    with pytest.raises(MlipsseError, match="record has 800 K, but 700 K is given"):
        read_frames_of(folder, temperature_K=700.0)


def test_a_run_so_far_is_read_as_any_trajectory(make_run, full: np.ndarray) -> None:
    folder = make_run({500: 12})
    with pytest.raises(MlipsseError, match="is incomplete: 9 of 21"):
        read_frames_of(folder)
    np.testing.assert_array_equal(read_frames_of(folder, so_far=True).positions, full[:12])


def test_without_a_temperature_there_is_no_conductivity(dump: Path) -> None:
    trajectory = read_frames_of(dump, **DUMP)
    assert trajectory.temperature_K is None
    with pytest.raises(MlipsseError, match="Give the temperature in K"):
        analyse_trajectory(trajectory, mobile="Li", charge_e=1)


def test_a_runs_crystal_is_that_of_its_record(make_run) -> None:
    lattice = [[1, 0, 0], [0, 1, 0], [-1, 0, 1]]
    frame = {"rotation": np.eye(3).tolist(), "lattice": lattice}
    assert read_frames_of(make_run({500: 21}, record={"frame": frame})).lattice.tolist() == lattice
