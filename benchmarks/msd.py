"""Mean squared displacements: ours beside MDAnalysis, freud, pymatgen and kinisi, on one thread.

    OMP_NUM_THREADS=1 python benchmarks/msd.py          # 768 ions x 10,000 frames: 7 minutes
    OMP_NUM_THREADS=1 python benchmarks/msd.py --large  # 5,000 x 20,000 too: 11 GB, 5 minutes

Each in a process of its own, from the same float32 positions; the time is the processor's, the
least of three (one for the peers and for the large case), the memory the peak beyond that after
imports with the input in memory. Ours is the tensor, the others' the trace alone; all over all time
origins, but kinisi, which takes some 80 lags. Differences are against the direct sum over all
origins at ten lags.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
import warnings
from importlib.metadata import version

import numpy as np
from relaxations import versions

LIMIT_S = 300
"""Of a peer at the small size, and three times that at the large one; kinisi does not keep it."""

SIZES = {"small": (768, 10_000), "large": (5_000, 20_000)}


def walk(n_ions: int, n_frames: int) -> np.ndarray:
    """(n_frames, n_ions, 3) float32."""
    rng = np.random.default_rng(0)
    positions = np.empty((n_frames, n_ions, 3), dtype=np.float32)
    place = np.zeros((n_ions, 3), dtype=np.float32)
    for frame in range(n_frames):
        place += rng.standard_normal((n_ions, 3), dtype=np.float32) * np.float32(0.3)
        positions[frame] = place
    return positions


def ours(positions: np.ndarray) -> np.ndarray:
    """All lags."""
    from mlipsse.transport import mean_squared_displacement

    return mean_squared_displacement(positions, frame_spacing_ps=0.1).total_A2


def by_mdanalysis(positions: np.ndarray) -> np.ndarray:
    """`EinsteinMSD` by FFT."""
    import MDAnalysis
    from MDAnalysis.analysis.msd import EinsteinMSD
    from MDAnalysis.coordinates.memory import MemoryReader

    universe = MDAnalysis.Universe.empty(positions.shape[1], trajectory=False)
    universe.trajectory = MemoryReader(positions)
    return EinsteinMSD(universe, select="all", msd_type="xyz", fft=True).run().results.timeseries


def by_freud(positions: np.ndarray) -> np.ndarray:
    """Mode `window`."""
    import freud

    return freud.msd.MSD(mode="window").compute(positions=positions).msd


def by_pymatgen(positions: np.ndarray) -> np.ndarray:
    """`DiffusionAnalyzer`, which takes some 200 lags."""
    from mlipsse.transport.diffusion.peers import pymatgen_diffusivity

    pymatgen_diffusivity(positions, frame_spacing_ps=0.1)
    return np.array([])


def by_kinisi(positions: np.ndarray) -> np.ndarray:
    """Displacements and posterior."""
    from mlipsse.transport.diffusion.peers import kinisi_diffusivity

    kinisi_diffusivity(positions, frame_spacing_ps=0.1, start_ps=10.0)
    return np.array([])


WAYS = {
    "mlipsse": ours,
    "MDAnalysis": by_mdanalysis,
    "freud": by_freud,
    "pymatgen": by_pymatgen,
    "kinisi": by_kinisi,
}


def measure(name: str, size: str) -> None:
    """In a process of its own: print seconds, gigabytes and the largest relative difference."""
    warnings.simplefilter("ignore")
    positions = walk(*SIZES[size])
    WAYS[name](positions[:400, :8].copy())  # imports and compilation
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = []
    for _ in range(3 if name == "mlipsse" and size == "small" else 1):
        start = time.process_time()
        found = WAYS[name](positions)
        seconds.append(time.process_time() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    off = None
    if len(found):
        lags = np.unique(np.geomspace(1, len(positions) - 1, 10).astype(int))
        direct = []
        for lag in lags:
            total = 0.0
            for first in range(0, positions.shape[1], 64):
                some = positions[:, first : first + 64].astype(float)
                total += ((some[lag:] - some[:-lag]) ** 2).sum()
            direct.append(total / (len(positions) - lag) / positions.shape[1])
        off = float(np.max(np.abs(found[lags] / direct - 1)))
    print(json.dumps({"s": min(seconds), "GB": peak / 1e6, "off": off}))


def main() -> None:
    """Run every package, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--large", action="store_true", help="Also measure 5,000 ions x 20,000 frames."
    )
    parser.add_argument(
        "--only", default=",".join(WAYS), help="Packages to measure, comma-separated."
    )
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(*arguments.measure)
        return
    print(versions())
    packages = ("numpy", "MDAnalysis", "freud-analysis", "pymatgen-analysis-diffusion", "kinisi")
    print(", ".join(f"{name} {version(name)}" for name in packages))
    for size in ("small", "large") if arguments.large else ("small",):
        n_ions, n_frames = SIZES[size]
        print(f"{n_ions} ions x {n_frames} frames ({12e-9 * n_ions * n_frames:.2g} GB of float32)")
        own = None
        for name in arguments.only.split(","):
            if size == "large" and name in ("pymatgen", "kinisi"):
                continue
            words = [sys.executable, __file__, "--measure", name, size]
            limit = LIMIT_S if size == "small" else 3 * LIMIT_S
            try:
                done = subprocess.run(words, capture_output=True, text=True, timeout=limit)
            except subprocess.TimeoutExpired:
                print(f"  {name:10s} is not done after {limit} s", flush=True)
                continue
            if done.returncode:
                print(f"  {name:10s} fails: {done.stderr.strip().splitlines()[-1:]}")
                continue
            answer = json.loads(done.stdout.splitlines()[-1])
            own = answer["s"] if name == "mlipsse" else own
            off = "" if answer["off"] is None else f"  off by {answer['off']:.1e}"
            ratio = "" if own is None else f"  {answer['s'] / own:5.1f} x"
            print(
                f"  {name:10s} {answer['s']:7.2f} s {answer['GB']:6.2f} GB{ratio}{off}", flush=True
            )


if __name__ == "__main__":
    main()
