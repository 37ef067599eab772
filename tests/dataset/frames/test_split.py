import numpy as np
import pytest
from ase import Atoms

from mlipsse import keys
from mlipsse.dataset.frames.split import split_by_trajectory
from mlipsse.errors import MlipsseError

FRACTIONS = {"valid_fraction": 0.15, "test_fraction": 0.15}


def _frames(trajectories, *, per_trajectory=4):
    """One frame list from {composition: number of trajectories}, trajectories interleaved."""
    frames = []
    for k in range(per_trajectory):
        for composition, count in trajectories.items():
            for t in range(count):
                info = {
                    keys.COMPOSITION: composition,
                    keys.TRAJECTORY: f"{composition}-t{t}",
                    "time_ps": k,
                }
                frames.append(Atoms("Li", info=info))
    return frames


def _names(frames):
    return {frame.info[keys.TRAJECTORY] for frame in frames}


def _compositions(frames):
    return {frame.info[keys.COMPOSITION] for frame in frames}


@pytest.mark.parametrize("seed", range(60))
def test_no_trajectory_leaks_and_no_frame_is_lost(seed):
    rng = np.random.default_rng(seed)
    counts = {f"c{i}": int(rng.integers(1, 6)) for i in range(rng.integers(1, 7))}
    if sum(counts.values()) < 3:
        counts["c0"] = 3
    frames = _frames(counts)
    rng.shuffle(frames)
    split = split_by_trajectory(frames, **FRACTIONS, seed=seed)
    parts = [split.train, split.valid, split.test]
    assert all(parts)
    names = [_names(part) for part in parts]
    assert len(set.union(*names)) == sum(map(len, names))
    assert sum(map(len, parts)) == len(frames)
    assert {id(f) for part in parts for f in part} == {id(f) for f in frames}
    missing = set(counts) - _compositions(split.train)
    assert set(split.absent_from_train) == missing
    total, kinds = sum(counts.values()), len(counts)
    if total - kinds >= 2:
        assert not missing
    else:
        assert len(names[1]) == len(names[2]) == 1


def test_fractions_are_of_trajectories():
    split = split_by_trajectory(_frames({"a": 20, "b": 20}), **FRACTIONS, seed=1)
    assert [len(_names(p)) for p in (split.train, split.valid, split.test)] == [28, 6, 6]
    split = split_by_trajectory(_frames({"a": 20}), valid_fraction=0.3, test_fraction=0.1, seed=1)
    assert [len(_names(p)) for p in (split.train, split.valid, split.test)] == [12, 6, 2]


@pytest.mark.parametrize("seed", range(10))
def test_compositions_are_spread_over_the_parts(seed):
    counts = {f"c{i}": 5 for i in range(4)}
    split = split_by_trajectory(_frames(counts), valid_fraction=0.2, test_fraction=0.2, seed=seed)
    assert _compositions(split.train) == _compositions(split.valid) == set(counts)
    assert _compositions(split.test) == set(counts)


def test_demo_of_two_compositions_keeps_both_in_train():
    for seed in range(20):
        split = split_by_trajectory(_frames({"a": 3, "b": 3}), **FRACTIONS, seed=seed)
        assert _compositions(split.train) == {"a", "b"}


def test_same_seed_same_split_whatever_the_order_of_frames():
    frames = _frames({"a": 6, "b": 6})
    first = split_by_trajectory(frames, **FRACTIONS, seed=3)
    again = split_by_trajectory(frames[::-1], **FRACTIONS, seed=3)
    assert _names(first.test) == _names(again.test)
    assert _names(first.valid) == _names(again.valid)
    tests = {
        frozenset(_names(split_by_trajectory(frames, **FRACTIONS, seed=s).test)) for s in range(10)
    }
    assert len(tests) > 1


def test_frames_stay_in_order_within_a_part():
    split = split_by_trajectory(_frames({"a": 6}), **FRACTIONS, seed=3)
    assert [f.info["time_ps"] for f in split.test] == sorted(f.info["time_ps"] for f in split.test)


def test_bad_input_is_reported():
    with pytest.raises(MlipsseError, match=r"There are 2 trajectories.*at least 3"):
        split_by_trajectory(_frames({"a": 2}), **FRACTIONS, seed=1)
    frames = _frames({"a": 3})
    del frames[5].info[keys.TRAJECTORY]
    with pytest.raises(MlipsseError, match=r"Frame 5 \(Li\) does not name its trajectory"):
        split_by_trajectory(frames, **FRACTIONS, seed=1)
    frames = _frames({"a": 3})
    frames[5].info[keys.COMPOSITION] = "b"
    with pytest.raises(MlipsseError, match="Trajectory a-t2 has frames of two compositions, a and"):
        split_by_trajectory(frames, **FRACTIONS, seed=1)
    with pytest.raises(MlipsseError, match="together below 1"):
        split_by_trajectory(_frames({"a": 3}), valid_fraction=0.5, test_fraction=0.5, seed=1)
