"""What a training came to, and how it failed."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, is_dataclass
from pathlib import Path
from typing import Any

from mlipsse.dataset.check.measures.verdict import Check
from mlipsse.dataset.frames.energy_offset import EnergyOffset
from mlipsse.dataset.frames.predictions import Errors, Predictions
from mlipsse.errors import MlipsseError
from mlipsse.training import judgement
from mlipsse.training.learning_curve import LearningCurve
from mlipsse.training.settings import HEAD, REPLAY_HEAD


@dataclass(frozen=True, eq=False, kw_only=True)
class FineTuned:
    """What a training came to.

    Attributes
    ----------
    model : the `.model` file; of a training that failed a check its name ends in `.failed.model`
    strategy : as in the settings
    head, replay_head : names of the heads of the new labels and of the replay set; the second is
        None when there is no replay head
    heads : of the model, in its order
    errors : of the head of the new labels on train, valid and test
    foundation_errors : of the foundation model on the same sets, before; empty without one
    grouped_errors : set (valid, test) -> `composition` or `temperature_K` -> its value -> errors
    replay_errors, foundation_replay_errors : on replay frames held out from the training, after
        (by the replay head, by the only head where there is none) and before: their difference is
        what was forgotten; None without a replay set
    offset : of the new labels' energies from the foundation's, per element; None without one
    e0s_eV : isolated-atom energies of the new head by element
    test, replay_test : labels and predictions of the test set and of the held-out replay
    curve, replay_curve : errors on the validation sets, epoch by epoch
    checks : what was looked at afterwards, with verdicts
    command : words of mace-torch's command line
    """

    model: Path
    strategy: str
    heads: tuple[str, ...]
    errors: Mapping[str, Errors]
    foundation_errors: Mapping[str, Errors]
    grouped_errors: Mapping[str, Mapping[str, Mapping[str, Errors]]]
    replay_errors: Errors | None
    foundation_replay_errors: Errors | None
    offset: EnergyOffset | None
    e0s_eV: Mapping[str, float]
    test: Predictions
    replay_test: Predictions | None
    curve: LearningCurve
    replay_curve: LearningCurve
    checks: Sequence[Check] = field(default_factory=tuple)
    command: Sequence[str] = ()
    head: str = HEAD

    @property
    def replay_head(self) -> str | None:
        """Name of the head that kept the foundation's labels."""
        return REPLAY_HEAD if REPLAY_HEAD in self.heads else None

    @property
    def failures(self) -> list[str]:
        """Sentences of the checks that failed."""
        return judgement.failures(self.checks)

    def as_dict(self) -> dict[str, Any]:
        """What JSON can hold of it: all but the model's path and the predictions."""
        kept = ("strategy", "heads", "head", "replay_head", "e0s_eV")
        return {name: getattr(self, name) for name in kept} | {
            "errors": _plain(self.errors),
            "foundation_errors": _plain(self.foundation_errors),
            "grouped_errors": _plain(self.grouped_errors),
            "replay_errors": _plain(self.replay_errors),
            "foundation_replay_errors": _plain(self.foundation_replay_errors),
            "softening": asdict(self.test.softening),
            "energy_offset": asdict(self.offset) if self.offset is not None else None,
            "learning_curve": asdict(self.curve),
            "replay_learning_curve": asdict(self.replay_curve),
            "checks": judgement.as_rows(self.checks),
            "failures": self.failures,
        }


class FailedTraining(MlipsseError):
    """A training whose result may not be called one.

    Attributes
    ----------
    result : all that was measured, and the model, marked as failed
    """

    def __init__(self, result: FineTuned) -> None:
        super().__init__(
            f"The training failed {len(result.failures)} of {len(result.checks)} checks, and its "
            f"model is set aside as {result.model.name}. {' '.join(result.failures)}"
        )
        self.result = result

    def __reduce__(self) -> tuple[type["FailedTraining"], tuple[FineTuned]]:
        return FailedTraining, (self.result,)


def failed_name(out: Path) -> Path:
    """Where the model of a training that failed a check is put instead of `out`."""
    return out.with_suffix(f".failed{out.suffix}")


def _plain(value: Any) -> Any:
    """Dataclasses in a mapping of mappings as dicts."""
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return value
