"""How frames are sampled: the dynamics they are drawn from, and which of them are left out."""

from typing import Any, Self

from ase.data import atomic_numbers
from pydantic import Field, field_validator, model_validator

from mlipsse.dataset.frames.scores import MAX_Z
from mlipsse.settings import Count, Kelvin, Positive, Settings
from mlipsse.structures.contacts import CLOSEST_CONTACT


class DynamicsSettings(Settings):
    """What the sampling trajectories at all temperatures have in common.

    The defaults are the published ones (Deng, Li, Sai Gautam, Zhu, Deng, 2025, doi
    10.1039/d5ta05321h): 15 ps, 1 fs, first 5 ps dropped. The thermostat is not stated there; here
    it is Langevin's. With 3 N degrees of freedom the temperature fluctuates by sqrt(2 / (3 N)) of
    itself, 18 % of 20 atoms.
    """

    duration_ps: Positive = 15.0
    """Length of a sampling trajectory in ps."""
    timestep_fs: Positive = Field(default=1.0, le=10)
    """Time step of the sampling MD in fs."""
    equilibration_ps: float = Field(default=5.0, ge=0)
    """Time at the start of a trajectory from which no frames are drawn, in ps."""
    friction_per_ps: Positive = 10.0
    """Friction of the Langevin thermostat in 1/ps. The published value is not known."""
    max_temperature_factor: float = Field(default=3.0, gt=1)
    """Ratio of the instantaneous temperature to the set temperature above which a trajectory is
    stopped. Its earlier frames are kept."""
    stop_when_melted: bool = True
    """Stop a trajectory when its framework has melted: more than half of its centres, or of those
    of one element, are displaced by more than a third of their spacing on the average of 1 ps.
    Mobile ions, and atoms that rotate around a centre, are not counted. Earlier frames are
    kept."""

    @model_validator(mode="before")
    @classmethod
    def _former_name(cls, values: Any) -> Any:
        """`max_lindemann: null` switched the check off; its limits belonged to another measure."""
        if not isinstance(values, dict) or "max_lindemann" not in values:
            return values
        values = dict(values)
        if values.pop("max_lindemann") is not None:
            raise ValueError(
                "max_lindemann is no longer a setting: whether a framework has melted is judged by "
                "the fraction of its centres that are displaced. Remove the line, or write "
                "stop_when_melted: false to switch the check off."
            )
        return values | {"stop_when_melted": False}


class SamplingSettings(DynamicsSettings):
    """NVT molecular dynamics of one trajectory, from which frames are drawn.

    Raises
    ------
    MlipsseError
        when the numbers do not go together.
    """

    temperature_K: Kelvin
    """Temperature of the thermostat in K."""
    n_frames: Count
    """Number of frames, drawn at random after the equilibration, no two at one time step."""

    @model_validator(mode="after")
    def _frames_fit(self) -> Self:
        if self.equilibration_ps >= self.duration_ps:
            raise ValueError(
                f"equilibration_ps is {self.equilibration_ps:g} and duration_ps is "
                f"{self.duration_ps:g}: no time is left for drawing frames. Raise duration_ps or "
                "lower equilibration_ps."
            )
        if self.n_frames > self.n_steps - self.n_equilibration:
            raise ValueError(
                f"{self.n_frames} frames are requested, but only "
                f"{self.n_steps - self.n_equilibration} time steps of {self.timestep_fs:g} fs lie "
                "after the equilibration. Lengthen the run or draw fewer frames."
            )
        return self

    @property
    def n_steps(self) -> int:
        """Time steps of the whole run."""
        return round(self.duration_ps * 1e3 / self.timestep_fs)

    @property
    def n_equilibration(self) -> int:
        """Time steps dropped from the start."""
        return round(self.equilibration_ps * 1e3 / self.timestep_fs)


class FilterSettings(Settings):
    """Which frames are left out.

    Outliers are found by the robust z-scores of `mlipsse.dataset.frames.scores`, nearly identical
    frames by `mlipsse.dataset.check.measures.copies.find_twins`.
    """

    closest: float = Field(default=CLOSEST_CONTACT, ge=0, lt=1)
    """Smallest allowed distance of two atoms, as a fraction of the sum of their covalent radii.
    Frames below it are left out, and left_out.csv lists them with the reason."""
    closest_A: dict[str, Positive] = Field(default_factory=dict)
    """Pair of elements -> smallest allowed distance in Å, e.g. Li-Li: 1.8. Frames below it are left
    out."""
    max_energy_z: Positive | None = MAX_Z
    """Largest distance of a frame's energy per atom from the median of its composition, in robust
    standard deviations, by the sampling potential. Frames beyond it are left out. null switches the
    check off."""
    max_force_z: Positive | None = MAX_Z
    """Largest excess of the logarithm of a frame's largest force over the median of its
    composition, in robust standard deviations, by the sampling potential. Frames beyond it are left
    out. null switches the check off."""
    drop_duplicates: bool = True
    """Keep only the first of nearly identical frames."""

    @property
    def closest_pairs_A(self) -> dict[tuple[str, str], float]:
        """`closest_A` by pairs of symbols."""
        split = {name: name.split("-") for name in self.closest_A}
        return {(one, two): self.closest_A[name] for name, (one, two) in split.items()}

    @field_validator("closest_A")
    @classmethod
    def _pairs(cls, values: dict[str, float]) -> dict[str, float]:
        for name in values:
            symbols = name.split("-")
            if len(symbols) != 2 or not all(symbol in atomic_numbers for symbol in symbols):
                raise ValueError(f"{name!r} is not a pair of elements; write e.g. Li-Li")
        return values
