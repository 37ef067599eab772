"""Molecular dynamics of a MACE model in Python: the loop that people write with ASE, timed.

`python -m mlipsse.potential.speed.ase_dynamics JOB.json` runs one job (see `Job`) in a process of
its own, as its user would, and writes what it took to the job's `result` (see `Timing`).
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from mlipsse.energetics.potentials.mace_model import head_names, load_mace_model
from mlipsse.errors import MlipsseError


@dataclass(frozen=True)
class Job:
    """One run of ASE's velocity Verlet with MACECalculator.

    Attributes
    ----------
    model, head : `.model` file (loading it runs pickle code) and the head that is asked
    dtype, device : `float32` or `float64`; `cpu` or `cuda`
    structure : ASE trajectory file of one frame
    temperature_K : of the first velocities, K
    timestep_fs : fs
    warm_up, steps : steps before the clock starts, and those it measures
    seed : of the velocities
    result : JSON file to write
    """

    model: str
    head: str
    dtype: str
    device: str
    structure: str
    temperature_K: float
    timestep_fs: float
    warm_up: int
    steps: int
    seed: int
    result: str


@dataclass(frozen=True)
class Timing:
    """Wall time of the measured steps.

    Attributes
    ----------
    steps : their number
    loop_s : of all
    model_s : inside the model (energy, forces)
    slowest_s : longest call after the second, warm-up included; None where it is not known
    kept_bytes : what the engine keeps between steps, its weights aside; None where it is not known
    """

    steps: int
    loop_s: float
    model_s: float
    slowest_s: float | None = None
    kept_bytes: float | None = None


def run(job: Job) -> Timing:
    """Run `job` in this process.

    Raises
    ------
    MlipsseError
        when the model cannot be loaded or has no such head.
    """
    loaded = load_mace_model(Path(job.model), device=job.device)
    if job.head not in head_names(loaded):
        raise MlipsseError(
            f"{job.model} has no head {job.head}; it has {', '.join(head_names(loaded))}."
        )
    import numpy as np
    import torch
    from ase import units
    from ase.io.trajectory import Trajectory
    from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
    from ase.md.verlet import VelocityVerlet
    from mace.calculators import MACECalculator

    with Trajectory(job.structure) as trajectory:
        atoms = trajectory[0]
    atoms.calc = MACECalculator(
        models=[loaded], head=job.head, default_dtype=job.dtype, device=job.device
    )
    clock = _ModelClock(synchronise=torch.cuda.synchronize if job.device == "cuda" else None)
    loaded.register_forward_pre_hook(clock.begin)
    loaded.register_forward_hook(clock.end)

    rng = np.random.default_rng(job.seed)
    MaxwellBoltzmannDistribution(atoms, temperature_K=job.temperature_K, rng=rng)
    dynamics = VelocityVerlet(atoms, timestep=job.timestep_fs * units.fs)
    dynamics.run(job.warm_up)
    clock.seconds = 0.0
    begin = time.perf_counter()
    dynamics.run(job.steps)
    return Timing(job.steps, time.perf_counter() - begin, clock.seconds)


class _ModelClock:
    """Adds up the time inside a torch module, as its forward hooks."""

    def __init__(self, *, synchronise: Callable[[], None] | None) -> None:
        self.seconds = 0.0
        self._synchronise = synchronise
        self._begun = 0.0

    def begin(self, *_: object) -> None:
        self._begun = self._now()

    def end(self, *_: object) -> None:
        self.seconds += self._now() - self._begun

    def _now(self) -> float:
        if self._synchronise is not None:
            self._synchronise()
        return time.perf_counter()


def main(job_file: Path) -> int:
    """Run the job in a file; exit status 2 and a sentence when its user got something wrong."""
    job = Job(**json.loads(job_file.read_text(encoding="utf-8")))
    try:
        timing = run(job)
    except MlipsseError as error:
        print(f"ERROR: {error}")
        return 2
    Path(job.result).write_text(json.dumps(asdict(timing)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
