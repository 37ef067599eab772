"""What one trial of a potential came to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Verdict = Literal["pass", "warn", "fail", "skip"]


@dataclass(frozen=True)
class Criterion:
    """One line of the table.

    Attributes
    ----------
    name : what was tried
    verdict : `fail` refuses the model, `warn` does not, `skip` where nothing could be tried
    value, limit : numbers in `unit`; None where there is none
    sentence : what was found and, unless it passed, what it means
    numbers : more of them, by names that carry units
    """

    name: str
    verdict: Verdict
    value: float | None
    limit: float | None
    unit: str
    sentence: str
    numbers: Mapping[str, float | int | str | None] = field(default_factory=dict)
