"""The report as one HTML file that needs nothing else."""

import base64
from pathlib import Path

import jinja2
from markupsafe import Markup

from mlipsse.errors import MlipsseError
from mlipsse.files import write_text
from mlipsse.report.page.content import FigureFile, Headline, ReportContent, Section, Table, View
from mlipsse.report.page.overview import headlines, overview_table
from mlipsse.report.page.text import cell_html, cell_text, sort_value, text_html, with_error

__all__ = [
    "FigureFile",
    "Headline",
    "ReportContent",
    "Section",
    "Table",
    "View",
    "render_report",
    "with_error",
    "write_report",
]

_HERE = Path(__file__).parent
_MEDIA_TYPES = {".png": "image/png", ".svg": "image/svg+xml"}


def render_report(content: ReportContent) -> str:
    """The report's HTML, with figures inlined and no reference to anything outside.

    Raises
    ------
    MlipsseError
        when a figure is missing or neither PNG nor SVG, or two sections have one key.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        cell=cell_html,
        text=cell_text,
        sort_value=sort_value,
        formulas=text_html,
        inline=_inline,
        numeric=_numeric_columns,
    )
    sections = [section for section in content.sections if not section.empty]
    summary = content.summary
    keys = ["overview", *(section.key for section in sections), "provenance"]
    if len(set(keys)) < len(keys):
        raise MlipsseError(f"Two sections of the report share a key: {', '.join(keys)}.")
    views = any(section.views for section in sections)
    return environment.get_template("report.html.j2").render(
        title=content.title,
        kind=content.kind,
        label_source=summary and summary["label_source"],
        cautions=summary and summary.get("cautions", []),
        headlines=[
            *(headlines(summary, content.temperature_K) if summary else []),
            *content.headlines,
        ],
        overview=overview_table(summary, content.temperature_K) if summary else None,
        sections=sections,
        provenance=content.provenance,
        style=Markup((_HERE / "report.css").read_text(encoding="utf-8")),
        behaviour=_script((_HERE / "report.js").read_text(encoding="utf-8")),
        scripts=[_script(text) for text in dict.fromkeys(content.scripts)] if views else [],
    )


def write_report(content: ReportContent, path: Path) -> None:
    """Write `render_report` to a file, whole or not at all."""
    write_text(path, render_report(content))


def _inline(path: Path) -> str:
    media_type = _MEDIA_TYPES.get(Path(path).suffix)
    if media_type is None:
        raise MlipsseError(f"{path} is not a PNG or SVG file. Give one of these.")
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise MlipsseError(f"Figure {path} cannot be read: {error.strerror}.") from error
    return f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"


def _script(text: str) -> Markup:
    """Source of a script, in which nothing ends the element that holds it."""
    return Markup(text.replace("</script", "<\\/script"))


def _numeric_columns(table: Table) -> list[bool]:
    """Which columns hold numbers and nothing else, so that they are set to the right."""
    columns = []
    for k in range(len(table.columns)):
        values = [row[k] for row in table.rows if row[k] is not None]
        columns.append(bool(values) and all(sort_value(value) is not None for value in values))
    return columns
