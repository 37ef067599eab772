"""One sampling run in flight: Langevin dynamics, its frames, and what forbids it to go on."""

import hashlib
from typing import Any

import numpy as np
from ase import Atoms, units

from mlipsse.dataset.sampling.run import SampledTrajectory, SamplingRun
from mlipsse.energetics.single_point import SinglePoint
from mlipsse.errors import MlipsseError
from mlipsse.structures.contacts import unphysical_contact
from mlipsse.structures.framework import AVERAGE_PS, Framework

_LOOK_EVERY = 10  # steps; a pair that collides stays close for longer


class Trajectory:
    """A run that is moved step by step, forces given from outside.

    Langevin dynamics by the BAOAB splitting (Leimkuhler, Matthews, J. Chem. Phys. 138, 174102
    (2013), doi 10.1063/1.4802990), whose configurations are canonical to higher order in the time
    step than those of other splittings. The centre of mass is free: 3 N degrees of freedom; the
    drift of the whole crystal changes no label. Every run has random numbers of its own, so it does
    not depend on how many others are in flight.

    Attributes
    ----------
    atoms : as they are now, with momenta, not wrapped back into the cell
    step : time steps done; -1 before the forces at the start are known
    stopped : in words why it ended early; None when it did not
    """

    def __init__(self, run: SamplingRun) -> None:
        settings = run.settings
        self.run = run
        self.atoms = run.start.copy()
        self.atoms.set_constraint()
        self.step = -1
        self.stopped: str | None = None
        # One stream per purpose: frames do not depend on how many numbers the dynamics took.
        self._rng, frames_rng = np.random.default_rng(run.seed).spawn(2)
        production = np.arange(settings.n_equilibration + 1, settings.n_steps + 1)
        drawn = frames_rng.choice(production, settings.n_frames, replace=False)
        self._wanted = frozenset(drawn.tolist())
        self._framework = (
            Framework.of(self.atoms, mobile=run.mobile)
            if run.mobile is not None and settings.stop_when_melted
            else None
        )
        watched = 0 if self._framework is None else len(self._framework.centres)
        self._places_sum = np.zeros((watched, 3))  # since the average of the framework began
        self._average_steps = max(1, round(AVERAGE_PS * 1e3 / settings.timestep_fs))
        self._frames: list[tuple[int, np.ndarray]] = []
        self._temperatures_K: list[float] = []
        self._forces = np.zeros((len(self.atoms), 3))
        masses, timestep = self.atoms.get_masses()[:, None], settings.timestep_fs * units.fs
        self._half = timestep / 2
        self._half_over_mass = self._half / masses
        self._damping = np.exp(-settings.friction_per_ps / (1e3 * units.fs) * timestep)
        thermal = np.sqrt(units.kB * settings.temperature_K * masses)
        self._kick = thermal * np.sqrt(1 - self._damping**2)
        self.atoms.set_momenta(thermal * self._rng.standard_normal((len(self.atoms), 3)))

    @property
    def ended(self) -> bool:
        """Whether it has come to its end, or was stopped."""
        return self.stopped is not None or self.step == self.run.settings.n_steps

    def move(self) -> None:
        """Half a kick, drift, thermostat, drift: to where the next forces are needed."""
        if self.step < 0:
            return
        momenta, positions = self.atoms.arrays["momenta"], self.atoms.positions
        momenta += self._half * self._forces
        positions += self._half_over_mass * momenta
        momenta *= self._damping
        momenta += self._kick * self._rng.standard_normal(momenta.shape)
        positions += self._half_over_mass * momenta

    def settle(self, found: SinglePoint | Exception) -> None:
        """The other half of the kick, by the forces found here; look around and take a frame."""
        first = self.step < 0
        self.step += 1
        if isinstance(found, Exception):
            self._stop(f"the potential failed: {found}")
            return
        self._forces = found.forces_eV_A
        if first:
            return
        self.atoms.arrays["momenta"] += self._half * self._forces
        temperature_K = self.atoms.get_temperature()
        trouble = self._trouble(temperature_K)
        if trouble is not None:
            self._stop(trouble)
            return
        if self.step > self.run.settings.n_equilibration:
            self._temperatures_K.append(temperature_K)
        if self.step in self._wanted:
            self._frames.append((self.step, self.atoms.positions.copy()))

    def result(self) -> SampledTrajectory:
        """Frames so far."""
        frames = [self._frame(step, positions) for step, positions in self._frames]
        return SampledTrajectory(frames, np.array(self._temperatures_K), self.stopped)

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """All that it takes to go on to the last bit: JSON-able values, and arrays."""
        values = {
            "run": self._identity(),
            "step": self.step,
            "stopped": self.stopped,
            "rng": self._rng.bit_generator.state,
            "steps_of_frames": [step for step, _ in self._frames],
        }
        frames = [positions for _, positions in self._frames]
        arrays = {
            "positions": self.atoms.positions,
            "momenta": self.atoms.arrays["momenta"],
            "forces": self._forces,
            "places_sum": self._places_sum,
            "frames": np.array(frames).reshape(-1, len(self.atoms), 3),
            "temperatures_K": np.array(self._temperatures_K),
        }
        return values, arrays

    def restore(self, values: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        """Go back to a `state`.

        Raises
        ------
        MlipsseError
            when it is that of another run.
        """
        if values["run"] != self._identity():
            raise MlipsseError("It belongs to other runs (other structures, settings or seeds).")
        self.step, self.stopped = values["step"], values["stopped"]
        self._rng.bit_generator.state = values["rng"]
        self.atoms.positions[:] = arrays["positions"]
        self.atoms.arrays["momenta"][:] = arrays["momenta"]
        self._forces = arrays["forces"]
        self._places_sum = arrays["places_sum"]
        self._frames = list(zip(values["steps_of_frames"], arrays["frames"], strict=True))
        self._temperatures_K = arrays["temperatures_K"].tolist()

    def _identity(self) -> list[str]:
        start = self.run.start
        stands = start.numbers.tobytes() + start.positions.tobytes() + start.cell[:].tobytes()
        digest = hashlib.sha256(stands).hexdigest()
        return [repr(self.run.settings), str(self.run.seed), str(self.run.mobile), digest]

    def _stop(self, reason: str) -> None:
        settings = self.run.settings
        time_ps = self.step * settings.timestep_fs / 1e3
        self.stopped = f"stopped at {time_ps:g} of {settings.duration_ps:g} ps: {reason}"

    def _trouble(self, temperature_K: float) -> str | None:
        settings = self.run.settings
        if not (np.isfinite(temperature_K) and np.isfinite(self.atoms.positions).all()):
            return "positions or velocities became non-finite"
        limit_K = settings.max_temperature_factor * settings.temperature_K
        if temperature_K > limit_K:
            return f"it heated to {temperature_K:.0f} K, above {limit_K:.0f} K"
        if (melted := self._melted()) is not None:
            return melted
        if self.step not in self._wanted and self.step % _LOOK_EVERY:
            return None
        return unphysical_contact(self.atoms)

    def _melted(self) -> str | None:
        """Add this step to the average of the framework; the reason when it has melted by it."""
        if self._framework is None:
            return None
        self._places_sum += self.atoms.positions[self._framework.centres]
        if self.step % self._average_steps:
            return None
        places_A = self._places_sum / self._average_steps
        self._places_sum = np.zeros_like(self._places_sum)
        reason = self._framework.displaced(places_A).melted
        return reason and f"its framework melted: {reason}"

    def _frame(self, step: int, positions: np.ndarray) -> Atoms:
        frame = self.run.start.copy()
        frame.calc = None
        frame.set_constraint()
        if "momenta" in frame.arrays:
            del frame.arrays["momenta"]
        frame.positions = positions
        frame.info["time_ps"] = step * self.run.settings.timestep_fs / 1e3
        frame.wrap()
        return frame
