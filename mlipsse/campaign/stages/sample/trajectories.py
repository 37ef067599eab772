"""Units of work that run sampling trajectories side by side, and what is kept of their frames."""

import json
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from mlipsse import keys
from mlipsse.campaign.config.sample import SampleConfig
from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.execution import Unit
from mlipsse.campaign.engine.record import fingerprint
from mlipsse.campaign.engine.seeds import derived_seed
from mlipsse.campaign.engine.stage import Work
from mlipsse.campaign.engine.unit_json import decode, encode
from mlipsse.dataset.frames.farthest import farthest_points, frame_descriptor
from mlipsse.dataset.frames.strain import strain_frames
from mlipsse.dataset.sampling import checkpoint
from mlipsse.dataset.sampling.frame_filters import Candidate, left_out
from mlipsse.dataset.sampling.run import SampledTrajectory, SamplingRun
from mlipsse.energetics.potentials.catalogue import find_potential
from mlipsse.energetics.relaxation.energies import BATCH_ATOMS
from mlipsse.energetics.relaxation.evaluators import Evaluator, make_evaluator
from mlipsse.energetics.single_point import SinglePoint
from mlipsse.files import write_text
from mlipsse.potential.native.copy import fastest
from mlipsse.structures.geometry import supercell

LEFT_OUT_COLUMNS = ("trajectory", "composition", "time_ps", "reason")
_UNIT_ATOMS = {"cpu": BATCH_ATOMS, "cuda": 100 * BATCH_ATOMS}
_NOT_OF_ONE_TRAJECTORY = {
    "temperatures_K", "contact_frames", "device", "selection", "frames", "candidates",
    "closest", "closest_A", "max_energy_z", "max_force_z", "drop_duplicates",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class PlannedTrajectory:
    """A trajectory of the campaign.

    Attributes
    ----------
    start : as it is run, i.e. repeated to `sample.min_atoms`
    output : where what came of it is kept
    """

    name: str
    start: Atoms
    temperature_K: float
    seed: int
    output: Path


@dataclass(frozen=True, eq=False)
class SampledFrames:
    """What is kept of all trajectories.

    Attributes
    ----------
    frames : in the order of the trajectories and of time
    trajectories : rows of `trajectories.csv`
    left_out : rows of `left_out.csv`, with the `LEFT_OUT_COLUMNS`
    """

    frames: list[Atoms]
    trajectories: list[dict[str, Any]]
    left_out: list[dict[str, Any]]


def planned_trajectories(work: Work, starts: Sequence[Atoms]) -> list[PlannedTrajectory]:
    """One per ordering and temperature, each with inputs, seed and result of its own."""
    config = work.campaign.config
    settings = config.sample
    common = {
        # Other temperatures are other trajectories: adding one leaves this one as it is.
        "settings": settings.model_dump(mode="json", exclude=_NOT_OF_ONE_TRAJECTORY),
        "drawn": settings.drawn,
        "descriptors": settings.selection == "farthest",
        "mobile": config.structure.mobile,
        "potential": work.potential_identity(settings.foundation),
    }
    planned = []
    for start in starts:
        for temperature_K in settings.temperatures_K:
            name = f"{start.info[keys.ORDERING]}-T{temperature_K:04.0f}"
            seed = derived_seed(config.seed, name)
            identity = {"start": encode(start), "temperature_K": temperature_K, "seed": seed}
            output = work.unit_path(name, identity | common, ".json")
            whole = supercell(start, min_atoms=settings.min_atoms)
            planned.append(PlannedTrajectory(name, whole, temperature_K, seed, output))
    return planned


def sampling_units(work: Work, planned: Sequence[PlannedTrajectory]) -> list[Unit]:
    """Units of trajectories that are done, and of batches of those that are not.

    A batch that was begun stays together (`batches.json`): its trajectories go on together, to the
    last bit as if they had not been cut off. The last of a batch is written last, so that the batch
    is done when it is there.
    """
    config = work.campaign.config
    missing = {one.output.name: one for one in planned if not one.output.is_file()}
    every = {one.output.name: one for one in planned}
    record = work.campaign.path(paths.Sample.batches)
    recorded: list[list[str]] = json.loads(record.read_text()) if record.is_file() else []
    batches = [
        [every[name] for name in names]
        for names in recorded
        if names[-1] in missing and set(names) <= set(every)
    ]
    begun = {one.output.name for batch in batches for one in batch}
    batches += _cut(
        [one for name, one in missing.items() if name not in begun],
        # One by one they gain nothing from company.
        unit_atoms=_UNIT_ATOMS[config.sample.device]
        if find_potential(work.campaign.potential(config.sample.foundation)).in_batches
        else 0,
        workers=config.execution.workers,
    )
    names = [[one.output.name for one in batch] for batch in batches]
    write_text(record, json.dumps(names, indent=1) + "\n")
    done = [
        Unit(one.name, one.output, sample_batch)
        for one in planned
        if one.output.name not in missing
    ]
    return done + [_unit(work, batch) for batch in batches]


def sample_batch(
    output: Path,
    *,
    planned: Sequence[PlannedTrajectory],
    potential: str,
    mobile: str,
    settings: SampleConfig,
    keep: Path,
) -> None:
    """Unit of work: trajectories side by side, each kept as it ends, the last one in `output`."""
    from mlipsse.dataset.sampling.dynamics import sample_together

    species = {symbol for one in planned for symbol in one.start.symbols}
    name, head = fastest(potential, device=settings.device, head=settings.head)
    evaluator = make_evaluator(name, species, device=settings.device, head=head)
    judge = evaluator
    if settings.selection == "farthest":  # native code has no descriptors
        judge = make_evaluator(potential, species, device=settings.device, head=settings.head)
    runs = [
        SamplingRun(one.start, settings.trajectory(one.temperature_K), one.seed, mobile)
        for one in planned
    ]

    def ended(index: int, trajectory: SampledTrajectory) -> None:
        one = planned[index]
        if one.output != output and not one.output.is_file():
            _write(one, trajectory, judge, settings)

    *_, last = sample_together(runs, evaluator, keep=keep, ended=ended)
    _write(planned[-1], last, judge, settings)
    keep.unlink(missing_ok=True)


def sampled_frames(planned: Sequence[PlannedTrajectory], settings: SampleConfig) -> SampledFrames:
    """Filter and select the frames of trajectories that are done, composition by composition.

    With `selection: farthest` a composition keeps as many frames as with random ones: `frames` for
    each of its trajectories, wherever they come from.
    """
    answers = [decode(one.output.read_text()) for one in planned]
    groups: dict[str, list[Candidate]] = defaultdict(list)
    for answer in answers:
        groups[answer["row"]["composition"]] += [Candidate(**one) for one in answer["candidates"]]
    kept: dict[str, list[Atoms]] = defaultdict(list)  # of each trajectory
    rejected: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for composition, candidates in groups.items():
        reasons = left_out(candidates, settings)
        good = [one for one, reason in zip(candidates, reasons, strict=True) if reason is None]
        if settings.selection == "farthest":
            n_trajectories = sum(a["row"]["composition"] == composition for a in answers)
            points = np.array([one.descriptor for one in good])
            chosen = farthest_points(points, settings.frames * n_trajectories)
            good = [good[k] for k in sorted(chosen)]
        for one in good:
            kept[one.frame.info[keys.TRAJECTORY]].append(one.frame)
        for one, reason in zip(candidates, reasons, strict=True):
            if reason is not None:
                info = one.frame.info
                values = (info[keys.TRAJECTORY], composition, info["time_ps"], reason)
                row = dict(zip(LEFT_OUT_COLUMNS, values, strict=True))
                rejected[info[keys.TRAJECTORY]].append(row)
    rows = [
        {
            "trajectory": one.name,
            **answer["row"],
            "candidates": len(answer["candidates"]),
            "left_out": len(rejected[one.name]),
            "frames": len(kept[one.name]),
            "stopped": answer["stopped"] or "",
        }
        for one, answer in zip(planned, answers, strict=True)
    ]
    return SampledFrames(
        [frame for one in planned for frame in kept[one.name]],
        rows,
        [row for one in planned for row in rejected[one.name]],
    )


def _cut(
    planned: Sequence[PlannedTrajectory], *, unit_atoms: int, workers: int
) -> list[list[PlannedTrajectory]]:
    """Trajectories in turn, in batches of about `unit_atoms` that keep all workers busy."""
    if not planned or unit_atoms == 0:
        return [[one] for one in planned]
    sizes = np.array([len(one.start) for one in planned])
    rounds = math.ceil(sizes.sum() / unit_atoms / workers)
    n_batches = min(len(planned), rounds * workers)
    middles = (np.cumsum(sizes) - sizes / 2) / sizes.sum()
    batches = defaultdict(list)
    for one, batch in zip(planned, np.floor(middles * n_batches).tolist(), strict=True):
        batches[batch].append(one)
    return list(batches.values())


def _unit(work: Work, batch: Sequence[PlannedTrajectory]) -> Unit:
    config = work.campaign.config
    names = [one.output.name for one in batch]
    keep = work.folder / paths.EveryStage.units.name / f"batch-{fingerprint(names)[:12]}.npz"
    arguments = {
        "planned": batch,
        "potential": work.campaign.potential(config.sample.foundation),
        "mobile": config.structure.mobile,
        "settings": config.sample,
        "keep": keep,
    }
    several = f" to {batch[-1].name}" if len(batch) > 1 else ""
    n_steps = len(batch) * config.sample.trajectory(batch[0].temperature_K).n_steps
    return Unit(
        f"trajectories {batch[0].name}{several}",
        batch[-1].output,
        sample_batch,
        arguments,
        partial(_describe, keep, batch[0].name + several, n_steps),
    )


def _describe(keep: Path, name: str, n_steps: int) -> str:
    done = checkpoint.steps_done(keep) if keep.is_file() else None
    return "" if done is None else f"{name}: {done / n_steps:.0%} of the steps"


def _write(
    one: PlannedTrajectory,
    trajectory: SampledTrajectory,
    evaluator: Evaluator,
    settings: SampleConfig,
) -> None:
    """Strain the frames, evaluate them with the potential, and keep all results."""
    frames = strain_frames(
        trajectory.frames, max_strain=settings.max_strain, kind=settings.strain, seed=one.seed
    )
    for frame in frames:
        frame.info = {
            key: frame.info[key] for key in (keys.COMPOSITION, keys.ORDERING, "time_ps")
        } | {
            keys.TRAJECTORY: one.name,
            keys.ORIGIN: "dynamics",
            "temperature_K": one.temperature_K,
        }
    found = evaluator.evaluate(frames, invariants=settings.selection == "farthest")
    row = {
        "composition": one.start.info[keys.COMPOSITION],
        "ordering": one.start.info[keys.ORDERING],
        "temperature_K": one.temperature_K,
        "mean_temperature_K": round(trajectory.mean_temperature_K, 1),
    }
    candidates = [_candidate(*pair) for pair in zip(frames, found, strict=True)]
    answer = {"candidates": candidates, "row": row, "stopped": trajectory.stopped}
    write_text(one.output, encode(answer))


def _candidate(frame: Atoms, found: SinglePoint | Exception) -> dict[str, Any]:
    """Arguments of a `Candidate`."""
    if isinstance(found, Exception):
        return {"frame": frame, "energy_eV": math.nan, "max_force_eV_A": math.nan}
    descriptor = found.invariants
    return {
        "frame": frame,
        "energy_eV": found.energy_eV,
        "max_force_eV_A": float(np.linalg.norm(found.forces_eV_A, axis=1).max()),
        "descriptor": None if descriptor is None else frame_descriptor(descriptor, frame.numbers),
    }
