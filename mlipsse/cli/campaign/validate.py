"""`mlipsse validate`: find what would stop a campaign, before it costs time."""

import json
from dataclasses import asdict

import typer

from mlipsse.campaign.checks.campaign import validate as look
from mlipsse.campaign.engine.folder import read_campaign
from mlipsse.cli.options import CampaignFolder, Json
from mlipsse.errors import MlipsseError


def validate(folder: CampaignFolder, as_json: Json = False) -> None:
    """List everything that would stop the campaign here: config, files, potentials, machine.

    Exit code 0 when nothing would stop it, 2 otherwise.
    """
    campaign = read_campaign(folder)
    found = look(campaign)
    if as_json:
        content = {"valid": not found.problems, **asdict(found)}
        typer.echo(json.dumps(content, indent=1, ensure_ascii=False))
        raise typer.Exit(2 if found.problems else 0)
    for note in found.notes:
        typer.echo(note)
    if found.problems:
        raise MlipsseError("\n  ".join(["The campaign cannot run:", *found.problems]))
    typer.echo(f"{campaign.config.name}: valid.")
