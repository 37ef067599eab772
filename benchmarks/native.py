"""Native code beside symmetrix-xl on a CPU: one run, the same models, crystals and displacements.

    pip install -c constraints.txt -e '.[peers]'         # symmetrix-xl, without which ours is alone
    python benchmarks/native.py --sizes 160,640,2560
    python benchmarks/native.py --medium DATA/na3sbs4.vasp --threads 1,2

Random-weight MACE models (models.py) in Li3InCl6, and one of the shape of MACE-MP-0b medium in
cubic Na3SbS4 repeated 5x5x5, float32. Both engines are called through their ASE calculators, each
with a neighbour list of 0.5 Å skin, on the frames of one random walk; they take turns. The column
«engine» is ours without ASE's share: neighbour list and assembly of forces left out. The number of
threads is that of OMP_NUM_THREADS, so that every one is a process of its own.
"""

import argparse
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.io import read
from models import ARCHITECTURES, BETWEEN, HEAD, MEDIUM, write_medium, write_model

from mlipsse.energetics.native.calculator import NativeCalculator
from mlipsse.potential.native.export import export_native
from mlipsse.potential.speed.frames import li3incl6, repeat_to

ALL = {one.name: one for one in (*ARCHITECTURES.values(), *BETWEEN)}
ORDER = ("32x0e", "64x0e", "128x0e", "128x0e+128x1o")
STEP_A = 0.004
"""Of the random walk per coordinate and step, as in 1 fs at 800 K."""


def main() -> None:
    """Measure and print tables in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", default=",".join(ORDER), help="Names, comma-separated.")
    parser.add_argument("--sizes", default="160,640,2560", help="Numbers of atoms.")
    parser.add_argument("--threads", default="1", help="Numbers of threads.")
    parser.add_argument("--steps", type=int, default=20, help="Steps of each measurement.")
    parser.add_argument("--medium", type=Path, help="Na3SbS4 cell; measures that alone.")
    parser.add_argument("--work", type=Path, default=Path("native-benchmark"), help="Folder.")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    if arguments.child:
        _measure(arguments)
        return
    print("| model | atoms | threads | native | engine | symmetrix-xl | ratio | kB/atom |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|", flush=True)
    for threads in arguments.threads.split(","):
        environment = os.environ | {"OMP_NUM_THREADS": threads}
        subprocess.run([sys.executable, *sys.argv, "--child"], env=environment, check=True)


def _measure(arguments: argparse.Namespace) -> None:
    if arguments.medium:
        file = arguments.work / "medium.model"
        if not file.is_file():
            write_medium(file)
        crystal = read(arguments.medium)
        crystal.symbols[crystal.symbols == "K"] = "Na"  # the file names one of the Na sites so
        # The authors' crystal; its atoms are moved as dynamics would have them.
        _compare(MEDIUM.name, file, [crystal.repeat(5)], arguments)
        return
    for name in arguments.models.split(","):
        file = arguments.work / f"{name}.model"
        if not file.is_file():
            write_model(ALL[name], file)
        crystals = [repeat_to(li3incl6(), int(size)) for size in arguments.sizes.split(",")]
        _compare(name, file, crystals, arguments)


def _compare(name: str, file: Path, crystals: list[Atoms], arguments: argparse.Namespace) -> None:
    weights = file.with_suffix(".safetensors")
    clock = time.perf_counter()
    if not weights.is_file():
        export_native(file, head=HEAD, dtype="float32", out=weights)
        print(f"exported {name} in {time.perf_counter() - clock:.0f} s", file=sys.stderr)
    ours, peer = NativeCalculator(weights), _symmetrix(file)
    for crystal in crystals:
        frames = walk(crystal, arguments.steps)
        spent: list[float] = []
        inside = ours.library.evaluate

        def timed(*given: Any, inside: Any = inside, spent: list[float] = spent) -> Any:
            clock = time.perf_counter()
            found = inside(*given)
            spent.append(time.perf_counter() - clock)
            return found

        ours.library.evaluate = timed  # type: ignore[method-assign]
        mine, theirs = median_step_s(ours, crystal, frames), None
        engine = float(np.median(spent[-len(frames) :]))
        if peer is not None:
            theirs = median_step_s(peer, crystal, frames)
            _require_equal(ours, peer, crystal, frames[-1])
        ours.library.evaluate = inside  # type: ignore[method-assign]
        n = len(crystal)
        row = [name, str(n), os.environ["OMP_NUM_THREADS"], f"{1e6 * mine / n:.1f}"]
        row += [f"{1e6 * engine / n:.1f}"]
        row += [f"{1e6 * theirs / n:.1f}", f"{theirs / mine:.2f}"] if theirs else ["-", "-"]
        row += [f"{ours.library.bytes / n / 1e3:.1f}"]
        print("| " + " | ".join(row) + " |", flush=True)


def walk(crystal: Atoms, steps: int) -> np.ndarray:
    """(steps, n, 3) places: a rattled crystal whose atoms walk."""
    rng = np.random.default_rng(0)
    start = crystal.positions + rng.normal(scale=0.1, size=crystal.positions.shape)
    moves = rng.normal(scale=STEP_A, size=(steps, *crystal.positions.shape))
    return np.asarray(start + np.cumsum(moves, axis=0))


def median_step_s(calculator: Any, crystal: Atoms, frames: np.ndarray) -> float:
    """Median wall time of a step of a calculator, s."""
    atoms = crystal.copy()
    atoms.calc = calculator
    taken = []
    for turn in range(2):  # the first warms up
        for places in frames if turn else frames[:3]:
            atoms.positions = places
            clock = time.perf_counter()
            atoms.get_forces()
            taken.append(time.perf_counter() - clock)
    return float(np.median(taken[3:]))


def _require_equal(ours: Any, peer: Any, crystal: Atoms, places: np.ndarray) -> None:
    forces = []
    for calculator in (ours, peer):
        atoms = crystal.copy()
        atoms.positions = places
        atoms.calc = calculator
        forces.append(atoms.get_forces().copy())
    apart = np.abs(forces[0] - forces[1]).max() / np.abs(forces[0]).max()
    if apart > 1e-3:
        raise SystemExit(f"The engines do not compute the same: forces differ by {apart:.2g}")


def _symmetrix(file: Path) -> Any:
    try:
        from symmetrix import Symmetrix
    except ImportError:
        return None
    exported = file.with_suffix(".symmetrix.json")
    if not exported.is_file():
        tool = Path(sys.modules["symmetrix"].__file__ or "").parent.parent / "bin"
        command: list[Any] = [sys.executable, tool / "symmetrix_extract_mace", "--model", file]
        done = subprocess.run(
            [*command, "--output", exported], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(done.stderr)
    make: Callable[..., Any] = Symmetrix
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make(str(exported), dtype="float32", neighbor_skin=0.5)


if __name__ == "__main__":
    main()
