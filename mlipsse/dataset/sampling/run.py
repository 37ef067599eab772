"""What a sampling run is asked for, and what it came to."""

from dataclasses import dataclass, field

import numpy as np
from ase import Atoms

from mlipsse.errors import MlipsseError
from mlipsse.structures.framework import MOLTEN


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
    max_lindemann : a run whose framework is displaced by more than this share of the distance of
        its centres is stopped (see `mlipsse.structures.framework`); None not to look

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
    max_lindemann: float | None = MOLTEN

    def __post_init__(self) -> None:
        positive = ("temperature_K", "duration_ps", "timestep_fs", "n_frames", "friction_per_ps")
        for name in positive:
            if not getattr(self, name) > 0:
                raise MlipsseError(f"Sampling needs {name} above 0; it is {getattr(self, name)}.")
        if not 0 <= self.equilibration_ps < self.duration_ps:
            raise MlipsseError(
                f"equilibration_ps is {self.equilibration_ps:g} and duration_ps is "
                f"{self.duration_ps:g}: no time is left for drawing frames. Raise duration_ps or "
                "lower equilibration_ps."
            )
        if self.n_frames > self.n_steps - self.n_equilibration:
            raise MlipsseError(
                f"{self.n_frames} frames are requested, but only "
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


@dataclass(frozen=True, eq=False)
class SamplingRun:
    """One trajectory to be run.

    Attributes
    ----------
    start : periodic, e.g. a relaxed ordering; not changed
    seed : of velocities, thermostat and frames
    mobile : symbol of the mobile ion; all else is the framework that must not melt. None not to
        look.
    """

    start: Atoms
    settings: SamplingSettings
    seed: int
    mobile: str | None = None


@dataclass(frozen=True, eq=False)
class SampledTrajectory:
    """Frames of one run.

    Attributes
    ----------
    frames : in order of time, without calculator, momenta and constraints; `info` as the start's,
        with `time_ps`
    temperatures_K : (n,) float64, kinetic temperature at every step after the equilibration, of 3 N
        degrees of freedom
    stopped : in words why the run ended early; None when it did not
    """

    frames: list[Atoms]
    temperatures_K: np.ndarray = field(repr=False)
    stopped: str | None = None

    @property
    def mean_temperature_K(self) -> float:
        """After the equilibration; NaN when there was none."""
        return float(self.temperatures_K.mean()) if len(self.temperatures_K) else float("nan")
