"""What a report is made of: sections with tables, figures, and views that can be turned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlipsse.report.page.text import short_text


@dataclass(frozen=True)
class Table:
    """A table of texts and numbers; None is drawn as a dash.

    Attributes
    ----------
    note : below it
    folded : shown when its title is clicked, and in print
    """

    title: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[object]]
    note: str = ""
    folded: bool = False


def table_of(
    title: str,
    columns: Mapping[str, str],
    rows: Sequence[Mapping[str, str]],
    *,
    note: str = "",
    folded: bool = False,
) -> Table:
    """A table of some columns: title of each -> key of the rows."""
    return Table(
        title,
        tuple(columns),
        [tuple(short_text(row[key]) for key in columns.values()) for row in rows],
        note=note,
        folded=folded,
    )


@dataclass(frozen=True)
class FigureFile:
    """A figure of the page.

    Attributes
    ----------
    path : PNG or SVG file
    caption : what it shows
    wide : whether it takes the page's whole width
    """

    path: Path
    caption: str
    wide: bool = False


@dataclass(frozen=True)
class View:
    """A figure that can be turned, e.g. a density in 3D.

    Attributes
    ----------
    html : fragment, put into the page as it is: its maker answers for it, and that it loads nothing
    picture : PNG or SVG that stands for it in print and without scripts
    """

    title: str
    html: str
    caption: str
    picture: Path


@dataclass(frozen=True)
class Section:
    """A part of the page with its place in the navigation; left out when it holds nothing.

    Attributes
    ----------
    key : anchor, a word of lower-case letters
    text : a sentence below its heading
    """

    key: str
    title: str
    text: str = ""
    tables: Sequence[Table] = ()
    figures: Sequence[FigureFile] = ()
    views: Sequence[View] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to show."""
        return not (self.tables or self.figures or self.views)


@dataclass(frozen=True)
class Headline:
    """A number at the top of the page, e.g. the highest conductivity.

    Attributes
    ----------
    name : of the number
    value : with its unit
    detail : of what it is
    """

    name: str
    value: str
    detail: str = ""


@dataclass(frozen=True)
class ReportContent:
    """Everything a report shows.

    Attributes
    ----------
    summary : as `build_summary` makes it, for the overview; None for a page without one
    kind : of the page, above its title
    temperature_K : at which compositions are compared, K
    sections : in order, after the overview that is made of the summary
    headlines : further numbers for the top of the page
    scripts : sources of JavaScript that views need (plotly.js); put in once each, and only when
        there is a view
    provenance : name to value: versions, models, decks, dates
    """

    title: str
    summary: Mapping[str, Any] | None = None
    sections: Sequence[Section] = ()
    kind: str = "Ionic conductivity from machine-learning molecular dynamics"
    headlines: Sequence[Headline] = ()
    scripts: Sequence[str] = ()
    provenance: Mapping[str, object] = field(default_factory=dict)
    temperature_K: float = 800.0
