"""Acceptance of a model before its release: does it hold a crystal, hot, and conserve energy?

`accept` puts one crystal through every trial. Each trial takes an ASE calculator, so that what is
tried can be the exported file (`mlipsse.potential.export.calculator`) or any other potential.
"""

from mlipsse.potential.acceptance.criterion import Criterion
from mlipsse.potential.acceptance.limits import LIMITS, Limits
from mlipsse.potential.acceptance.trials import (
    AcceptanceSettings,
    ReferenceVolume,
    StructureAcceptance,
    accept,
)

__all__ = [
    "LIMITS",
    "AcceptanceSettings",
    "Criterion",
    "Limits",
    "ReferenceVolume",
    "StructureAcceptance",
    "accept",
]
