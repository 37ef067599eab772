"""Stage 5: frames labelled by a label source and split by trajectory."""

import json
from pathlib import Path

from mlipsse import keys
from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.campaign.engine.stage import Stage, Work
from mlipsse.campaign.engine.table import write_csv
from mlipsse.campaign.stages.label.given_labels import (
    answers_of_given,
    check_given,
    read_given,
)
from mlipsse.campaign.stages.label.units import (
    COLUMNS,
    Answers,
    answers_of,
    first_alone,
    forget_rejections,
    label_units,
    require_outputs,
    require_share,
)
from mlipsse.dataset.frames.extxyz import read_frames, write_frames
from mlipsse.dataset.frames.split import split_by_trajectory
from mlipsse.dataset.labels.sources import teacher_name
from mlipsse.files import write_text


def inputs(campaign: Campaign) -> list[Path]:
    """The sampled frames and the teacher's model where it is a file, or the labels given."""
    if not campaign.trains:
        return []
    if campaign.given_labels:
        return [*campaign.given_labels.values()]
    teacher = teacher_name(campaign.config.label.source)
    files = campaign.potential_files(teacher) if teacher is not None else []
    return [campaign.path(paths.Sample.frames), *files]


def perform(work: Work) -> list[Path]:
    """Write `train.extxyz`, `valid.extxyz`, `test.extxyz`, isolated atoms and `rejected.csv`."""
    if not work.campaign.trains:
        work.results["skipped"] = "the potential is given"
        return []
    config = work.campaign.config.label
    fractions = {"valid_fraction": config.valid_fraction, "test_fraction": config.test_fraction}
    seed = work.campaign.config.seed
    if work.campaign.given_labels:
        labels = read_given(work.campaign)
        rejected = _report(work, answers_of_given(labels))
        given = check_given(work.campaign, labels)
        work.notes += given.notes
        split = given.split
        isolated_eV = labels.isolated_eV
    else:
        isolated_eV = {}
        answers = _label(work)
        rejected = _report(work, answers)
        contacts = [frame for frame in answers.labelled if frame.info[keys.ORIGIN] == "contact"]
        others = [frame for frame in answers.labelled if frame.info[keys.ORIGIN] != "contact"]
        split = split_by_trajectory(others, **fractions, seed=seed)
        # They are for training only; errors are measured on frames that dynamics would visit.
        split.train.extend(contacts)
    if split.absent_from_train:
        work.notes.append(
            f"No training frame is of {', '.join(split.absent_from_train)}: there are too few "
            "trajectories. Sample more orderings or temperatures."
        )
    files = work.campaign.labelled_sets
    for part, path in files.items():
        write_frames(path, getattr(split, part))
    atoms = work.campaign.path(paths.Label.isolated_atoms)
    write_text(atoms, json.dumps(isolated_eV, indent=1, sort_keys=True) + "\n")
    return [*files.values(), atoms, rejected]


def _label(work: Work) -> Answers:
    """Single points of the sampled frames."""
    frames = read_frames(work.campaign.path(paths.Sample.frames), labelled=False)
    units = label_units(work, frames)
    forget_rejections(units)
    require_outputs(work, units)
    first_alone(work, units)
    work.run_units(units)
    program = work.campaign.config.label.program
    if program is not None and program.runs.command is not None:
        work.commands.append(f"{program.runs.command}  (in every frame's folder)")
    return answers_of(units)


def _report(work: Work, answers: Answers) -> Path:
    """Write `rejected.csv`, and stop when too much is in it."""
    rejected = work.campaign.path(paths.Label.rejected)
    write_csv(rejected, answers.rejected, columns=COLUMNS)
    require_share(answers, work.campaign.config.label.min_labelled, rejected)
    work.results |= {"labelled": len(answers.labelled), "rejected": len(answers.rejected)}
    return rejected


STAGE = Stage(paths.Label.folder, ("seed", "enumerate", "label"), inputs, perform)
