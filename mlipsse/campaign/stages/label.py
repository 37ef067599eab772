"""Stage 5: frames labelled by a label source and split by trajectory."""

from collections.abc import Sequence
from pathlib import Path

from ase import Atoms
from ase.io.jsonio import decode, encode

from mlipsse import keys
from mlipsse.campaign.execution import Unit
from mlipsse.campaign.folder import Campaign
from mlipsse.campaign.stage import Stage, Work
from mlipsse.campaign.stages import sample
from mlipsse.dataset.extxyz import read_frames, write_frames
from mlipsse.dataset.labels import TEACHER, teacher_name
from mlipsse.dataset.split import split_by_trajectory
from mlipsse.files import write_text

FOLDER = "05-label"
PARTS = ("train", "valid", "test")


def part_files(campaign: Campaign) -> dict[str, Path]:
    """Train, valid and test set of a campaign."""
    return {part: campaign.path(FOLDER) / f"{part}.extxyz" for part in PARTS}


def inputs(campaign: Campaign) -> list[Path]:
    """The sampled frames, and the teacher's model where it is a file."""
    files = campaign.potential_files(teacher_name(campaign.config.label.source))
    return [campaign.path(sample.FRAMES), *files]


def perform(work: Work) -> list[Path]:
    """Write `train.extxyz`, `valid.extxyz` and `test.extxyz`."""
    config = work.campaign.config
    frames = read_frames(work.campaign.path(sample.FRAMES), labelled=False)
    size = config.label.batch
    units = [_unit(work, frames[i : i + size], i) for i in range(0, len(frames), size)]
    work.run_units(units)
    labelled = [frame for unit in units for frame in decode(unit.output.read_text())]
    contacts = [frame for frame in labelled if frame.info[keys.ORIGIN] == "contact"]
    split = split_by_trajectory(
        [frame for frame in labelled if frame.info[keys.ORIGIN] != "contact"],
        valid_fraction=config.label.valid_fraction,
        test_fraction=config.label.test_fraction,
        seed=config.seed,
    )
    # They are there to be learned from; errors are told on frames that nature would visit.
    split.train.extend(contacts)
    files = part_files(work.campaign)
    for part, path in files.items():
        write_frames(path, getattr(split, part))
    return list(files.values())


def label_batch(output: Path, *, frames: Sequence[Atoms], source: str) -> None:
    """Unit of work: single points of a few frames."""
    from mlipsse.dataset.labels import make_label_source

    labels = make_label_source(source)
    write_text(output, encode([labels.label(frame) for frame in frames]))


def _unit(work: Work, frames: Sequence[Atoms], first: int) -> Unit:
    teacher = teacher_name(work.campaign.config.label.source)
    identity = {
        "frames": [encode(frame) for frame in frames],
        "source": work.campaign.config.label.source,
        "potential": work.potential_identity(teacher),
    }
    name = f"frames-{first:05d}"
    arguments = {"frames": frames, "source": f"{TEACHER}: {work.campaign.potential(teacher)}"}
    return Unit(name, work.unit_path(name, identity, ".json"), label_batch, arguments)


STAGE = Stage(5, "label", ("seed", "label"), inputs, perform)
