"""Stage 5: frames labelled by a label source and split by trajectory."""

import json
from pathlib import Path

from mlipsse import keys
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.campaign.engine.stage import Stage, Work
from mlipsse.campaign.engine.table import write_csv
from mlipsse.campaign.stages.label.given_labels import (
    answers_of_given,
    check_given,
    given_files,
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
from mlipsse.campaign.stages.sample import stage as sample
from mlipsse.dataset.frames.extxyz import read_frames, write_frames
from mlipsse.dataset.frames.split import split_by_trajectory
from mlipsse.dataset.labels.sources import teacher_name
from mlipsse.files import write_text

FOLDER = "05-label"
PARTS = ("train", "valid", "test")
REJECTED = f"{FOLDER}/rejected.csv"
ISOLATED_ATOMS = f"{FOLDER}/isolated_atoms.json"
"""Element -> energy in eV of its isolated atom among the labels; empty where there are none."""


def part_files(campaign: Campaign) -> dict[str, Path]:
    """Train, valid and test set of a campaign."""
    return {part: campaign.path(FOLDER) / f"{part}.extxyz" for part in PARTS}


def isolated_atoms_files(campaign: Campaign) -> list[Path]:
    """The file `ISOLATED_ATOMS`; none in a campaign that an earlier version labelled."""
    path = campaign.path(ISOLATED_ATOMS)
    return [path] if path.is_file() else []


def isolated_atoms_eV(campaign: Campaign) -> dict[str, float]:
    """Energies of isolated atoms among the labels, eV by element."""
    found: dict[str, float] = {}
    for path in isolated_atoms_files(campaign):
        found |= json.loads(path.read_text(encoding="utf-8"))
    return found


def inputs(campaign: Campaign) -> list[Path]:
    """The sampled frames and the teacher's model where it is a file, or the labels given."""
    given = given_files(campaign)
    if given:
        return [*given.values()]
    teacher = teacher_name(campaign.config.label.source)
    files = campaign.potential_files(teacher) if teacher is not None else []
    return [campaign.path(sample.FRAMES), *files]


def perform(work: Work) -> list[Path]:
    """Write `train.extxyz`, `valid.extxyz`, `test.extxyz`, isolated atoms and `rejected.csv`."""
    config = work.campaign.config.label
    fractions = {"valid_fraction": config.valid_fraction, "test_fraction": config.test_fraction}
    seed = work.campaign.config.seed
    if given_files(work.campaign):
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
    files = part_files(work.campaign)
    for part, path in files.items():
        write_frames(path, getattr(split, part))
    atoms = work.campaign.path(ISOLATED_ATOMS)
    write_text(atoms, json.dumps(isolated_eV, indent=1, sort_keys=True) + "\n")
    return [*files.values(), atoms, rejected]


def _label(work: Work) -> Answers:
    """Single points of the sampled frames."""
    frames = read_frames(work.campaign.path(sample.FRAMES), labelled=False)
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
    rejected = work.campaign.path(REJECTED)
    write_csv(rejected, answers.rejected, columns=COLUMNS)
    require_share(answers, work.campaign.config.label.min_labelled, rejected)
    work.results |= {"labelled": len(answers.labelled), "rejected": len(answers.rejected)}
    return rejected


STAGE = Stage(5, "label", ("seed", "enumerate", "label"), inputs, perform)
