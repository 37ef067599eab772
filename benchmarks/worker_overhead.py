"""What a calculator costs in another process: a plain pipe against ASE's i-PI socket, side by side.

    python benchmarks/worker_overhead.py [--calls 300]

The calculator is ASE's Lennard-Jones with its neighbours cut off after one shell, so that hardly
anything but the way there and back is timed. Each call has new positions, and asks for energy,
forces and stress. Printed are medians of wall time per call, less the same calculator in this
process.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import yaml
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import Calculator
from ase.calculators.lj import LennardJones
from ase.calculators.socketio import SocketIOCalculator

from mlipsse.energetics.potentials.calculators import make_calculator

ARGUMENTS = {"sigma": 2.3, "epsilon": 0.4, "rc": 2.9}
CLIENT = """
import sys
from ase.calculators.lj import LennardJones
from ase.calculators.socketio import SocketClient
from ase.io import read
atoms = read(sys.argv[1])
atoms.calc = LennardJones(sigma=2.3, epsilon=0.4, rc=2.9)
SocketClient(unixsocket=sys.argv[2]).run(atoms, use_stress=True)
"""


def crystal(n_atoms: int) -> Atoms:
    """Copper, repeated to a number of atoms."""
    cell = bulk("Cu", cubic=True, a=3.6)
    return cell.repeat((n_atoms // len(cell), 1, 1))


def time_calls(calculator: Calculator, atoms: Atoms, calls: int) -> float:
    """Median wall time of a call in ms."""
    rng = np.random.default_rng(1)
    work = atoms.copy()
    times_s = []
    for _ in range(calls):
        work.positions = atoms.positions + rng.normal(0, 0.01, atoms.positions.shape)
        begun = time.perf_counter()
        calculator.calculate(work, ["energy", "forces", "stress"], ["positions"])
        times_s.append(time.perf_counter() - begun)
    return 1e3 * statistics.median(times_s[calls // 10 :])


def through_pipe(folder: Path) -> Calculator:
    """The calculator by way of mlipsse's worker."""
    path = folder / "lj.yaml"
    content = {
        "python": sys.executable,
        "calculator": "ase.calculators.lj:LennardJones",
        "arguments": ARGUMENTS,
        "functional": "none",
    }
    path.write_text(yaml.safe_dump(content))
    return make_calculator(str(path))


def through_socket(folder: Path, atoms: Atoms, time_it: Callable[[Calculator], float]) -> float:
    """The time by way of ASE's i-PI client at a Unix socket."""
    start = folder / f"{len(atoms)}.extxyz"
    atoms.write(start)
    name = f"mlipsse-{len(atoms)}-{folder.name}"
    with SocketIOCalculator(unixsocket=name) as server:
        server.atoms = atoms
        client = subprocess.Popen([sys.executable, "-c", CLIENT, str(start), name])
        taken_ms = time_it(server)
    client.wait()
    return taken_ms


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=300)
    calls = parser.parse_args().calls
    print("| atoms | in this process, ms | pipe adds, ms | i-PI socket adds, ms |")
    print("|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        pipe = through_pipe(Path(name))
        for n_atoms in (20, 160):
            atoms = crystal(n_atoms)
            here_ms = time_calls(LennardJones(**ARGUMENTS), atoms, calls)
            pipe_ms = time_calls(pipe, atoms, calls) - here_ms
            socket_ms = (
                through_socket(Path(name), atoms, lambda one, a=atoms: time_calls(one, a, calls))
                - here_ms
            )
            print(f"| {n_atoms} | {here_ms:.2f} | {pipe_ms:.2f} | {socket_ms:.2f} |")


if __name__ == "__main__":
    main()
