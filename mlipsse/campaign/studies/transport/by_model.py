"""Any potentials in one protocol: what each makes of the campaign's production runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mlipsse.campaign.engine.execution import Execution
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.campaign.engine.stage import Progress, Work
from mlipsse.campaign.stages.simulate.rendering import bring_plugin
from mlipsse.campaign.studies.models import ComparedModels, ModelChoice, write_page
from mlipsse.campaign.studies.transport.page import TransportFiles, write_transport
from mlipsse.campaign.studies.transport.runs import (
    analyse_subjects,
    check_runs,
    require_ended,
    run_subjects,
)
from mlipsse.campaign.studies.transport.subject import chosen_subject
from mlipsse.files import exclusive_lock
from mlipsse.potential.lammps.plugin import build_plugin
from mlipsse.report.transport_figures.compared import compared_transport_figure

RUNS = "transport"
"""Folder of the runs, a folder per potential."""


def transport_by_model(
    campaign: Campaign,
    choices: Sequence[ModelChoice],
    errors: ComparedModels,
    *,
    out: Path,
    runs: tuple[Sequence[float] | None, Sequence[str] | None] = (None, None),
    progress: Progress = lambda done, total, text: None,
) -> list[dict[str, Any]]:
    """Run the campaign's production MD with every potential, and compare it with force errors.

    A MACE model runs by the pair style; any other potential by its calculator, in the same deck.
    Every crystal is relaxed with the potential that runs it where the campaign relaxes cells. Runs
    that are done are kept, and killed ones go on.

    Parameters
    ----------
    choices : potentials
    errors : of the same potentials on labels, see `compare_models`
    out : folder of the study
    runs : temperatures in K and compositions of the campaign's, to run fewer; None for all

    Returns
    -------
    list of dict
        rows of `transport.csv`: one per potential, composition and temperature

    Raises
    ------
    MlipsseError
        as `check_runs`; when a potential cannot be exported; and, after table and figures are
        written of the others, when a run ended for a reason that is not the physics.
    """
    wanted = check_runs(campaign, *runs)
    out = out.resolve()
    with exclusive_lock(out / ".lock", holder="mlipsse study models"):
        with Execution(campaign.config.execution, out) as execution:
            work = Work(campaign, out, execution, progress)
            plugin = bring_plugin(build_plugin(), out / RUNS)
            subjects = []
            for done, choice in enumerate(choices):
                progress(done, len(choices), f"potential {choice.name}")
                subjects.append(chosen_subject(work, choice, root=out / RUNS, plugin=plugin))
            failure = run_subjects(work, subjects, wanted)
        found = analyse_subjects(campaign, subjects, wanted)
        rows = [row for one in found for row in one.rows()]
        figure = compared_transport_figure(
            [(one.subject.name, one.transport) for one in found],
            [{"model": row["potential"], **row} for row in rows],
            force_rmse_meV_A={row["potential"]: row["force_rmse_meV_A"] for row in errors.rows},
        )
        files = TransportFiles.in_folder(out)
        section = write_transport(
            files,
            found,
            figure,
            caption="D against temperature of every potential, and against the error of its "
            "forces: a small error does not make transport right.",
        )
        write_page(out, [errors.section, section])
    require_ended(failure, files.table)
    return rows
