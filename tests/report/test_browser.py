"""The report in a real browser, offline: clicked, turned and printed."""

import re
import shutil
from pathlib import Path

import pytest

from mlipsse.report.figures.hull import hull_plot
from mlipsse.report.figures.style import new_figure, save_figure
from mlipsse.report.page.content import FigureFile, ReportContent, Section, Table, View
from mlipsse.report.page.html import write_report
from mlipsse.report.page.summary import build_summary
from mlipsse.report.page.transport_tables import (
    activation_table,
    conductivity_table,
    directional_table,
    excluded_table,
)

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
playwright = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed: the report is opened in no browser"
)
pytestmark = [
    pytest.mark.chromium,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on the PATH"),
]
WIDTHS = (1280, 400)
FOLDED_ROWS = 60


@pytest.fixture(scope="module")
def report(compositions, tmp_path_factory) -> Path:
    """A report with everything in it: a 3D view, a folded table, figures, faults to sort by."""
    import plotly.graph_objects as go
    from plotly.offline import get_plotlyjs

    folder = tmp_path_factory.mktemp("report")
    figure, (axes,) = new_figure()
    hull_plot(axes, ["LiCl"], [[0.0, 3.0]])
    picture, _ = save_figure(figure, folder / "hull")
    points = go.Scatter3d(x=[0, 1, 2], y=[0, 2, 1], z=[1, 0, 2], mode="markers")
    cube = go.Figure(points, {"height": 420, "margin": {"l": 0, "r": 0, "t": 0, "b": 0}})
    fragment = cube.to_html(full_html=False, include_plotlyjs=False, div_id="density")
    summary = build_summary(compositions, label_source="teacher: x", cautions=["Runs are short."])
    energies = [
        ("second", "0.25 ± 0.10"), ("missing", None), ("first", "-1.5"),
        ("fourth", "1,200"), ("third", "30.0 ± 2.0"),
    ]  # fmt: skip
    rows = [(f"run {k}", f"{k * 7 % 11}", "a reason of several words") for k in range(FOLDED_ROWS)]
    tables = [
        Table("Order", ("name", "value"), energies),
        Table("Many runs", ("run", "number", "reason"), rows, folded=True),
    ]
    content = ReportContent(
        title="A report to be opened",
        summary=summary,
        sections=[
            Section(
                "transport",
                "Transport",
                tables=[conductivity_table(summary), activation_table(summary)],
                figures=[FigureFile(picture, "Hull"), FigureFile(picture, "Hull, wide", wide=True)],
            ),
            Section("directions", "Directions", tables=[directional_table(summary)]),
            Section(
                "structure",
                "Structure and pathways",
                views=[View("Density", fragment, "Where lithium was.", picture)],
            ),
            Section("runs", "Runs", tables=[*tables, excluded_table(summary)]),
        ],
        scripts=[get_plotlyjs()],
        provenance={"mlipsse": "0.1.0", "potential (sha256)": "0123456789abcdef" * 4},
    )
    write_report(content, folder / "report.html")
    return folder / "report.html"


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox",
                "--enable-unsafe-swiftshader",
                "--use-gl=angle",
                "--use-angle=swiftshader",
            ],
        )
        yield started
        started.close()


@pytest.fixture(scope="module")
def opened(browser, report):
    """The page, what it asked for, and what it complained of."""
    context = browser.new_context(viewport={"width": WIDTHS[0], "height": 900})
    context.set_offline(True)
    page = context.new_page()
    requests: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "console", lambda message: errors.append(message.text) if message.type == "error" else None
    )
    page.goto(report.as_uri())
    page.wait_for_function("document.querySelector('#density canvas') !== null")
    yield page, requests, errors
    context.close()


@pytest.fixture
def page(opened):
    opened[0].set_viewport_size({"width": WIDTHS[0], "height": 900})
    return opened[0]


def test_navigation(page):
    links = page.locator("nav a")
    names = ["Overview", "Transport", "Directions", "Structure and pathways", "Runs", "Provenance"]
    assert links.all_inner_texts() == names
    for name in ("Structure and pathways", "Directions"):
        page.get_by_role("link", name=name).click()
        here = page.locator("nav a[aria-current]")
        playwright.expect(here).to_have_count(1)
        playwright.expect(here).to_have_text(name)
        box = page.get_by_role("heading", name=name, exact=True).bounding_box()
        bar = page.locator("nav").bounding_box()
        assert bar["y"] == pytest.approx(0, abs=1)  # it stays at the top,
        assert bar["y"] + bar["height"] <= box["y"] < 450  # and hides no heading


def test_tables_sort(page):
    table = page.locator(".table", has=page.get_by_role("heading", name="Order")).locator("table")
    header = table.get_by_role("columnheader", name="value")
    first_column = table.locator("tbody td:first-child")
    header.get_by_role("button").click()
    assert header.get_attribute("aria-sort") == "ascending"
    assert first_column.all_inner_texts() == ["first", "second", "third", "fourth", "missing"]
    header.get_by_role("button").click()
    assert header.get_attribute("aria-sort") == "descending"
    assert first_column.all_inner_texts() == ["fourth", "third", "second", "first", "missing"]
    table.get_by_role("columnheader", name="name").get_by_role("button").press("Enter")
    assert header.get_attribute("aria-sort") is None
    assert first_column.all_inner_texts() == ["first", "fourth", "missing", "second", "third"]


def test_long_tables_unfold(page):
    folded = page.locator("details.table")
    row = folded.locator("tbody tr").nth(FOLDED_ROWS // 2)
    assert not row.is_visible()
    folded.locator("summary").click()
    assert row.is_visible()
    folded.locator("summary").click()
    assert not row.is_visible()


def test_a_view_turns(page):
    scene = page.locator("#density .gl-container, #density canvas").first
    scene.scroll_into_view_if_needed()
    assert not page.locator(".view .still").is_visible()
    eye = "(() => document.getElementById('density')._fullLayout.scene._scene.getCamera().eye)()"
    before = page.evaluate(eye)
    box = scene.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y + 20, steps=4)
    page.mouse.move(x + 140, y + 40, steps=4)
    page.mouse.up()
    page.wait_for_function(
        f"(before) => Math.abs({eye}.x - before.x) + Math.abs({eye}.y - before.y) > 0.2",
        arg=before,
    )
    after = page.evaluate(eye)
    length = [sum(value**2 for value in where.values()) ** 0.5 for where in (before, after)]
    assert length[0] == pytest.approx(length[1], rel=0.02)  # turned, not moved away


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_sticks_out(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for figure in page.locator("figure:has(> img:visible)").all():
        box = figure.bounding_box()
        assert box["width"] > 150
        assert box["x"] + box["width"] <= width
    scroll = page.evaluate(
        "[...document.querySelectorAll('.scroll')].map(e => [e.clientWidth, e.scrollWidth])"
    )
    assert all(client <= width for client, _ in scroll)
    if width == min(WIDTHS):  # wide tables scroll within themselves
        assert any(inner > client for client, inner in scroll)


def printed_pages(page) -> int:
    pdf = page.pdf(prefer_css_page_size=True)
    boxes = re.findall(rb"/MediaBox\s*\[([^]]*)\]", pdf)
    for box in {tuple(map(float, text.split())) for text in boxes}:
        assert box[2:] == pytest.approx((595, 842), abs=1)  # A4
    return len(re.findall(rb"/Type\s*/Page\b[^s]", pdf))


def test_print(browser, report):
    with browser.new_context(offline=True) as context:
        page = context.new_page()
        page.goto(report.as_uri())
        pages = printed_pages(page)
        assert 2 <= pages <= 8
        assert page.locator("details[open]").count() == 0  # as it was, after printing
        page.evaluate("document.querySelector('details.table').remove()")
        assert printed_pages(page) < pages  # the folded table was there, all of it


def test_nothing_is_hidden_in_print(page):
    page.set_viewport_size({"width": 688, "height": 1000})  # of A4 between its margins
    page.emulate_media(media="print")
    try:
        assert page.evaluate("document.documentElement.scrollWidth") <= 688
        assert not page.locator("nav").is_visible()
        assert page.locator(".view .still").is_visible()
        assert not page.locator(".view .live").is_visible()
        height = page.locator("details.table tbody tr").last.bounding_box()["height"]
        assert height > 8  # though it was not unfolded
        cut = page.evaluate(
            """[...document.querySelectorAll('main td, main th, main figure, main p, main li')]
            .filter(e => !e.closest('.live')).map(e => [e, e.getBoundingClientRect()])
            .filter(([e, box]) => box.width < 1 || box.height < 1 || box.left < -1
                                  || box.right > 689 || e.scrollWidth > e.clientWidth + 1)
            .map(([e, box]) => `${e.tagName} ${e.textContent.slice(0, 40)} ${box.right}`)"""
        )
        assert cut == []
    finally:
        page.emulate_media(media="screen")


def test_without_scripts_it_still_reads(browser, report):
    context = browser.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    page.goto(report.as_uri())
    assert page.locator(".view .still").is_visible()
    assert not page.locator(".view .live").is_visible()
    assert page.get_by_role("columnheader", name="T (K)").first.is_visible()
    context.close()


def test_the_page_asked_for_nothing_and_complained_of_nothing(opened, report):
    """Last: of everything that was done above."""
    _, requests, errors = opened
    outside = [url for url in requests if not url.startswith(("data:", "blob:"))]
    assert outside == [report.as_uri()]
    assert errors == []
