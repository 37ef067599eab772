"""The density's picture for print and its view for the browser."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from matplotlib.image import imread

from mlipsse.errors import MlipsseError
from mlipsse.report.cell_scene.picture import scene_figure
from mlipsse.report.cell_scene.view import plotly_script, scene_view, view_page
from mlipsse.report.figures.style import save_figure
from mlipsse.report.transport_figures.density import density_scene
from mlipsse.transport.density.grid import ProbabilityDensity
from mlipsse.transport.density.percolation import PercolatingPath, percolating_paths

CELL = np.array([[8.0, 0, 0], [1.0, 7.0, 0], [-1.0, 2.0, 9.0]])
FRAMEWORK = Atoms(
    "InCl2", scaled_positions=[[0, 0, 0], [0.5, 0.1, 0.1], [0.1, 0.9, 0.9]], cell=CELL, pbc=True
)


@pytest.fixture(scope="module")
def density() -> ProbabilityDensity:
    """A channel along a, through the middle of b and c."""
    a, b, c = np.meshgrid(*((np.arange(n) + 0.5) / n for n in (24, 20, 28)), indexing="ij")
    energies = 0.05 * (1 - np.cos(2 * np.pi * a)) + 0.4 * (
        2 + np.cos(2 * np.pi * b) + np.cos(2 * np.pi * c)
    )
    weights = np.exp(-energies / 0.06)
    values = weights * 12 / (weights.sum() * 8 * 7 * 9 / weights.size)
    return ProbabilityDensity(values, CELL, 12, 10**9, False)


@pytest.fixture(scope="module")
def paths(density: ProbabilityDensity) -> dict[str, PercolatingPath]:
    return percolating_paths(density, 700.0)


def test_the_picture(
    density: ProbabilityDensity, paths: dict[str, PercolatingPath], tmp_path: Path
) -> None:
    scene = density_scene(
        density, level_per_A3=0.01, mobile="Li", framework=FRAMEWORK, paths=[paths["a"]]
    )
    figure = scene_figure(scene, title="Li3InCl6")
    (axes,) = figure.axes
    named = [text.get_text() for text in axes.get_legend().get_texts()]
    barrier_eV = paths["a"].barrier_eV
    assert named == ["In", "Cl", "all 12 Li: 0.01 Å⁻³", f"path along a: {barrier_eV:.2f} eV"]
    png, svg = save_figure(figure, tmp_path / "density")
    pixels = imread(png)[..., :3]
    # Gold of the surface, vermilion of the path, blue of indium: all are there.
    for colour, least in (((0.84, 0.37, 0.0), 200), ((0.0, 0.45, 0.70), 200)):
        assert (np.abs(pixels - colour).max(axis=-1) < 0.06).sum() > least
    golden = (pixels[..., 0] > pixels[..., 2] + 0.15) & (pixels[..., 1] > pixels[..., 2] + 0.1)
    assert 0.03 < golden.mean() < 0.5
    assert svg.stat().st_size < 1_500_000
    assert save_figure(figure, tmp_path / "again")[1].read_bytes() == svg.read_bytes()


def test_the_picture_without_framework_or_path(
    density: ProbabilityDensity, paths: dict[str, PercolatingPath]
) -> None:
    blocked = PercolatingPath("a", reason="nobody passes")
    figure = scene_figure(density_scene(density, level_per_A3=0.01, mobile="Li", paths=[blocked]))
    named = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert named == ["all 12 Li: 0.01 Å⁻³"]
    with pytest.raises(MlipsseError, match="highest value"):
        density_scene(density, level_per_A3=100.0, mobile="Li")


def view(density: ProbabilityDensity, paths: dict[str, PercolatingPath]) -> str:
    scene = density_scene(
        density,
        level_per_A3=0.01,
        mobile="Li",
        framework=FRAMEWORK,
        paths=[paths["a"], PercolatingPath("b", reason="nobody passes"), paths["c"]],
    )
    return scene_view(scene, identifier="here")


def test_the_view_is_a_small_piece(
    density: ProbabilityDensity, paths: dict[str, PercolatingPath]
) -> None:
    piece = view(density, paths)
    assert len(piece) < 400_000 < len(plotly_script())
    assert 'id="here"' in piece
    assert "src=" not in piece
    assert "NaN" not in piece
    names = re.findall(r'"name":"([^"]*)"', piece)
    assert names[:3] == ["all 12 Li: 0.01 Å⁻³", "In", "Cl"]
    assert [name[:12] for name in names[3:]] == ["path along a", "path along c", "cell"]
    assert piece == view(density, paths)  # the same every time
    page = view_page([piece, piece.replace("here", "there")], title="Li <3")
    assert "<title>Li &lt;3</title>" in page
    assert page.count("plotly.js v") <= 1
    assert "cdn.plot.ly" not in piece


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium")
def test_a_browser_draws_it_and_turns_it(
    density: ProbabilityDensity, paths: dict[str, PercolatingPath], tmp_path: Path
) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    page_file = tmp_path / "view.html"
    page_file.write_text(view_page([view(density, paths)], title="Li"))
    flags = ["--no-sandbox", "--enable-unsafe-swiftshader", "--use-gl=angle"]
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=CHROMIUM, args=[*flags, "--use-angle=swiftshader"]
        )
        try:
            page = browser.new_page(viewport={"width": 800, "height": 650})
            troubles: list[str] = []
            page.on("pageerror", lambda error: troubles.append(str(error)))
            page.on("requestfailed", lambda request: troubles.append(request.url))
            asked: list[str] = []
            page.on("request", lambda request: asked.append(request.url))
            page.goto(page_file.as_uri())
            page.wait_for_selector("#here canvas")
            page.wait_for_timeout(2000)
            page.screenshot(path=tmp_path / "before.png")
            page.mouse.move(400, 350)
            page.mouse.down()
            page.mouse.move(560, 300, steps=4)
            page.mouse.up()
            page.wait_for_timeout(1000)
            page.screenshot(path=tmp_path / "after.png")
        finally:
            browser.close()
    assert troubles == []
    assert [url for url in asked if not url.startswith(("file:", "blob:", "data:"))] == []
    before, after = (imread(tmp_path / f"{name}.png")[..., :3] for name in ("before", "after"))
    golden = (before[..., 0] > before[..., 2] + 0.15) & (before[..., 1] > before[..., 2] + 0.1)
    assert golden.mean() > 0.03
    assert (np.abs(before - after).max(axis=-1) > 0.2).mean() > 0.01
