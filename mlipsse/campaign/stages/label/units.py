"""Units of work that label frames, and what was rejected."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ase import Atoms

from mlipsse import keys
from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.execution import Unit
from mlipsse.campaign.engine.record import fingerprint
from mlipsse.campaign.engine.stage import Work
from mlipsse.campaign.engine.unit_json import decode, encode
from mlipsse.dataset.labels.program import ProgramSource
from mlipsse.dataset.labels.sources import LabelSource, RejectedFrame, teacher_name
from mlipsse.dataset.labels.teacher import make_teacher
from mlipsse.errors import MlipsseError
from mlipsse.files import write_text

COLUMNS = ("frame", "composition", "trajectory", "reason")


@dataclass(frozen=True)
class Answers:
    """What the units gave.

    Attributes
    ----------
    labelled : frames with labels, in the order of all frames
    rejected : rows with the `COLUMNS`; frame is the index in `04-sample/frames.extxyz`, or file
        and index of labels that were given
    """

    labelled: list[Atoms]
    rejected: list[dict[str, Any]]


def label_units(work: Work, frames: Sequence[Atoms]) -> list[Unit]:
    """Units of a teacher, `label.batch` frames each, or of a program, one each."""
    config = work.campaign.config.label
    program = config.program
    size = config.batch if program is None else 1
    return [_unit(work, program, frames[i : i + size], i) for i in range(0, len(frames), size)]


def label_batch(
    output: Path,
    *,
    frames: Sequence[Atoms],
    folder: Path,
    make: Callable[[], LabelSource],
    tried: str,
) -> None:
    """Unit of work: single points of a few frames; those that fail are noted, not fatal.

    A fault that all frames would have is fatal.

    Parameters
    ----------
    folder : of the first frame's run; units of programs have no second
    tried : how the frame was tried, for `forget_rejections`
    """
    source = make()
    answers: list[dict[str, Any]] = []
    for frame in frames:
        try:
            answers.append({"frame": source.label(frame, folder)})
        except RejectedFrame as rejection:
            if rejection.common:
                raise MlipsseError(
                    f"{source.description}: {rejection} Every frame would fail in this way, so no "
                    "further frame is computed. Remove the cause and run again."
                ) from rejection
            reason = {"reason": str(rejection), "may_pass": rejection.may_pass}
            answers.append({**reason, "tried": tried})
    write_text(output, encode(answers))


def forget_rejections(units: Sequence[Unit]) -> None:
    """Let units be done again that rejected a frame, where another attempt could end otherwise.

    That is where the program was cut off, or is run in another way now (more steps, another
    command); a frame that did not converge, and would not again, stays rejected.
    """
    for unit in units:
        if unit.done and any(
            "reason" in answer
            and (answer["may_pass"] or answer["tried"] != unit.arguments["tried"])
            for answer in decode(unit.output.read_text())
        ):
            unit.output.unlink()


def first_alone(work: Work, units: Sequence[Unit]) -> None:
    """Do one unit of a program before all others, where none was done: what stops every frame
    stops here.

    Raises
    ------
    MlipsseError
        for a version whose outputs are not read, or a fault that every frame would have.
    """
    program = work.campaign.config.label.program
    if program is None or program.runs.command is None:
        return
    program.check_version()
    if len(units) > 1 and not any(unit.done for unit in units):
        work.run_units(units[:1])


def require_outputs(work: Work, units: Sequence[Unit]) -> None:
    """Write the inputs that a program without a command waits for.

    Raises
    ------
    MlipsseError
        when outputs are awaited: where the inputs are, and what to do.
    """
    program = work.campaign.config.label.program
    if program is None:
        return
    pending = [unit for unit in units if not unit.done]
    waiting = [unit for unit in pending if program.awaits_output(unit.arguments["folder"])]
    for done, unit in enumerate(waiting):
        work.progress(done, len(waiting), "inputs")
        program.write_inputs(unit.arguments["frames"][0], unit.arguments["folder"])
    if waiting:
        runs = work.campaign.path(paths.Label.runs)
        raise MlipsseError(
            f"{len(waiting)} of {len(units)} frames wait for {program.description}, and "
            f"label.{program.name}.command is not set. Run {program.name} in each folder of "
            f"{runs}, copy {program.program.output_file} back into it, and run again."
        )


def answers_of(units: Sequence[Unit]) -> Answers:
    """Labelled and rejected frames of units that are done."""
    answers = Answers([], [])
    index = 0
    for unit in units:
        for frame, answer in zip(
            unit.arguments["frames"], decode(unit.output.read_text()), strict=True
        ):
            if "frame" in answer:
                answers.labelled.append(answer["frame"])
            else:
                answers.rejected.append(row_of(index, frame, answer["reason"]))
            index += 1
    return answers


def row_of(frame: int | str, atoms: Atoms, reason: str) -> dict[str, Any]:
    """A row of the rejected frames, with the `COLUMNS`; `frame` names it."""
    entries = (atoms.info.get(key, "") for key in (keys.COMPOSITION, keys.TRAJECTORY))
    return dict(zip(COLUMNS, (frame, *entries, reason), strict=True))


def require_share(answers: Answers, min_labelled: float, table: Path) -> None:
    """Refuse to go on with too few labels.

    Raises
    ------
    MlipsseError
        when less than the share `min_labelled` of the frames has labels.
    """
    n_labelled = len(answers.labelled)
    n_frames = n_labelled + len(answers.rejected)
    if n_labelled < min_labelled * n_frames:
        (reason, count), *_ = Counter(row["reason"] for row in answers.rejected).most_common(1)
        raise MlipsseError(
            f"{n_labelled} of {n_frames} frames got labels, but label.min_labelled requires "
            f"{min_labelled:.0%}. The commonest reason ({count} frames): {reason} {table} lists "
            "all. Remove the cause and run again (labels are kept), or lower label.min_labelled."
        )


def _unit(work: Work, program: ProgramSource | None, frames: Sequence[Atoms], first: int) -> Unit:
    config = work.campaign.config.label
    identity: dict[str, Any] = {"frames": [encode(frame) for frame in frames]}
    make: Callable[[], LabelSource]
    if program is None:
        teacher = str(teacher_name(config.source))
        identity |= {"source": config.source, "potential": work.potential_identity(teacher)}
        identity |= {"head": config.head} if config.head is not None else {}
        make = partial(
            make_teacher,
            f"teacher: {work.campaign.potential(teacher)}",
            head=config.head,
            device=config.device,
        )
        way: dict[str, Any] = {}
    else:
        elements = {symbol for frame in frames for symbol in frame.get_chemical_symbols()}
        identity |= {"source": program.name, "settings": program.program.decisive(elements)}
        make = partial(_same, program)
        way = program.way
    output = work.unit_path(f"labels-{first:05d}", identity, ".json")
    arguments = {
        "frames": frames,
        "folder": work.campaign.path(paths.Label.runs) / output.stem,
        "make": make,
        "tried": fingerprint(way),
    }
    return Unit(f"labels from frame {first}", output, label_batch, arguments)


def _same(source: ProgramSource) -> LabelSource:
    return source
