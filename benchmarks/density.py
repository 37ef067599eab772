"""Density of the mobile ions on a grid: ours beside NumPy's bincount and GEMDAT, on one thread.

    OMP_NUM_THREADS=1 python benchmarks/density.py          # a minute

Ions that vibrate around sites of a triclinic cell of 20 Å, voxels of 0.2 Å (a million). All three
get the same positions; NumPy and ours Cartesian ones anywhere, GEMDAT fewer frames of a trajectory
of wrapped fractional ones, as it demands, whose making is not counted. CPU seconds, medians of
alternating repeats, the first run of each left out. Then the percolating paths on that grid.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from importlib import metadata

import numpy as np

from mlipsse.transport.density.grid import ProbabilityDensity, probability_density
from mlipsse.transport.density.percolation import percolating_paths

CELL = np.array([[20.05, 0, 0], [3.0, 20.0, 0], [1.0, -2.0, 19.95]])
SPACING_A = 0.2


def vibrations(frames: int, ions: int, kind: type) -> np.ndarray:
    """(frames, ions, 3), Å."""
    rng = np.random.default_rng(0)
    sites = rng.uniform(0, 1, (ions, 3)) @ CELL
    return (sites + rng.normal(0, 0.6, (frames, ions, 3))).astype(kind)


def by_bincount(positions: np.ndarray, shape: tuple[int, ...], block: int = 16_000) -> np.ndarray:
    """Counts by NumPy, tuned: blocks that stay in the cache, axes contiguous, 32-bit voxels."""
    inverse, grid = np.linalg.inv(CELL).T, np.array(shape)[:, None]
    last = (grid - 1).astype(np.int32)
    counts = np.zeros(np.prod(shape), dtype=np.int64)
    for first in range(0, len(positions), 10_000):
        flat = positions[first : first + 10_000].reshape(-1, 3)
        voxels = np.empty(len(flat), dtype=np.int32)
        for start in range(0, len(flat), block):
            fractional = inverse @ flat[start : start + block].T
            fractional -= np.floor(fractional)
            fractional *= grid
            i, j, k = np.minimum(fractional.astype(np.int32), last)
            voxels[start : start + block] = (i * shape[1] + j) * shape[2] + k
        counts += np.bincount(voxels, minlength=counts.size)
    return counts.reshape(shape)


def timed(work: Callable[[], object]) -> float:
    """CPU seconds of one run."""
    started = time.process_time()
    work()
    return time.process_time() - started


def landscape(n: int, wells: int, frames: int) -> ProbabilityDensity:
    """Poisson counts of a cosine landscape with passes of 0.2 eV at 700 K."""
    axis = np.cos(2 * np.pi * wells * np.arange(n) / n)
    energies = 0.1 * (3 - axis[:, None, None] - axis[:, None] - axis)
    weights = np.exp(-energies / 0.0603)
    counts = np.random.default_rng(0).poisson(weights * frames / weights.sum())
    values = counts / counts.sum() / (8000 / n**3)
    return ProbabilityDensity(values, np.eye(3) * 20, 1, int(counts.sum()), True)


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=20_000)
    parser.add_argument("--ions", type=int, default=300)
    parser.add_argument(
        "--peer-frames", type=int, default=2000, help="Number of frames for GEMDAT."
    )
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    import gemdat
    from gemdat.volume import trajectory_to_volume

    positions = {
        kind.__name__: vibrations(arguments.frames, arguments.ions, kind)
        for kind in (np.float64, np.float32)
    }
    ours = probability_density(positions["float64"], CELL, spacing_A=SPACING_A)
    plain = by_bincount(positions["float64"], ours.shape)
    print(f"voxels that differ from NumPy's: {(ours.counts != plain).sum()}")
    few = positions["float64"][: arguments.peer_frames]
    trajectory = gemdat.Trajectory(
        species=["Li"] * arguments.ions,
        coords=(few @ np.linalg.inv(CELL)) % 1.0,
        lattice=CELL,
        time_step=1e-15,
    )
    theirs = trajectory_to_volume(trajectory, resolution=SPACING_A)
    same = probability_density(few, CELL, spacing_A=SPACING_A)
    print(f"voxels that differ from GEMDAT's: {(same.counts != theirs.data).sum()}")
    runs: dict[str, tuple[int, Callable[[], object]]] = {
        "mlipsse, float64": (
            arguments.frames,
            lambda: probability_density(positions["float64"], CELL, spacing_A=SPACING_A),
        ),
        "mlipsse, float32": (
            arguments.frames,
            lambda: probability_density(positions["float32"], CELL, spacing_A=SPACING_A),
        ),
        "NumPy bincount, float64": (
            arguments.frames,
            lambda: by_bincount(positions["float64"], ours.shape),
        ),
        "GEMDAT, float64": (
            arguments.peer_frames,
            lambda: trajectory_to_volume(trajectory, resolution=SPACING_A),
        ),
    }
    for _, work in runs.values():
        work()
    speeds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(arguments.repeats):
        for name, (frames, work) in runs.items():
            speeds[name].append(frames * arguments.ions / timed(work) / 1e6)
    print("\n| | million positions/s |\n|---|---:|")
    for name, values in speeds.items():
        print(f"| {name} | {statistics.median(values):.3g} |")
    print("\n| grid | filled voxels | paths along a, b, c and any, s |\n|---|---:|---:|")
    for n, visits in ((50, 10**7), (100, 10**6), (100, 10**7), (100, 10**9)):
        grid = landscape(n, 4, visits)
        percolating_paths(grid, 700.0)
        seconds = [timed(lambda grid=grid: percolating_paths(grid, 700.0)) for _ in range(3)]
        filled = (grid.values > 0).mean()
        print(f"| {n}³ | {filled:.0%} | {statistics.median(seconds):.2f} |")
    listed = ", ".join(f"{name} {metadata.version(name)}" for name in ("numba", "numpy", "gemdat"))
    print(f"\n{os.cpu_count()} cores, {os.environ.get('OMP_NUM_THREADS', 'all')} thread; {listed}.")


if __name__ == "__main__":
    main()
