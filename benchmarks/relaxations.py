"""Relaxations of many orderings: native code and batches of torch-sim against ASE's MACE.

    OMP_NUM_THREADS=1 python benchmarks/relaxations.py               # some ten minutes
    python benchmarks/relaxations.py --sizes 20 --batch-atoms 100,200,400 --repeats 2
    python benchmarks/relaxations.py --calls                         # force calls alone

Orderings of Li3In0.5Y0.5Br3Cl3 with the shipped mace-sse-small, atoms and cell. The repeats
of the ways alternate; the tables give medians. Times are CPU seconds of the process, so that a
busy machine does not count, without the imports and the first calls, in which TorchScript compiles.
The second table has single force calls, with a larger model of random weights beside the shipped
one: what such a model would relax to means nothing.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from models import Architecture, write_model

from mlipsse.energetics.memory import kept_memory
from mlipsse.energetics.potentials.batched_mace import BatchedMace
from mlipsse.energetics.potentials.calculators import make_calculator
from mlipsse.energetics.potentials.catalogue import find_potential
from mlipsse.energetics.potentials.loaded_mace import LoadedMace, load_mace
from mlipsse.energetics.relaxation.batches import relax_in_batches
from mlipsse.energetics.relaxation.outcome import Relaxation, RelaxationSettings
from mlipsse.energetics.relaxation.single import relax
from mlipsse.orderings import (
    HostSettings,
    Supercell,
    enumerate_orderings,
    parse_composition,
    read_host,
)
from mlipsse.potential.native.copy import fastest
from mlipsse.resources import resource_dir

POTENTIAL = "mace-sse-small"
COMPOSITION = "Li3In0.5Y0.5Br3Cl3"
CHARGES = {"Li": 1, "In": 3, "Y": 3, "Cl": -1, "Br": -1}
ROUNDS = 4  # of all force calls, in one measurement
LARGE = Architecture("128x0e", "128x0e", force_scale=60.0)


def main() -> None:
    """Measure and print the tables."""
    arguments = _parser().parse_args()
    print(versions(), "\n")
    if not arguments.calls:
        settings = RelaxationSettings(fmax_eV_A=arguments.fmax, mobile="Li")
        print(
            "| atoms | structures | way | s per structure, ASE | this way | ratio | per minute | "
            "force calls, ASE | this way | left out, ASE | this way | largest difference, "
            "meV/atom |\n|---:|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
        )
        for size in arguments.sizes:
            frames = orderings(size, arguments.structures)
            for row in relaxations(frames, settings, arguments.batch_atoms, arguments.repeats):
                print(row, flush=True)
        print()
    print(
        "| model | atoms | atoms in a batch | ms per structure and call, ASE | batched | ratio |\n"
        "|---|---:|---:|---:|---:|---:|"
    )
    with tempfile.TemporaryDirectory() as folder:
        large = Path(folder) / f"{LARGE.name}.model"
        write_model(LARGE, large)
        for name, potential in ((POTENTIAL, POTENTIAL), (LARGE.name, str(large))):
            for size in arguments.sizes:
                frames = [_of_known_elements(atoms) for atoms in orderings(size, 400 // size)]
                rows = force_calls(frames, potential, arguments.batch_atoms, arguments.repeats)
                for row in rows:
                    print(f"| {name} {row}", flush=True)


def orderings(n_atoms: int, count: int) -> list[Atoms]:
    """Distinct orderings of the lowest Ewald energies, in supercells along c."""
    host = read_host(
        resource_dir("examples") / "li3incl6" / "Li3InCl6.cif",
        HostSettings(
            mobile="Li", substitutions={"In": ["In", "Y"], "Cl": ["Cl", "Br"]}, charges=CHARGES
        ),
    )
    cell = Supercell(host, f"1x1x{n_atoms // 20}")
    composition = parse_composition(COMPOSITION, host)
    return [o.atoms for o in enumerate_orderings(composition, cell, max_orderings=count, seed=1)]


def relaxations(
    frames: Sequence[Atoms], settings: RelaxationSettings, batches: Sequence[int], repeats: int
) -> list[str]:
    """Rows of the first table, one per batch size, and one for native code."""
    mace = _mace(POTENTIAL)
    calculator = make_calculator(POTENTIAL)
    ways: dict[str, Callable[[Sequence[Atoms]], list[Relaxation]]] = {
        "ase": lambda some: [relax(atoms, calculator, settings) for atoms in some]
    }
    ways |= {
        f"batches of {n}": partial(relax_in_batches, mace=mace, settings=settings, batch_atoms=n)
        for n in batches
    }
    native = make_calculator(fastest(POTENTIAL)[0])
    ways["native code"] = lambda some: [relax(atoms, native, settings) for atoms in some]
    seconds, results = _alternating(ways, frames, repeats)
    rows = []
    for batch in list(ways)[1:]:
        both = (results["ase"], results[batch])
        calls = [np.mean([1 + result.steps for result in way]) for way in both]
        left_out = [sum(not result.converged for result in way) for way in both]
        apart = [
            abs(one.energy_eV - other.energy_eV) / len(one.atoms)
            for one, other in zip(*both, strict=True)
            if one.converged and other.converged
        ]
        each = [seconds[way] / len(frames) for way in ("ase", batch)]
        rows.append(
            f"| {len(frames[0])} | {len(frames)} | {batch} | {each[0]:.2f} | {each[1]:.2f} | "
            f"{each[0] / each[1]:.1f} | {60 / each[1]:.0f} | {calls[0]:.0f} | {calls[1]:.0f} | "
            f"{left_out[0]} | {left_out[1]} | {1000 * max(apart, default=np.nan):.2f} |"
        )
    return rows


def force_calls(
    frames: Sequence[Atoms], potential: str, batches: Sequence[int], repeats: int
) -> list[str]:
    """Rows of the second table: energy, forces and stress once per frame."""
    model = BatchedMace(_mace(potential), stress=True)
    calculator = make_calculator(potential, dtype="float32")

    def one_by_one(some: Sequence[Atoms]) -> None:
        for _ in range(ROUNDS):
            for atoms in some:
                calculator.calculate(atoms)

    def batched(some: Sequence[Atoms], n_atoms: int) -> None:
        size = n_atoms // len(some[0])
        parts = [list(some[first : first + size]) for first in range(0, len(some), size)]
        with kept_memory():  # as in relax_in_batches
            for part in parts * ROUNDS:
                model(model.state(part))

    ways: dict[str, Callable[[Sequence[Atoms]], None]] = {"ase": one_by_one}
    ways |= {str(n): partial(batched, n_atoms=n) for n in batches}
    seconds, _ = _alternating(ways, frames, repeats)
    each_ms = {way: 1000 * s / len(frames) / ROUNDS for way, s in seconds.items()}
    return [
        f"| {len(frames[0])} | {n} | {each_ms['ase']:.1f} | {each_ms[str(n)]:.1f} | "
        f"{each_ms['ase'] / each_ms[str(n)]:.1f} |"
        for n in batches
    ]


def _alternating(
    ways: dict[str, Callable[[Sequence[Atoms]], Any]], frames: Sequence[Atoms], repeats: int
) -> tuple[dict[str, float], dict[str, Any]]:
    """Median CPU seconds and the results of every way."""
    warm_up = frames[: 200 // len(frames[0])]
    for way in ways.values():
        for _ in range(2):
            way(warm_up)
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    results: dict[str, Any] = {}
    for _ in range(repeats):
        for name, way in ways.items():
            started = time.process_time()
            results[name] = way(frames)
            seconds[name].append(time.process_time() - started)
    return {name: statistics.median(several) for name, several in seconds.items()}, results


def _mace(potential: str) -> LoadedMace:
    return load_mace(find_potential(potential), dtype="float32")


def _of_known_elements(atoms: Atoms) -> Atoms:
    """The same with Y as In and Br as Cl, which the random models know."""
    known = atoms.copy()
    known.symbols[known.symbols == "Y"] = "In"
    known.symbols[known.symbols == "Br"] = "Cl"
    return known


def _numbers(text: str) -> list[int]:
    return [int(word) for word in text.split(",")]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--structures", type=int, default=32)
    parser.add_argument(
        "--sizes", type=_numbers, default=[20, 40], help="Numbers of atoms, multiples of 20."
    )
    parser.add_argument("--batch-atoms", type=_numbers, default=[200])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--calls", action="store_true", help="Measure only the second table.")
    parser.add_argument("--fmax", type=float, default=0.05, help="Force limit in eV/Å.")
    return parser


def versions() -> str:
    """The machine and what runs on it, in a line."""
    names = ("torch", "torch-sim-atomistic", "mace-torch", "ase")
    listed = ", ".join(f"{name} {metadata.version(name)}" for name in names)
    return f"{os.cpu_count()} cores, {os.environ.get('OMP_NUM_THREADS', 'all')} thread; {listed}."


if __name__ == "__main__":
    main()
