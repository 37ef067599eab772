"""The campaign whose checks are tested."""

from collections.abc import Callable
from typing import Any

TWO_HEADS = "mace-liybc-scan-small"
BASE: dict[str, Any] = {
    "name": "check",
    "structure": {
        "host": "Li3InCl6.cif",
        "mobile": "Li",
        "substitutions": {"In": ["In", "Y"], "Cl": ["Cl", "Br"]},
        "charges": {"Li": 1, "In": 3, "Y": 3, "Cl": -1, "Br": -1},
    },
    "enumerate": {"compositions": ["Li3InCl6"]},
    "rank": {"foundation": "mace-sse-small"},
    "select": {"structures": 3},
    "sample": {"foundation": "mace-sse-small"},
    "label": {"source": "teacher: mace-sse-small"},
    "finetune": {"foundation": "mace-sse-small"},
    "simulate": {"temperatures_K": [700, 800], "equilibration_ps": 1, "production_ps": 10},
}

Found = Callable[..., list[str]]
"""Problems of `BASE` with sections changed, of some stages."""
