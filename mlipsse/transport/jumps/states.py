"""On which site every ion is in every frame; importing this imports numba."""

from dataclasses import dataclass

import numpy as np
from numba import njit

from mlipsse.errors import MlipsseError
from mlipsse.transport.jumps.sites import Sites

NO_SITE = -1

VOXEL_A = 0.5
_MOST_VOXELS = 4_000_000


@dataclass(frozen=True, eq=False)
class SiteStates:
    """Site of every ion at every frame.

    Attributes
    ----------
    site : (n_frames, n_ions) int32, index of the nearest site within its radius, or `NO_SITE`
    inner : (n_frames, n_ions) bool, also within the inner radius
    """

    site: np.ndarray
    inner: np.ndarray


def site_states(positions: np.ndarray, sites: Sites, *, inner_fraction: float = 1.0) -> SiteStates:
    """Find the site of every ion at every frame.

    The cell is cut into voxels of about `VOXEL_A`, each with the list of the spheres that reach
    into it; an ion is compared with those of its voxel alone (mostly none to two).

    Parameters
    ----------
    positions : (n_frames, n_ions, 3) float64, Å, wrapped or not, in the axes of `sites.cell`
    inner_fraction : inner radius over radius; a jump has to reach the inner radius of its end

    Raises
    ------
    MlipsseError
        when the fraction is not above 0 and at most 1.
    """
    if not 0 < inner_fraction <= 1:
        raise MlipsseError(
            f"The inner radius is {inner_fraction:g} of the radius; it must be above 0, at most 1."
        )
    grid, starts, owners, centres = _voxel_lists(sites)
    site, inner = _assign(
        np.ascontiguousarray(positions, dtype=np.float64),
        np.ascontiguousarray(sites.cell),
        np.linalg.inv(sites.cell),
        grid,
        starts,
        owners,
        centres,
        sites.radius_A**2,
        inner_fraction**2,
    )
    return SiteStates(site, inner)


def _voxel_lists(sites: Sites) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Voxels per axis, where each voxel's list starts, and the lists: site, centre of its image."""
    cell = sites.cell
    inverse = np.linalg.inv(cell)
    lengths = np.linalg.norm(cell, axis=1)
    edge_A = max(VOXEL_A, (lengths.prod() / _MOST_VOXELS) ** (1 / 3))
    grid = np.maximum(1, np.ceil(lengths / edge_A)).astype(np.int64)
    corners = np.array(np.meshgrid(*[[-0.5, 0.5]] * 3)).reshape(3, -1).T / grid
    reach_A = sites.radius_A + np.linalg.norm(corners @ cell, axis=1).max()
    extent = reach_A[:, None] * np.linalg.norm(inverse, axis=0)
    low = np.floor((sites.fractional - extent) * grid).astype(int)
    high = np.floor((sites.fractional + extent) * grid).astype(int)
    voxels, owners, centres = [], [], []
    for number, fractional in enumerate(sites.fractional):
        axes = [np.arange(a, b + 1) for a, b in zip(low[number], high[number], strict=True)]
        box = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
        apart = ((box + 0.5) / grid - fractional) @ cell
        box = box[np.einsum("va,va->v", apart, apart) <= reach_A[number] ** 2]
        shift = np.floor_divide(box, grid)
        home = box - shift * grid
        voxels.append((home[:, 0] * grid[1] + home[:, 1]) * grid[2] + home[:, 2])
        owners.append(np.full(len(box), number, dtype=np.int32))
        centres.append((fractional - shift) @ cell)
    voxel = np.concatenate(voxels)
    order = np.argsort(voxel, kind="stable")
    starts = np.searchsorted(voxel[order], np.arange(grid.prod() + 1))
    return grid, starts, np.concatenate(owners)[order], np.concatenate(centres)[order]


@njit(cache=True, nogil=True)
def _assign(
    positions: np.ndarray,
    cell: np.ndarray,
    inverse: np.ndarray,
    grid: np.ndarray,
    starts: np.ndarray,
    owners: np.ndarray,
    centres: np.ndarray,
    radius2: np.ndarray,
    inner2: float,
) -> tuple[np.ndarray, np.ndarray]:
    n_frames, n_ions = positions.shape[:2]
    site = np.full((n_frames, n_ions), NO_SITE, dtype=np.int32)
    inner = np.zeros((n_frames, n_ions), dtype=np.bool_)
    inside = np.empty(3)
    home = np.empty(3)
    for t in range(n_frames):
        for i in range(n_ions):
            voxel = 0
            for k in range(3):
                part = (
                    positions[t, i, 0] * inverse[0, k]
                    + positions[t, i, 1] * inverse[1, k]
                    + positions[t, i, 2] * inverse[2, k]
                )
                inside[k] = part - np.floor(part)
                # Rounding makes 1 of what lies a hair below 0.
                voxel = voxel * grid[k] + min(int(inside[k] * grid[k]), grid[k] - 1)
            first, last = starts[voxel], starts[voxel + 1]
            if first == last:
                continue
            for k in range(3):
                home[k] = inside[0] * cell[0, k] + inside[1] * cell[1, k] + inside[2] * cell[2, k]
            nearest = np.inf
            for entry in range(first, last):
                distance2 = 0.0
                for k in range(3):
                    distance2 += (home[k] - centres[entry, k]) ** 2
                if distance2 <= radius2[owners[entry]] and distance2 < nearest:
                    nearest = distance2
                    site[t, i] = owners[entry]
            if site[t, i] != NO_SITE:
                inner[t, i] = nearest <= inner2 * radius2[site[t, i]]
    return site, inner
