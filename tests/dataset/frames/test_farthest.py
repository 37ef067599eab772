from itertools import combinations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from mlipsse.dataset.frames.farthest import farthest_points, frame_descriptor
from mlipsse.errors import MlipsseError


def brute_force(points, count):
    """By its definition, every distance looked at again in every turn."""
    apart = cdist(points, points)
    chosen = [int(np.argmin(np.linalg.norm(points - points.mean(axis=0), axis=1)))]
    while len(chosen) < count:
        rest = [k for k in range(len(points)) if k not in chosen]
        chosen.append(max(rest, key=lambda k: (min(apart[k, c] for c in chosen), -k)))
    return chosen


@pytest.mark.parametrize("seed", range(5))
def test_selection_is_that_of_brute_force(seed):
    points = np.random.default_rng(seed).normal(size=(40, 6))
    assert farthest_points(points, 15) == brute_force(points, 15)


def test_points_cover_at_most_twice_as_badly_as_the_best_choice():
    # Gonzalez' bound, against all choices of four.
    points = np.random.default_rng(3).uniform(size=(16, 2))
    apart = cdist(points, points)
    best = min(apart[:, list(some)].min(axis=1).max() for some in combinations(range(16), 4))
    assert apart[:, farthest_points(points, 4)].min(axis=1).max() <= 2 * best


def test_equal_points_are_each_taken_once():
    points = np.array([[0.0], [1.0], [1.0], [1.0]])
    assert sorted(farthest_points(points, 9)) == [0, 1, 2, 3]
    assert set(farthest_points(points, 2)) in ({0, 1}, {0, 2}, {0, 3})
    assert farthest_points(points, 0) == []
    assert farthest_points(np.zeros((0, 3)), 4) == []


def test_points_that_are_not_finite_are_reported():
    with pytest.raises(MlipsseError, match="not finite"):
        farthest_points(np.array([[0.0], [np.nan]]), 1)


def test_a_frame_is_described_by_the_mean_of_each_element():
    invariants = np.array([[1.0, 2.0], [5.0, 6.0], [3.0, 4.0]])
    found = frame_descriptor(invariants, np.array([17, 3, 17]))
    assert found.tolist() == [5.0, 6.0, 2.0, 3.0]
