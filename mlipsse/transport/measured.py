"""Diffusivities that stand in files: what `mlipsse transport diffusivity` printed, or a table."""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlipsse.errors import MlipsseError
from mlipsse.transport.arrhenius import fit_arrhenius
from mlipsse.transport.average import TemperatureAverage, average_runs
from mlipsse.transport.composition import CompositionTransport, ExcludedRun

_NUMBERS = ("diffusivity_cm2_s", "diffusivity_std_cm2_s", "conductivity_mS_cm")


@dataclass(frozen=True)
class MeasuredDiffusivity:
    """One D; None what is not known. `reason` says why there is none."""

    name: str
    temperature_K: float
    diffusivity_cm2_s: float | None
    diffusivity_std_cm2_s: float | None
    conductivity_mS_cm: float | None
    conductivity_std_mS_cm: float | None
    reason: str | None = None


def read_measured(paths: Sequence[Path]) -> list[MeasuredDiffusivity]:
    """Read JSON answers of `mlipsse transport diffusivity --json`, and CSV tables.

    A table has the columns `temperature_K` and `diffusivity_cm2_s`, and may have
    `diffusivity_std_cm2_s`, `conductivity_mS_cm`, `conductivity_std_mS_cm` and `left_out` (a reason
    why a row takes no part).

    Raises
    ------
    MlipsseError
        when a file is neither, lacks a column or has something else than a number in it.
    """
    found: list[MeasuredDiffusivity] = []
    for path in paths:
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise MlipsseError(f"{path} cannot be read ({error}).") from error
        if text.lstrip().startswith(("{", "[")):
            found += [_entry(path, row, path.name) for row in _answers(path, text)]
        else:
            rows = list(csv.DictReader(text.splitlines()))
            found += [
                _entry(path, row, f"{path.name}, row {number}")
                for number, row in enumerate(rows, start=1)
            ]
    if not found:
        raise MlipsseError(f"{', '.join(map(str, paths))}: there is no diffusivity in it.")
    return found


def summarise_measured(
    formula: str, measured: Iterable[MeasuredDiffusivity]
) -> CompositionTransport:
    """Average the diffusivities of each temperature, and fit Arrhenius through the means.

    Where any of them lacks its error, the fit goes without errors.
    """
    rows = list(measured)
    usable = [row for row in rows if row.diffusivity_cm2_s is not None]
    with_errors = all(row.diffusivity_std_cm2_s is not None for row in usable)
    points = []
    for temperature in sorted({row.temperature_K for row in usable}):
        here = [row for row in usable if row.temperature_K == temperature]
        points.append(
            TemperatureAverage(
                temperature,
                *_mean(here, "diffusivity_cm2_s", "diffusivity_std_cm2_s"),
                *_mean(here, "conductivity_mS_cm", "conductivity_std_mS_cm"),
                n_runs=len(here),
            )
        )
    return CompositionTransport(
        formula=formula,
        points=tuple(points),
        arrhenius=fit_arrhenius(
            [point.temperature_K for point in points],
            [point.diffusivity_cm2_s for point in points],
            [point.diffusivity_std_cm2_s for point in points] if with_errors and points else None,
        ),
        excluded=tuple(
            ExcludedRun(row.temperature_K, row.name, row.reason or "it has no diffusivity")
            for row in rows
            if row.diffusivity_cm2_s is None
        ),
        shortest_run_ps=None,
    )


def _mean(rows: Sequence[MeasuredDiffusivity], value: str, error: str) -> tuple[float, float]:
    """Mean and its error; NaN where a row does not know the value, 0 for errors not known."""
    values = [getattr(row, value) for row in rows]
    if None in values:
        return float("nan"), float("nan")
    return average_runs(values, [getattr(row, error) or 0.0 for row in rows])


def _answers(path: Path, text: str) -> list[Mapping[str, Any]]:
    try:
        answer = json.loads(text)
    except json.JSONDecodeError as error:
        raise MlipsseError(f"{path} is no JSON ({error}).") from error
    rows = answer if isinstance(answer, list) else [answer]
    if not all(isinstance(row, dict) for row in rows):
        raise MlipsseError(f"{path} is no answer of `mlipsse transport diffusivity --json`.")
    return rows


def _entry(path: Path, row: Mapping[str, Any], name: str) -> MeasuredDiffusivity:
    for needed in ("temperature_K", "diffusivity_cm2_s"):
        if needed not in row:
            raise MlipsseError(
                f"{path} has no {needed}: give what `mlipsse transport diffusivity --json` prints, "
                "or a CSV table with the columns temperature_K and diffusivity_cm2_s."
            )
    reason = row.get("reason") or row.get("left_out") or None
    numbers: dict[str, float | None] = {}
    for key in ("temperature_K", *_NUMBERS, "conductivity_std_mS_cm"):
        value = row.get(key)
        try:
            numbers[key] = None if value in (None, "") else float(value)
        except (TypeError, ValueError) as error:
            raise MlipsseError(f"{path}: {key} = {value!r} is not a number.") from error
    temperature = numbers.pop("temperature_K")
    if temperature is None or not temperature > 0:
        raise MlipsseError(f"{path}: the temperature must be above 0 K, but is {temperature}.")
    if reason:
        numbers["diffusivity_cm2_s"] = None
    return MeasuredDiffusivity(
        name=name,
        temperature_K=temperature,
        diffusivity_cm2_s=numbers["diffusivity_cm2_s"],
        diffusivity_std_cm2_s=numbers["diffusivity_std_cm2_s"],
        conductivity_mS_cm=numbers["conductivity_mS_cm"],
        conductivity_std_mS_cm=numbers["conductivity_std_mS_cm"],
        reason=reason,
    )
