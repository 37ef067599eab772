"""Frames from molecular dynamics at temperature, of one structure or of many at once.

torch-sim's own Langevin integrator (0.3.0) is not used: it draws its noise from torch's global
stream, which its seed does not set, so that a trajectory depends on its company; without a seed
all runs start from the same velocities; it wraps positions, so that the drift of a framework cannot
be distinguished from its melting. Its batches and MACE are used
(`mlipsse.energetics.relaxation.batched_evaluation`).
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ase import Atoms
from ase.calculators.calculator import Calculator

from mlipsse.dataset.sampling import checkpoint
from mlipsse.dataset.sampling.run import SampledTrajectory, SamplingRun
from mlipsse.dataset.sampling.settings import SamplingSettings
from mlipsse.dataset.sampling.trajectory import Trajectory
from mlipsse.energetics.memory import kept_memory
from mlipsse.energetics.relaxation.evaluators import Evaluator, OneByOne

SAVE_EVERY_S = 30.0


def sample(
    atoms: Atoms,
    calculator: Calculator,
    settings: SamplingSettings,
    *,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> SampledTrajectory:
    """Run NVT dynamics of one structure with an ASE calculator and draw frames.

    Parameters
    ----------
    atoms, settings, seed : see `SamplingRun`; the same seed gives the same frames where the
        calculator gives the same forces (one thread)
    progress : called with (steps done, steps in all) after every hundredth of the run

    Returns
    -------
    SampledTrajectory
        see `sample_together`.
    """
    run = SamplingRun(atoms, settings, seed)
    (trajectory,) = sample_together([run], OneByOne(calculator), progress=progress)
    return trajectory


def sample_together(
    runs: Sequence[SamplingRun],
    evaluator: Evaluator,
    *,
    keep: Path | None = None,
    save_every_s: float = SAVE_EVERY_S,
    ended: Callable[[int, SampledTrajectory], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[SampledTrajectory]:
    """Run NVT dynamics of several structures side by side and draw frames after equilibration.

    Structures, temperatures and lengths may differ. The steps at which frames are taken are drawn
    beforehand, so nothing else is stored. What a trajectory comes to depends on the others by
    rounding alone.

    Parameters
    ----------
    evaluator : of `mlipsse.energetics.relaxation.evaluators.make_evaluator`
    keep : file in which all is kept every `save_every_s` seconds, and from which a call with the
        same runs goes on, with one thread to the last bit as if it had not been cut off
    ended : called with (index, trajectory) when one has ended and is kept; after an interruption
        once more of those that ended before
    progress : called with (steps done, steps in all) after every hundredth of the longest run

    Returns
    -------
    list of SampledTrajectory
        in the order of `runs`; cut short, with the reason, when a run heats beyond
        `max_temperature_factor`, its framework melts (`stop_when_melted`), atoms come closer than
        atoms can (`unphysical_contact`), or the potential fails or gives numbers that are not
        finite. The frames from before are kept, and the others go on.

    Raises
    ------
    MlipsseError
        when `keep` cannot be read or is of other runs.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from mlipsse.energetics.relaxation.evaluators import make_evaluator
    >>> crystal = bulk("LiCl", "rocksalt", a=5.1, cubic=True)
    >>> short = {"duration_ps": 0.02, "equilibration_ps": 0.01, "n_frames": 2}
    >>> runs = [
    ...     SamplingRun(crystal, SamplingSettings(temperature_K=hot, **short), seed=1, mobile="Li")
    ...     for hot in (600.0, 800.0)
    ... ]
    >>> found = sample_together(runs, make_evaluator("mace-sse-small", {"Li", "Cl"}))
    >>> [len(trajectory.frames) for trajectory in found]
    [2, 2]
    """
    trajectories = [Trajectory(run) for run in runs]
    if keep is not None:
        checkpoint.restore(keep, trajectories)
    n_steps = max((run.settings.n_steps for run in runs), default=0)
    reported: set[int] = set()
    saved_s = time.monotonic()
    with kept_memory():
        while True:
            new = [k for k, one in enumerate(trajectories) if one.ended and k not in reported]
            late = time.monotonic() - saved_s >= save_every_s
            if keep is not None and (new or late):
                checkpoint.save(keep, trajectories)
                saved_s = time.monotonic()
            reported.update(new)
            if ended is not None:
                for index in new:
                    ended(index, trajectories[index].result())
            flying = [trajectory for trajectory in trajectories if not trajectory.ended]
            if not flying:
                break
            for trajectory in flying:
                trajectory.move()
            found = evaluator.evaluate([trajectory.atoms for trajectory in flying])
            for trajectory, evaluation in zip(flying, found, strict=True):
                trajectory.settle(evaluation)
            step = max(trajectory.step for trajectory in flying)
            if progress is not None and step > 0 and step % max(1, n_steps // 100) == 0:
                progress(step, n_steps)
    return [trajectory.result() for trajectory in trajectories]
