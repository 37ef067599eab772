"""`mlipsse schema`: the fields of a `campaign.yaml`."""

import json

import typer


def schema() -> None:
    """Print the JSON schema of campaign.yaml: every field, its unit, limits and default."""
    from mlipsse.campaign.config.campaign import CampaignConfig

    typer.echo(json.dumps(CampaignConfig.model_json_schema(), indent=1))
