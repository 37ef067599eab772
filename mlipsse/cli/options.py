"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

CampaignFolder = Annotated[
    Path, typer.Argument(metavar="DIR", help="Campaign folder, the one that holds campaign.yaml.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
