"""Fine-tuning MACE: `mace_run_train` behind one adapter, checked before and after, and measured."""

from mlipsse.training.finetune import FineTuned, fine_tune
from mlipsse.training.settings import FineTuneSettings

__all__ = ["FineTuneSettings", "FineTuned", "fine_tune"]
