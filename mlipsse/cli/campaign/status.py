"""`mlipsse status`: how far a campaign is, stage by stage and run by run."""

import json
from dataclasses import asdict
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from mlipsse.campaign.engine.folder import read_campaign
from mlipsse.cli.options import CampaignFolder, Json


def status(folder: CampaignFolder, as_json: Json = False) -> None:
    """Show the state of every stage and of the production runs, without changing anything."""
    from mlipsse.campaign.runner import campaign_status
    from mlipsse.campaign.views.run_table import RunTable, run_table
    from mlipsse.cli.campaign.run_tables import print_runs

    campaign = read_campaign(folder)
    stages = campaign_status(campaign)
    runs: RunTable | None = run_table(campaign)
    if as_json:
        content: dict[str, Any] = {"stages": [asdict(stage) for stage in stages]}
        if runs is not None:
            content |= {
                "runs": [
                    {
                        "run": run.record.name,
                        "folder": str(run.folder.relative_to(campaign.folder)),
                        "composition": run.record.composition,
                        "temperature_K": run.record.temperature_K,
                        "state": run.state,
                        "step": run.step,
                        "last_step": run.record.last_step,
                        "ns_per_day": run.ns_per_day,
                        "seconds_left": run.seconds_left,
                        "framework_displaced": run.framework_displaced,
                        "reason": run.reason,
                    }
                    for run in runs.runs
                ],
                "ns_per_day": runs.ns_per_day,
                "seconds_left": runs.seconds_left,
                "speed_ratio": runs.speed_ratio,
            }
        typer.echo(json.dumps(content, indent=1))
        return
    table = Table(title=campaign.config.name, title_justify="left")
    for column in ("stage", "state"):
        table.add_column(column)
    for column in ("units", "wall time"):
        table.add_column(column, justify="right")
    for stage in stages:
        units = f"{stage.units_done} of {stage.units}" if stage.units else ""
        seconds = "" if stage.wall_time_s is None else f"{stage.wall_time_s:.0f} s"
        table.add_row(stage.folder, stage.state, units, seconds)
    console = Console(highlight=False, markup=False)
    console.print(table)
    if runs is not None:
        print_runs(runs, console)
