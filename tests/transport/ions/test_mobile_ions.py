"""Mobile ions, framework and drift: made in one place, for every analysis."""

import numpy as np
import pytest

from mlipsse.transport import Trajectory
from mlipsse.transport.ions.mobile import mobile_ions
from mlipsse.transport.ions.roles import assign_roles

SPECIES = ("Li", "Cl", "Li", "In", "Na")


@pytest.fixture
def drifting() -> Trajectory:
    rng = np.random.default_rng(8)
    places = rng.normal(size=(40, 5, 3)) + np.linspace(0, 5, 40)[:, None, None]
    return Trajectory(places, SPECIES, 10 * np.eye(3), 0.1, 500.0)


def test_ions_and_framework_without_the_frameworks_drift(drifting: Trajectory) -> None:
    ions = mobile_ions(drifting, assign_roles(SPECIES, ("Li", "Na")))
    assert ions.indices.tolist() == [0, 2]
    assert ions.framework.tolist() == [1, 3]
    assert ions.framework_species == ("Cl", "In")
    assert len(ions) == 2
    still = drifting.positions[:, [1, 3]].mean(axis=1)
    np.testing.assert_allclose(ions.drift_A, still - still[0], atol=1e-12)
    resting = drifting.positions - ions.drift_A[:, None]
    np.testing.assert_array_equal(ions.resting.all(), resting[:, [0, 2]])
    np.testing.assert_allclose(ions.framework_places(), resting[:, [1, 3]].mean(axis=0))


def test_the_drift_of_other_atoms_or_none(drifting: Trajectory) -> None:
    roles = assign_roles(SPECIES, "Li")
    by_indium = mobile_ions(drifting, roles, drift_atoms=np.array([3]))
    assert by_indium.framework.tolist() == [1, 3, 4]
    np.testing.assert_allclose(
        by_indium.drift_A, drifting.positions[:, 3] - drifting.positions[0, 3], atol=1e-12
    )
    nothing = mobile_ions(drifting, roles, drift_atoms=np.array([], dtype=int))
    assert not nothing.drift_A.any()
