"""The first D on a fresh machine, beside MDAnalysis and tidynamics through the same file.

    OMP_NUM_THREADS=1 python benchmarks/first_call.py          # half a minute

A LAMMPS text dump of 8 ions and 16 atoms of a framework, 400 frames. Each way runs in a process of
its own, with an empty cache for compiled code, from the start of Python to the printed answer:
seconds on the clock and of the processor, the least of three. Ours is the command line, to D with
its error, directions, conductivity and Haven ratio; the peers stop at the MSD.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np

IONS, STILL, EDGE_A = 8, 16, 20.0

OURS = """
import sys
from mlipsse.cli import main
sys.argv = ["mlipsse", "transport", "diffusivity", {path!r}, "--mobile", "Li", "--timestep", "1",
            "--temperature", "800"]
main()
"""
MDANALYSIS = """
import MDAnalysis
from MDAnalysis.analysis.msd import EinsteinMSD
universe = MDAnalysis.Universe({path!r}, format="LAMMPSDUMP", topology_format="LAMMPSDUMP",
                               lammps_coordinate_convention="unwrapped", dt=0.1)
msd = EinsteinMSD(universe, select="type 1", msd_type="xyz", fft=True).run()
print(msd.results.timeseries[-1])
"""
TIDYNAMICS = """
import MDAnalysis, numpy, tidynamics
universe = MDAnalysis.Universe({path!r}, format="LAMMPSDUMP", topology_format="LAMMPSDUMP",
                               lammps_coordinate_convention="unwrapped", dt=0.1)
ions = universe.select_atoms("type 1")
positions = numpy.array([ions.positions.copy() for _ in universe.trajectory], dtype=float)
print(numpy.mean([tidynamics.msd(positions[:, i]) for i in range(len(ions))], axis=0)[-1])
"""
WAYS = {"mlipsse": OURS, "MDAnalysis": MDANALYSIS, "MDAnalysis + tidynamics": TIDYNAMICS}


def write_dump(path: Path, frames: int) -> None:
    """Ions that hop by 3 Å among atoms that shake."""
    rng = np.random.default_rng(0)
    sites = rng.random((IONS + STILL, 3)) * EDGE_A
    with path.open("w") as stream:
        for frame in range(frames):
            hops = 3.0 * np.eye(3)[rng.integers(0, 3, IONS)] * rng.choice([-1.0, 1.0], (IONS, 1))
            sites[:IONS] += hops * (rng.random((IONS, 1)) < 0.05)
            stream.write(f"ITEM: TIMESTEP\n{100 * frame}\nITEM: NUMBER OF ATOMS\n{len(sites)}\n")
            stream.write("ITEM: BOX BOUNDS pp pp pp\n" + f"0 {EDGE_A}\n" * 3)
            stream.write("ITEM: ATOMS id type element xu yu zu\n")
            for atom, (x, y, z) in enumerate(sites + rng.normal(0, 0.15, sites.shape)):
                kind = "1 Li" if atom < IONS else "2 Cl"
                stream.write(f"{atom + 1} {kind} {x:.6f} {y:.6f} {z:.6f}\n")


def seconds(code: str) -> tuple[float, float]:
    """On the clock and of the processor, of a fresh process with an empty cache."""
    with tempfile.TemporaryDirectory() as cache:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code],
            env={**os.environ, "NUMBA_CACHE_DIR": cache},
            check=True,
            stdout=subprocess.DEVNULL,
        )
        clock = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return clock, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=400)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    packages = ("numpy", "scipy", "MDAnalysis", "tidynamics")
    print(", ".join(f"{name} {version(name)}" for name in packages))
    print("| first call | s on the clock | s of the processor |\n|---|---:|---:|")
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "x.lammpstrj"
        write_dump(path, arguments.frames)
        for name, code in WAYS.items():
            runs = [seconds(code.format(path=str(path))) for _ in range(arguments.repeats)]
            clock, processor = (min(column) for column in zip(*runs, strict=True))
            print(f"| {name} | {clock:.2f} | {processor:.2f} |", flush=True)


if __name__ == "__main__":
    main()
