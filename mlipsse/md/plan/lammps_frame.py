"""From the crystal's frame to LAMMPS' and back, exactly."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase.calculators.lammps import Prism
from ase.cell import Cell


@dataclass(frozen=True, eq=False)
class LammpsFrame:
    """How `data_text` turned a cell: a along x, b in the xy plane, tilts reduced.

    Attributes
    ----------
    rotation : (3, 3) orthogonal; row vectors of LAMMPS times it are row vectors of the crystal. Of
        a left-handed cell it is a rotation and a reflection.
    lattice : (3, 3) whole numbers; the crystal's cell is `lattice` times LAMMPS' box vectors
    """

    rotation: np.ndarray
    lattice: np.ndarray

    @classmethod
    def of(cls, cell: Cell | np.ndarray) -> "LammpsFrame":
        """Frame of a cell (rows are lattice vectors, Å)."""
        vectors = np.array(cell, dtype=float)
        prism = Prism(vectors, reduce_cell=True)
        lattice = np.linalg.solve(prism.lammps_cell.T, prism.lammps_tilt.T).T
        return cls(rotation=np.asarray(prism.rot_mat).T, lattice=np.rint(lattice).astype(int))

    def as_json(self) -> dict[str, Any]:
        """For `run.json`."""
        return {"rotation": self.rotation.tolist(), "lattice": self.lattice.tolist()}

    @classmethod
    def from_json(cls, content: Mapping[str, Sequence[Sequence[float]]]) -> "LammpsFrame":
        """What `as_json` gave."""
        return cls(np.array(content["rotation"], float), np.array(content["lattice"], int))
