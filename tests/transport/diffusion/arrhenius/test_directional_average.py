"""Means over runs whose cells lie differently, and an activation energy of each direction."""

from dataclasses import replace

import numpy as np
import pytest

from mlipsse.errors import MlipsseError
from mlipsse.transport import (
    Diffusivity,
    Trajectory,
    analyse_trajectory,
    average_directions,
    directional_arrhenius,
    directional_diffusivity,
    summarise_composition,
)
from mlipsse.units import BOLTZMANN_EV_K

MONOCLINIC = np.array([[11.0, 0, 0], [0, 6.4, 0], [-2.2, 0, 6.0]])
ENERGIES_EV = (0.20, 0.30, 0.40)  # along x, y, z


def tensor_at(temperature_K: float) -> np.ndarray:
    return np.diag([1e-3 * np.exp(-e / (BOLTZMANN_EV_K * temperature_K)) for e in ENERGIES_EV])


def projected(tensor_cm2_s: np.ndarray, vectors: np.ndarray = MONOCLINIC):
    mean = float(np.trace(tensor_cm2_s)) / 3
    fit = Diffusivity(True, None, mean, 0.05 * mean, tensor_cm2_s, (1.0, 2.0), 1.0, 0.0, 0.0)
    return directional_diffusivity(fit, vectors)


def test_every_direction_has_its_own_energy() -> None:
    points = [average_directions(t, [projected(tensor_at(t))]) for t in (700.0, 800.0, 1000.0)]
    fits = directional_arrhenius(points)
    assert fits["a"].activation_energy_eV == pytest.approx(0.20, abs=1e-12)
    assert fits["b"].activation_energy_eV == pytest.approx(0.30, abs=1e-12)
    assert fits["a"].prefactor_cm2_s == pytest.approx(1e-3)
    assert 0.20 < fits["c"].activation_energy_eV < 0.40  # c leans towards x
    assert 0.20 < fits["ab"].activation_energy_eV < fits["bc"].activation_energy_eV < 0.40
    assert set(fits) == {"a", "b", "c", "ab", "ac", "bc"}


def test_runs_that_lie_differently_share_one_tensor() -> None:
    tensor = tensor_at(900.0)
    rotation, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))
    rotation *= np.sign(np.linalg.det(rotation))
    turned = projected(rotation.T @ tensor @ rotation, MONOCLINIC @ rotation)
    np.testing.assert_allclose(turned.crystal_tensor_cm2_s, tensor, atol=1e-18)
    mean = average_directions(900.0, [projected(tensor), turned])
    assert mean.principal_cm2_s == pytest.approx(tuple(np.diag(tensor)))
    assert mean.n_runs == 2
    assert mean.diffusivity_cm2_s["a"] == pytest.approx(tensor[0, 0])
    one = average_directions(900.0, [turned])
    ratio = one.diffusivity_std_cm2_s["ac"] / mean.diffusivity_std_cm2_s["ac"]
    assert ratio == pytest.approx(np.sqrt(2))


def test_below_zero_has_no_logarithm() -> None:
    points = [average_directions(t, [projected(tensor_at(t))]) for t in (700.0, 800.0)]
    below = tensor_at(600.0)
    below[2, 2] = -1e-9  # noise of a direction in which nothing moves
    points.insert(0, average_directions(600.0, [projected(below, np.diag([9.0, 8.0, 7.0]))]))
    fits = directional_arrhenius(points)
    assert fits["c"].temperature_K == (700.0, 800.0)
    assert fits["a"].temperature_K == (600.0, 700.0, 800.0)
    assert points[0].diffusivity_cm2_s["c"] == pytest.approx(-1e-9)
    with pytest.raises(MlipsseError, match="No runs at 600 K"):
        average_directions(600.0, [])


def test_a_reduced_cell_states_the_crystals_directions() -> None:
    """LAMMPS writes c as c + a; the record's whole numbers bring c back."""
    rng = np.random.default_rng(4)
    steps = rng.normal(size=(400, 40, 3)) * [0.5, 0.3, 0.1]
    framework = rng.normal(0, 0.1, (400, 20, 3))
    positions = np.concatenate([np.cumsum(steps, axis=0), framework], axis=1)
    shifted = np.diag([12.0, 12.0, 14.0])
    shifted[2, 0] = 12.0
    lattice = np.array([[1, 0, 0], [0, 1, 0], [-1, 0, 1]])
    trajectory = Trajectory(positions, ("Li",) * 40 + ("Cl",) * 20, shifted, 0.1, 800.0)
    run = analyse_trajectory(replace(trajectory, lattice=lattice), mobile="Li", charge_e=1)
    assert run.directions is not None
    tensor = run.diffusivity.tensor_cm2_s
    assert run.directions.along_cm2_s["c"] == pytest.approx(tensor[2, 2])
    skewed = analyse_trajectory(trajectory, mobile="Li", charge_e=1)
    assert skewed.directions.along_cm2_s["c"] > 2 * tensor[2, 2]
    whole = summarise_composition("LiCl", [run])
    assert whole.directions[0].diffusivity_cm2_s == pytest.approx(
        run.directions.along_cm2_s | run.directions.plane_cm2_s
    )
