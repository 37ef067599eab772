"""Production MD around LAMMPS: rendering, status, and what a driver adds to the runs.

    python benchmarks/production.py                      # three minutes on two free cores
    python benchmarks/production.py --runs 100 --seconds 10

Renders folders of 160 atoms and asks for their state, as they are and with logs of half a
nanosecond in them; then runs decks of Lennard-Jones forces, plain `lmp` beside a campaign's units
on two workers, each way alternating. The extra time of a unit over plain LAMMPS is reported as a
share of ten minutes; the start of Parsl, once per campaign, apart from it.
"""

import argparse
import resource
import shutil
import tempfile
import time
from pathlib import Path

from ase.build import bulk
from relaxations import versions

from mlipsse import lammps
from mlipsse.campaign.config.execution import ExecutionConfig
from mlipsse.campaign.engine.execution import Execution, Unit
from mlipsse.campaign.stages.simulate.until import run_until
from mlipsse.md.files.folder import render_folder
from mlipsse.md.files.record import OUTCOME_FILE, RunSubject, record_of
from mlipsse.md.plan.protocol import Protocol
from mlipsse.md.watch.state import run_state

LENNARD_JONES = (
    "pair_style lj/cut 5.0",
    "pair_coeff 1 1 0.02 3.6",
    "pair_coeff 1 2 0.4 2.3",
    "pair_coeff 2 2 0.02 2.9",
    "pair_modify shift yes",
)
TEN_MINUTES_S = 600.0
STEPS_PER_S = 15_000
"""Of the small crystal, about: only how long the decks are depends on it."""


def render(folder: Path, *, cells: tuple[int, int, int], production_ps: float, seed: int) -> Path:
    """One run of rock salt."""
    atoms = bulk("LiCl", "rocksalt", a=5.13, cubic=True).repeat(cells)
    protocol = Protocol(
        temperature_K=300, equilibration_ps=10, production_ps=production_ps, seed=seed
    )
    subject = RunSubject(
        formula="LiCl",
        composition="LiCl",
        ordering=f"o{seed}",
        replica=0,
        mobile="Li",
        mobile_charge_e=1,
    )
    record = record_of(atoms, subject, protocol)
    render_folder(folder, atoms, record, pair_commands=LENNARD_JONES)
    return folder


def folders_and_status(count: int, folder: Path) -> None:
    """Time rendering and status of `count` folders."""
    started = time.perf_counter()
    runs = [
        render(folder / f"r{n}", cells=(2, 2, 5), production_ps=500, seed=n + 1)
        for n in range(count)
    ]
    print(f"| render {count} folders of 160 atoms | {time.perf_counter() - started:.1f} s |")
    for what in ("queued", "with logs of 5,000 lines"):
        if what != "queued":
            log = _long_log(folder / "log", runs[0])
            for run in runs:
                shutil.copy(log, run / "log.0.lammps")
        started = time.perf_counter()
        for run in runs:
            run_state(run)
        print(f"| status of {count} runs, {what} | {time.perf_counter() - started:.2f} s |")


def _long_log(folder: Path, run: Path) -> Path:
    shutil.copytree(run, folder)
    deck = folder / "in.lammps"
    text = deck.read_text().replace("thermo          100", "thermo          2")
    deck.write_text(text.replace("last_frame  equal 510000", "last_frame  equal 10000"))
    lammps.run(["-log", "none", "-in", "in.lammps"], folder=folder)
    return folder / "log.0.lammps"


def driver(seconds: float, folder: Path) -> None:
    """Time plain LAMMPS, two at a time, and the same runs as units of a campaign."""
    production_ps = round(seconds * STEPS_PER_S / 1000 / 5) * 5.0
    plain = [
        render(folder / f"plain{n}", cells=(2, 2, 2), production_ps=production_ps, seed=n + 1)
        for n in range(4)
    ]
    units = [
        render(folder / f"unit{n}", cells=(2, 2, 2), production_ps=production_ps, seed=n + 1)
        for n in range(4)
    ]
    with Execution(ExecutionConfig(workers=2), folder) as execution:
        started = time.perf_counter()
        execution.run([Unit(f"first{n}", folder / f"first{n}", touch) for n in range(2)])
        print(f"| Parsl's start, once | {time.perf_counter() - started:.1f} s |")
        plain_s, units_s = 0.0, 0.0
        own_s = -_cpu_s()
        for pair in (0, 2):
            plain_s += _plain(plain[pair : pair + 2])
            started = time.perf_counter()
            execution.run(
                [
                    Unit(run.name, run / OUTCOME_FILE, run_until, {"threads": 1, "rule": None})
                    for run in units[pair : pair + 2]
                ]
            )
            units_s += time.perf_counter() - started
        own_s += _cpu_s()
    longer_s = (units_s - plain_s) / 2
    print(f"| four runs, two at a time, plain lmp | {plain_s:.1f} s |")
    print(f"| the same as units of a campaign | {units_s:.1f} s |")
    print(f"| longer per run, as a share of ten minutes | {longer_s / TEN_MINUTES_S:.2%} |")
    print(f"| CPU of the driver while they run | {own_s / units_s:.1%} of a core |")


def touch(output: Path) -> None:
    """Unit of work: nothing."""
    output.touch()


def _plain(runs: list[Path]) -> float:
    started = time.perf_counter()
    children = [lammps.start(["-log", "none", "-in", "in.lammps"], folder=run) for run in runs]
    for child in children:
        child.wait()
    return time.perf_counter() - started


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument(
        "--seconds", type=float, default=30.0, help="Approximate length of a LAMMPS run in seconds."
    )
    arguments = parser.parse_args()
    print("| | |\n|---|---:|")
    with tempfile.TemporaryDirectory() as temporary:
        folders_and_status(arguments.runs, Path(temporary) / "many")
        driver(arguments.seconds, Path(temporary) / "few")
    print(versions())


if __name__ == "__main__":
    main()
