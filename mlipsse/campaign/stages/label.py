"""Stage 5: frames labelled by a label source and split by trajectory."""

from pathlib import Path

from mlipsse import keys
from mlipsse.campaign.folder import Campaign
from mlipsse.campaign.labelling import (
    COLUMNS,
    answers_of,
    forget_rejections,
    label_units,
    require_outputs,
    require_share,
)
from mlipsse.campaign.stage import Stage, Work
from mlipsse.campaign.stages import sample
from mlipsse.campaign.table import write_csv
from mlipsse.dataset.extxyz import read_frames, write_frames
from mlipsse.dataset.labels import teacher_name
from mlipsse.dataset.split import split_by_trajectory

FOLDER = "05-label"
PARTS = ("train", "valid", "test")


def part_files(campaign: Campaign) -> dict[str, Path]:
    """Train, valid and test set of a campaign."""
    return {part: campaign.path(FOLDER) / f"{part}.extxyz" for part in PARTS}


def inputs(campaign: Campaign) -> list[Path]:
    """The sampled frames, and the teacher's model where it is a file."""
    teacher = teacher_name(campaign.config.label.source)
    files = campaign.potential_files(teacher) if teacher is not None else []
    return [campaign.path(sample.FRAMES), *files]


def perform(work: Work) -> list[Path]:
    """Write `train.extxyz`, `valid.extxyz`, `test.extxyz` and `rejected.csv`."""
    config = work.campaign.config
    frames = read_frames(work.campaign.path(sample.FRAMES), labelled=False)
    units = label_units(work, frames)
    forget_rejections(units)
    require_outputs(work, units)
    work.run_units(units)
    answers = answers_of(units)
    rejected = work.folder / "rejected.csv"
    write_csv(rejected, answers.rejected, columns=COLUMNS)
    require_share(answers, config.label.min_labelled, rejected)
    if config.label.program is not None and config.label.program.runs.command is not None:
        work.commands.append(f"{config.label.program.runs.command}  (in every frame's folder)")
    work.results |= {"labelled": len(answers.labelled), "rejected": len(answers.rejected)}
    contacts = [frame for frame in answers.labelled if frame.info[keys.ORIGIN] == "contact"]
    split = split_by_trajectory(
        [frame for frame in answers.labelled if frame.info[keys.ORIGIN] != "contact"],
        valid_fraction=config.label.valid_fraction,
        test_fraction=config.label.test_fraction,
        seed=config.seed,
    )
    # They are there to be learned from; errors are told on frames that nature would visit.
    split.train.extend(contacts)
    files = part_files(work.campaign)
    for part, path in files.items():
        write_frames(path, getattr(split, part))
    return [*files.values(), rejected]


STAGE = Stage(5, "label", ("seed", "label"), inputs, perform)
