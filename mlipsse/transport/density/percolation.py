"""Paths on which ions cross the crystal, and their lowest bottlenecks, from a density."""

from dataclasses import dataclass

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.structures.periodic_grid import (
    STEPS,
    cheapest_loop,
    from_lowest,
    percolation_thresholds,
)
from mlipsse.transport.density.grid import ProbabilityDensity
from mlipsse.transport.diffusion.directions import AXES
from mlipsse.units import BOLTZMANN_EV_K

ANY = "any"
FEW_COUNTS = 100
"""Below so many visits a bottleneck's free energy is uncertain by more than kT/10, at the least."""


@dataclass(frozen=True, eq=False)
class PercolatingPath:
    """The way across the crystal, in one direction, whose highest free energy is lowest.

    Attributes
    ----------
    direction : "a", "b" or "c" of the density's cell, or "any"
    barrier_eV : free energy of the bottleneck less the lowest on the path, eV; None without a path
    barrier_std_eV : kT sqrt(1/counts of the bottleneck + 1/counts of the lowest voxel), eV: the
        error if all visits were independent. Frames that follow closely repeat the same visit, so
        that the true error is larger. The search is biased besides: across a wide pass it takes the
        voxel that noise has filled most, along a narrow channel it meets the one filled least.
    winding : cells that the path leads on along a, b and c, e.g. (1, 0, 0)
    path : (n, 3) float64, fractional coordinates of voxel centres, unwrapped; it begins at its
        voxel of lowest free energy and ends at that voxel's image, `winding` further
    free_energy_eV : (n,) float64, along the path, above the crystal's lowest voxel, eV
    length_A : length of the path, Å
    bottleneck : (3,) float64, fractional coordinates of its highest voxel, in [0, 1)
    bottleneck_counts : how often an ion was seen there; few of them mean an uncertain barrier
    reason : why there is no path; None when there is one
    """

    direction: str
    barrier_eV: float | None = None
    barrier_std_eV: float | None = None
    winding: tuple[int, int, int] | None = None
    path: np.ndarray | None = None
    free_energy_eV: np.ndarray | None = None
    length_A: float | None = None
    bottleneck: np.ndarray | None = None
    bottleneck_counts: int | None = None
    reason: str | None = None


def free_energy_eV(density: ProbabilityDensity, temperature_K: float) -> np.ndarray:
    """F = -kB T ln(P / P_max) of each voxel; NaN where no ion was seen.

    Parameters
    ----------
    temperature_K : of the run, K

    Returns
    -------
    (n1, n2, n3) float64, eV

    Raises
    ------
    MlipsseError
        for a temperature that is not above 0 K, and a density without a filled voxel.
    """
    if not (np.isfinite(temperature_K) and temperature_K > 0):
        raise MlipsseError(f"The temperature must be above 0 K, but is {temperature_K}.")
    highest = density.values.max()
    if not highest > 0:
        raise MlipsseError("The density is 0 everywhere, so there is no free energy.")
    filled = density.values > 0
    found = np.full(density.shape, np.nan)
    # adding 0 turns -0.0 into 0.0
    found[filled] = -BOLTZMANN_EV_K * temperature_K * np.log(density.values[filled] / highest) + 0.0
    return found


def percolating_paths(
    density: ProbabilityDensity, temperature_K: float, *, min_counts: int = 1
) -> dict[str, PercolatingPath]:
    """Lowest-bottleneck path along a, b, c and in any direction.

    Two voxels that share a face, an edge or a corner are neighbours (26), across the cell's faces
    too. Of all closed ways that wind around the crystal along an axis, the path has the lowest
    highest free energy (minimax), exactly; GEMDAT adds free energies up instead, so that a short
    way over a high pass beats a long one over a low pass, and misses 4 of the 26 neighbours.

    A path percolates along `a` when its winding has an `a` that is not 0: one that winds by
    (1, 1, 0) counts for `a` and for `b`, since ions on it get ahead in both. "any" takes the lowest
    of all.

    Voxels that are as full as the bottleneck are common where counts are few; of these the one
    whose 27 voxels around are fullest counts as lower. Among the paths over the one bottleneck,
    that of least resistance is given, the integral of P_max/P over its length (the maximum-flux
    path of Berkowitz et al., J. Chem. Phys. 79, 5563 (1983), doi 10.1063/1.445675). It follows the
    floors of the valleys to a fraction of kT, where the shortest path would cut their corners, miss
    the sites, and so make the barrier look far lower.

    The barrier is one of the density in three dimensions, between voxels. It is not the activation
    energy of the conductivity: that has the temperature dependence of the passes' width in it.

    Parameters
    ----------
    temperature_K : of the run, K
    min_counts : voxels in which ions were seen fewer times count as empty. Nothing is known of an
        empty voxel but that its free energy is high, so none is made up, and no path leads there.

    Returns
    -------
    "a", "b", "c" and "any" to the path, or to the reason why there is none

    Raises
    ------
    MlipsseError
        as `free_energy_eV`, and for `min_counts` below 1.
    """
    if min_counts < 1:
        raise MlipsseError(
            f"min_counts = {min_counts} must be at least 1: voxels without a visit "
            "have no free energy."
        )
    energies = free_energy_eV(density, temperature_K).ravel()
    counts = density.counts.ravel()
    order = _rising(density, np.flatnonzero((counts >= min_counts) & (density.values.ravel() > 0)))
    thresholds = percolation_thresholds(order, density.shape, STEPS)
    reached = [place for place in thresholds if place >= 0]
    places = dict(zip(AXES, thresholds, strict=True)) | {ANY: min(reached, default=-1)}
    resistance = np.full(counts.size, np.inf)
    resistance[order] = density.values.max() / density.values.ravel()[order]
    found = {}
    for direction, place in places.items():
        if place < 0:
            found[direction] = PercolatingPath(
                direction, reason=_blocked(direction, density, min_counts)
            )
            continue
        allowed = np.full(counts.size, np.inf)
        allowed[order[: place + 1]] = resistance[order[: place + 1]]
        along = np.array([direction in (name, ANY) for name in AXES])
        way = cheapest_loop(
            int(order[place]), allowed, _step_lengths_A(density), along, density.shape, STEPS
        )
        found[direction] = _described(
            direction, way, along, density, counts, energies, BOLTZMANN_EV_K * temperature_K
        )
    return found


def _rising(density: ProbabilityDensity, filled: np.ndarray) -> np.ndarray:
    """Numbers of the filled voxels by rising free energy, ties by what lies around, then place."""
    from scipy import ndimage

    around = density.counts  # whole numbers, so that ties are exact
    for axis in range(3):
        around = ndimage.convolve1d(around, np.ones(3), axis=axis, mode="wrap")
    return filled[np.lexsort((-around.ravel()[filled], -density.values.ravel()[filled]))]


def _step_lengths_A(density: ProbabilityDensity) -> np.ndarray:
    return np.linalg.norm((STEPS / density.shape) @ density.cell, axis=1)


def _blocked(direction: str, density: ProbabilityDensity, min_counts: int) -> str:
    where = "in any direction" if direction == ANY else f"along {direction}"
    seen = "no ion was seen" if min_counts == 1 else f"ions were seen fewer than {min_counts} times"
    return (
        f"every path {where} crosses voxels in which {seen} in {density.n_frames} frames; run "
        "longer, or choose a larger spacing"
    )


def _described(
    direction: str,
    way: np.ndarray,
    along: np.ndarray,
    density: ProbabilityDensity,
    counts: np.ndarray,
    energies: np.ndarray,
    thermal_eV: float,
) -> PercolatingPath:
    """A loop that starts at its bottleneck, turned to start at its lowest voxel and lead onward."""
    bottleneck = way[0, 0]
    voxels, images, winding = from_lowest(way, energies, along)
    centres = (np.stack(np.unravel_index(voxels, density.shape), axis=1) + 0.5) / density.shape
    path = centres + images
    profile = energies[voxels]
    top = int(np.flatnonzero(voxels == bottleneck)[0])
    return PercolatingPath(
        direction=direction,
        barrier_eV=float(profile[top] - profile[0]),
        barrier_std_eV=float(thermal_eV * np.sqrt(1 / counts[bottleneck] + 1 / counts[voxels[0]])),
        winding=(int(winding[0]), int(winding[1]), int(winding[2])),
        path=path,
        free_energy_eV=profile,
        length_A=float(np.linalg.norm(np.diff(path, axis=0) @ density.cell, axis=1).sum()),
        bottleneck=centres[top],
        bottleneck_counts=int(counts[bottleneck]),
    )
