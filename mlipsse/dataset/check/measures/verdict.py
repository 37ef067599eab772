"""What one check found."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Self

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

    @classmethod
    def fails_if(
        cls, fault: object, name: str, numbers: Numbers, *, fails: str, passes: str
    ) -> Self:
        """One that fails with a sentence where there is a fault, and else passes with another."""
        return cls(name, "fail", fails, numbers) if fault else cls(name, "pass", passes, numbers)


def some(names: Sequence[str], *, most: int = 3) -> str:
    """The first names of many, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
