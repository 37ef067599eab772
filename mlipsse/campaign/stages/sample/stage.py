"""Stage 4: MD of every selected ordering, frames drawn from it, strained and filtered."""

from pathlib import Path

from ase import Atoms

from mlipsse import keys
from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.campaign.engine.seeds import derived_seed
from mlipsse.campaign.engine.stage import Stage, Work
from mlipsse.campaign.engine.table import write_csv
from mlipsse.campaign.stages.sample.trajectories import (
    LEFT_OUT_COLUMNS,
    planned_trajectories,
    sampled_frames,
    sampling_units,
)
from mlipsse.dataset.frames.extxyz import read_frames, write_frames
from mlipsse.dataset.sampling.contacts import contact_frames
from mlipsse.errors import MlipsseError


def inputs(campaign: Campaign) -> list[Path]:
    """The selected orderings, and the foundation potential where it is a file; none of no MD."""
    if campaign.given_labels or not campaign.trains:
        return []
    files = campaign.potential_files(campaign.config.sample.foundation)
    return [campaign.path(paths.Select.selected), *files]


def perform(work: Work) -> list[Path]:
    """Write `frames.extxyz`, `trajectories.csv`, `left_out.csv`; nothing when labels are given."""
    campaign = work.campaign
    if campaign.given_labels or not campaign.trains:
        what = "labels are" if campaign.trains else "potential is"
        work.results["skipped"] = f"the {what} given"
        return []
    starts = read_frames(campaign.path(paths.Select.selected), labelled=False)
    planned = planned_trajectories(work, starts)
    work.run_units(sampling_units(work, planned))
    found = sampled_frames(planned, work.campaign.config.sample)
    trajectories, left_out = (
        campaign.path(paths.Sample.trajectories),
        campaign.path(paths.Sample.left_out),
    )
    write_csv(trajectories, found.trajectories)
    write_csv(left_out, found.left_out, columns=LEFT_OUT_COLUMNS)
    if not found.frames:
        stopped = next((row["stopped"] for row in found.trajectories if row["stopped"]), None)
        example = f"; the first that was stopped: {stopped}" if stopped else ""
        raise MlipsseError(
            f"No trajectory gave a frame ({len(planned)} were run, {len(found.left_out)} frames "
            f"left out{example}). See {trajectories} and {left_out}, and sample at a lower "
            "temperature or with another foundation."
        )
    work.results |= {
        "frames": len(found.frames),
        "left_out": len(found.left_out),
        "stopped": sum(bool(row["stopped"]) for row in found.trajectories),
    }
    contacts = [frame for start in starts for frame in _contacts(work, start)]
    frames = campaign.path(paths.Sample.frames)
    write_frames(frames, found.frames + contacts)
    return [frames, trajectories, left_out]


def _contacts(work: Work, start: Atoms) -> list[Atoms]:
    config = work.campaign.config
    name = f"{start.info[keys.ORDERING]}-contacts"
    seed = derived_seed(config.seed, name)
    frames = contact_frames(
        start,
        mobile=config.structure.mobile,
        count=config.sample.contact_frames,
        seed=seed,
    )
    for frame in frames:
        frame.info = {key: frame.info[key] for key in (keys.COMPOSITION, keys.ORDERING)} | {
            keys.TRAJECTORY: name,
            keys.ORIGIN: "contact",
        }
    return frames


STAGE = Stage(paths.Sample.folder, ("seed", "structure", "sample"), inputs, perform)
