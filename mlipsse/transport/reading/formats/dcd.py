"""The DCD files of one run folder, one per run part."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.md.files.parts import Part, find_parts


@dataclass(frozen=True, eq=False)
class DcdPart:
    """Whole frames of one DCD file.

    Attributes
    ----------
    path : of the file
    first_step : of its first frame
    n_frames : how many
    cell : (3, 3) float64, Å, a along x and b in the xy plane, as LAMMPS has it
    """

    path: Path
    first_step: int
    n_frames: int
    cell: np.ndarray

    def read(self, start: int, stop: int) -> np.ndarray:
        """(stop - start, n_atoms, 3) float32, Å, of some frames.

        Raises
        ------
        MlipsseError
            when the file cannot be read as DCD.
        """
        with _opened(self.path) as reader:
            return np.asarray(reader.timeseries(start=start, stop=stop, order="fac"))


def read_parts(folder: Path, *, n_atoms: int) -> list[DcdPart]:
    """All `traj.<first step>.dcd` of `folder` by first step; parts without a frame are left out.

    Raises
    ------
    MlipsseError
        when a file holds another number of atoms, cannot be read as DCD, or its cell changes.
    """
    parts = find_parts(Path(folder), n_atoms=n_atoms)
    return [_read_part(part) for part in parts if part.frames]


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    from MDAnalysis.coordinates.LAMMPS import DCDReader
    from MDAnalysis.lib.formats.libdcd import DCDFile

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # announcements about MDAnalysis 3
            DCDFile(str(path)).close()  # a reader that fails to open prints from its grave
            reader = DCDReader(str(path), timeunit="ps")
            yield reader
            reader.close()
    except (OSError, ValueError, RuntimeError, TypeError) as error:
        raise MlipsseError(
            f"{path} cannot be read as a DCD trajectory ({error}): it is damaged. Remove it "
            "and run that part again."
        ) from error


def _read_part(part: Part) -> DcdPart:
    from MDAnalysis.lib.mdamath import triclinic_vectors

    with _opened(part.path) as reader:
        dimensions = np.array([reader[i].dimensions for i in (0, part.frames - 1)], dtype=float)
    if not np.allclose(dimensions[0], dimensions[-1], rtol=0, atol=1e-3):
        raise MlipsseError(
            f"The cell changes within {part.path}: runs at constant pressure are not read yet; "
            "give a run at constant volume."
        )
    # The record is float64 in the file and float32 in MDAnalysis: 1e-7 of the cell's length.
    cell = triclinic_vectors(dimensions[0], dtype=np.float64)
    return DcdPart(part.path, part.first_step, part.frames, cell)
