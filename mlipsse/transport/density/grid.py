"""Probability density of the mobile ions on a periodic grid."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.transport.density.counts import count_positions

MOST_VOXELS = 512**3
"""One GiB of counts; a finer grid is a spacing in the wrong unit."""


@dataclass(frozen=True, eq=False)
class ProbabilityDensity:
    """Time-averaged density of the mobile ions in a constant, periodic cell.

    Two normalisations are in use, and an isosurface level means nothing without its own. With
    `per_ion` False the density integrates to `n_ions` over the cell: it is the number density of
    all mobile ions, and depends on no cell size. With `per_ion` True it integrates to 1: it is the
    probability density of one ion, smaller by a factor of `n_ions`, and a supercell of twice the
    volume halves it. A published level such as 1e-4 Å⁻³ must be read with the normalisation and, of
    the second kind, the cell of its paper.

    Voxel (i, j, k) covers fractional coordinates i/n1 <= a < (i + 1)/n1 and so on; its centre lies
    at (i + 1/2)/n1.

    Attributes
    ----------
    values : (n1, n2, n3) float64, 1/Å³
    cell : (3, 3) float64, Å, rows are lattice vectors; axis 0 of `values` runs along the first
    n_ions : mobile ions that were counted in each frame
    n_frames : frames averaged over
    per_ion : whether normalised to one ion (True) or to all `n_ions` (False)
    """

    values: np.ndarray
    cell: np.ndarray
    n_ions: int
    n_frames: int
    per_ion: bool

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along each lattice vector."""
        n1, n2, n3 = self.values.shape
        return n1, n2, n3

    @property
    def volume_A3(self) -> float:
        """Volume of the cell, Å³."""
        return float(abs(np.linalg.det(self.cell)))

    @property
    def voxel_volume_A3(self) -> float:
        """Volume of a voxel, Å³."""
        return self.volume_A3 / self.values.size

    @property
    def integral(self) -> float:
        """Integral of the density over the cell: `n_ions`, or 1 when `per_ion`."""
        return 1.0 if self.per_ion else float(self.n_ions)

    @property
    def one_count_per_A3(self) -> float:
        """Density of a voxel that one ion visited in one frame, 1/Å³.

        Isosurfaces below this level enclose every voxel that was ever visited.
        """
        return self.integral / (self.n_ions * self.n_frames * self.voxel_volume_A3)

    @property
    def counts(self) -> np.ndarray:
        """(n1, n2, n3) int64, how often an ion was found in each voxel."""
        return np.rint(self.values / self.one_count_per_A3).astype(np.int64)


def probability_density(
    positions: Any,
    cell: np.ndarray,
    *,
    spacing_A: float = 0.2,
    per_ion: bool = False,
    block_frames: int = 1000,
) -> ProbabilityDensity:
    """Count the mobile ions of all frames in voxels of the cell.

    Each lattice vector is cut into the whole number of voxels that comes nearest to `spacing_A`.
    Positions may lie anywhere: their periodic image in the cell is counted. One that lies on a face
    between voxels belongs to the upper one, as far as float64 resolves them.

    Parameters
    ----------
    positions : (n_frames, n_ions, 3) float32 or float64, Å, unwrapped or wrapped, framework drift
        removed; an array, or anything that gives arrays when sliced by frames (a memory map, an
        HDF5 data set, `RestingPositions`)
    cell : (3, 3) float64, Å, rows are lattice vectors, the same in all frames
    spacing_A : edge of a voxel, Å
    per_ion : normalise to one ion instead of all (see `ProbabilityDensity`)
    block_frames : frames taken at once, where `positions` must be copied to be contiguous

    Raises
    ------
    MlipsseError
        without frames or ions; for a position that is not finite, a cell without a volume, a
        spacing that is not above 0, and a grid of more than 512³ voxels.
    """
    shape = np.shape(positions)
    if len(shape) != 3 or shape[2] != 3 or not shape[0] or not shape[1]:
        raise MlipsseError(
            "A probability density needs positions of the shape (frames, ions, 3) with at least 1 "
            f"frame and 1 ion, but they have {shape}."
        )
    if block_frames < 1:
        raise MlipsseError(f"block_frames = {block_frames} must be at least 1.")
    cell = np.array(cell, dtype=float)
    counts = np.zeros(_grid(cell, spacing_A), dtype=np.int64)
    inverse = np.linalg.inv(cell)
    n_frames, n_ions = shape[:2]
    for start in range(0, n_frames, block_frames):
        block = np.asarray(positions[start : start + block_frames])
        kind = np.float32 if block.dtype == np.float32 else np.float64
        flat = np.ascontiguousarray(block, dtype=kind).reshape(-1, 3)
        bad = count_positions(flat, inverse, counts)
        if bad >= 0:
            raise MlipsseError(
                f"The position of ion {bad % n_ions} in frame {start + bad // n_ions} is not "
                "finite (NaN or infinite): the run exploded or the file is damaged. Check the log "
                "of the run, and run it again."
            )
    total = 1.0 if per_ion else float(n_ions)
    one_count_per_A3 = total * counts.size / (n_ions * n_frames * abs(np.linalg.det(cell)))
    return ProbabilityDensity(
        values=counts * one_count_per_A3,
        cell=cell,
        n_ions=n_ions,
        n_frames=n_frames,
        per_ion=per_ion,
    )


def _grid(cell: np.ndarray, spacing_A: float) -> tuple[int, ...]:
    if (
        cell.shape != (3, 3)
        or not np.isfinite(cell).all()
        or not abs(np.linalg.det(cell)) > 1e-9 * np.linalg.norm(cell, axis=1).prod()
    ):
        raise MlipsseError("The cell must be three lattice vectors that span a volume above 0 Å³.")
    if not (np.isfinite(spacing_A) and spacing_A > 0):
        raise MlipsseError(f"The grid's spacing must be above 0 Å, but is {spacing_A}.")
    lengths = np.linalg.norm(cell, axis=1)
    wanted = np.maximum(1.0, np.rint(lengths / spacing_A))
    if wanted.prod() > MOST_VOXELS:
        raise MlipsseError(
            f"A spacing of {spacing_A:g} Å makes {wanted.prod():.2g} voxels of a cell of "
            f"{' x '.join(f'{length:.4g}' for length in lengths)} Å, but at most "
            f"{MOST_VOXELS:.2g} are allowed. Give a larger spacing."
        )
    return tuple(int(n) for n in wanted)
