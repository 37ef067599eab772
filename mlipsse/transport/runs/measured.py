"""Diffusivities that stand in files: what `mlipsse transport diffusivity` printed, or a table."""

import csv
import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlipsse.errors import MlipsseError
from mlipsse.transport.diffusion.arrhenius.average import TemperatureAverage, average_runs
from mlipsse.transport.diffusion.arrhenius.fit import fit_arrhenius
from mlipsse.transport.diffusion.displacement.status import RunKind
from mlipsse.transport.runs.composition import CompositionTransport, ExcludedRun

LARGEST_ERROR = 10.0
"""Ratio to D; larger errors are in another unit, or percent."""

FASTEST_CM2_S = 1e-2
"""A hundred times the ions of a thin melt."""

_NUMBERS = ("diffusivity_cm2_s", "diffusivity_std_cm2_s", "conductivity_mS_cm")


@dataclass(frozen=True)
class MeasuredDiffusivity:
    """One D; None what is not known.

    Attributes
    ----------
    reason : why the run takes no part, None where it does: its status, as `transport diffusivity`
        states it, is not usable, or it has no diffusivity
    mobile, charge_e : of the ion, where the file states them
    framework : its elements, where the file states them
    cautions : that the run came with
    run_print : numbers of the run that no window changes, and that no two runs have in common; None
        where the file has none
    """

    name: str
    temperature_K: float
    diffusivity_cm2_s: float | None
    diffusivity_std_cm2_s: float | None
    conductivity_mS_cm: float | None
    conductivity_std_mS_cm: float | None
    reason: str | None = None
    mobile: str | None = None
    charge_e: float | None = None
    cautions: tuple[str, ...] = ()
    run_print: tuple[float, ...] | None = None
    framework: str | None = None


def read_measured(paths: Sequence[Path], *, mobile: str | None = None) -> list[MeasuredDiffusivity]:
    """Read JSON answers of `mlipsse transport diffusivity --json`, and CSV tables.

    A table has the columns `temperature_K` and `diffusivity_cm2_s`, and may have
    `diffusivity_std_cm2_s`, `conductivity_mS_cm`, `conductivity_std_mS_cm`, `mobile`, `charge_e`,
    `status` (a row of another one than usable takes no part) and `reason` (why it takes none;
    `left_out` in older tables).

    Parameters
    ----------
    paths : files
    mobile : ion to take where the files hold several; all must be alike without it

    Raises
    ------
    MlipsseError
        when a file is neither, lacks a column or has something else than a number in it; when two
        files hold the same run, and when mobile ions or their charges differ.
    """
    found: list[MeasuredDiffusivity] = []
    contents: dict[str, Path] = {}
    for path in paths:
        try:
            text = Path(path).read_text(encoding="utf-8-sig")  # Excel begins with a mark
        except (OSError, UnicodeDecodeError) as error:
            raise MlipsseError(f"{path} cannot be read ({error}).") from error
        if text.lstrip().startswith(("{", "[")):
            rows = _answers(path, text)
            content = json.dumps(rows, sort_keys=True)
            found += [_entry(path, row, path.name) for row in rows]
        else:
            rows = [
                {name.strip(): value for name, value in row.items() if name}
                for row in csv.DictReader(text.splitlines(), delimiter=_mark(text))
            ]
            content = "\n".join(line.strip() for line in text.split())
            found += [
                _entry(path, row, f"{path.name}, row {number}")
                for number, row in enumerate(rows, start=1)
            ]
        digest = hashlib.sha256(content.encode()).hexdigest()
        if digest in contents:
            raise MlipsseError(
                f"{path} and {contents[digest]} contain equal numbers: a run given twice is not a "
                "replica. Give each run once."
            )
        contents[digest] = path
    _refuse_repeats(found)
    if mobile is not None:
        found = [row for row in found if row.mobile in (None, mobile)]
    if not found:
        raise MlipsseError(f"{', '.join(map(str, paths))}: the file contains no diffusivity.")
    _check_alike(found)
    return found


def _refuse_repeats(rows: Sequence[MeasuredDiffusivity]) -> None:
    """Refuse one run given twice: in other files, with another window or at another temperature."""
    seen: dict[tuple[Any, ...], MeasuredDiffusivity] = {}
    for row in rows:
        value, std = row.diffusivity_cm2_s, row.diffusivity_std_cm2_s
        prints: list[tuple[Any, ...]] = []
        if row.run_print is not None:
            prints.append((row.mobile, *row.run_print))
        if value is not None and std is not None:
            rounded = float(f"{value:.4g}") == value  # which two runs may have in common
            prints.append((value, std, row.temperature_K if rounded else None))
        for one in prints:
            if one in seen:
                other = seen[one]
                raise MlipsseError(
                    f"{other.name} ({other.temperature_K:g} K) and {row.name} "
                    f"({row.temperature_K:g} K) contain equal numbers, as for one trajectory: a "
                    "run given twice is not a replica. Give each run once."
                )
            seen[one] = row


def _check_alike(rows: Sequence[MeasuredDiffusivity]) -> None:
    for name, what in (
        ("mobile", "mobile ions"),
        ("charge_e", "charges of the mobile ion, e"),
        ("framework", "frameworks"),
    ):
        values: dict[Any, str] = {}
        for row in rows:
            value = getattr(row, name)
            if value is not None:
                values.setdefault(value, row.name)
        if len(values) > 1:
            stated = ", ".join(f"{value} in {where}" for value, where in values.items())
            raise MlipsseError(
                f"Different {what} cannot share an Arrhenius line: {stated}. Give files of one kind"
                + (", or name it by --mobile." if name == "mobile" else ".")
            )


def summarise_measured(
    formula: str, measured: Iterable[MeasuredDiffusivity]
) -> CompositionTransport:
    """Average the diffusivities of each temperature, and fit Arrhenius through the means.

    Where any of them lacks its error, the fit goes without errors, and a caution states it.
    """
    rows = list(measured)
    usable = [row for row in rows if row.diffusivity_cm2_s is not None]
    without = [row.name for row in usable if row.diffusivity_std_cm2_s is None]
    with_errors = not without
    cautions = [f"{row.name}: {caution}" for row in usable for caution in row.cautions]
    if without:
        cautions.append(
            f"no error of D in {', '.join(without[:5])}"
            + (f" and {len(without) - 5} more" if len(without) > 5 else "")
            + ": all points have equal weights, and only their scatter about the line gives errors"
        )
    fast = [row.name for row in usable if (row.diffusivity_cm2_s or 0.0) > FASTEST_CM2_S]
    if fast:
        cautions.append(
            f"D of {', '.join(fast[:5])} is above {FASTEST_CM2_S:g} cm²/s, beyond any ion of a "
            "solid or melt: check its unit (1 Å²/ps is 1e-4 cm²/s, 1 m²/s is 1e4 cm²/s)"
        )
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
        run_cautions=tuple(cautions),
    )


def _mean(rows: Sequence[MeasuredDiffusivity], value: str, error: str) -> tuple[float, float]:
    """Mean and its error; NaN for what is not known: e.g. of a single run without an error."""
    values = [getattr(row, value) for row in rows]
    if None in values:
        return float("nan"), float("nan")
    errors = [getattr(row, error) for row in rows]
    mean, std = average_runs(values, [known or 0.0 for known in errors])
    return mean, std if None not in errors or std > 0 else float("nan")


def _answers(path: Path, text: str) -> list[Mapping[str, Any]]:
    try:
        answer = json.loads(text)
    except json.JSONDecodeError as error:
        raise MlipsseError(f"{path} is no JSON ({error}).") from error
    rows = answer if isinstance(answer, list) else [answer]
    if not all(isinstance(row, dict) for row in rows):
        raise MlipsseError(f"{path} is not an output of `mlipsse transport diffusivity --json`.")
    return rows


def _entry(path: Path, row: Mapping[str, Any], name: str) -> MeasuredDiffusivity:
    for needed in ("temperature_K", "diffusivity_cm2_s"):
        if needed not in row:
            quantity = needed.partition("_")[0]
            others = [name for name in row if name.startswith(f"{quantity}_") and "std" not in name]
            if others:
                raise MlipsseError(
                    f"{path} has {others[0]} instead of {needed}. Convert it to the unit in the "
                    f"name {needed}."
                )
            raise MlipsseError(
                f"{path} has no {needed}. Give the output of `mlipsse transport diffusivity "
                "--json`, or a CSV table with the columns temperature_K and diffusivity_cm2_s."
            )
    reason = row.get("reason") or row.get("left_out") or None
    status = row.get("status") or RunKind.USABLE
    if reason is None and status != RunKind.USABLE:
        reason = f"its status is {status}"
    if reason is None and row.get("framework_melted") in (True, "true", "True"):
        reason = "melted: its framework moves like a liquid"
    numbers: dict[str, float | None] = {}
    for key in ("temperature_K", *_NUMBERS, "conductivity_std_mS_cm", "charge_e"):
        value = row.get(key)
        try:
            numbers[key] = None if value in (None, "") else float(value)
        except (TypeError, ValueError) as error:
            raise MlipsseError(f"{path}: {key} = {value!r} is not a number.") from error
        known = numbers[key]
        if known is not None and not math.isfinite(known):
            raise MlipsseError(f"{path}: {key} = {value!r} is not a finite number.")
    std, value = numbers["diffusivity_std_cm2_s"], numbers["diffusivity_cm2_s"] or 0.0
    if std is not None and not 0 < std < (LARGEST_ERROR * value if value > 0 else math.inf):
        raise MlipsseError(
            f"{name}: diffusivity_std_cm2_s must be above 0 and below {LARGEST_ERROR:g} times "
            f"diffusivity_cm2_s, in cm²/s and not in percent, but is {std:g}. Leave it empty "
            "where the error is not known."
        )
    framework = row.get("framework")
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
        mobile=row.get("mobile") or None,
        charge_e=numbers["charge_e"],
        cautions=_sentences(row.get("cautions")) if reason is None else (),
        run_print=_run_print(row),
        framework=" ".join(sorted(framework))
        if isinstance(framework, list) and framework
        else None,
    )


def _mark(text: str) -> str:
    """Between columns: a comma, the semicolon of Excel where commas are decimal, or a tab."""
    head = text.strip().partition("\n")[0]
    return max(",;\t", key=head.count)


def _sentences(found: Any) -> tuple[str, ...]:
    """Cautions of an answer, a list, or of a table, one text."""
    return tuple(map(str, found)) if isinstance(found, list) else (str(found),) if found else ()


def _run_print(row: Mapping[str, Any]) -> tuple[float, ...] | None:
    found = [row.get(name) for name in ("framework_msd_A2", "volume_A3", "duration_ps")]
    numbers = tuple(float(one) for one in found if isinstance(one, float) and one > 0)
    return numbers if len(numbers) == len(found) else None
