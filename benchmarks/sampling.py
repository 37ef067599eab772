"""Sampling of ten orderings of 40 atoms, with native code and in batches, against ASE's Langevin.

    python benchmarks/sampling.py                        # some ten minutes on two free cores
    python benchmarks/sampling.py --steps 20 --repeats 1

Orderings of Li3In0.5Y0.5Br3Cl3 with the shipped potential mace-sse-small (float32) at 800 K. All
ways get the same: one process of one thread, one process of two threads, or two processes of one
thread with half of the orderings each. The repeats of the ways alternate in the same processes;
the table gives medians, per ordering and time step, without imports, loading and the first calls.
CPU seconds do not count a busy machine, wall seconds do.
"""

import argparse
import os
import statistics
from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing import get_context
from typing import Any

from ase import Atoms, units
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
from numpy.random import default_rng
from relaxations import POTENTIAL, orderings, versions

TEMPERATURE_K = 800.0
FRICTION_PER_PS = 10.0
PLACES = {"one thread": (1, 1), "two threads": (1, 2), "two processes": (2, 1)}
WARM_UP_STEPS = 10
WAYS = ("ase", "in batches", "native")


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--structures", type=int, default=10)
    parser.add_argument("--atoms", type=int, default=40, help="Number of atoms, a multiple of 20.")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    frames = orderings(arguments.atoms, arguments.structures)
    print(versions(), f"{len(frames)} orderings of {arguments.atoms} atoms.\n")
    print(
        "| | CPU ms per ordering and step, ASE | in batches | native | wall ms, ASE | "
        "in batches | native | in batches over native |\n|---|---:|---:|---:|---:|---:|---:|---:|"
    )
    for name, (workers, threads) in PLACES.items():
        parts = [frames[worker::workers] for worker in range(workers)]
        times = measured(parts, threads, steps=arguments.steps, repeats=arguments.repeats)
        per_step_ms = 1000 / (len(frames) * arguments.steps)
        cells = []
        for clock in ("cpu", "wall"):
            # The slower process is waited for; of CPU seconds all count.
            combine = sum if clock == "cpu" else max
            found = [
                statistics.median(combine(each[way, clock]) for each in times) * per_step_ms
                for way in WAYS
            ]
            cells += [f"{ms:.2f}" for ms in found]
        cells.append(f"{found[1] / found[2]:.1f}")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def measured(
    parts: Sequence[Sequence[Atoms]], threads: int, *, steps: int, repeats: int
) -> list[dict[tuple[str, str], list[float]]]:
    """Of every repeat, (way, clock) -> seconds of every process."""
    os.environ["OMP_NUM_THREADS"] = str(threads)
    context = get_context("spawn")
    barrier, queue = context.Barrier(len(parts)), context.SimpleQueue()
    processes = [
        context.Process(target=_work, args=(part, steps, repeats, barrier, queue)) for part in parts
    ]
    for process in processes:
        process.start()
    found = [queue.get() for _ in processes]
    for process in processes:
        process.join()
    return [
        {key: [one[repeat][key] for one in found] for key in found[0][repeat]}
        for repeat in range(repeats)
    ]


def _work(frames: Sequence[Atoms], steps: int, repeats: int, barrier: Any, queue: Any) -> None:
    """One process: all ways in turn, in step with the other processes."""
    import time

    ways = _ways()
    for way in ways.values():
        way(frames, WARM_UP_STEPS)
    results = []
    for _ in range(repeats):
        seconds = {}
        for name, way in ways.items():
            barrier.wait()
            wall, cpu = time.perf_counter(), time.process_time()
            way(frames, steps)
            seconds[name, "wall"] = time.perf_counter() - wall
            seconds[name, "cpu"] = time.process_time() - cpu
        results.append(seconds)
    queue.put(results)


def _ways() -> dict[str, Callable[[Sequence[Atoms], int], None]]:
    from mlipsse.dataset.sampling.dynamics import sample_together
    from mlipsse.dataset.sampling.run import SamplingRun
    from mlipsse.dataset.sampling.settings import SamplingSettings
    from mlipsse.energetics.potentials.calculators import make_calculator
    from mlipsse.energetics.relaxation.evaluators import Evaluator, make_evaluator
    from mlipsse.potential.native.copy import fastest

    calculator = make_calculator(POTENTIAL)
    species = {"Li", "In", "Y", "Br", "Cl"}
    batches = make_evaluator(POTENTIAL, species)
    native = make_evaluator(fastest(POTENTIAL)[0], species)

    def ase(frames: Sequence[Atoms], steps: int) -> None:
        for seed, frame in enumerate(frames):
            atoms, rng = frame.copy(), default_rng(seed)
            atoms.calc = calculator
            MaxwellBoltzmannDistribution(atoms, temperature_K=TEMPERATURE_K, rng=rng)
            friction = FRICTION_PER_PS / (1e3 * units.fs)
            Langevin(
                atoms,
                units.fs,
                temperature_K=TEMPERATURE_K,
                friction=friction,
                fixcm=False,
                rng=rng,
            ).run(steps)

    def together(frames: Sequence[Atoms], steps: int, evaluator: Evaluator) -> None:
        settings = SamplingSettings(
            temperature_K=TEMPERATURE_K,
            duration_ps=steps / 1e3,
            equilibration_ps=0.0,
            n_frames=1,
            friction_per_ps=FRICTION_PER_PS,
        )
        runs = [SamplingRun(frame, settings, seed, "Li") for seed, frame in enumerate(frames)]
        for one in sample_together(runs, evaluator):
            if one.stopped:
                raise SystemExit(f"A trajectory {one.stopped}: its time does not count.")

    own = (partial(together, evaluator=evaluator) for evaluator in (batches, native))
    return dict(zip(WAYS, (ase, *own), strict=True))


if __name__ == "__main__":
    main()
