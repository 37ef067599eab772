"""The report as one HTML file that needs nothing else."""

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2

from mlipsse.errors import MlipsseError
from mlipsse.files import write_text

_MEDIA_TYPES = {".png": "image/png", ".svg": "image/svg+xml"}


@dataclass(frozen=True)
class Table:
    """A table of texts and numbers; None is drawn as a dash."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[object]]
    note: str = ""


@dataclass(frozen=True)
class FigureFile:
    """A PNG or SVG file and what it shows; a wide one takes the page's whole width."""

    path: Path
    caption: str
    wide: bool = False


@dataclass(frozen=True)
class ReportContent:
    """Everything the report shows.

    summary : as `build_summary` makes it
    figures : in order
    tables : in order, after the summary's own (hull, training errors, health of runs)
    provenance : name to value: versions, models, decks, dates
    """

    title: str
    summary: Mapping[str, Any]
    figures: Sequence[FigureFile] = ()
    tables: Sequence[Table] = ()
    provenance: Mapping[str, object] = field(default_factory=dict)


def render_report(content: ReportContent) -> str:
    """The report's HTML, with figures inlined and no reference to anything outside.

    Raises
    ------
    MlipsseError
        when a figure is missing or neither PNG nor SVG.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["cell"] = _cell
    return environment.get_template("report.html.j2").render(
        title=content.title,
        label_source=content.summary["label_source"],
        cautions=content.summary.get("cautions", []),
        tables=[
            _transport_table(content.summary),
            _activation_table(content.summary),
            _excluded_table(content.summary),
            *content.tables,
        ],
        figures=[(_inline(item.path), item.caption, item.wide) for item in content.figures],
        provenance=content.provenance,
    )


def write_report(content: ReportContent, path: Path) -> None:
    """Write `render_report` to a file, whole or not at all."""
    write_text(path, render_report(content))


def _inline(path: Path) -> str:
    media_type = _MEDIA_TYPES.get(Path(path).suffix)
    if media_type is None:
        raise MlipsseError(f"{path} is no PNG or SVG, which is all that a report can show.")
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise MlipsseError(f"Figure {path} cannot be read: {error.strerror}.") from error
    return f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)


def with_error(value: float | None, std: float | None) -> str | None:
    """`0.312 ± 0.021`: the error to two digits and the value to the same place.

    Without an error the value to three digits; without a value None.
    """
    if value is None:
        return None
    if std is None or std <= 0:
        return f"{value:.3g}"
    places = max(0, 1 - math.floor(math.log10(std)))
    return f"{value:.{places}f} ± {std:.{places}f}"


def _transport_table(summary: Mapping[str, Any]) -> Table:
    rows = []
    for item in summary["compositions"]:
        for k, temperature in enumerate(item["temperature_K"]):
            rows.append(
                (
                    item["formula"],
                    f"{temperature:g}",
                    with_error(
                        1e5 * item["diffusivity_cm2_s"][k],
                        1e5 * item["diffusivity_std_cm2_s"][k],
                    ),
                    with_error(item["conductivity_mS_cm"][k], item["conductivity_std_mS_cm"][k]),
                    item["runs"][k],
                )
            )
    return Table(
        "Diffusivity and conductivity",
        ("composition", "T (K)", "D (10⁻⁵ cm²/s)", "conductivity (mS/cm)", "runs"),
        rows,
        "Tracer diffusivity, framework drift removed; ± is one standard error.",
    )


def _activation_table(summary: Mapping[str, Any]) -> Table:
    return Table(
        "Activation energy",
        ("composition", "Ea (eV)", "temperatures"),
        [
            (
                item["formula"],
                with_error(item["activation_energy_eV"], item["activation_energy_std_eV"]),
                len(item["temperature_K"]),
            )
            for item in summary["compositions"]
        ],
        "From ln D against 1/T. None below two temperatures, no error below three.",
    )


def _excluded_table(summary: Mapping[str, Any]) -> Table:
    return Table(
        "Runs left out",
        ("composition", "T (K)", "run", "reason"),
        [
            (item["formula"], f"{run['temperature_K']:g}", run.get("run"), run["reason"])
            for item in summary["compositions"]
            for run in item["excluded"]
        ],
    )
