"""Pressure and volume of production runs beside the numbers: means, and sentences of caution."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from mlipsse.md.plan.settling import Settling
from mlipsse.md.watch.health import Health
from mlipsse.md.watch.pressure import CAUTION_GPA, remedy

Row = Mapping[str, Any]

COLUMNS = (
    *("pressure_GPa", "pressure_std_GPa", "asked_pressure_GPa", "anisotropic_stress_GPa"),
    *("volume_drift_percent", "volume_drift_std_percent"),
)
"""Columns of `runs.csv` that `pressure_columns` gives."""


def pressure_columns(health: Health) -> dict[str, float | None]:
    """Columns of a run's row in `runs.csv`; the pressure asked for is None without an NPT part."""
    pressure, drift = health.pressure, health.volume_drift
    return {
        "pressure_GPa": pressure.mean_GPa if pressure else None,
        "pressure_std_GPa": pressure.std_GPa if pressure else None,
        "asked_pressure_GPa": pressure.asked_GPa if pressure and pressure.averaged_cell else None,
        "anisotropic_stress_GPa": pressure.anisotropy_GPa if pressure else None,
        "volume_drift_percent": drift.drift_percent if drift else None,
        "volume_drift_std_percent": drift.error_percent if drift else None,
    }


def mean_pressures(
    rows: Sequence[Row], *, temperatures_K: Sequence[float]
) -> dict[str, list[float | None]]:
    """Mean pressure of the runs that count at each temperature, and its standard error.

    Parameters
    ----------
    rows : of `runs.csv`, of one composition; those with a `reason` do not count
    temperatures_K : as the composition's in the summary

    Returns
    -------
    dict
        `pressure_GPa` and `pressure_std_GPa`, equally long; None where no log gives them.
    """
    means: list[float | None] = []
    errors: list[float | None] = []
    for kelvin in temperatures_K:
        here = [row for row in rows if row["temperature_K"] == kelvin and not row["reason"]]
        known = [row["pressure_GPa"] for row in here if row["pressure_GPa"] is not None]
        stds = [row["pressure_std_GPa"] for row in here if row["pressure_std_GPa"] is not None]
        means.append(sum(known) / len(known) if known else None)
        whole = bool(known) and len(stds) == len(known)
        errors.append(math.sqrt(sum(std * std for std in stds)) / len(stds) if whole else None)
    return {"pressure_GPa": means, "pressure_std_GPa": errors}


def pressure_cautions(rows: Sequence[Row]) -> list[str]:
    """Sentences about runs whose pressure or volume is off, by composition.

    Parameters
    ----------
    rows : of `runs.csv`, of all runs that ended as they should, numbers as numbers; also of those
        that gave no D, which the pressure may be the cause of
    """
    sentences = []
    for formula in dict.fromkeys(row["composition"] for row in rows):
        own = [row for row in rows if row["composition"] == formula]
        for averaged in (False, True):
            kind = [row for row in own if (row["asked_pressure_GPa"] is not None) is averaged]
            sentences += _pressure_off(formula, [row for row in kind if _is_off(row)], averaged)
            sentences += _anisotropic(formula, [row for row in kind if _is_uneven(row)], averaged)
        sentences += _drifting(formula, own)
    return sentences


def _pressure_off(formula: str, rows: Sequence[Row], averaged: bool) -> list[str]:
    if not rows:
        return []
    asked = sorted({row["asked_pressure_GPa"] or 0.0 for row in rows})
    cell = "the average cell of the NPT part" if averaged else "a cell without thermal expansion"
    return [
        f"{formula}: production at {_kelvin(rows)} K ran at a mean pressure of "
        f"{_span([row['pressure_GPa'] for row in rows])} GPa instead of "
        f"{' or '.join(f'{value:g}' for value in asked)} (NVT in {cell}). Diffusivities and "
        f"barriers hold at this pressure. To correct it, {remedy(averaged)}."
    ]


def _anisotropic(formula: str, rows: Sequence[Row], averaged: bool) -> list[str]:
    if not rows:
        return []
    return [
        f"{formula}: in production at {_kelvin(rows)} K the stress along one axis differs from "
        f"the mean pressure by {_span([row['anisotropic_stress_GPa'] for row in rows])} GPa. To "
        f"correct it, {remedy(averaged)}."
    ]


def _drifting(formula: str, rows: Sequence[Row]) -> list[str]:
    drifting = [
        row
        for row in rows
        if row["volume_drift_percent"] is not None
        and not Settling(row["volume_drift_percent"], row["volume_drift_std_percent"]).settled
    ]
    if not drifting:
        return []
    return [
        f"{formula}: in {len(drifting)} of {len(rows)} runs (at {_kelvin(drifting)} K) the volume "
        f"changed by {_span([row['volume_drift_percent'] for row in drifting])} % over the second "
        "half of the NPT part: it had not settled, so the average cell is not reliable. Raise "
        "simulate.npt_ps."
    ]


def _is_off(row: Row) -> bool:
    pressure = row["pressure_GPa"]
    asked = row["asked_pressure_GPa"] or 0.0
    return pressure is not None and abs(pressure - asked) > CAUTION_GPA


def _is_uneven(row: Row) -> bool:
    uneven = row["anisotropic_stress_GPa"]
    return uneven is not None and uneven > CAUTION_GPA


def _kelvin(rows: Sequence[Row]) -> str:
    return ", ".join(f"{kelvin:g}" for kelvin in sorted({row["temperature_K"] for row in rows}))


def _span(values: Sequence[float]) -> str:
    low, high = f"{min(values):.1f}", f"{max(values):.1f}"
    return low if low == high else f"{low} to {high}"
