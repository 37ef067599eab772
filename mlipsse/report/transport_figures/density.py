"""Where the mobile ions are: an isosurface of their density in the cell, for print."""

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d.art3d import Line3DCollection, Poly3DCollection
from mpl_toolkits.mplot3d.axes3d import Axes3D

from mlipsse.report.figures.style import COLOURS, SINGLE_COLUMN_IN, colour, marker
from mlipsse.report.transport_figures.isosurface import (
    cell_edges,
    coarser,
    isosurface,
    level_label,
    line_in_cell,
)
from mlipsse.transport.density.grid import ProbabilityDensity
from mlipsse.transport.density.percolation import PercolatingPath

SURFACE_COLOUR = COLOURS[4]
PATH_COLOUR = COLOURS[1]
ATOM_COLOURS = (0, 2, 3, 5, 6)
"""Common colours other than those of the surface and the path."""
DRAWN_TRIANGLES = 20_000


def density_figure(
    density: ProbabilityDensity,
    *,
    level_per_A3: float,
    mobile: str,
    framework: Atoms | None = None,
    path: PercolatingPath | None = None,
    title: str | None = None,
    width_in: float = SINGLE_COLUMN_IN,
) -> Figure:
    """A figure with `density_plot` alone; `save_figure` writes it."""
    figure = Figure(figsize=(width_in, 1.1 * width_in))
    FigureCanvasAgg(figure)
    density_plot(
        figure.add_axes((0.0, 0.1, 1.0, 0.84), projection="3d"),
        density,
        level_per_A3=level_per_A3,
        mobile=mobile,
        framework=framework,
        path=path,
        title=title,
    )
    return figure


def density_plot(
    axes: Axes3D,
    density: ProbabilityDensity,
    *,
    level_per_A3: float,
    mobile: str,
    framework: Atoms | None = None,
    path: PercolatingPath | None = None,
    title: str | None = None,
) -> Axes3D:
    """Draw an isosurface with the cell's edges, the framework's atoms and a percolating path.

    Parameters
    ----------
    axes : three-dimensional, drawn on and returned
    level_per_A3 : of the isosurface, 1/Å³, in the density's own normalisation
    mobile : symbol of the ion
    framework : atoms at their mean places
    path : drawn where it has one

    Raises
    ------
    MlipsseError
        for a level that the density does not cross.
    """
    mesh = coarser(isosurface(density, level_per_A3), DRAWN_TRIANGLES)
    axes.add_collection3d(
        Line3DCollection(cell_edges(density.cell), colors="0.35", linewidths=0.6, zorder=1)
    )
    if framework is not None and len(framework):
        _draw_atoms(axes, framework, density.volume_A3)
    surface = Poly3DCollection(
        mesh.points[mesh.triangles],
        facecolors=SURFACE_COLOUR,
        alpha=0.45,
        linewidths=0,
        shade=True,
        label=level_label(density, level_per_A3, mobile),
        zorder=3,
    )
    surface.set_rasterized(True)  # an SVG of so many triangles would take a minute to show
    axes.add_collection3d(surface)
    if path is not None and path.path is not None:
        line = line_in_cell(path.path, density.cell)
        axes.plot(
            *line.T,
            color=PATH_COLOUR,
            linewidth=1.6,
            label=f"path {_whither(path.direction)}: {path.barrier_eV:.2f} eV",
            zorder=4,
        )
    _frame(axes, density.cell)
    if title:
        axes.set_title(title, fontsize=8)
    axes.legend(
        fontsize=6.5,
        frameon=False,
        ncols=2,
        loc="upper center",
        bbox_to_anchor=(0.5, 0.03),
        handlelength=1.4,
    )
    return axes


def _draw_atoms(axes: Axes3D, framework: Atoms, volume_A3: float) -> None:
    symbols = np.array(framework.get_chemical_symbols())
    crowded = min(1.0, 250.0 / volume_A3) ** (2 / 3)  # area of a marker, as the picture shrinks
    for index, symbol in enumerate(dict.fromkeys(symbols)):
        chosen = symbols == symbol
        kind = ATOM_COLOURS[index % len(ATOM_COLOURS)]
        radius_A = covalent_radii[framework.numbers[chosen][0]]
        axes.scatter(
            *framework.positions[chosen].T,
            s=70 * radius_A**2 * crowded,
            color=colour(kind),
            marker=marker(kind),
            edgecolors="white",
            linewidths=0.3,
            label=symbol,
            zorder=2,
        )


def _frame(axes: Axes3D, cell: np.ndarray) -> None:
    """Equal scales along x, y and z, no box, and the names of the lattice vectors."""
    corners = np.indices((2, 2, 2)).reshape(3, -1).T @ cell
    low, high = corners.min(axis=0), corners.max(axis=0)
    axes.computed_zorder = False
    axes.set_proj_type("ortho")
    axes.set_axis_off()
    axes.set_xlim(low[0], high[0])
    axes.set_ylim(low[1], high[1])
    axes.set_zlim(low[2], high[2])
    axes.set_box_aspect(tuple(high - low), zoom=1.1)
    axes.view_init(elev=18, azim=-62)
    a, b, c = cell
    for name, place in (
        ("a", a / 2 - 0.07 * (b + c)),
        ("b", a + b / 2 + 0.07 * (a - c)),
        ("c", c / 2 - 0.07 * (a + b)),
    ):
        axes.text(*place, name, fontsize=8, style="italic", ha="center", va="center")


def _whither(direction: str) -> str:
    return "in any direction" if direction == "any" else f"along {direction}"
