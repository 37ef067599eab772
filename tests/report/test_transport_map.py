"""The map over the triangle, drawn from the published table of the halides."""

import numpy as np
import pytest

from mlipsse.energetics.hull.simplex import simplex_coordinates
from mlipsse.errors import MlipsseError
from mlipsse.orderings.host.formula import parse_formula
from mlipsse.report.figures.style import new_figure, save_figure
from mlipsse.report.figures.ternary import CORNERS
from mlipsse.report.page.published import published_values
from mlipsse.report.transport_figures.map import spans_a_map, transport_map_plot

HALIDES = ("Li3InCl6", "Li3InBr6", "Li3YBr6")


@pytest.fixture(scope="module")
def halides():
    """Fractions, Ea, and a conductivity that goes with the mean D of two planes, highest 620."""
    found: dict[str, dict[str, float]] = {}
    for value in published_values():
        if value.system.startswith("LIYBC") and not value.of:
            found.setdefault(value.formula, {})[value.quantity] = value.value
    ends = [parse_formula(name) for name in HALIDES]
    fractions = np.array(
        [[float(x) for x in simplex_coordinates(parse_formula(f), ends)] for f in found]
    )
    energies = np.array([row["Ea"] for row in found.values()])
    mean = np.array([(row["D_ab"] + row["D_ac"]) / 2 for row in found.values()])
    return fractions, energies, 620 * mean / mean.max()


def drawn(halides, **changes):
    fractions, energies, conductivities = halides
    figure, (axes,) = new_figure(height_in=2.75)
    arguments = {"corners": HALIDES, "temperature_K": 800.0, **changes}
    transport_map_plot(axes, fractions, energies, conductivities, **arguments)
    return figure, axes


def test_published_halides(halides, tmp_path):
    fractions, energies, _ = halides
    assert fractions.shape == (12, 3)
    figure, axes = drawn(halides)
    (points,) = (c for c in axes.collections if len(c.get_offsets()) == 12)
    np.testing.assert_allclose(points.get_offsets(), fractions @ CORNERS)
    assert points.get_array().tolist() == energies.tolist()
    (bar,) = (other for other in figure.axes if other is not axes)
    assert bar.get_ylabel() == "activation energy (eV)"
    assert bar.get_ylim() == pytest.approx((0.23, 0.37))
    assert any("conductivity at 800 K" in text.get_text() for text in axes.texts)
    png, _ = save_figure(figure, tmp_path / "map")
    assert png.stat().st_size > 10_000


def test_contours_are_those_of_a_known_plane(halides):
    """A conductivity linear in the fractions has straight contours, at their very values."""
    fractions, energies, _ = halides
    slope = np.array([100.0, 300.0, 700.0])
    _, axes = drawn((fractions, energies, fractions @ slope))
    (lines,) = (c for c in axes.collections if hasattr(c, "levels"))
    paths = [p for p in lines.get_paths() if len(p.vertices)]
    assert len(paths) == len(lines.levels) >= 4
    assert lines.levels.tolist() == [200, 300, 400, 500, 600]
    to_fractions = np.linalg.inv(np.column_stack([CORNERS, np.ones(3)]))
    for level, path in zip(lines.levels, paths, strict=True):
        places = np.column_stack([path.vertices, np.ones(len(path.vertices))])
        np.testing.assert_allclose(places @ to_fractions @ slope, level, rtol=1e-6)


def test_compositions_without_numbers_stay_visible(halides):
    fractions, energies, conductivities = halides
    energies, conductivities = energies.copy(), conductivities.copy()
    energies[:2] = conductivities[:2] = np.nan
    _, axes = drawn((fractions, energies, conductivities))
    open_circles = [c for c in axes.collections if c.get_array() is None]
    assert [len(c.get_offsets()) for c in open_circles if len(c.get_offsets()) == 2] == [2]
    # One value everywhere has no contours, and is no fault.
    _, flat = drawn((fractions, energies, np.full(12, 5.0)))
    assert not [c for c in flat.collections if hasattr(c, "levels")]


def test_a_line_is_no_map(halides):
    line = np.array([[1.0, 0, 0], [0.5, 0.5, 0], [0, 1, 0], [0.25, 0.75, 0]])
    assert not spans_a_map(line)
    assert not spans_a_map(np.eye(3)[:2])
    assert spans_a_map(np.eye(3))
    with pytest.raises(MlipsseError, match="4 have one"):
        drawn((line, np.full(4, 0.3), np.arange(4.0)))
    fractions, energies, conductivities = halides
    with pytest.raises(MlipsseError, match=r"shape \(12, 2\)"):
        drawn((fractions[:, :2], energies, conductivities))
    with pytest.raises(MlipsseError, match="add up to 1"):
        drawn((2 * fractions, energies, conductivities))
