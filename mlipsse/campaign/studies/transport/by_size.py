"""Whether more labels change the transport: the campaign's runs with every model of the curve."""

from collections.abc import Sequence
from typing import Any

from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.campaign.engine.stage import Progress, Work
from mlipsse.campaign.stages.export.bundle import provide_bundle, provide_model_bundle
from mlipsse.campaign.stages.simulate.rendering import bring_plugin
from mlipsse.campaign.studies.learning_curve import (
    SizedModels,
    check_sizes,
    curve_work,
    train_by_size,
    write_size_page,
)
from mlipsse.campaign.studies.transport.page import TransportFiles, write_transport
from mlipsse.campaign.studies.transport.runs import (
    analyse_subjects,
    check_runs,
    require_ended,
    run_subjects,
)
from mlipsse.campaign.studies.transport.subject import Subject, in_own_folder, run_files
from mlipsse.potential.lammps.plugin import build_plugin
from mlipsse.report.figures.size import NAMES
from mlipsse.report.transport_figures.size import size_transport_figure
from mlipsse.training.settings import Strategy

FOUNDATION = "foundation"
"""Strategy of the rows of the foundation model alone, as in the table of errors."""


def transport_by_size(
    campaign: Campaign,
    sizes: Sequence[int],
    *,
    strategies: Sequence[Strategy] = ("multihead", "scratch"),
    temperatures_K: Sequence[float] | None = None,
    compositions: Sequence[str] | None = None,
    progress: Progress = lambda done, total, text: None,
) -> list[dict[str, Any]]:
    """Run the campaign's production MD with every model of the learning curve, and analyse it.

    The runs are those of the stage `simulate` (orderings, temperatures, replicas, lengths, seeds of
    the velocities), in `learning-curve/transport/<frames>-<strategy>/`, so that all models differ
    in nothing but what they learned. Trainings, potentials and runs that are done are kept, and
    killed runs go on. A model whose training failed a check, or that no acceptance trial would
    pass, is run all the same: what becomes of it is the question.

    Parameters
    ----------
    sizes, strategies : as `learn_by_size`
    temperatures_K : of the campaign's, to run fewer; all when not given
    compositions : of the campaign's, to run fewer; all when not given

    Returns
    -------
    list of dict
        rows of `learning-curve/transport.csv`, the foundation model alone first (no frames), one
        per model, composition and temperature: D, conductivity and activation energy with
        standard errors, and the runs that were left out, each with its reason; beside it lies the
        figure

    Raises
    ------
    MlipsseError
        as `learn_by_size`; when no orderings are selected, or a temperature or composition is none
        of the campaign's; and, after table and figure are written of the others, when a run ended
        for a reason that is not the physics.
    """
    check_sizes(campaign, sizes)
    wanted = check_runs(campaign, temperatures_K, compositions)
    with curve_work(campaign, progress) as work:
        models = train_by_size(work, sizes, strategies)
        subjects = _subjects(work, models)
        failure = run_subjects(work, subjects, wanted)
    found = analyse_subjects(campaign, subjects, wanted)
    rows = [row for one in found for row in one.rows()]
    place = paths.LearningCurve
    files = TransportFiles(
        table=campaign.path(place.transport_table),
        record=campaign.path(place.transport_record),
        figure=campaign.path(place.transport_figure),
        pairs_table=campaign.path(place.radial),
        pairs_figure=campaign.path(place.radial_figure),
    )
    section = write_transport(
        files,
        found,
        size_transport_figure(rows),
        caption="D against temperature, conductivity and activation energy against training "
        "frames. A cross stands where no run could be used.",
    )
    write_size_page(campaign, section)
    require_ended(failure, files.table)
    return rows


def _subjects(work: Work, models: SizedModels) -> list[Subject]:
    """All models, the foundation first."""
    root = work.campaign.path(paths.LearningCurve.transport)
    plugin = bring_plugin(build_plugin(), root)
    total = len(models.models) + 1

    def own(name: str) -> Work:
        # In a folder of its own, which no composition is called.
        return in_own_folder(work, work.campaign.path(paths.LearningCurve.potential.of(model=name)))

    work.progress(0, total, "potential of the foundation model")
    folder = own(FOUNDATION)
    head = work.campaign.config.finetune.foundation_head
    bundle = provide_model_bundle(folder, models.foundation, head)
    folder.remove_stale_units()
    subjects = [
        Subject(
            FOUNDATION,
            {"frames": 0, "strategy": FOUNDATION},
            run_files(work, root / FOUNDATION, plugin, bundle),
            bundle.elements,
            {"training_failed": ""},
        )
    ]
    for done, model in enumerate(models.models, start=1):
        work.progress(done, total, f"potential of {model.name}")
        folder = own(model.name)
        bundle = provide_bundle(folder, model.trained)
        folder.remove_stale_units()
        subjects.append(
            Subject(
                f"{NAMES.get(model.strategy, model.strategy)}, {model.frames} frames",
                {"frames": model.frames, "strategy": model.strategy},
                run_files(work, root / model.name, plugin, bundle),
                bundle.elements,
                {"training_failed": model.failed or ""},
            )
        )
    return subjects
