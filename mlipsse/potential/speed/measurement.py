"""One measurement: a potential's file in one program, one size, a process of its own.

Allocators, thread pools and compiled kernels of one backend then cannot help or hurt another, and
the peak memory is that of this backend alone.
"""

import json
import math
import os
import re
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Literal, get_args

from ase import Atoms
from ase.io.lammpsdata import write_lammps_data
from ase.io.trajectory import TrajectoryWriter

from mlipsse import lammps
from mlipsse.errors import MlipsseError
from mlipsse.potential.export.target import Device, Dtype
from mlipsse.potential.lammps.plugin import build_plugin
from mlipsse.potential.speed.ase_dynamics import Job, Timing
from mlipsse.processes import start_child, stop_group

Backend = Literal["ase", "upstream", "torchscript", "aotinductor", "native"]

BACKENDS: tuple[Backend, ...] = get_args(Backend)
TIMESTEP_FS = 1.0
TEMPERATURE_K = 800.0
WARM_UP_STEPS = 5
"""TorchScript compiles within the first calls; afterwards a step costs what the next one does."""

_SEED = 20250722
_POLL_S = 0.05
_LOOP = re.compile(r"^Loop time of (\S+) on \d+ procs for (\d+) steps", re.MULTILINE)
_PAIR = re.compile(r"^Pair +\| +\S+ +\| +(\S+) ", re.MULTILINE)
_PROFILE = re.compile(
    r"^MACE profile: steps (\d+), model (\S+) s, total (\S+) s, slowest after the second (\S+) s, "
    r"memory (\d+) bytes",
    re.MULTILINE,
)

# Neighbours are listed again every `rebuild` steps, moved or not: more often than dynamics asks
# for, so that short runs pay for what long ones pay.
_DECK = """\
units metal
atom_style atomic
atom_modify map yes
newton on
box tilt large
read_data cell.data
plugin load "{plugin}"
pair_style mace device {device}
pair_coeff * * "{file}" {elements}
velocity all create {temperature_K} {seed} mom yes rot no dist gaussian
fix integrate all nve
timestep {timestep_ps}
neigh_modify every {rebuild} delay 0 check no
thermo {steps}
run {warm_up}
run {steps}
"""


@dataclass(frozen=True)
class Contender:
    """One file of a potential, and what runs it.

    Attributes
    ----------
    backend : `ase`; or in LAMMPS `upstream` (what `mace_create_lammps_model` wrote, with glibc's
        own memory thresholds, as upstream's users have them), `torchscript`, `aotinductor`,
        `native`
    file : a `.model` file for `ase` (loading it runs pickle code), else what `pair_coeff` takes
    head, dtype, device : of the potential in that file
    """

    backend: Backend
    file: Path
    head: str
    dtype: Dtype
    device: Device = "cpu"


@dataclass(frozen=True)
class BenchmarkRow:
    """What one step of molecular dynamics costs.

    Attributes
    ----------
    backend, dtype : see `Contender`
    atoms : in the cell
    threads : OMP_NUM_THREADS of the process
    ms_per_step : wall time, ms
    us_per_atom_step : wall time over atoms, µs
    ns_per_day : with 1 fs steps
    peak_memory_MB : largest resident memory of the process on the host, 1e6 bytes
    outside_model_fraction : share of the step that is not spent in the model: neighbours, copies,
        assembly of forces, integration
    waited_fraction : share of the measured time that the process was ready to run and got no core;
        the times are too long by it: above some per cent, the machine was busy with other things
    slowest_step_ratio : longest call of the pair style after the second, over the mean step: above
        some, a step stalled, e.g. to compile for another number of edges; None for `ase`
    memory_kB_per_atom : what the engine keeps between steps, its weights aside, over the atoms,
        1e3 bytes; of native code, None for the others
    """

    backend: Backend
    dtype: Dtype
    atoms: int
    threads: int
    ms_per_step: float
    us_per_atom_step: float
    ns_per_day: float
    peak_memory_MB: float
    outside_model_fraction: float
    waited_fraction: float
    slowest_step_ratio: float | None = None
    memory_kB_per_atom: float | None = None


@dataclass(frozen=True)
class _Watch:
    """What was seen of a process until it ended.

    Attributes
    ----------
    peak_memory_MB : largest resident memory, 1e6 bytes
    waits : now and then, the time and for how long the process had waited for a core until then, s
    """

    peak_memory_MB: float
    waits: Sequence[tuple[float, float]]

    def waited_fraction(self, last_s: float) -> float:
        """Share of the last `last_s` seconds that it waited."""
        end, waited = self.waits[-1]
        then, before = next(seen for seen in self.waits if seen[0] >= end - last_s)
        return (waited - before) / (end - then) if end > then else 0.0


def measure(
    contender: Contender,
    frame: Atoms,
    *,
    threads: int = 1,
    steps: int | None = None,
    warm_up: int = WARM_UP_STEPS,
    plugin: Path | None = None,
) -> BenchmarkRow:
    """Run constant-energy dynamics from `frame` in a process of its own, and time it.

    Parameters
    ----------
    contender : file and backend
    frame : periodic in three directions, of elements the potential knows
    threads : OMP_NUM_THREADS of the process
    steps : measured steps; by the size when not given
    warm_up : steps before them
    plugin : pair style for LAMMPS; the one `build_plugin` gives when not named

    Raises
    ------
    MlipsseError
        when a number is below 1 or the process fails, in its own words.
    """
    steps = _steps_for(len(frame)) if steps is None else steps
    for what, number in (("threads", threads), ("steps", steps), ("warm_up", warm_up)):
        at_least_one(what, number)
    with tempfile.TemporaryDirectory(prefix="mlipsse-benchmark-") as temporary:
        folder = Path(temporary)
        if contender.backend == "ase":
            timing, watch = _in_ase(
                contender, frame, folder=folder, threads=threads, steps=steps, warm_up=warm_up
            )
        else:
            timing, watch = _in_lammps(
                contender,
                frame,
                folder=folder,
                threads=threads,
                steps=steps,
                warm_up=warm_up,
                plugin=plugin or build_plugin(),
            )
    ms = 1e3 * timing.loop_s / timing.steps
    return BenchmarkRow(
        backend=contender.backend,
        dtype=contender.dtype,
        atoms=len(frame),
        threads=threads,
        ms_per_step=ms,
        us_per_atom_step=1e3 * ms / len(frame),
        ns_per_day=86.4 * TIMESTEP_FS / ms,
        peak_memory_MB=watch.peak_memory_MB,
        outside_model_fraction=1.0 - timing.model_s / timing.loop_s,
        waited_fraction=watch.waited_fraction(timing.loop_s),
        slowest_step_ratio=timing.slowest_s and 1e3 * timing.slowest_s / ms,
        memory_kB_per_atom=timing.kept_bytes and timing.kept_bytes / len(frame) / 1e3,
    )


def median_row(rows: Sequence[BenchmarkRow]) -> BenchmarkRow:
    """Medians over repeats of one measurement; of memory and slowest step, the largest.

    Raises
    ------
    ValueError
        when the rows are not of one backend, dtype, size and number of threads.
    """
    kinds = {(row.backend, row.dtype, row.atoms, row.threads) for row in rows}
    if len(kinds) != 1:
        raise ValueError(f"medians are taken over repeats of one measurement, not of {kinds}")
    backend, dtype, atoms, threads = kinds.pop()
    ms = median(row.ms_per_step for row in rows)
    return BenchmarkRow(
        backend=backend,
        dtype=dtype,
        atoms=atoms,
        threads=threads,
        ms_per_step=ms,
        us_per_atom_step=1e3 * ms / atoms,
        ns_per_day=86.4 * TIMESTEP_FS / ms,
        peak_memory_MB=max(row.peak_memory_MB for row in rows),
        outside_model_fraction=median(row.outside_model_fraction for row in rows),
        waited_fraction=median(row.waited_fraction for row in rows),
        slowest_step_ratio=max(
            (row.slowest_step_ratio for row in rows if row.slowest_step_ratio), default=None
        ),
        memory_kB_per_atom=max(
            (row.memory_kB_per_atom for row in rows if row.memory_kB_per_atom), default=None
        ),
    )


def _in_lammps(
    contender: Contender,
    frame: Atoms,
    *,
    folder: Path,
    threads: int,
    steps: int,
    warm_up: int,
    plugin: Path,
) -> tuple[Timing, _Watch]:
    elements = sorted(set(frame.get_chemical_symbols()))
    write_lammps_data(
        folder / "cell.data",
        frame,
        specorder=elements,
        reduce_cell=True,  # tilts below half an edge, and atoms inside
        force_skew=True,
        masses=True,
        units="metal",
        atom_style="atomic",
    )
    deck = _DECK.format(
        plugin=plugin.resolve(),
        device=contender.device,
        file=contender.file.resolve(),
        elements=" ".join(elements),
        temperature_K=TEMPERATURE_K,
        seed=_SEED,
        timestep_ps=1e-3 * TIMESTEP_FS,
        rebuild=min(10, steps),
        warm_up=warm_up,
        steps=steps,
    )
    (folder / "deck.lmp").write_text(deck, encoding="utf-8")
    allocator = "default" if contender.backend == "upstream" else "tuned"
    screen = folder / lammps.SCREEN_FILE
    status, watch = _watched(
        [lammps.find_lammps().binary, "-in", "deck.lmp", "-log", "none"],
        folder=folder,
        environment=lammps.environment(threads)
        | {"MLIPSSE_PROFILE": "1", "MLIPSSE_ALLOCATOR": allocator},
        screen=screen,
    )
    if status != 0:
        raise MlipsseError(
            f"LAMMPS stopped in the benchmark of {contender.backend} with {len(frame)} atoms: "
            f"{lammps.failure(screen, status=status)}"
        )
    return _lammps_timing(screen.read_text(errors="replace"), steps=steps), watch


def _lammps_timing(screen: str, *, steps: int) -> Timing:
    """Loop time of the last run, and its share in the model, from what LAMMPS printed."""
    loops, pairs = _LOOP.findall(screen), _PAIR.findall(screen)
    profile = _PROFILE.findall(screen)
    if not (loops and pairs and profile) or int(loops[-1][1]) != steps:
        raise MlipsseError(
            f"LAMMPS ended without the times of {steps} steps or without the profile of the pair "
            "style. Build the pair style again: mlipsse potential build --rebuild."
        )
    # The profile holds the warm-up too, when models are compiled: of it, only the time outside of
    # the model is taken, which is the same in every step.
    counted, model_s, total_s, slowest_s, kept = (float(number) for number in profile[-1])
    outside_in_pair_s = steps * (total_s - model_s) / counted
    in_model_s = float(pairs[-1]) - outside_in_pair_s
    return Timing(steps, float(loops[-1][0]), in_model_s, slowest_s, kept or None)


def _in_ase(
    contender: Contender, frame: Atoms, *, folder: Path, threads: int, steps: int, warm_up: int
) -> tuple[Timing, _Watch]:
    with TrajectoryWriter(folder / "cell.traj") as trajectory:
        trajectory.write(frame)
    job = Job(
        model=str(contender.file.resolve()),
        head=contender.head,
        dtype=contender.dtype,
        device=contender.device,
        structure="cell.traj",
        temperature_K=TEMPERATURE_K,
        timestep_fs=TIMESTEP_FS,
        warm_up=warm_up,
        steps=steps,
        seed=_SEED,
        result="timing.json",
    )
    (folder / "job.json").write_text(json.dumps(asdict(job)), encoding="utf-8")
    screen = folder / "ase.out"
    status, watch = _watched(
        [sys.executable, "-m", "mlipsse.potential.speed.ase_dynamics", "job.json"],
        folder=folder,
        environment=os.environ | {"OMP_NUM_THREADS": str(threads)},
        screen=screen,
    )
    if status != 0:
        raise MlipsseError(
            f"ASE stopped in the benchmark with {len(frame)} atoms: "
            f"{lammps.failure(screen, status=status)}"
        )
    return Timing(**json.loads((folder / "timing.json").read_text(encoding="utf-8"))), watch


def _watched(
    argv: Sequence[str | Path], *, folder: Path, environment: Mapping[str, str], screen: Path
) -> tuple[int, _Watch]:
    """Run `argv` to its end; its exit status and what was seen of it."""
    own_kB = _status_kB("self", "VmRSS")
    with screen.open("wb") as output:
        child = start_child(argv, folder=folder, environment=environment, output=output)
    try:
        peak_kB, waits = 0, [(time.perf_counter(), 0.0)]
        while True:
            peak_kB = max(peak_kB, _status_kB(str(child.pid), "VmHWM"))
            waits.append((time.perf_counter(), max(waits[-1][1], _waited_s(child.pid))))
            pid, status, usage = os.wait4(child.pid, os.WNOHANG)
            if pid:
                break
            time.sleep(_POLL_S)
    except BaseException:
        stop_group(child)
        raise
    child.returncode = os.waitstatus_to_exitcode(status)  # Popen did not see it end
    # The kernel's own account is exact, but begins with the memory that a fork shares with us: it
    # states nothing about a child that stays smaller than we are.
    if usage.ru_maxrss > 1.05 * own_kB:
        peak_kB = usage.ru_maxrss
    return child.returncode, _Watch(peak_kB * 1024 / 1e6, waits)


def _waited_s(process: int) -> float:
    """Time its main thread was ready and had no core; 0 where the kernel keeps no count."""
    try:
        return int(Path(f"/proc/{process}/schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError):
        return 0.0


def _status_kB(process: str, field: str) -> int:
    """A size from /proc/PROCESS/status; 0 of a process that has ended."""
    try:
        text = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    found = re.search(rf"^{field}:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) if found else 0


def _steps_for(n_atoms: int) -> int:
    """Steps whose noise is some per cent, in a time one waits for: 50 at 160 atoms, 5 at 1600."""
    return max(5, min(50, math.ceil(8000 / n_atoms)))


def at_least_one(what: str, number: int) -> None:
    """Refuse a number below 1 with a sentence."""
    if number < 1:
        raise MlipsseError(f"The benchmark got {what} = {number}; it must be 1 or more.")
