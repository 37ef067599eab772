"""Rows of the table of screened crystals, from their descriptors."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from mlipsse.screening.landscape.descriptors import Descriptors

LEADING = (
    "rank", "name", "formula", "atoms", "orderings", "xi", "xi_std", "mpe_eV", "percolation_1d_eV",
    "percolation_2d_eV", "percolation_3d_eV", "connected_0.5", "disconnected_0.5",
    "above_hull_eV_atom", "reason",
)  # fmt: skip
"""First columns of the table."""

AXES = ("a", "b", "c")


def values_of(found: Descriptors) -> dict[str, float]:
    """Every descriptor by the name of its column."""
    content = asdict(found)
    values = {"xi": found.xi, "mpe_eV": found.mpe_eV}
    for k in range(3):
        values[f"percolation_{k + 1}d_eV"] = float(found.percolation_eV[k])
    for k, axis in enumerate(AXES):
        values[f"mpe_{axis}_eV"] = float(found.mpe_by_axis_eV[k])
        values[f"percolation_{axis}_eV"] = float(found.percolation_by_axis_eV[k])
    for quantile, level_eV in found.robust_mpe_eV.items():
        values[f"mpe_q{quantile:.2f}_eV"] = level_eV
    for name in (
        "connected", "disconnected", "summed_connected", "summed_disconnected",
        "masked_connected", "masked_disconnected",
    ):  # fmt: skip
        for threshold_eV, fraction in content[name].items():
            values[f"{name}_{threshold_eV:g}"] = fraction
    return values


def averaged(several: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Means over orderings, and beside Xi its standard deviation.

    A level that some ordering does not reach has no mean: it is infinite.
    """
    found = {name: float(np.mean([one[name] for one in several])) for name in several[0]}
    n = len(several)
    found["xi_std"] = float(np.std([one["xi"] for one in several], ddof=1)) if n > 1 else 0.0
    return found


def ranked(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows by falling Xi, then rising percolation energy, with their rank; those left out last."""
    done = [row for row in rows if not row.get("reason")]
    left_out = [row for row in rows if row.get("reason")]
    done.sort(key=lambda row: (-row["xi"], row["mpe_eV"], row["name"]))
    return [
        *({"rank": place, **row} for place, row in enumerate(done, start=1)),
        *({"rank": None, **row} for row in left_out),
    ]
