"""How a trajectory is read: what the file does not hold, and where it may lie meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mlipsse.errors import MlipsseError


@dataclass(frozen=True, kw_only=True, eq=False)
class ReadOptions:
    """What a caller gives for a trajectory; None leaves it to the file.

    Attributes
    ----------
    topology : file of the elements, e.g. a PDB, POSCAR or LAMMPS data file in any atom style
    species : elements by LAMMPS type (1, 2, ...); they go before a dump's column `element`
    frame_spacing_ps : time between frames, ps; goes before the times of an XTC or TRR that are
        numbers of frames
    timestep_fs : of the run, fs; a file's steps times it are its times
    cell : (3, 3) float64, Å, rows are lattice vectors, for files that hold none
    temperature_K : of the run, K, for files that do not record it
    timeless : that times do not matter: the spacing is 1 ps where nothing records it
    so_far : of one of our runs, take the frames up to the first that is missing, instead of
        refusing
    cache : folder of converted trajectories (see `mlipsse.transport.reading.cache`), read instead
        of a file that has been read before
    memory_limit_GB : of the positions; by default half of the memory that is free. With `cache` a
        larger trajectory stays on disk and is read as it is sliced.

    Raises
    ------
    MlipsseError
        when a time, the temperature or the memory is not above 0.

    Examples
    --------
    >>> read_frames_of("dump.lammpstrj", ReadOptions(species=["Li", "Cl"], timestep_fs=2.0))
    """

    topology: Path | None = None
    species: Sequence[str] | None = None
    frame_spacing_ps: float | None = None
    timestep_fs: float | None = None
    cell: np.ndarray | None = None
    temperature_K: float | None = None
    timeless: bool = False
    so_far: bool = False
    cache: Path | None = None
    memory_limit_GB: float | None = None

    def __post_init__(self) -> None:
        for name in ("frame_spacing_ps", "timestep_fs", "temperature_K", "memory_limit_GB"):
            value = getattr(self, name)
            if value is not None and not (value > 0 and np.isfinite(value)):
                unit = name.rpartition("_")[2]
                raise MlipsseError(f"{name} = {value:g} must be above 0 {unit}.")

    @property
    def memory_GB(self) -> float:
        """Memory for positions, GB: what is given, else half of what is free."""
        if self.memory_limit_GB is not None:
            return self.memory_limit_GB
        import psutil

        return 0.5e-9 * float(psutil.virtual_memory().available)

    def known_temperature_K(self, recorded_K: float | None) -> float | None:
        """The temperature that the file records or that is given; None where neither is.

        Raises
        ------
        MlipsseError
            when they disagree.
        """
        given_K = self.temperature_K
        if given_K is not None and recorded_K is not None and given_K != recorded_K:
            raise MlipsseError(
                f"The trajectory's record has {recorded_K:g} K, but {given_K:g} K is given. "
                "Remove the option to use the recorded temperature."
            )
        return recorded_K if given_K is None else given_K


def read_options(options: ReadOptions | None, named: dict[str, Any]) -> ReadOptions:
    """Options as an object, by name, or both: those by name go before."""
    return replace(options or ReadOptions(), **named)
