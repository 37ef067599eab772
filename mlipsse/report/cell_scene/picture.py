"""A crystal's cell for print."""

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d.art3d import Line3DCollection, Poly3DCollection
from mpl_toolkits.mplot3d.axes3d import Axes3D

from mlipsse.report.cell_scene.mesh import coarser
from mlipsse.report.cell_scene.scene import (
    ATOM_COLOURS,
    PATH_COLOURS,
    SURFACE_COLOUR,
    CellScene,
    cell_edges,
    line_in_cell,
)
from mlipsse.report.figures.style import SINGLE_COLUMN_IN, colour, marker

DRAWN_TRIANGLES = 20_000


def scene_figure(
    scene: CellScene, *, title: str | None = None, width_in: float = SINGLE_COLUMN_IN
) -> Figure:
    """A figure with `scene_plot` alone; `save_figure` writes it."""
    figure = Figure(figsize=(width_in, 1.1 * width_in))
    FigureCanvasAgg(figure)
    scene_plot(figure.add_axes((0.0, 0.1, 1.0, 0.84), projection="3d"), scene, title=title)
    return figure


def scene_plot(axes: Axes3D, scene: CellScene, *, title: str | None = None) -> Axes3D:
    """Draw a surface with the cell's edges, atoms, and the first of the paths.

    Parameters
    ----------
    axes : three-dimensional, drawn on and returned
    """
    mesh = coarser(scene.surface, DRAWN_TRIANGLES)
    axes.add_collection3d(
        Line3DCollection(cell_edges(scene.cell), colors="0.35", linewidths=0.6, zorder=1)
    )
    if scene.atoms is not None and len(scene.atoms):
        _draw_atoms(axes, scene.atoms, float(abs(np.linalg.det(scene.cell))))
    surface = Poly3DCollection(
        mesh.points[mesh.triangles],
        facecolors=SURFACE_COLOUR,
        alpha=0.45,
        linewidths=0,
        shade=True,
        label=scene.surface_label,
        zorder=3,
    )
    surface.set_rasterized(True)  # an SVG of so many triangles would take a minute to show
    axes.add_collection3d(surface)
    for path in scene.paths[:1]:
        axes.plot(
            *line_in_cell(path.fractional, scene.cell).T,
            color=PATH_COLOURS[0],
            linewidth=1.6,
            label=path.label,
            zorder=4,
        )
    _frame(axes, scene.cell)
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


def _draw_atoms(axes: Axes3D, atoms: Atoms, volume_A3: float) -> None:
    symbols = np.array(atoms.get_chemical_symbols())
    crowded = min(1.0, 250.0 / volume_A3) ** (2 / 3)  # area of a marker, as the picture shrinks
    for index, symbol in enumerate(dict.fromkeys(symbols)):
        chosen = symbols == symbol
        kind = ATOM_COLOURS[index % len(ATOM_COLOURS)]
        radius_A = covalent_radii[atoms.numbers[chosen][0]]
        axes.scatter(
            *atoms.positions[chosen].T,
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
