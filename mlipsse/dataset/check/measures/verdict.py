"""What one check found."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Verdict = Literal["pass", "warn", "fail", "skip"]
Numbers = dict[str, float | int | str | None]
"""By names that carry units."""


@dataclass(frozen=True)
class Check:
    """One check of a labelled set.

    Attributes
    ----------
    name : what was looked at
    verdict : `skip` where the set does not allow a judgement
    sentence : what was found and, unless it passed, what to do
    numbers : behind the verdict, by names that carry their units
    """

    name: str
    verdict: Verdict
    sentence: str
    numbers: Numbers = field(default_factory=dict)


def some(names: Sequence[str], *, most: int = 3) -> str:
    """The first names of many, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
