"""How one production run is made: ensemble, lengths, intervals.

The defaults are those of Deng et al. 2025 (doi 10.1039/d5ta05321h): NVT with a Berendsen
thermostat, 1 fs steps, hotter runs shorter. The thermostat's time constant is not given there.
"""

import math
from collections.abc import Sequence
from typing import Literal, Self

from pydantic import ConfigDict, Field, model_validator

from mlipsse.errors import MlipsseError
from mlipsse.md.plan.settling import BLOCKS
from mlipsse.settings import Positive, Settings

Ensemble = Literal["berendsen", "csvr", "nose-hoover"]

_LARGEST_SEED = 900_000_000
_STEP_TOLERANCE = 1e-6
_NPT_PDAMPS = 4
"""Minimum length of an NPT part in time constants of the barostat; its second half has two."""


class MdSettings(Settings):
    """What the runs at all temperatures have in common."""

    model_config = ConfigDict(allow_inf_nan=False)

    timestep_fs: Positive = Field(default=1.0, le=10)
    """Time step in fs."""
    dump_every_fs: Positive = 100.0
    """Time between trajectory frames in fs."""
    thermo_every_fs: Positive = 100.0
    """Time between lines of the LAMMPS log in fs."""
    restart_every_ps: Positive = 2.0
    """Time between restart files in ps."""
    tdamp_ps: Positive = 0.1
    """Time constant of the thermostat in ps. The published protocol does not state it."""
    momentum_every_ps: Positive = 1.0
    """Time between removals of the centre-of-mass momentum in ps."""
    velocities_every_ps: Positive = 10.0
    """Time between frames of the text dump with velocities in ps."""
    npt_ps: float = Field(default=0.0, ge=0)
    """Length in ps of the NPT part (Nose-Hoover, all six cell components) before the equilibration.
    NVT then runs in the average cell of the second half of the NPT part."""
    pressure_bar: float = 0.0
    """Pressure of the NPT part in bar."""
    pdamp_ps: Positive = 1.0
    """Time constant of the barostat in ps."""
    ensemble: Ensemble = "berendsen"
    """Thermostat of the NVT run."""
    relax_cell: bool = True
    """Relax the cell with the production potential before the run."""


class RunLength(Settings):
    """How hot a run is and how long."""

    model_config = ConfigDict(allow_inf_nan=False)

    temperature_K: Positive
    """Temperature of the thermostat in K."""
    equilibration_ps: float = Field(ge=0)
    """Length of the equilibration, which the analysis drops, in ps."""
    production_ps: Positive
    """Length of the production in ps."""


class Protocol(MdSettings, RunLength):
    """One run at one temperature; checked when made.

    A run is relaxation, NPT where `npt_ps` is given, equilibration and production. Steps count from
    the start of the dynamics; frames are written during the production alone. `dump_every_fs`
    divides all parts of the run and `restart_every_ps`, which a killed run loses at most. The
    volume of the NPT part must have settled (see `mlipsse.md.plan.settling`).

    Raises
    ------
    MlipsseError
        naming the field, its value and what it must be.
    """

    seed: int = Field(default=1, ge=1, le=_LARGEST_SEED)
    """Seed of the initial velocities and the csvr thermostat."""

    @model_validator(mode="after")
    def _whole_steps(self) -> Self:
        for name in ("equilibration_ps", "production_ps", "restart_every_ps", "npt_ps"):
            if self._steps(name, 1e3) % self.dump_every_steps:
                raise ValueError(
                    f"dump_every_fs = {self.dump_every_fs:g} does not divide {name} = "
                    f"{getattr(self, name):g}. Choose an interval that divides equilibration_ps, "
                    "production_ps, restart_every_ps and npt_ps."
                )
        self._check_npt()
        return self

    def _check_npt(self) -> None:
        if not self.npt_ps:
            if self.pressure_bar:
                raise ValueError(
                    f"pressure_bar = {self.pressure_bar:g} applies to the NPT part, but npt_ps is "
                    "0. Set npt_ps, e.g. 20, or remove pressure_bar."
                )
            return
        if self.npt_ps < _NPT_PDAMPS * self.pdamp_ps:
            raise ValueError(
                f"npt_ps = {self.npt_ps:g} is shorter than {_NPT_PDAMPS} time constants of the "
                f"barostat (pdamp_ps = {self.pdamp_ps:g}): the cell cannot settle. Set npt_ps to "
                f"at least {_NPT_PDAMPS * self.pdamp_ps:g}, better 20."
            )
        if self.npt_steps % (2 * BLOCKS):
            raise ValueError(
                f"npt_ps = {self.npt_ps:g} is {self.npt_steps} steps, not a multiple of "
                f"{2 * BLOCKS}, but its second half is judged in {BLOCKS} equal blocks. Set a "
                f"multiple of {2 * BLOCKS * self.timestep_fs / 1000:g} ps."
            )

    @property
    def npt_steps(self) -> int:
        """Length of the NPT part."""
        return self._steps("npt_ps", 1e3)

    @property
    def first_frame_step(self) -> int:
        """Step of the first frame: the end of NPT part and equilibration."""
        return self.npt_steps + self._steps("equilibration_ps", 1e3)

    @property
    def last_frame_step(self) -> int:
        """Step of the last frame, the end of the run."""
        return self.first_frame_step + self.production_steps

    @property
    def production_steps(self) -> int:
        """Length of the production."""
        return self._steps("production_ps", 1e3)

    @property
    def dump_every_steps(self) -> int:
        """Steps between frames."""
        return self._steps("dump_every_fs", 1.0)

    @property
    def thermo_every_steps(self) -> int:
        """Steps between lines of the thermo log."""
        return self._steps("thermo_every_fs", 1.0)

    @property
    def restart_every_steps(self) -> int:
        """Steps between restarts."""
        return self._steps("restart_every_ps", 1e3)

    @property
    def momentum_every_steps(self) -> int:
        """Steps between removals of the centre of mass' momentum."""
        return self._steps("momentum_every_ps", 1e3)

    @property
    def velocities_every_steps(self) -> int:
        """Steps between frames of the text dump."""
        return self._steps("velocities_every_ps", 1e3)

    def _steps(self, name: str, unit_fs: float) -> int:
        value = getattr(self, name)
        steps = value * unit_fs / self.timestep_fs
        whole = round(steps)
        if abs(steps - whole) > _STEP_TOLERANCE * max(1.0, steps) or (value and not whole):
            raise MlipsseError(
                f"{name} = {value:g} is not a whole number of steps of timestep_fs = "
                f"{self.timestep_fs:g}. Make it a multiple."
            )
        return whole


def published_lengths_ps(temperature_K: float) -> tuple[float, float]:
    """Equilibration and production as published, ps: in all 500 from 800 K on, 1000 below."""
    return (100.0, 400.0) if temperature_K >= 800.0 else (200.0, 800.0)


def timestep_caution(*, timestep_fs: float, masses_u: Sequence[float]) -> str | None:
    """Sentence when the step is too long for the lightest atom, else None.

    The limit is a tenth of the period of the fastest bonds known for hydrogen (about 9 fs), scaled
    with the square root of the mass: 0.9 fs for H, 2.4 fs for Li, 3.6 fs for O.
    """
    lightest_u = min(masses_u)
    limit_fs = 0.9 * math.sqrt(lightest_u / 1.008)
    if timestep_fs <= limit_fs:
        return None
    return (
        f"timestep_fs = {timestep_fs:g} is too long for the lightest atom ({lightest_u:.3g} u): "
        f"above {limit_fs:.2g} fs its vibrations are not resolved and the energy drifts."
    )
