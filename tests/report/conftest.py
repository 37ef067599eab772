import numpy as np
import pytest

from mlipsse.transport import Trajectory, analyse_trajectory, summarise_composition
from mlipsse.units import BOLTZMANN_EV_K


def run_at(temperature_K, replica=0, *, energy_eV=0.25, melted=False):
    rng = np.random.default_rng(int(temperature_K) + replica)
    diffusivity = 3e-3 * np.exp(-energy_eV / (BOLTZMANN_EV_K * temperature_K)) * 1e4
    step = np.sqrt(2 * diffusivity * 0.1)
    lithium = np.cumsum(rng.normal(0, step, (200, 24, 3)), axis=0)
    framework = rng.normal(0, 0.2, (200, 56, 3))
    if melted:
        framework += np.cumsum(rng.normal(0, 0.5, framework.shape), axis=0)
    trajectory = Trajectory(
        np.concatenate([lithium, framework], axis=1),
        ("Li",) * 24 + ("In",) * 8 + ("Cl",) * 48,
        np.diag([12.0, 12.0, 14.0]),
        0.1,
        temperature_K,
    )
    return analyse_trajectory(
        trajectory, mobile="Li", charge_e=1, name=f"o001-T{temperature_K:04.0f}-r{replica}"
    )


@pytest.fixture(scope="session")
def runs():
    return [
        run_at(800.0),
        run_at(800.0, 1),
        run_at(900.0),
        run_at(1000.0),
        run_at(1200.0, melted=True),
    ]


@pytest.fixture(scope="session")
def compositions(runs):
    return [
        summarise_composition("Li3InCl6", runs),
        summarise_composition("Li3In0.5Y0.5Br3Cl3", runs[2:4]),
        summarise_composition("Li3YBr6", runs[:1]),
        summarise_composition("LiCl", runs[4:]),
    ]
