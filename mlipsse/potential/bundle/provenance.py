"""Where a potential comes from: its labels, its training, its licence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

NOT_DFT = "teacher labels, not DFT"
NOT_STATED = "not stated"


@dataclass(frozen=True)
class TrainingData:
    """What a potential learned from and how well; None and empty are not known.

    Attributes
    ----------
    frames : number of training frames
    temperature_range_K : lowest and highest temperature of the dynamics they come from, K
    compositions : formulas of what they hold
    errors : head -> errors on data not trained on, units in the names
    softening : slopes of the new head's predictions on the labels of the same data: `forces`,
        `stress`, `forces_by_element`, `forces_by_size` (see `mlipsse.dataset.frames.softening`)
    """

    frames: int | None = None
    temperature_range_K: tuple[float, float] | None = None
    compositions: Sequence[str] = ()
    errors: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    softening: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Provenance:
    """What a card states about the origin of a potential; None is not stated.

    Attributes
    ----------
    label_source : functional or teacher of the training labels, e.g. `vasp` or
        `teacher: mace-sse-small`
    licence : under which the potential may be used
    training : what it learned from
    extra : further facts, plain YAML types
    """

    label_source: str | None = None
    licence: str | None = None
    training: TrainingData = TrainingData()
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def entries(self) -> dict[str, Any]:
        """Entries of the card, but for `extra`; labels of a teacher are stated not to be DFT."""
        source, training = self.label_source or NOT_STATED, self.training
        if source.startswith("teacher") and NOT_DFT not in source:
            source = f"{source} ({NOT_DFT})"
        temperatures = training.temperature_range_K
        return {
            "label_source": source,
            "frames": training.frames,
            "temperature_range_K": temperatures and [float(limit) for limit in temperatures],
            "compositions": list(training.compositions),
            "errors": {head: dict(errors) for head, errors in training.errors.items()},
            **({"softening": dict(training.softening)} if training.softening else {}),
            "licence": self.licence or NOT_STATED,
        }
