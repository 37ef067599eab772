"""Fine-tuning MACE: `mace_run_train` behind one adapter, checked before and after, and measured."""

from typing import TYPE_CHECKING, Any

from mlipsse.training.settings import FineTuneSettings

if TYPE_CHECKING:
    from mlipsse.training.finetune import fine_tune

__all__ = ["FineTuneSettings", "fine_tune"]


def __getattr__(name: str) -> Any:
    """`fine_tune` at its first use: the schema of campaigns needs the settings alone."""
    if name == "fine_tune":
        from mlipsse.training.finetune import fine_tune

        return fine_tune
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
