import re

import pytest

from mlipsse.errors import MlipsseError
from mlipsse.report.html import (
    FigureFile,
    ReportContent,
    Table,
    render_report,
    with_error,
    write_report,
)
from mlipsse.report.hull_plot import hull_plot
from mlipsse.report.style import new_figure, save_figure
from mlipsse.report.summary import build_summary

LABELS = "teacher: chgnet-r2scan (teacher labels, not DFT)"


@pytest.fixture
def content(compositions, tmp_path):
    figure, (axes,) = new_figure()
    hull_plot(axes, ["LiCl"], [[0.0]])
    png, svg = save_figure(figure, tmp_path / "hull")
    return ReportContent(
        title="Conductivity of <Li3InCl6>",
        summary=build_summary(
            compositions, label_source=LABELS, cautions=["Runs are short & few."]
        ),
        figures=[FigureFile(png, "Hull, pixels"), FigureFile(svg, "Hull, lines")],
        tables=[Table("Errors", ("set", "RMSE (meV/Å)"), [("test", 61.234), ("replay", None)])],
        provenance={"mlipsse": "0.1.0", "steps": 5000},
    )


def test_report_stands_alone(content, tmp_path):
    path = tmp_path / "report.html"
    write_report(content, path)
    page = path.read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 1
    assert page.count("data:image/svg+xml;base64,") == 1
    text = re.sub(r"base64,[^\"]*", "", page).lower()
    assert re.findall(r"https?:|//[a-z]|@import|<script|<link|url\(", text) == []
    assert set(re.findall(r'src="([^:"]*):', page)) == {"data"}


def test_report_says_what_matters(content):
    page = render_report(content)
    assert LABELS in page
    assert "Conductivity of &lt;Li3InCl6&gt;" in page
    assert "<Li3InCl6>" not in page
    assert "Runs are short &amp; few." in page
    assert "melted: the framework" in page
    assert "Li3In0.5Y0.5Br3Cl3" in page
    assert "<td>61.23</td>" in page
    assert "<td>5000</td>" in page
    assert "None" not in re.sub(r"base64,[^\"]*", "", page).replace("None below", "")
    assert not re.search(r"\bnan\b", re.sub(r"base64,[^\"]*", "", page).lower())


def test_report_of_nothing(tmp_path):
    page = render_report(ReportContent("Empty", build_summary([], label_source="vasp (SCAN)")))
    assert "vasp (SCAN)" in page
    assert page.count("<p>None.</p>") == 3


def test_missing_figure_is_a_sentence(content, tmp_path):
    lost = FigureFile(tmp_path / "lost.png", "lost")
    with pytest.raises(MlipsseError, match=r"lost\.png cannot be read"):
        render_report(ReportContent("x", content.summary, [lost]))
    with pytest.raises(MlipsseError, match="no PNG or SVG"):
        render_report(ReportContent("x", content.summary, [FigureFile(tmp_path / "a.pdf", "")]))


@pytest.mark.parametrize(
    ("value", "std", "text"),
    [
        (0.31234, 0.0213, "0.312 ± 0.021"),
        (526.4, 45.0, "526 ± 45"),
        (1234.0, 450.0, "1234 ± 450"),
        (0.33333, None, "0.333"),
        (None, None, None),
        (None, 0.1, None),
        (2.0, 0.0, "2"),
    ],
)
def test_values_with_errors(value, std, text):
    assert with_error(value, std) == text
