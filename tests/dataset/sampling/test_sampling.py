import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.calculator import Calculator, all_changes
from ase.constraints import FixAtoms

from mlipsse.dataset.sampling.dynamics import sample
from mlipsse.dataset.sampling.settings import SamplingSettings
from mlipsse.errors import MlipsseError
from mlipsse.units import BOLTZMANN_EV_K


class Cage(Calculator):
    """Every atom on a spring to where it started: an Einstein crystal."""

    implemented_properties = ("energy", "free_energy", "forces")  # type: ignore[assignment]

    def __init__(self, atoms, *, spring_eV_A2=2.0):
        super().__init__()
        self.home = atoms.positions.copy()
        self.spring_eV_A2 = spring_eV_A2
        self.calls = 0

    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        self.calls += 1
        offset = atoms.positions - self.home
        energy = 0.5 * self.spring_eV_A2 * (offset**2).sum()
        self.results = {
            "energy": energy,
            "free_energy": energy,
            "forces": self.forces(atoms, -self.spring_eV_A2 * offset),
        }

    def forces(self, atoms, forces):
        return forces


def _crystal():
    return bulk("Cu", cubic=True).repeat(2)


SHORT = {
    "temperature_K": 500.0,
    "duration_ps": 4.0,
    "timestep_fs": 2.0,
    "equilibration_ps": 0.5,
    "n_frames": 20,
    "friction_per_ps": 20.0,
}


def test_temperature_and_potential_energy_are_canonical():
    atoms = _crystal()
    run = sample(atoms, Cage(atoms), SamplingSettings(**{**SHORT, "n_frames": 200}), seed=4)
    assert run.stopped is None
    # Variance of the kinetic temperature of 3 N degrees of freedom, T^2 2 / (3 N), over the
    # number of independent times: energy decorrelates within 1 / friction.
    independent = (4.0 - 0.5) * SHORT["friction_per_ps"] / 2
    deviation_K = 500.0 * np.sqrt(2 / (3 * len(atoms)) / independent)
    assert deviation_K < 20
    assert abs(run.mean_temperature_K - 500.0) < 4 * deviation_K
    # Equipartition: half of 3 N kT in the springs.
    offsets = np.array([_unwrapped(f, atoms) for f in run.frames])
    energies_eV = 0.5 * 2.0 * (offsets**2).sum(axis=(1, 2))
    expected_eV = 1.5 * len(atoms) * BOLTZMANN_EV_K * 500.0
    assert abs(energies_eV.mean() / expected_eV - 1) < 4 * deviation_K / 500.0


def _unwrapped(frame, start):
    from ase.geometry import find_mic

    return find_mic(frame.positions - start.positions, frame.cell, frame.pbc)[0]


def test_frames_are_drawn_after_the_equilibration_and_carry_no_ballast():
    atoms = _crystal()
    atoms.info["trajectory"] = "t1"
    atoms.set_constraint(FixAtoms([0]))
    seen = []
    run = sample(
        atoms,
        Cage(atoms),
        SamplingSettings(**SHORT),
        seed=1,
        progress=lambda done, total: seen.append((done, total)),
    )
    times = [frame.info["time_ps"] for frame in run.frames]
    assert len(set(times)) == 20
    assert times == sorted(times)
    assert min(times) > 0.5
    assert max(times) <= 4.0
    for frame in run.frames:
        assert frame.info["trajectory"] == "t1"
        assert frame.calc is None
        assert not frame.constraints
        assert set(frame.arrays) == {"numbers", "positions"}
    assert not np.allclose(run.frames[0].positions[0], atoms.positions[0])
    assert seen[-1] == (2000, 2000)
    assert len(seen) == 100


def test_same_seed_same_frames():
    atoms = _crystal()
    settings = SamplingSettings(**{**SHORT, "duration_ps": 0.8})
    first, again, other = (
        sample(atoms, Cage(atoms), settings, seed=seed).frames for seed in (3, 3, 4)
    )
    assert all((a.positions == b.positions).all() for a, b in zip(first, again, strict=True))
    assert not np.allclose(first[0].positions, other[0].positions)
    assert [f.info["time_ps"] for f in first] != [f.info["time_ps"] for f in other]


def test_draws_are_uniform_over_the_production():
    atoms = bulk("Cu", cubic=True)
    settings = SamplingSettings(
        temperature_K=10, duration_ps=0.04, timestep_fs=1.0, equilibration_ps=0.02, n_frames=5
    )
    seen = np.zeros(41)
    runs = 100
    for seed in range(runs):
        for frame in sample(atoms, Cage(atoms), settings, seed=seed).frames:
            seen[round(frame.info["time_ps"] * 1000)] += 1
    assert seen[:21].sum() == 0
    expected = runs * 5 / 20
    chi2 = ((seen[21:] - expected) ** 2 / expected).sum()
    assert chi2 < 43.8  # 0.1 % of chi-squared with 19 degrees of freedom


def test_heating_is_stopped_and_earlier_frames_are_kept():
    class Pump(Cage):
        def forces(self, atoms, forces):
            late = self.calls > 1000
            return forces + late * 20.0 * atoms.get_velocities()

    atoms = _crystal()
    run = sample(atoms, Pump(atoms), SamplingSettings(**SHORT), seed=1)
    assert "it heated to" in run.stopped
    assert "above 1500 K" in run.stopped
    assert 5 <= len(run.frames) < 20
    assert max(f.info["time_ps"] for f in run.frames) < 4.0


def test_atoms_that_come_too_close_are_stopped():
    class Collide(Cage):
        def forces(self, atoms, forces):
            if self.calls > 600:
                pair = 0.2 * (atoms.positions[1] - atoms.positions[0])
                forces[0] += pair
                forces[1] -= pair
            return forces

    atoms = _crystal()
    calculator = Collide(atoms, spring_eV_A2=0.05)
    run = sample(atoms, calculator, SamplingSettings(**SHORT | {"temperature_K": 50.0}), seed=1)
    assert "Å apart, closer than 1.58 Å" in run.stopped
    assert run.frames
    assert run.frames[-1].get_distance(0, 1, mic=True) > 1.58


def test_failing_and_infinite_potentials_are_stopped():
    class Fail(Cage):
        def forces(self, atoms, forces):
            if self.calls > 700:
                raise ValueError("isolated atom")
            return forces

    class Infinite(Cage):
        def forces(self, atoms, forces):
            return forces * np.nan if self.calls > 700 else forces

    atoms = _crystal()
    run = sample(atoms, Fail(atoms), SamplingSettings(**SHORT), seed=1)
    assert run.stopped == "stopped at 1.4 of 4 ps: the potential failed: isolated atom"
    assert run.frames
    run = sample(atoms, Infinite(atoms), SamplingSettings(**SHORT), seed=1)
    assert "became non-finite" in run.stopped
    assert all(np.isfinite(frame.positions).all() for frame in run.frames)


def test_stop_before_the_production_gives_no_frames():
    class Fail(Cage):
        def forces(self, atoms, forces):
            raise ValueError("no such element")

    atoms = _crystal()
    run = sample(atoms, Fail(atoms), SamplingSettings(**SHORT), seed=1)
    assert run.frames == []
    assert np.isnan(run.mean_temperature_K)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"equilibration_ps": 4.0}, "equilibration_ps is 4 and duration_ps is 4"),
        ({"equilibration_ps": -1.0}, "equilibration_ps = -1"),
        ({"n_frames": 1751}, "1751 frames are requested, but only 1750 time steps of 2 fs"),
        ({"temperature_K": 0.0}, "temperature_K = 0.0: input should be greater than 0"),
        ({"timestep_fs": -1.0}, "timestep_fs = -1.0: input should be greater than 0"),
        ({"n_frames": 0}, "n_frames = 0: input should be greater than or equal to 1"),
    ],
)
def test_impossible_settings_are_reported(change, message):
    with pytest.raises(MlipsseError, match=message):
        SamplingSettings(**(SHORT | change))
