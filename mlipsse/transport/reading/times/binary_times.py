"""Steps and times in the heads of binary trajectories: DCD, NetCDF, H5MD."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

AKMA_PS = 4.888821e-2
"""CHARMM's unit of time: sqrt(u Å² / (kcal/mol))."""

_WRITERS = ("LAMMPS", "CHARMM", "NAMD", "OPENMM")

_UNITS_PS = {
    "ps": 1.0, "picosecond": 1.0, "picoseconds": 1.0, "fs": 1e-3, "femtosecond": 1e-3,
    "femtoseconds": 1e-3, "ns": 1e3, "nanosecond": 1e3, "nanoseconds": 1e3, "s": 1e12,
    "second": 1e12,
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class BinaryTimes:
    """What a file records of its times.

    Attributes
    ----------
    steps, times : (n_frames,) each, or None
    time_ps : unit of the times, ps; None where it is not named
    spacings_ps : what the time between frames may be, ps, by the units that its writer may mean
    notes : sentences
    """

    steps: np.ndarray | None = None
    times: np.ndarray | None = None
    time_ps: float | None = None
    spacings_ps: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()


def dcd_times(path: Path) -> BinaryTimes:
    """From the head: steps between frames times the length of a step, in the writer's unit.

    LAMMPS writes its own units, metal or real, and CHARMM, NAMD and OpenMM AKMA. 0 or 1 for both is
    what converters leave, as is MDAnalysis' own 1 ps: nothing is known then.
    """
    from MDAnalysis.lib.formats.libdcd import DCDFile

    try:
        with warnings.catch_warnings(), DCDFile(str(path)) as file:
            warnings.simplefilter("ignore")
            header, n_frames = dict(file.header), len(file)
    except (OSError, ValueError, RuntimeError, TypeError):
        return BinaryTimes()
    every, delta = int(header.get("nsavc", 0)), float(header.get("delta", 0.0))
    remarks = str(header.get("remarks", "")).upper()
    length = every * delta
    if not length > 0:
        return BinaryTimes()
    akma = length * AKMA_PS
    if any(name in remarks for name in _WRITERS):
        steps = int(header["istart"]) + every * np.arange(n_frames)
        lammps = length if delta < 0.05 else 1e-3 * length  # metal, or real units
        return BinaryTimes(steps, spacings_ps=(lammps if "LAMMPS" in remarks else akma,))
    if every == 1 and (delta == 1 or abs(akma - 1) < 1e-3):
        return BinaryTimes()
    return BinaryTimes(spacings_ps=tuple({akma, length, 1e-3 * length}))


def netcdf_times(path: Path) -> BinaryTimes:
    """The variable `time` of AMBER's and LAMMPS' NetCDF, by its unit and scale factor."""
    from scipy.io import netcdf_file

    try:
        with netcdf_file(str(path), "r", mmap=False) as file:
            variable = file.variables.get("time")
            if variable is None:
                return BinaryTimes()
            values = np.array(variable[:], dtype=float)
            scale = float(np.ravel(getattr(variable, "scale_factor", 1.0))[0])
            unit = _UNITS_PS.get(_text(getattr(variable, "units", b"")).lower())
    except Exception:  # of NetCDF-4: MDAnalysis names the fault
        return BinaryTimes()
    return _changing(BinaryTimes(times=values * scale, time_ps=unit))


def h5md_times(path: Path) -> BinaryTimes:
    """`position/time` and `position/step` of the first group of particles."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            groups = file["particles"]
            position = groups[next(iter(groups))]["position"]
            n_frames = len(position["value"])
            steps, times = (_of_frames(position, name, n_frames) for name in ("step", "time"))
            named = None if times is None else position["time"].attrs.get("unit")
    except (OSError, KeyError, StopIteration):
        return BinaryTimes()
    unit = None if named is None else _UNITS_PS.get(_text(named).lower())
    whole = None if steps is None else np.asarray(steps, dtype=np.int64)
    return _changing(BinaryTimes(steps=whole, times=times, time_ps=unit))


def _of_frames(group: Any, name: str, n_frames: int) -> np.ndarray | None:
    """(n_frames,); a scalar is the interval between frames (H5MD 1.1, fixed intervals)."""
    if name not in group:
        return None
    values = np.array(group[name][()], dtype=float)
    if values.ndim == 0:
        return float(values) * np.arange(n_frames)
    return values if len(values) == n_frames else None


def _changing(found: BinaryTimes) -> BinaryTimes:
    """Without what is one number in all frames."""

    def kept(values: np.ndarray | None) -> np.ndarray | None:
        return None if values is None or len(np.unique(values)) < 2 else values

    return BinaryTimes(kept(found.steps), kept(found.times), found.time_ps)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
