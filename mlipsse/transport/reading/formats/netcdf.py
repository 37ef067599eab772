"""AMBER's NetCDF layout, as AMBER and LAMMPS write it.

MDAnalysis refuses every unit but AMBER's own, and takes no notice of LAMMPS' ids (2.11).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.transport.reading.source.frames import other_atoms

_PLACES = ("unwrapped_coordinates", "coordinates")
_LENGTHS = {"": 1.0, "angstrom": 1.0, "angstroms": 1.0, "nanometer": 10.0}


@dataclass(frozen=True, eq=False)
class NetcdfFrame:
    """One frame.

    Attributes
    ----------
    positions : (n_atoms, 3) Å, by rising id
    dimensions : (6,) lengths, Å, and angles, degrees, of its cell; None without one
    """

    positions: np.ndarray
    dimensions: np.ndarray | None


class NetcdfFrames:
    """The frames of a file, read one by one.

    Raises
    ------
    MlipsseError
        for NetCDF-4 and CDF-5, and lengths in another unit than Å or nm; while reading, for ids
        that are not those of the first frame.
    """

    def __init__(self, path: Path) -> None:
        from scipy.io import netcdf_file

        with path.open("rb") as stream:
            magic = stream.read(4)
        if magic not in (b"CDF\x01", b"CDF\x02"):
            raise MlipsseError(
                f"{path} is NetCDF-4 or CDF-5, which is not read: convert it by `nccopy -k "
                "nc6`, or write DCD or XTC."
            )
        self._path = path
        file: Any = netcdf_file(str(path), "r", mmap=True)
        try:
            names = {
                name: (tuple(v.shape), _unit(v), _factor(v)) for name, v in file.variables.items()
            }
        finally:
            file.close()
        name = next((name for name in _PLACES if name in names), None)
        if name is None:
            raise MlipsseError(f"{path} has no coordinates: write x y z or xu yu zu.")
        (self._length, *_), unit, factor = names[name]
        if unit not in _LENGTHS:
            raise MlipsseError(
                f"{path} has lengths in {unit}, which are not read: write them in Å or nm."
            )
        self._name, self._scale = name, _LENGTHS[unit] * factor

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[NetcdfFrame]:
        from scipy.io import netcdf_file

        file: Any = netcdf_file(str(self._path), "r", mmap=True)
        variables = file.variables
        places, ids = variables[self._name], variables.get("id")
        lengths, angles = (variables.get(f"cell_{name}") for name in ("lengths", "angles"))
        first = None
        try:
            for frame in range(self._length):
                found = np.array(places[frame], dtype=float) * self._scale
                if ids is not None:
                    own = np.array(ids[frame] if len(ids.shape) == 2 else ids[:])
                    order = np.argsort(own)
                    first = own[order] if first is None else first
                    if (np.diff(first) == 0).any() or not np.array_equal(own[order], first):
                        raise other_atoms(self._path, frame)
                    found = found[order]
                dimensions = None
                if lengths is not None and angles is not None:
                    dimensions = np.concatenate(
                        [np.array(lengths[frame]) * self._scale, np.array(angles[frame])]
                    )
                yield NetcdfFrame(found, dimensions)
        finally:  # the map is released when nothing refers to it
            del variables, places, ids, lengths, angles
            file.close()


def _unit(variable: Any) -> str:
    return str(getattr(variable, "units", b"").decode()).strip().lower()


def _factor(variable: Any) -> float:
    return float(np.ravel(getattr(variable, "scale_factor", 1.0))[0])
