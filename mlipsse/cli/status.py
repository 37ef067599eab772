"""`mlipsse status`: how far a campaign is."""

import json
from dataclasses import asdict

import typer
from rich.console import Console
from rich.table import Table

from mlipsse.campaign.folder import read_campaign
from mlipsse.cli.options import CampaignFolder, Json


def status(folder: CampaignFolder, as_json: Json = False) -> None:
    """Show the state of every stage; changes nothing."""
    from mlipsse.campaign.runner import campaign_status

    campaign = read_campaign(folder)
    stages = campaign_status(campaign)
    if as_json:
        typer.echo(json.dumps([asdict(stage) for stage in stages], indent=1))
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
    Console(highlight=False).print(table)
