"""What a run is found to be: usable, or refused for a reason of one kind."""

from dataclasses import dataclass
from enum import StrEnum


class RunKind(StrEnum):
    """Kinds of runs; all but the first have no diffusivity of the crystal."""

    USABLE = "usable"
    MELTED = "melted"
    CAGED = "caged"
    TOO_LITTLE_MOTION = "too little motion"
    TOO_SHORT = "too short"
    TOO_FEW_HOPS = "too few hops"
    NOT_DIFFUSIVE = "not diffusive"
    SUPERDIFFUSIVE = "superdiffusive"


@dataclass(frozen=True)
class RunStatus:
    """Whether a run takes part in averages and fits, and why not.

    Attributes
    ----------
    kind : of the run
    reason : a sentence with numbers; None for a usable run
    """

    kind: RunKind = RunKind.USABLE
    reason: str | None = None

    @property
    def usable(self) -> bool:
        """Whether the run has a diffusivity of the crystal."""
        return self.kind is RunKind.USABLE
