import re
from html.parser import HTMLParser

import pytest

from mlipsse.errors import MlipsseError
from mlipsse.report.figures.hull import hull_plot
from mlipsse.report.figures.style import new_figure, save_figure
from mlipsse.report.page.content import (
    FigureFile,
    Headline,
    ReportContent,
    Section,
    Table,
    View,
)
from mlipsse.report.page.html import render_report, write_report
from mlipsse.report.page.summary import build_summary
from mlipsse.report.page.transport_tables import (
    activation_table,
    conductivity_table,
    directional_activation_table,
    directional_table,
    excluded_table,
)

LABELS = "teacher: chgnet-r2scan (teacher labels, not DFT)"


@pytest.fixture
def content(compositions, tmp_path):
    figure, (axes,) = new_figure()
    hull_plot(axes, ["LiCl"], [[0.0]])
    png, svg = save_figure(figure, tmp_path / "hull")
    summary = build_summary(compositions, label_source=LABELS, cautions=["Runs are short & few."])
    tables = [conductivity_table(summary), activation_table(summary), excluded_table(summary)]
    errors = Table("Errors", ("set", "RMSE (meV/Å)"), [("test", 61.234), ("replay", None)])
    return ReportContent(
        title="Conductivity of <Li3InCl6>",
        summary=summary,
        sections=[
            Section("transport", "Transport", tables=tables),
            Section(
                "directions",
                "Directions",
                tables=[directional_table(summary), directional_activation_table(summary)],
            ),
            Section("structure", "Structure"),
            Section(
                "stability",
                "Stability",
                tables=[errors],
                figures=[FigureFile(png, "Hull, pixels"), FigureFile(svg, "Hull, lines")],
            ),
        ],
        headlines=[Headline("Force error", "38 meV/Å")],
        scripts=["window.viewer = 1;"],
        provenance={"mlipsse": "0.1.0", "steps": 5000},
    )


def with_view(content, picture, html='<div id="view"></div>'):
    view = View("Density of Li3InCl6", html, "Where lithium was", picture)
    section = Section("density", "Density", views=[view, view])
    scripts = ["window.viewer = '</script>';"] * 2
    return ReportContent("x", content.summary, [section], scripts=scripts)


class Elements(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def of(self, *tags):
        return [attributes for tag, attributes in self.found if tag in tags]


def test_report_stands_alone(content, tmp_path):
    path = tmp_path / "report.html"
    write_report(content, path)
    page = path.read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 1
    assert page.count("data:image/svg+xml;base64,") == 1
    text = re.sub(r"base64,[^\"]*", "", page).lower()
    assert re.findall(r"https?:|//[a-z]|@import|<link|url\(", text) == []
    elements = Elements(page)
    assert [script for script in elements.of("script") if script] == []
    assert all(image["src"].startswith("data:") for image in elements.of("img"))
    assert all(link["href"].startswith("#") for link in elements.of("a"))


def test_report_states_what_matters(content):
    page = render_report(content)
    assert LABELS in page
    assert "Conductivity of &lt;Li3InCl6&gt;" in page
    assert "<Li3InCl6>" not in page
    assert "Runs are short &amp; few." in page
    assert "melted: 100 % of the framework&#39;s centres" in page
    assert "Li<sub>3</sub>In<sub>0.5</sub>Y<sub>0.5</sub>Br<sub>3</sub>Cl<sub>3</sub>" in page
    assert 'data-value="61.234">61.23</td>' in page
    assert ">5000</td>" in page
    visible = re.sub(r"base64,[^\"]*|(?s:<(style|script)>.*?</\1>)", "", page)
    assert "None" not in visible.replace("None below", "")
    assert not re.search(r"\bnan\b", visible.lower())


def test_navigation_leads_to_every_section_that_holds_something(content):
    elements = Elements(render_report(content))
    links = [link["href"][1:] for link in elements.of("a") if "class" not in link]
    keys = ["overview", "transport", "directions", "stability", "provenance"]
    assert links == keys  # nothing is shown of the structure
    assert [section["id"] for section in elements.of("section")] == keys
    titles = {heading["id"] for heading in elements.of("h2")}
    assert {section["aria-labelledby"] for section in elements.of("section")} == titles
    assert all(image["alt"] for image in elements.of("img"))
    assert all(header["scope"] in ("col", "row") for header in elements.of("th"))
    twice = ReportContent("x", content.summary, [content.sections[0]] * 2)
    with pytest.raises(MlipsseError, match="share a key"):
        render_report(twice)


def test_overview_has_a_line_per_composition(content):
    page = render_report(content)
    overview = page[page.index('id="overview"') : page.index('id="transport"')]
    assert overview.count("<tr>") == 1 + len(content.summary["compositions"])
    head = page[: page.index("<nav")]
    assert "Highest conductivity at 800 K" in head
    assert "Lowest activation energy" in head
    assert "38 meV/Å" in head
    runs = [item["runs"] for item in content.summary["compositions"]]
    left_out = [len(item["excluded"]) for item in content.summary["compositions"]]
    used = sum(map(sum, runs))
    assert f"{used} of {used + sum(left_out)}" in head


def test_scripts_of_views_come_once_and_only_with_a_view(content, tmp_path):
    assert "window.viewer" not in render_report(content)
    page = render_report(with_view(content, tmp_path / "hull.png"))
    assert page.count("window.viewer") == 1
    assert "'<\\/script>'" in page  # which JavaScript reads as </script>, and HTML does not
    assert page.count('<div class="live"><div id="view"></div></div>') == 2
    assert page.count('<img class="still" src="data:image/png') == 2
    assert page.index("window.viewer") < page.index('id="view"')


def test_report_of_nothing():
    page = render_report(ReportContent("Empty", build_summary([], label_source="vasp (SCAN)")))
    assert "vasp (SCAN)" in page
    assert '<dl class="headlines">' not in page
    assert 'href="#provenance"' not in page


def test_missing_figure_is_a_sentence(content, tmp_path):
    def of(path):
        section = Section("figures", "Figures", figures=[FigureFile(path, "x")])
        return ReportContent("x", content.summary, [section])

    with pytest.raises(MlipsseError, match=r"lost\.png cannot be read"):
        render_report(of(tmp_path / "lost.png"))
    with pytest.raises(MlipsseError, match="not a PNG or SVG"):
        render_report(of(tmp_path / "a.pdf"))
    with pytest.raises(MlipsseError, match=r"gone\.svg cannot be read"):
        render_report(with_view(content, tmp_path / "gone.svg"))
