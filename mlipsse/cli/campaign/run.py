"""`mlipsse run`: do what is missing of a campaign."""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.folder import read_campaign
from mlipsse.cli.options import CampaignFolder
from mlipsse.errors import MlipsseError

console = Console(highlight=False, markup=False)


def run(
    folder: CampaignFolder,
    first: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="First stage to run again. All later stages run again too; units with unchanged "
            "inputs are kept.",
        ),
    ] = None,
    last: Annotated[str | None, typer.Option("--until", help="Last stage to run.")] = None,
) -> None:
    """Run the stages of a campaign, and skip finished work."""
    from mlipsse.campaign.checks.campaign import problems
    from mlipsse.campaign.engine.stage import Progress as StageProgress
    from mlipsse.campaign.engine.stage import Stage
    from mlipsse.campaign.runner import run_campaign, stages_to_do

    campaign = read_campaign(folder)
    found = problems(campaign, stages_to_do(campaign, first=first, last=last))
    if found:
        raise MlipsseError("\n  ".join(["The campaign cannot run:", *found]))
    columns = (
        TextColumn("{task.fields[stage]:<10}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[text]}"),
    )
    with Progress(*columns, console=console, transient=True) as bars:

        def on_start(stage: Stage) -> StageProgress:
            for earlier in bars.task_ids:
                bars.remove_task(earlier)
            task = bars.add_task("", total=None, stage=stage.name, text="")

            def show(done: int, total: int, text: str) -> None:
                bars.update(task, completed=done, total=total, text=text)

            return show

        def on_end(stage: Stage, seconds: float | None, notes: Sequence[str]) -> None:
            spent = "done already" if seconds is None else f"done in {seconds:.0f} s"
            console.print(f"{stage.folder_name:<14} {spent}")
            for note in notes if seconds is not None else ():
                console.print(f"  {note}", soft_wrap=True)

        run_campaign(campaign, first=first, last=last, on_start=on_start, on_end=on_end)
    report = campaign.path(paths.Report.page)
    if last is None and report.is_file():
        console.print(f"Report: {report}", soft_wrap=True)
