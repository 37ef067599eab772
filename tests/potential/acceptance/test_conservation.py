"""Energy at rest, energy that is pumped in by a known force, and the error of a slope."""

import numpy as np
import pytest
from ase import Atoms, units
from ase.calculators.calculator import Calculator, all_changes
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution

from mlipsse.potential.acceptance import LIMITS
from mlipsse.potential.acceptance.conservation import run_at_constant_energy
from mlipsse.potential.acceptance.judgements import judge_conservation
from mlipsse.potential.parity.dynamics import slope

SPRING_EV_A2 = 2.0


class Springs(Calculator):
    """Every atom at a spring of its own; `curl` pushes it around its place as well."""

    implemented_properties = ["energy", "forces"]  # noqa: RUF012

    def __init__(self, places: np.ndarray, *, curl: float = 0.0) -> None:
        super().__init__()
        self.places, self.curl = places, curl

    def calculate(self, atoms=None, properties=None, system_changes=all_changes) -> None:
        super().calculate(atoms, properties, system_changes)
        shift = self.atoms.positions - self.places
        around = np.cross([0, 0, 1.0], shift)
        self.results = {
            "energy": SPRING_EV_A2 / 2 * float((shift**2).sum()),
            "forces": -SPRING_EV_A2 * shift + self.curl * around,
        }


@pytest.fixture
def atoms():
    places = np.random.default_rng(0).random((30, 3)) * 12
    return Atoms("Cl30", positions=places, cell=[12] * 3, pbc=True)


def run(atoms, calculator, **changes):
    settings = {"temperature_K": 900.0, "duration_ps": 1.0, "timestep_fs": 1.0, "seed": 4} | changes
    return run_at_constant_energy(atoms, calculator, **settings)


def test_springs_conserve(atoms):
    found = run(atoms, Springs(atoms.positions))
    assert abs(found.conservation.drift_eV_atom_ps) < 1e-5
    # Atoms start at their places: half of the energy goes into the springs.
    assert found.conservation.temperature_K == pytest.approx(450, rel=0.2)
    assert judge_conservation(found, LIMITS).verdict == "pass"


def test_a_force_without_energy_is_refused_and_measured(atoms):
    """In the plane z = x + iy obeys m z'' = -(k - ic) z, from z = 0: z = v sin(w t) / w."""
    curl = 0.05
    found = run(atoms, Springs(atoms.positions, curl=curl), timestep_fs=0.25)
    warm = atoms.copy()
    MaxwellBoltzmannDistribution(warm, temperature_K=900, rng=np.random.default_rng(4))
    mass = warm.get_masses()[0]
    planar_eV = (warm.get_momenta()[:, :2] ** 2).sum() / 2 / mass

    def energy_eV(time_ps):
        frequency = np.sqrt((SPRING_EV_A2 - 1j * curl) / mass)
        angle = frequency * time_ps * 1e3 * units.fs
        place, speed = np.sin(angle) / frequency, np.cos(angle)
        return planar_eV * (abs(speed) ** 2 + SPRING_EV_A2 / mass * abs(place) ** 2)

    expected = (energy_eV(found.times_ps[-1]) - energy_eV(found.times_ps[0])) / len(atoms)
    assert expected > 1e-3
    assert found.energies_eV_atom[-1] == pytest.approx(expected, rel=0.02)
    verdict = judge_conservation(found, LIMITS)
    assert verdict.verdict == "fail"
    assert verdict.value > 1.0


def test_a_potential_that_fails_is_refused(atoms):
    class Failing(Springs):
        def calculate(self, *arguments, **options):
            super().calculate(*arguments, **options)
            self.results["energy"] = np.nan

    found = run(atoms, Failing(atoms.positions))
    assert found.conservation is None
    assert judge_conservation(found, LIMITS).verdict == "fail"


def test_the_error_of_a_slope_covers_what_it_states():
    """Residuals remember each other for 20 steps; as if not, the error is 6 times too small."""
    times_ps = np.arange(1, 2001) * 1e-3
    ratios = []
    for seed in range(150):
        kicks = np.random.default_rng(seed).normal(size=2000)
        noise = np.zeros(2000)
        for k in range(1, 2000):
            noise[k] = 0.95 * noise[k - 1] + kicks[k]
        rows = np.stack([times_ps, 0.3 * times_ps + noise, np.full(2000, 300.0)], axis=1)
        found = slope(rows, n_atoms=1)
        ratios.append((found.drift_eV_atom_ps - 0.3) / found.drift_std_eV_atom_ps)
    assert 0.8 < np.std(ratios) < 1.4
    assert abs(np.mean(ratios)) < 0.35
