"""What a sampling run is asked for, and what it came to."""

from dataclasses import dataclass, field

import numpy as np
from ase import Atoms

from mlipsse.dataset.sampling.settings import SamplingSettings


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
