"""What a frozen-framework landscape costs, beside MD with the same potential.

    python benchmarks/screening.py                          # some minutes
    python benchmarks/screening.py --potential "sevennet: 7net-0"

First the levels of a random landscape of 100 x 100 x 100 points in its tile of 2x2x2 cells: seconds
and the largest memory of the process. Then the points of a landscape of ordered Li3InCl6 (20 atoms,
a low symmetry) and of rock salt (8 atoms, a high one) at 0.25 Å, and what one point takes, from a
sample of them; beside it 100 ps of MD in steps of 2 fs in the same cell, in calls of the potential.
"""

import argparse
import os
import resource
import time

import numpy as np
from ase import Atoms
from ase.build import bulk
from relaxations import versions
from scipy.ndimage import gaussian_filter

from mlipsse.energetics.relaxation.evaluators import make_evaluator
from mlipsse.potential.native.copy import fastest
from mlipsse.potential.speed.frames import li3incl6
from mlipsse.screening.landscape.energies import distinct_ions, energies_eV
from mlipsse.screening.landscape.grid import LandscapeGrid, symmetric_shape
from mlipsse.screening.landscape.levels import grid_steps, level_map
from mlipsse.screening.landscape.percolation import percolation_levels

SIZE = 100
MD_STEPS = 50_000
"""Of 100 ps in steps of 2 fs."""


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--potential", default="mace-sse-small")
    parser.add_argument("--sample", type=int, default=300, help="Points that are computed.")
    arguments = parser.parse_args()
    print(versions(), f"OMP_NUM_THREADS {os.environ.get('OMP_NUM_THREADS', '')}\n")
    levels()
    print(
        "\n| crystal | atoms | distinct ions | points | ms per point | hours | MD of 100 ps, h | "
        "ratio |\n|---|---:|---:|---:|---:|---:|---:|---:|"
    )
    salt = bulk("LiCl", "rocksalt", a=5.13, cubic=True)
    for name, crystal in (("Li3InCl6, ordered", li3incl6()), ("LiCl", salt)):
        print(landscape(name, crystal, arguments.potential, arguments.sample), flush=True)


def levels() -> None:
    """Time and memory of the two searches."""
    noise = np.random.default_rng(0).normal(size=(SIZE, SIZE, SIZE))
    energies = gaussian_filter(noise, 3, mode="wrap")
    energies /= energies.std()
    steps = grid_steps(np.eye(3) * 25, energies.shape)
    a, b, c = (int(k) for k in np.unravel_index(energies.argmin(), energies.shape))
    for name, search in (
        ("levels in the tile", lambda: level_map(energies, (a, b, c), steps, most_eV=6.0)),
        ("percolation", lambda: percolation_levels(energies, (a, b, c), steps)),
    ):
        search()  # compiled, or read from the cache
        taken = []
        for _ in range(3):
            began = time.perf_counter()
            search()
            taken.append(time.perf_counter() - began)
        print(f"{name}: {np.median(taken):.2f} s")
    print(f"largest memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB")


def landscape(name: str, crystal: Atoms, potential: str, sample: int) -> str:
    """A row of the second table."""
    shape = symmetric_shape(crystal)
    ions = distinct_ions(crystal, "Li", shape)
    grids = [LandscapeGrid(crystal, one.ion, shape) for one in ions]
    n_points = sum(len(grid.wanted) for grid in grids)
    native, head = fastest(potential)
    evaluator = make_evaluator(native, set(crystal.symbols), head=head)
    wanted = grids[0].wanted
    points = wanted[:: max(1, len(wanted) // sample)]
    energies_eV(grids[0], points[:10], evaluator)
    began = time.perf_counter()
    energies_eV(grids[0], points, evaluator)
    point_s = (time.perf_counter() - began) / len(points)
    moving = crystal.copy()
    rng = np.random.default_rng(0)
    began, n_steps = time.perf_counter(), max(20, len(points) // 5)
    for _ in range(n_steps):
        moving.positions += rng.normal(scale=0.004, size=moving.positions.shape)
        evaluator.evaluate([moving])
    step_s = (time.perf_counter() - began) / n_steps
    hours, md_hours = n_points * point_s / 3600, MD_STEPS * step_s / 3600
    return (
        f"| {name} | {len(crystal)} | {len(ions)} | {n_points} | {1e3 * point_s:.2f} | "
        f"{hours:.3f} | {md_hours:.3f} | {md_hours / hours:.1f} |"
    )


if __name__ == "__main__":
    main()
