"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from mlipsse.errors import MlipsseError

CampaignFolder = Annotated[
    Path, typer.Argument(metavar="DIR", help="Campaign folder, which contains campaign.yaml.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]


def words(text: str) -> list[str]:
    """The words between commas."""
    return [word.strip() for word in text.split(",") if word.strip()]


def whole_numbers(text: str, *, option: str, example: str) -> list[int]:
    """The whole numbers between commas.

    Raises
    ------
    MlipsseError
        naming the option, and how it is written.
    """
    try:
        return [int(word) for word in words(text)]
    except ValueError as error:
        raise MlipsseError(
            f"{option} {text!r} is not a list of whole numbers; write e.g. {option} {example}."
        ) from error
