"""Two label sources of the same frames: a model fine-tuned on each, and the transport of both."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ase import Atoms

from mlipsse import keys
from mlipsse.campaign.engine.execution import Execution
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.campaign.engine.stage import Progress, Work
from mlipsse.campaign.stages.export.bundle import provide_bundle
from mlipsse.campaign.stages.finetune.foundation import provide_foundation
from mlipsse.campaign.stages.simulate.rendering import bring_plugin
from mlipsse.campaign.studies.frame_matching import matching_frames
from mlipsse.campaign.studies.labels import ComparedLabels, teacher_labels, write_page
from mlipsse.campaign.studies.trainings import train_model
from mlipsse.campaign.studies.transport.page import TransportFiles, write_transport
from mlipsse.campaign.studies.transport.runs import (
    analyse_subjects,
    check_runs,
    require_ended,
    run_subjects,
)
from mlipsse.campaign.studies.transport.subject import Subject, in_own_folder, run_files
from mlipsse.dataset.frames.extxyz import read_frames, write_frames
from mlipsse.dataset.labels.sources import TEACHER, teacher_name
from mlipsse.errors import MlipsseError
from mlipsse.files import exclusive_lock
from mlipsse.potential.lammps.plugin import build_plugin
from mlipsse.report.transport_figures.compared import compared_transport_figure
from mlipsse.training.settings import Training

RUNS, MODELS = "transport", "models"
"""Folders of the runs and of the trainings, a folder per label source."""
SIDES = ("first", "second")
"""Names of the two sources, of their models and folders."""

_Sets = Mapping[str, Sequence[tuple[Atoms, Atoms]]]
"""Part of the labels -> frames with both labels."""


def transport_by_labels(
    campaign: Campaign,
    against: str,
    errors: ComparedLabels,
    *,
    out: Path,
    runs: tuple[Sequence[float] | None, Sequence[str] | None] = (None, None),
    progress: Progress = lambda done, total, text: None,
) -> list[dict[str, Any]]:
    """Fine-tune a model on each of two label sources, and run the campaign's MD with both.

    Both learn the frames that have both labels, by the settings of `finetune`, with energies of
    isolated atoms estimated from the labels: the models differ in nothing but the labels.
    Trainings and runs that are done are kept, and killed ones go on. A model whose training failed
    a check is run all the same.

    Parameters
    ----------
    against : extxyz of the frames of all three sets with other labels, or `teacher: NAME`
    errors : of the labels, see `compare_labels`
    out : folder of the study
    runs : temperatures in K and compositions of the campaign's, to run fewer; None for all

    Returns
    -------
    list of dict
        rows of `transport.csv`: one per label source, composition and temperature

    Raises
    ------
    MlipsseError
        as `check_runs`; when a set has no frame with both labels, or a training breaks off; and,
        after table and figures are written, when a run ended for a reason that is not the physics.
    """
    wanted = check_runs(campaign, *runs)
    out = out.resolve()
    with exclusive_lock(out / ".lock", holder="mlipsse study labels"):
        with Execution(campaign.config.execution, out) as execution:
            work = Work(campaign, out, execution, progress)
            sets = _labelled_twice(work, against)
            subjects = _subjects(work, sets)
            failure = run_subjects(work, subjects, wanted)
        found = analyse_subjects(campaign, subjects, wanted)
        rows = [row for one in found for row in one.rows()]
        figure = compared_transport_figure(
            [(one.subject.name, one.transport) for one in found],
            [{"model": f"{row['labels']}: {row['source']}", **row} for row in rows],
        )
        files = TransportFiles.in_folder(out)
        section = write_transport(
            files,
            found,
            figure,
            caption="D and conductivity of two models that learned the same frames, each with the "
            "labels of one source.",
        )
        write_page(out, [errors.section, section])
    require_ended(failure, files.table)
    return rows


def _labelled_twice(work: Work, against: str) -> _Sets:
    """The campaign's sets, of the frames that the other source has as well."""
    sets = {
        part: read_frames(path, labelled=True) for part, path in work.campaign.labelled_sets.items()
    }
    name = teacher_name(against) if against.startswith(f"{TEACHER}:") else None
    if name is not None:
        others = {
            part: teacher_labels(frames, name, work.folder, work.execution, work.progress)
            for part, frames in sets.items()
        }
    else:
        every = read_frames(Path(against), labelled=True)
        others = dict.fromkeys(sets, every)
    pairs = {part: list(matching_frames(frames, others[part])) for part, frames in sets.items()}
    for part, some in pairs.items():
        if not some:
            raise MlipsseError(
                f"{against} has labels of none of the {len(sets[part])} frames of "
                f"{work.campaign.labelled_sets[part]}, and two trainings need both labels of all "
                "three sets. Label frames of the training, validation and test set with it."
            )
    return pairs


def _subjects(work: Work, sets: _Sets) -> list[Subject]:
    """Both models, trained and exported."""
    config = work.campaign.config
    foundation, replay = provide_foundation(work)
    settings = config.finetune.settings(seed=config.seed).replaced(e0s="estimated")
    root = work.folder / RUNS
    plugin = bring_plugin(build_plugin(), root)
    subjects = []
    for side, name in enumerate(SIDES):
        folder = work.folder / MODELS / name
        files = {part: folder / f"{part}.extxyz" for part in sets}
        for part, pairs in sets.items():
            write_frames(files[part], [pair[side] for pair in pairs])
        source = str(sets["train"][0][side].info.get(keys.LABEL_SOURCE, "not stated"))
        work.progress(side, len(SIDES), f"model of the {name} labels")
        trained, failed = train_model(
            work,
            name,
            Training(
                sets=files if replay is None else {**files, "replay": replay},
                foundation=foundation,
                settings=settings,
                limits=config.finetune.limits,
            ),
            folder=folder / "training",
            model=folder / f"{name}.model",
        )
        own = in_own_folder(work, root / name / "potential")
        bundle = provide_bundle(own, trained)
        own.remove_stale_units()
        subjects.append(
            Subject(
                f"{name}: {source}",
                {"labels": name, "source": source, "frames": len(sets["train"])},
                run_files(work, root / name, plugin, bundle),
                bundle.elements,
                {"training_failed": failed or ""},
            )
        )
    return subjects
