"""Reading LAMMPS text dumps: ours beside MDAnalysis' reader, on one thread.

    OMP_NUM_THREADS=1 python benchmarks/text_dump.py          # two minutes

A dump of 2,560 atoms in LAMMPS' format (id, type, xu, yu, zu; six digits; ids unsorted), read whole
by either; medians of alternating repeats, the first reading of each left out. Then the same frames
on other ways: wrapped coordinates unwrapped, gzip, block by block, and from the cache.
"""

import argparse
import gzip
import shutil
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from relaxations import versions

from mlipsse.transport.reading.frames import iterate_frames, read_frames_of
from mlipsse.transport.reading.text_dump.source import read_text_dump

OPTIONS = {"species": ["Li", "Cl"], "timestep_fs": 2.0}


def write(path: Path, *, atoms: int, frames: int, wrapped: bool = False) -> np.ndarray:
    """A random walk in a box of 40 Å; positions as the file has them."""
    rng = np.random.default_rng(0)
    positions = rng.uniform(0, 40, (atoms, 3))
    kept = []
    with path.open("w") as stream:
        for step in range(frames):
            positions = positions + rng.normal(0, 0.05, (atoms, 3))
            stream.write(f"ITEM: TIMESTEP\n{100 * step}\nITEM: NUMBER OF ATOMS\n{atoms}\n")
            stream.write("ITEM: BOX BOUNDS pp pp pp\n0 40\n0 40\n0 40\n")
            stream.write(f"ITEM: ATOMS id type {'x y z' if wrapped else 'xu yu zu'}\n")
            for index in rng.permutation(atoms):
                x, y, z = positions[index] % 40 if wrapped else positions[index]
                stream.write(f"{index + 1} {1 + index % 2} {x:.6g} {y:.6g} {z:.6g}\n")
            kept.append(positions)
    return np.array(kept)


def by_mdanalysis(path: Path, frames: int) -> np.ndarray:
    """All positions, sorted by id."""
    from MDAnalysis.coordinates.LAMMPS import DumpReader

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reader = DumpReader(str(path), lammps_coordinate_convention="unwrapped")
        found = np.array([reader[index].positions.copy() for index in range(frames)])
        reader.close()
    return found


def timed(read: Callable[[], np.ndarray]) -> float:
    """CPU seconds of one reading."""
    started = time.process_time()
    read()
    return time.process_time() - started


def other_ways(plain: Path, folder: Path, arguments: argparse.Namespace) -> dict[str, float]:
    """Frames/s of the ways that lead to the same frames, read by `read_frames_of`."""
    wrapped, zipped = folder / "wrapped.lammpstrj", folder / "long.lammpstrj.gz"
    write(wrapped, atoms=arguments.atoms, frames=arguments.frames, wrapped=True)
    zipped.write_bytes(gzip.compress(plain.read_bytes(), 6))
    cache = folder / "cache"
    ways: dict[str, Callable[[], Any]] = {
        "with checks": lambda: read_frames_of(plain, **OPTIONS),
        "wrapped": lambda: read_frames_of(wrapped, **OPTIONS),
        "gzip": lambda: read_frames_of(zipped, **OPTIONS),
        "blocks of 100": lambda: list(
            map(type, iterate_frames(plain, block_frames=100, **OPTIONS))
        ),
        "put into the cache": lambda: (
            shutil.rmtree(cache, ignore_errors=True),
            read_frames_of(plain, cache=cache, **OPTIONS),
        ),
        "from the cache": lambda: read_frames_of(plain, cache=cache, **OPTIONS),
        "gzip, from the cache": lambda: read_frames_of(zipped, cache=cache, **OPTIONS),
    }
    speeds = {}
    for name, read in ways.items():
        read()
        times = [timed(read) for _ in range(arguments.repeats)]
        speeds[name] = arguments.frames / statistics.median(times)
    return speeds


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--atoms", type=int, default=2560)
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument(
        "--peer-frames", type=int, default=100, help="Number of frames that MDAnalysis reads."
    )
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        long, short = Path(temporary) / "long.lammpstrj", Path(temporary) / "short.lammpstrj"
        truth = write(long, atoms=arguments.atoms, frames=arguments.frames)
        write(short, atoms=arguments.atoms, frames=arguments.peer_frames)
        ours = read_text_dump(long).positions
        peers = by_mdanalysis(short, arguments.peer_frames)
        print(f"largest difference from what was written: {np.abs(ours - truth).max():.1e} Å")
        differs = np.abs(ours[: arguments.peer_frames] - peers).max()
        print(f"largest difference from MDAnalysis: {differs:.1e} Å (it reads float32)")
        speeds: dict[str, list[float]] = {"mlipsse": [], "MDAnalysis": []}
        for _ in range(arguments.repeats):
            speeds["mlipsse"].append(
                arguments.frames / timed(lambda: read_text_dump(long).positions)
            )
            speeds["MDAnalysis"].append(
                arguments.peer_frames / timed(lambda: by_mdanalysis(short, arguments.peer_frames))
            )
        others = other_ways(long, Path(temporary), arguments)
    own, peer = (statistics.median(speeds[name]) for name in ("mlipsse", "MDAnalysis"))
    print("| | frames/s |\n|---|---:|")
    print(f"| mlipsse | {own:.0f} |\n| MDAnalysis | {peer:.0f} |\n| ratio | {own / peer:.1f} |")
    for name, speed in others.items():
        print(f"| mlipsse, {name} | {speed:.0f} |")
    print(versions())


if __name__ == "__main__":
    main()
