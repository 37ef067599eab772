"""The text of `campaign.yaml` into a `CampaignConfig`, its errors as sentences."""

from __future__ import annotations

import difflib
import re
from typing import Any, get_args

import yaml
from pydantic import ValidationError

from mlipsse.campaign.config.campaign import CampaignConfig
from mlipsse.errors import MlipsseError

_TRIED = re.compile(r"constrained-\w+|float|int|bool|\w+\[.*\]")
"""A type of a union, as pydantic names it."""


def parse_config(text: str, *, source: str) -> CampaignConfig:
    """Parse YAML into a `CampaignConfig`.

    Raises
    ------
    MlipsseError
        naming every field at fault, its value, what is allowed, and for unknown keys the nearest
        known one.
    """
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise MlipsseError(f"{source} is not valid YAML: {error}") from error
    if not isinstance(content, dict):
        raise MlipsseError(
            f"{source} contains no mapping of sections. Start from `mlipsse init DIR`, and see "
            "`mlipsse schema` for all fields."
        )
    try:
        return CampaignConfig.model_validate(content)
    except ValidationError as error:
        lines = list(dict.fromkeys(_sentence(detail) for detail in _narrowed(error.errors())))
        raise MlipsseError(f"{source}:\n  " + "\n  ".join(lines)) from error


def _narrowed(details: list[Any]) -> list[Any]:
    """Keep only the errors of the given type, for a field that takes several types."""
    fitting = {_field(one) for one in details if not one["type"].endswith("_type")}
    return [
        one
        for one in details
        if not one["type"].endswith("_type") or _field(one) not in fitting or not _tried(one)
    ]


def _field(detail: Any) -> tuple[Any, ...]:
    """Where the field is, without the types that pydantic tried for it."""
    location: tuple[Any, ...] = detail["loc"]
    tried = _tried(detail)
    return location[: location.index(tried[0])] if tried else location


def _tried(detail: Any) -> list[Any]:
    return [part for part in detail["loc"] if _TRIED.fullmatch(str(part))]


def _sentence(detail: Any) -> str:
    path = ".".join(str(part) for part in detail["loc"] if part not in _tried(detail))
    if detail["type"] == "extra_forbidden":
        known = _known_keys(detail["loc"][:-1])
        near = difflib.get_close_matches(str(detail["loc"][-1]), known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}."
        return f"{path}: this key is not known; {hint}"
    if detail["type"] == "missing":
        return f"{path}: this field must be given."
    message = detail["msg"].removeprefix("Value error, ")
    if isinstance(detail["input"], dict):  # of several settings together: the message names them
        return f"{path}: {message.rstrip('.')}."
    return f"{path}: {message} (it is {detail['input']!r})."


def _known_keys(location: tuple[Any, ...]) -> list[str]:
    model: Any = CampaignConfig
    for part in location:
        annotation = model.model_fields[part].annotation
        # A section that may be left out is «section or None».
        model = next(iter(get_args(annotation)), annotation)
    return list(model.model_fields)
