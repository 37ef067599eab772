"""How a model is fine-tuned."""

from dataclasses import dataclass
from typing import Literal

HEAD = "Default"
"""Name that mace-torch gives the head of the new labels."""

REPLAY_HEAD = "pt_head"
"""Name that mace-torch gives the head that keeps the foundation's labels."""


@dataclass(frozen=True)
class FineTuneSettings:
    """Settings of a multi-head fine-tuning; the defaults are the published ones.

    Deng, Li, Sai Gautam, Zhu, Deng, 2025, doi 10.1039/d5ta05321h: at most 500 epochs, stop after
    20 without improvement on the validation set, learning rate 0.01. The weights of the loss are
    those that MACE-MP-0 was trained with (Batatia et al., 2023, arXiv 2401.00096).

    Attributes
    ----------
    max_epochs, patience : epochs; `patience` counts those without improvement
    learning_rate : initial; given to mace-torch so that it is not replaced by 0.0001
    energy_weight, forces_weight, stress_weight : of mace-torch's universal loss
    scheduler_patience : epochs without improvement before the learning rate falls to 0.8 of itself
    ema_decay : of the moving average of the weights, which is what is validated and kept
    e0s : isolated-atom energies: `estimated` fits one correction per element, which fine-tuning
        across functionals needs; `foundation` keeps the foundation's
    """

    max_epochs: int = 500
    patience: int = 20
    learning_rate: float = 0.01
    batch_size: int = 8
    energy_weight: float = 1.0
    forces_weight: float = 10.0
    stress_weight: float = 100.0
    scheduler_patience: int = 5
    ema_decay: float = 0.99
    e0s: Literal["estimated", "foundation"] = "estimated"
    dtype: Literal["float32", "float64"] = "float32"
    device: Literal["cpu", "cuda"] = "cpu"
    seed: int = 1
