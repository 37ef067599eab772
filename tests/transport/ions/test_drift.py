import numpy as np
import pytest

from mlipsse.transport.ions.drift import RestingPositions, framework_drift


def resting(positions, framework, **options):
    everything = np.arange(positions.shape[1])
    drift_A = framework_drift(positions, framework, **options)
    return RestingPositions(positions, everything, drift_A)[:]


def test_drift_goes_and_differences_stay():
    rng = np.random.default_rng(0)
    still = rng.random((1, 6, 3)) * 10
    motion = np.zeros((30, 6, 3))
    motion[:, 0] = np.cumsum(rng.normal(size=(30, 3)), axis=0)
    drift = np.cumsum(rng.normal(size=(30, 1, 3)), axis=0)
    framework = np.arange(1, 6)
    cleaned = resting(still + motion + drift, framework)
    # the first frame stays where it was
    np.testing.assert_allclose(cleaned - cleaned[0], motion - motion[0], atol=1e-12)
    np.testing.assert_allclose(cleaned[0], (still + motion + drift)[0], atol=1e-12)


def test_drift_by_mass_weighs_the_heavy_atom():
    positions = np.zeros((2, 3, 3))
    positions[1, 1, 0], positions[1, 2, 0] = 1.0, 4.0
    plain = resting(positions, np.array([1, 2]))
    weighed = resting(positions, np.array([1, 2]), masses_u=np.array([7.0, 1.0, 3.0]))
    assert plain[1, 0, 0] == pytest.approx(-2.5)
    assert weighed[1, 0, 0] == pytest.approx(-(1 * 1 + 3 * 4) / 4)


def test_without_a_framework_nothing_is_removed():
    positions = np.random.default_rng(1).normal(size=(5, 2, 3))
    np.testing.assert_array_equal(resting(positions, np.array([], dtype=int)), positions)


def test_some_atoms_of_many_frames():
    """Slices, all at once and means are those of the whole array; more frames than in a block."""
    positions = np.random.default_rng(2).normal(size=(700, 5, 3)).astype(np.float32)
    atoms = np.array([3, 0])
    drift_A = framework_drift(positions, np.array([1, 4]))
    found = RestingPositions(positions, atoms, drift_A)
    expected = positions[:, atoms].astype(float) - drift_A[:, None]
    assert found.shape == expected.shape
    np.testing.assert_array_equal(found[250:300], expected[250:300])
    np.testing.assert_array_equal(found.all(), expected)
    np.testing.assert_allclose(found.mean(), expected.mean(axis=0), atol=1e-13)
