"""Dynamics at constant energy with ASE's velocity Verlet, and how the energy drifts."""

from dataclasses import dataclass

import numpy as np
from ase import Atoms, units
from ase.calculators.calculator import Calculator

from mlipsse.energetics.relaxation.outcome import FAILURES
from mlipsse.potential.parity.dynamics import Conservation, slope


@dataclass(frozen=True)
class ConstantEnergyRun:
    """A run without a thermostat.

    Attributes
    ----------
    times_ps, energies_eV_atom : (n_steps,) float64; total energy less that of the first step
    conservation : the straight line through it; None when the run did not get through
    problem : why it did not, in words
    """

    times_ps: np.ndarray
    energies_eV_atom: np.ndarray
    conservation: Conservation | None
    problem: str | None = None


def run_at_constant_energy(
    atoms: Atoms,
    calculator: Calculator,
    *,
    temperature_K: float,
    duration_ps: float,
    timestep_fs: float,
    seed: int,
) -> ConstantEnergyRun:
    """Give `atoms` velocities of `temperature_K` and let go.

    Parameters
    ----------
    atoms : a frame of dynamics at that temperature; not changed
    seed : of the velocities
    """
    from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
    from ase.md.verlet import VelocityVerlet

    work = atoms.copy()
    work.set_constraint()
    work.calc = calculator
    rng = np.random.default_rng(seed)
    MaxwellBoltzmannDistribution(work, temperature_K=temperature_K, rng=rng)
    dynamics = VelocityVerlet(work, timestep_fs * units.fs)
    rows: list[tuple[float, float, float]] = []
    problem = None
    for step in range(max(3, round(1e3 * duration_ps / timestep_fs))):
        try:
            dynamics.step()
        except FAILURES as error:
            problem = f"the potential failed at step {step + 1}: {error}"
            break
        row = (
            (step + 1) * timestep_fs / 1e3,
            float(work.get_potential_energy() + work.get_kinetic_energy()),
            float(work.get_temperature()),
        )
        if not np.isfinite(row).all():
            problem = f"the energy became non-finite at step {step + 1}"
            break
        rows.append(row)
    table = np.array(rows, dtype=float).reshape(-1, 3)
    energies = (table[:, 1] - table[:1, 1]) / len(work)
    conservation = None if problem else slope(table, n_atoms=len(work))
    return ConstantEnergyRun(table[:, 0], energies, conservation, problem)
