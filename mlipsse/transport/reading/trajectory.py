"""Unwrapped frames of one run at evenly spaced times: the arrays, checked."""

from dataclasses import dataclass, field

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.transport.reading.stored import StoredPositions

_BLOCK_FRAMES = 512


@dataclass(frozen=True, eq=False)
class Trajectory:
    """Unwrapped frames of one run at evenly spaced times; of a part of it where it is read so.

    Attributes
    ----------
    positions : (n_frames, n_atoms, 3) float64, Å, unwrapped; an array, or where a trajectory is
        larger than the memory, what is sliced like one (`StoredPositions`)
    species : element of each atom
    cell : (3, 3) float64, Å, rows are lattice vectors in the positions' own Cartesian frame; the
        mean where the cell changes
    frame_spacing_ps : time between frames, ps
    temperature_K : the thermostat's temperature, K; None where it is not known
    lattice : (3, 3) whole numbers; the crystal's own vectors are `lattice` times `cell`. LAMMPS
        reduces a skewed cell, and our runs' record holds how; other files are taken as they are.
    notes : sentences on what reading left out, joined or assumed; of blocks, the last holds them
    volume_change : mean volume of the last quarter over that of the first, less 1; of blocks, the
        last holds it

    Raises
    ------
    MlipsseError
        when shapes disagree, no frame is given, a position is not finite, or spacing, temperature
        or cell volume is not positive.
    """

    positions: np.ndarray
    species: tuple[str, ...]
    cell: np.ndarray
    frame_spacing_ps: float
    temperature_K: float | None = None
    lattice: np.ndarray = field(default_factory=lambda: np.eye(3, dtype=int))
    notes: tuple[str, ...] = ()
    volume_change: float = 0.0

    def __post_init__(self) -> None:
        shape = np.shape(self.positions)
        if len(shape) != 3 or shape[2] != 3:
            raise MlipsseError(
                f"Positions must have the shape (frames, atoms, 3), but have {shape}."
            )
        if shape[1] != len(self.species):
            raise MlipsseError(
                f"The trajectory contains {shape[1]} atoms, but {len(self.species)} species are "
                "given. Give the species of the run that wrote the trajectory."
            )
        if not shape[0]:
            raise MlipsseError("The trajectory holds no frame: give the frames of a run.")
        self._refuse_infinite()
        if not (np.isfinite(self.frame_spacing_ps) and self.frame_spacing_ps > 0):
            raise MlipsseError(
                f"The frame spacing must be above 0 ps, but is {self.frame_spacing_ps}."
            )
        kelvin = self.temperature_K
        if kelvin is not None and not (np.isfinite(kelvin) and kelvin > 0):
            raise MlipsseError(f"The temperature must be above 0 K, but is {kelvin}.")
        if (
            np.shape(self.cell) != (3, 3)
            or not np.isfinite(self.cell).all()
            or not self.volume_A3 > 0
        ):
            raise MlipsseError(
                "The cell must be three lattice vectors that span a volume above 0 Å³."
            )

    def _refuse_infinite(self) -> None:
        if isinstance(self.positions, StoredPositions):
            return  # they were looked at when they were stored
        for start in range(0, len(self.positions), _BLOCK_FRAMES):
            sums = np.sum(self.positions[start : start + _BLOCK_FRAMES], axis=(1, 2))
            finite = np.isfinite(sums)
            if finite.all():
                continue
            frame = start + int(np.argmin(finite))
            raise MlipsseError(
                f"Positions of frame {frame} are not finite (NaN or infinite): the run has blown "
                "up or the file is damaged. Look at the run's log, and run it again."
            )

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return len(self.positions)

    @property
    def volume_A3(self) -> float:
        """Volume of the cell, Å³."""
        return float(abs(np.linalg.det(self.cell)))

    @property
    def duration_ps(self) -> float:
        """Time from the first frame to the last, ps."""
        return (self.n_frames - 1) * self.frame_spacing_ps

    @property
    def known_temperature_K(self) -> float:
        """The temperature, K; `MlipsseError` when it is not known."""
        if self.temperature_K is None:
            raise MlipsseError("Give the temperature in K: the trajectory does not record it.")
        return self.temperature_K

    def indices(self, element: str) -> np.ndarray:
        """Indices of the atoms of `element`; `MlipsseError` when there are none."""
        found = np.flatnonzero(np.array(self.species) == element)
        if not len(found):
            raise MlipsseError(
                f"The trajectory contains no {element}. Choose among "
                f"{', '.join(dict.fromkeys(self.species))}."
            )
        return found
