"""Arguments and options that several commands share."""

import math
from pathlib import Path
from typing import Annotated

import typer

from mlipsse.errors import MlipsseError

CampaignFolder = Annotated[
    Path, typer.Argument(metavar="DIR", help="Campaign folder, which contains campaign.yaml.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]


def above_zero(param: typer.CallbackParam, value: float | None) -> float | None:
    """Refuse an option that is not a finite number above 0; typer's `min` lets NaN pass."""
    return _checked(param, value, value is None or value > 0, "above 0")


def not_negative(param: typer.CallbackParam, value: float | None) -> float | None:
    """Refuse an option that is not a finite number, 0 or more."""
    return _checked(param, value, value is None or value >= 0, "0 or more")


def between_0_and_1(param: typer.CallbackParam, value: float | None) -> float | None:
    """Refuse an option that is not above 0 and below 1."""
    return _checked(param, value, value is None or 0 < value < 1, "above 0 and below 1")


def _checked(
    param: typer.CallbackParam, value: float | None, allowed: bool, wanted: str
) -> float | None:
    if value is not None and not (allowed and math.isfinite(value)):
        raise MlipsseError(f"{param.opts[-1]} {value:g}: give a finite number {wanted}.")
    return value


def words(text: str) -> list[str]:
    """The words between commas."""
    return [word.strip() for word in text.split(",") if word.strip()]


def whole_numbers(text: str, *, option: str, example: str) -> list[int]:
    """The whole numbers above 0 between commas.

    Raises
    ------
    MlipsseError
        naming the option, and how it is written.
    """
    wrong = (
        f"{option} {text!r} is not a list of whole numbers above 0; write e.g. {option} {example}."
    )
    try:
        found = [int(word) for word in words(text)]
    except ValueError as error:
        raise MlipsseError(wrong) from error
    if not found or min(found) < 1:
        raise MlipsseError(wrong)
    return found
