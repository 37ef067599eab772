"""Sites and jumps: ours beside GEMDAT's, for the same trajectory in one run, on one thread.

    OMP_NUM_THREADS=1 python benchmarks/jumps.py          # a minute, mostly GEMDAT

A walk on a simple cubic lattice with vibrations, its sites given. Timed are the states (which site
every ion is on, at every frame), the jumps, and the pairs of jumps that happen together, CPU
seconds; medians of alternating repeats, the first of each left out. Then ours alone at the size of
a production run.
"""

import argparse
import os
import statistics
import time
import warnings
from collections.abc import Callable
from importlib import metadata
from typing import Any

import numpy as np

from mlipsse.transport.jumps.collective import collective_jumps
from mlipsse.transport.jumps.counting import find_jumps
from mlipsse.transport.jumps.sites import Sites, SiteSize, make_sites
from mlipsse.transport.jumps.states import site_states
from mlipsse.transport.structure.vibration import vibration

SPACING_PS, SITE_SPACING_A = 0.05, 3.0
STEPS = ("states", "jumps", "together")


def walk(
    *, cells: tuple[int, int, int], ions: int, frames: int, rate_per_ps: float = 0.1
) -> tuple[np.ndarray, Sites]:
    """Ions that hop to a neighbour at a rate, and shake; all start on sites of their own."""
    rng = np.random.default_rng(0)
    index = np.stack(np.meshgrid(*[np.arange(n) for n in cells], indexing="ij"), -1).reshape(-1, 3)
    starts = rng.permutation(index)[:ions] * SITE_SPACING_A
    axis = rng.integers(0, 3, (frames, ions))
    sign = rng.choice([-1.0, 1.0], axis.shape) * (rng.random(axis.shape) < rate_per_ps * SPACING_PS)
    positions = np.zeros((frames, ions, 3))
    np.put_along_axis(positions, axis[..., None], (sign * SITE_SPACING_A)[..., None], axis=2)
    positions = np.cumsum(positions, axis=0) + starts
    positions += rng.normal(0, 0.2, positions.shape)
    cell = np.diag(np.array(cells) * SITE_SPACING_A)
    return positions, make_sites(index / cells, cell, ["A"] * len(index), SiteSize(radius_A=0.6))


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds and the result."""
    started = time.process_time()
    found = work()
    return time.process_time() - started, found


def ours(positions: np.ndarray, sites: Sites) -> tuple[list[float], int, int]:
    """Seconds of each step, jumps, jumps that are in no pair."""
    frequency_THz = vibration(positions, frame_spacing_ps=SPACING_PS).frequency_THz
    first, _ = timed(lambda: site_states(positions, sites))
    both, jumps = timed(lambda: find_jumps(positions, sites, frame_spacing_ps=SPACING_PS))
    third, together = timed(lambda: collective_jumps(jumps, within_ps=1 / frequency_THz))
    return [first, both - first, third], len(jumps), together.n_solo


def gemdat(positions: np.ndarray, sites: Sites) -> tuple[list[float], int, int]:
    """The same of GEMDAT."""
    import gemdat as peer
    from pymatgen.core import Element, Lattice, Structure

    trajectory = peer.Trajectory(
        species=[Element("Li")] * positions.shape[1],
        coords=positions @ np.linalg.inv(sites.cell),
        lattice=Lattice(sites.cell),
        time_step=SPACING_PS * 1e-12,
        constant_lattice=True,
        metadata={"temperature": 800.0},
    )
    structure = Structure(
        Lattice(sites.cell), ["Li"] * len(sites), sites.fractional, labels=list(sites.labels)
    )
    first, transitions = timed(
        lambda: trajectory.transitions_between_sites(
            structure, "Li", site_radius=float(sites.radius_A[0])
        )
    )
    second, jumps = timed(transitions.jumps)
    third, together = timed(jumps.collective)
    return [first, second, third], jumps.n_jumps, together.n_solo_jumps


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ions", type=int, default=48)
    parser.add_argument("--frames", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    positions, sites = walk(cells=(4, 4, 6), ions=arguments.ions, frames=arguments.frames)
    seconds: dict[str, list[list[float]]] = {"mlipsse": [], "GEMDAT": []}
    for repeat in range(arguments.repeats + 1):
        for name, work in (("mlipsse", ours), ("GEMDAT", gemdat)):
            spent, n_jumps, n_solo = work(positions, sites)
            if repeat:
                seconds[name].append(spent)
            else:
                print(f"{name}: {n_jumps} jumps, {n_solo} of them alone")
    print(f"\n{arguments.ions} ions, {arguments.frames} frames, {len(sites)} sites; CPU seconds:")
    print("| | " + " | ".join(STEPS) + " | all |\n|---|" + "---:|" * (len(STEPS) + 1))
    totals = {}
    for name, rows in seconds.items():
        steps = [statistics.median(column) for column in zip(*rows, strict=True)]
        totals[name] = sum(steps)
        print(f"| {name} | " + " | ".join(f"{s:.3g}" for s in [*steps, totals[name]]) + " |")
    print(f"| ratio | | | | {totals['GEMDAT'] / totals['mlipsse']:.0f} |")
    positions, sites = walk(cells=(10, 10, 10), ions=500, frames=5000)
    steps, n_jumps, _ = ours(positions, sites)
    print(f"\n500 ions, 5000 frames, 1000 sites, {n_jumps} jumps, ours alone; CPU seconds:")
    print("| " + " | ".join(STEPS) + " |\n|" + "---:|" * len(STEPS))
    print("| " + " | ".join(f"{s:.3g}" for s in steps) + " |")
    names = ("gemdat", "numba", "numpy")
    listed = ", ".join(f"{name} {metadata.version(name)}" for name in names)
    print(f"{os.cpu_count()} cores, {os.environ.get('OMP_NUM_THREADS', 'all')} thread; {listed}.")


if __name__ == "__main__":
    main()
