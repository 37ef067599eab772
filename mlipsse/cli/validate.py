"""`mlipsse validate`: find what would stop a campaign, before it costs time."""

import json

import typer

from mlipsse.campaign.folder import read_campaign
from mlipsse.campaign.validation import crystal_report, problems
from mlipsse.cli.options import CampaignFolder, Json
from mlipsse.errors import MlipsseError


def validate(folder: CampaignFolder, as_json: Json = False) -> None:
    """Check config, host, compositions, supercells, potentials and label source."""
    campaign = read_campaign(folder)
    found = problems(campaign)
    for line in crystal_report(campaign):
        typer.echo(line, err=as_json)
    if as_json:
        typer.echo(json.dumps({"valid": not found, "problems": found}, indent=1))
        raise typer.Exit(2 if found else 0)
    if found:
        raise MlipsseError("\n  ".join(["The campaign cannot run:", *found]))
    typer.echo(f"{campaign.config.name}: valid.")
