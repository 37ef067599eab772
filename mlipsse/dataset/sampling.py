"""Frames from molecular dynamics at temperature."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from ase import Atoms, units
from ase.calculators.calculator import Calculator
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution

from mlipsse.energetics.contacts import unphysical_contact
from mlipsse.errors import MlipsseError

_CONTACTS_EVERY = 10  # steps; a pair that collides stays close for longer


@dataclass(frozen=True)
class SamplingSettings:
    """NVT molecular dynamics from which frames are drawn; the defaults are the published ones.

    Deng, Li, Sai Gautam, Zhu, Deng, 2025, doi 10.1039/d5ta05321h: 800 K, 15 ps, 1 fs, first 5 ps
    dropped, 30 frames. Its thermostat for sampling is not stated; here it is Langevin's.

    Attributes
    ----------
    temperature_K, duration_ps, timestep_fs : of the run
    equilibration_ps : dropped from its start
    n_frames : drawn at random from the rest, no two at one time step
    friction_per_ps : of the Langevin thermostat
    max_temperature_factor : a run whose kinetic temperature exceeds this many times the target
        is stopped; with 3 N degrees of freedom it fluctuates by sqrt(2 / (3 N)) of itself (18 %
        of 20 atoms)

    Raises
    ------
    MlipsseError
        when the numbers do not go together.
    """

    temperature_K: float = 800.0
    duration_ps: float = 15.0
    timestep_fs: float = 1.0
    equilibration_ps: float = 5.0
    n_frames: int = 30
    friction_per_ps: float = 10.0
    max_temperature_factor: float = 3.0

    def __post_init__(self) -> None:
        positive = ("temperature_K", "duration_ps", "timestep_fs", "n_frames", "friction_per_ps")
        for name in positive:
            if not getattr(self, name) > 0:
                raise MlipsseError(f"Sampling needs {name} above 0; it is {getattr(self, name)}.")
        if not 0 <= self.equilibration_ps < self.duration_ps:
            raise MlipsseError(
                f"equilibration_ps is {self.equilibration_ps:g} and duration_ps is "
                f"{self.duration_ps:g}: nothing is left to draw frames from. Lengthen the run or "
                "drop less."
            )
        if self.n_frames > self.n_steps - self.n_equilibration:
            raise MlipsseError(
                f"{self.n_frames} frames were asked for, but only "
                f"{self.n_steps - self.n_equilibration} time steps of {self.timestep_fs:g} fs lie "
                "after the equilibration. Lengthen the run or draw fewer frames."
            )

    @property
    def n_steps(self) -> int:
        """Time steps of the whole run."""
        return round(self.duration_ps * 1e3 / self.timestep_fs)

    @property
    def n_equilibration(self) -> int:
        """Time steps dropped from the start."""
        return round(self.equilibration_ps * 1e3 / self.timestep_fs)


@dataclass(frozen=True)
class SampledTrajectory:
    """Frames of one run.

    Attributes
    ----------
    frames : in order of time, without calculator, momenta and constraints; `info` as the start's,
        with `time_ps`
    mean_temperature_K : kinetic temperature after the equilibration; NaN when there was none
    stopped : in words why the run ended early; None when it did not
    """

    frames: list[Atoms]
    mean_temperature_K: float
    stopped: str | None = None


def sample(
    atoms: Atoms,
    calculator: Calculator,
    settings: SamplingSettings,
    *,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> SampledTrajectory:
    """Run NVT dynamics and draw frames after the equilibration.

    The steps at which frames are taken are drawn beforehand, so nothing else is stored. Langevin
    dynamics without a fixed centre of mass samples the canonical ensemble with 3 N degrees of
    freedom; the drift of the whole crystal changes no label.

    Parameters
    ----------
    atoms : start, e.g. a relaxed ordering; not changed
    seed : of velocities, thermostat and frames; the same seed gives the same frames where the
        calculator gives the same forces (one thread)
    progress : called with (steps done, steps in all) after every hundredth of the run

    Returns
    -------
    SampledTrajectory
        cut short, with the reason, when it heats beyond `max_temperature_factor`, atoms come
        closer than atoms can (`unphysical_contact`), or the potential fails or gives numbers
        that are not finite; the frames from before are kept.
    """
    # One stream per purpose: the frames do not depend on how many numbers the dynamics consumed.
    dynamics_rng, frames_rng = np.random.default_rng(seed).spawn(2)
    production = np.arange(settings.n_equilibration + 1, settings.n_steps + 1)
    wanted = set(frames_rng.choice(production, settings.n_frames, replace=False).tolist())
    work = atoms.copy()
    work.set_constraint()
    work.calc = calculator
    MaxwellBoltzmannDistribution(work, temperature_K=settings.temperature_K, rng=dynamics_rng)
    dynamics = Langevin(
        work,
        settings.timestep_fs * units.fs,
        temperature_K=settings.temperature_K,
        friction=settings.friction_per_ps / (1e3 * units.fs),
        fixcm=False,
        rng=dynamics_rng,
    )
    frames: list[Atoms] = []
    temperatures_K: list[float] = []
    stopped = None
    for step in range(1, settings.n_steps + 1):
        trouble = _advance(dynamics, settings)
        if trouble is None and (step in wanted or step % _CONTACTS_EVERY == 0):
            trouble = unphysical_contact(work)
        time_ps = step * settings.timestep_fs / 1e3
        if trouble is not None:
            stopped = f"stopped at {time_ps:g} of {settings.duration_ps:g} ps: {trouble}"
            break
        if step > settings.n_equilibration:
            temperatures_K.append(work.get_temperature())
        if step in wanted:
            frames.append(_frame(work, time_ps))
        if progress is not None and step % max(1, settings.n_steps // 100) == 0:
            progress(step, settings.n_steps)
    mean_K = float(np.mean(temperatures_K)) if temperatures_K else float("nan")
    return SampledTrajectory(frames, mean_K, stopped)


def _advance(dynamics: Langevin, settings: SamplingSettings) -> str | None:
    """One time step; what is wrong after it, or None."""
    atoms = dynamics.atoms
    try:
        dynamics.step()
    except (ValueError, RuntimeError, ArithmeticError, np.linalg.LinAlgError) as error:
        return f"the potential failed: {error}"
    temperature_K = atoms.get_temperature()
    if not (np.isfinite(temperature_K) and np.isfinite(atoms.positions).all()):
        return "positions or velocities ceased to be finite"
    limit_K = settings.max_temperature_factor * settings.temperature_K
    if temperature_K > limit_K:
        return f"it heated to {temperature_K:.0f} K, above {limit_K:.0f} K"
    return None


def _frame(atoms: Atoms, time_ps: float) -> Atoms:
    frame = atoms.copy()
    frame.calc = None
    del frame.arrays["momenta"]
    frame.info["time_ps"] = time_ps
    frame.wrap()
    return frame
