"""Cells of a run at constant pressure: one lattice, or a box that jumps."""

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.transport.reading.unwrapping.ions import SAME_CELL_A

LONGEST_JUMP = 0.20
"""Strain from one frame to the next that no barostat makes of a solid."""

ODD_JUMP = 0.03
"""Strain that is refused where it is `ODD_RATIO` times the run's usual one."""

ODD_RATIO = 10
"""Ratio to the median; the largest of 100,000 steps of a fluctuating box is seven times it."""


class BoxSteps:
    """Follows the cell from frame to frame, block by block.

    LAMMPS gives a box that has sheared too far other vectors of the same lattice (`fix npt`, flip):
    such cells are written in the first frame's vectors again, so that their mean is a cell.
    """

    def __init__(self, *, where: str) -> None:
        self.where = where
        self._last: np.ndarray | None = None
        self._strains: list[np.ndarray] = []
        self._frames = 0
        self._volumes: list[np.ndarray] = []

    @property
    def volume_change(self) -> float:
        """Mean volume of the last quarter of the frames over that of the first, less 1."""
        volumes = np.concatenate(self._volumes) if self._volumes else np.ones(1)
        part = max(1, len(volumes) // 4)
        return float(volumes[-part:].mean() / volumes[:part].mean() - 1)

    def add(self, cells: np.ndarray) -> np.ndarray:
        """The next frames' cells in the first frame's lattice vectors.

        Parameters
        ----------
        cells : (n_frames, 3, 3) float64, Å, rows are lattice vectors

        Raises
        ------
        MlipsseError
            when a cell spans no volume, or changes from one frame to the next as no barostat
            changes it.
        """
        volumes = np.abs(np.linalg.det(cells))
        if not (np.isfinite(volumes) & (volumes > 1e-6)).all():
            frame = self._frames + int(np.argmin(np.isfinite(volumes) & (volumes > 1e-6)))
            raise MlipsseError(
                f"Frame {frame} of {self.where} has no cell, which conductivities require. Give "
                "it (--cell), or write the lattice vectors with every frame."
            )
        self._volumes.append(volumes)
        before = np.concatenate([cells[:1] if self._last is None else self._last[None], cells])
        if (np.abs(np.diff(before, axis=0)) < SAME_CELL_A).all():
            same = cells
            strains = np.zeros(len(cells))
        else:
            same = np.empty_like(cells)
            strains = np.empty(len(cells))
            last = before[0]
            for frame, cell in enumerate(cells):
                lattice = np.rint(np.linalg.solve(cell.T, last.T).T)
                if abs(abs(np.linalg.det(lattice)) - 1) < 0.5:
                    cell = lattice @ cell
                strains[frame] = np.abs(np.linalg.solve(last, cell) - np.eye(3)).max()
                same[frame] = last = cell
        self._judge(strains)
        if len(cells):
            self._last = np.array(same[-1])
        self._frames += len(cells)
        return same

    def _judge(self, strains: np.ndarray) -> None:
        self._strains.append(strains)
        if not len(strains) or strains.max() < ODD_JUMP:
            return
        known = np.concatenate(self._strains)[1:]  # the first frame has none before it
        usual = float(np.median(known))
        worst = int(np.argmax(strains))
        strain = float(strains[worst])
        enough = len(known) >= 20 or usual < 1e-4
        if strain > LONGEST_JUMP or (strain > ODD_RATIO * usual and enough and len(known) > 1):
            frame = self._frames + worst
            raise MlipsseError(
                f"The cell of {self.where} changes by {100 * strain:.1f} % from frame {frame - 1} "
                f"to {frame} (usual: {100 * usual:.2g} %): these are frames of two runs, or of a "
                "cell that was set anew. Analyse the parts one by one."
            )
