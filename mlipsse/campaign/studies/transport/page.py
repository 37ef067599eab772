"""Files and report section of a comparison of models by transport."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from mlipsse.campaign.engine.table import write_csv
from mlipsse.campaign.studies.transport.runs import ModelTransport
from mlipsse.files import write_text
from mlipsse.report.figures.style import save_figure
from mlipsse.report.page.content import FigureFile, Section, Table
from mlipsse.report.page.text import with_error
from mlipsse.report.transport_figures.mobile_pairs import PairCurve, mobile_pairs_figure

_COLUMNS = (
    "model", "composition", "T (K)", "D (10⁻⁵ cm²/s)", "conductivity (mS/cm)", "Ea (eV)", "runs",
    "left out", "exploded", "melted", "closest pair (Å)",
)  # fmt: skip
_NOTE = (
    "± is one standard error. Runs that exploded, melted or did not diffuse are left out of D, and "
    "listed below with the reason; those that a limit stopped are stopped at once. The closest "
    "pair is of mobile ions, in all frames of all runs, those of stopped runs too. Ea is a fit "
    "through all temperatures of a model."
)


@dataclass(frozen=True)
class TransportFiles:
    """Where a comparison is written.

    Attributes
    ----------
    table, record : CSV and JSON of the rows
    figure : PNG, and SVG beside it
    pairs_table, pairs_figure : g(r) of the mobile ion, CSV and PNG with SVG
    """

    table: Path
    record: Path
    figure: Path
    pairs_table: Path
    pairs_figure: Path

    @classmethod
    def in_folder(cls, folder: Path) -> "TransportFiles":
        """Under their usual names."""
        return cls(
            folder / "transport.csv",
            folder / "transport.json",
            folder / "transport.png",
            folder / "radial.csv",
            folder / "radial.png",
        )


def write_transport(
    files: TransportFiles, found: Sequence[ModelTransport], figure: Figure, *, caption: str
) -> Section:
    """Write tables and figures of a comparison; its section of a page.

    Parameters
    ----------
    found : models by composition
    figure : of D against temperature
    caption : of the figure
    """
    rows = [row for one in found for row in one.rows()]
    write_csv(files.table, rows)
    write_text(files.record, json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
    drawn = [FigureFile(save_figure(figure, files.figure)[0], caption, wide=True)]
    if pairs := list(_pair_rows(found)):
        write_csv(files.pairs_table, pairs)
        path = save_figure(mobile_pairs_figure(list(_curves(found))), files.pairs_figure)[0]
        drawn.append(
            FigureFile(
                path,
                "Distances of mobile ions from each other at the highest temperature with frames. "
                "In the shaded range no two of them can be: pairs there are the failure of the "
                "potential, and its runs are stopped at the first.",
                wide=True,
            )
        )
    return Section(
        "transport", "Transport", figures=drawn, tables=[_table(found), _left_out(found)]
    )


def _table(found: Sequence[ModelTransport]) -> Table:
    rows = [
        (
            one.subject.name,
            row["composition"],
            row["temperature_K"],
            _scaled(row, "diffusivity", "cm2_s", 1e5),
            _scaled(row, "conductivity", "mS_cm"),
            _scaled(row, "activation_energy", "eV"),
            row["runs"],
            row["runs_left_out"],
            row["runs_exploded"],
            row["runs_melted"],
            row["closest_mobile_pair_A"],
        )
        for one in found
        for row in one.rows()
    ]
    return Table("Transport by model and temperature", _COLUMNS, rows, note=_NOTE)


def _left_out(found: Sequence[ModelTransport]) -> Table:
    rows = [
        (one.subject.name, run.temperature_K, run.name, run.reason)
        for one in found
        for run in one.transport.excluded
    ]
    return Table(
        "Runs left out", ("model", "T (K)", "run", "reason"), rows, note="" if rows else "None."
    )


def _scaled(row: Mapping[str, Any], name: str, unit: str, factor: float = 1.0) -> str | None:
    value, std = row[f"{name}_{unit}"], row[f"{name}_std_{unit}"]
    if value is None:
        return None
    return with_error(factor * value, None if std is None else factor * std)


def _pair_rows(found: Sequence[ModelTransport]) -> Iterator[dict[str, Any]]:
    for one in found:
        for temperature_K, pairs in one.pairs.items():
            if pairs is None:
                continue
            for radius_A, value in zip(pairs.radii_A, pairs.g, strict=True):
                yield {
                    **one.subject.identity,
                    "composition": one.transport.formula,
                    "temperature_K": temperature_K,
                    "r_A": round(float(radius_A), 4),
                    "g": round(float(value), 5),
                }


def _curves(found: Sequence[ModelTransport]) -> Iterator[PairCurve]:
    """Of every model and composition, at the highest temperature with a frame."""
    for one in found:
        hot = max((kelvin for kelvin, pairs in one.pairs.items() if pairs), default=None)
        pairs = one.pairs[hot] if hot is not None else None
        runs = sum(row["runs"] + row["runs_left_out"] for row in one.rows())
        exploded = sum(row["runs_exploded"] for row in one.rows())
        yield PairCurve(
            name=one.subject.name,
            composition=one.transport.formula,
            temperature_K=hot,
            radii_A=pairs.radii_A if pairs else None,
            g=pairs.g if pairs else None,
            exploded=exploded,
            runs=runs,
        )
