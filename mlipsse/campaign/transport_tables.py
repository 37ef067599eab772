"""Rows of `runs.csv` and `directions.csv`: what was found of each run."""

from collections.abc import Mapping
from typing import Any

from mlipsse.transport.directional_average import DIRECTIONS
from mlipsse.transport.directions import DirectionalDiffusivity
from mlipsse.transport.msd import COMPONENTS
from mlipsse.transport.run_analysis import RunTransport

_TENSOR = tuple(f"D_{'xyz'[i]}{'xyz'[j]}_cm2_s" for i, j in COMPONENTS)

DIRECTION_COLUMNS = (
    "run",
    "composition",
    "temperature_K",
    *(f"D_{name}{kind}_cm2_s" for name in DIRECTIONS for kind in ("", "_std")),
    *(f"D_{number}_cm2_s" for number in (1, 2, 3)),
    *_TENSOR,
)
"""D along a, b, c and in their planes, each with its standard error; the three principal values,
falling; the tensor, x along a and y in the plane of a and b."""


def direction_columns(found: DirectionalDiffusivity) -> dict[str, float]:
    """The columns that tell of directions, cm²/s."""
    values = found.along_cm2_s | found.plane_cm2_s
    errors = found.along_std_cm2_s | found.plane_std_cm2_s
    row = {}
    for name in DIRECTIONS:
        row[f"D_{name}_cm2_s"] = values[name]
        row[f"D_{name}_std_cm2_s"] = errors[name]
    for number, value in enumerate(found.principal_cm2_s, start=1):
        row[f"D_{number}_cm2_s"] = float(value)
    for name, (i, j) in zip(_TENSOR, COMPONENTS, strict=True):
        row[name] = float(found.crystal_tensor_cm2_s[i, j])
    return row


def run_columns(
    row: Mapping[str, Any], run: RunTransport | None, reason: str | None
) -> dict[str, Any]:
    """`row` and what the analysis found; empty where it failed, `reason` of a run left out."""
    fit = run.diffusivity if run else None
    window = fit.window_ps if fit else None
    return {
        **row,
        "diffusivity_cm2_s": fit.diffusivity_cm2_s if fit else None,
        "diffusivity_std_cm2_s": fit.diffusivity_std_cm2_s if fit else None,
        "conductivity_mS_cm": run.conductivity_mS_cm if run else None,
        "einstein_conductivity_mS_cm": run.einstein_mS_cm if run else None,
        "haven_ratio": run.charge.haven_ratio if run else None,
        "haven_ratio_std": run.charge.haven_ratio_std if run else None,
        "window_start_ps": window[0] if window else None,
        "window_end_ps": window[1] if window else None,
        "exponent": fit.exponent if fit else None,
        "framework_msd_A2": run.framework.msd_A2 if run else None,
        "left_out": reason or "",
    }
