"""Acceptance of a model before its release: does it hold a crystal, hot, and conserve energy?

`accept` puts one crystal through every trial. Each trial takes an ASE calculator, so that what is
tried can be the exported file (`mlipsse.potential.export.edge_form`) or any other potential.
"""

from mlipsse.potential.acceptance.limits import LIMITS, AcceptanceLimits
from mlipsse.potential.acceptance.report import AcceptanceReport, Criterion
from mlipsse.potential.acceptance.trials import (
    AcceptanceSettings,
    References,
    ReferenceVolume,
    accept,
)

__all__ = [
    "LIMITS",
    "AcceptanceLimits",
    "AcceptanceReport",
    "AcceptanceSettings",
    "Criterion",
    "ReferenceVolume",
    "References",
    "accept",
]
