"""The units of work that run a campaign's production MD with a potential."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from mlipsse.campaign.crystals.runs import Run
from mlipsse.campaign.engine.execution import Unit
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.campaign.stages.simulate.rendering import CalculatorRuns, RunFiles, render_runs
from mlipsse.campaign.stages.simulate.until import lengthen, run_until, unit_output
from mlipsse.engines import ENGINES
from mlipsse.errors import MlipsseError
from mlipsse.md.run import has_ended


def production_units(
    campaign: Campaign,
    files: RunFiles | CalculatorRuns,
    *,
    wanted: Sequence[Run],
    elements: Sequence[str],
    threads: int,
    progress: Callable[[int, int, str], None] = lambda done, total, text: None,
) -> list[Unit]:
    """Render the runs below `files.root`; the unit of each lies in its folder.

    Runs that have ended are done, killed ones go on from their restarts; what runs with other
    settings or of another potential left in a folder is removed.

    Parameters
    ----------
    wanted : runs of the campaign
    elements : that the potential knows
    threads : of one run

    Raises
    ------
    MlipsseError
        as `render_runs`.
    """
    rendered = render_runs(
        campaign, files, wanted=wanted, elements=elements, replace=True, progress=progress
    )
    units = []
    for run, folder in rendered:
        rule = lengthen(campaign, run.temperature_K)
        units.append(
            Unit(
                run.name,
                unit_output(folder, rule),
                run_until,
                {"threads": threads, "rule": rule},
                describe=partial(_describe, folder, run.name),
            )
        )
    return units


def require_ended_elsewhere(files: RunFiles, folders: Sequence[Path]) -> None:
    """Refuse to start runs of an engine that the LAMMPS of this environment lacks.

    Raises
    ------
    MlipsseError
        where such runs have not ended, with the way to run them.
    """
    if files.engine == "mlipsse":
        return
    waiting = [folder for folder in folders if not has_ended(folder)]
    if waiting:
        raise MlipsseError(
            f"{len(waiting)} of {len(folders)} runs in {files.root} have not ended. They are for "
            f"simulate.engine: {files.engine}, which requires {ENGINES[files.engine].needs}; the "
            "LAMMPS of this environment is another one. Run them there, in that folder (sbatch "
            "array.sbatch, or bash run.sh FOLDER for the folders in runs.txt), then start mlipsse "
            "run again."
        )


def _describe(folder: Path, title: str) -> str:
    from mlipsse.md.watch.state import run_state

    run = run_state(folder)
    return f"{title} step {run.step} of {run.record.last_step}" if run.step else ""
