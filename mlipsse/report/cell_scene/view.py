"""A crystal's cell to be turned in a browser."""

import html
from collections.abc import Sequence
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import covalent_radii

from mlipsse.report.cell_scene.mesh import coarser
from mlipsse.report.cell_scene.scene import (
    ATOM_COLOURS,
    PATH_COLOURS,
    SURFACE_COLOUR,
    CellScene,
    cell_edges,
    line_in_cell,
)
from mlipsse.report.figures.style import colour

MOST_TRIANGLES = 30_000


def scene_view(scene: CellScene, *, identifier: str, height_px: int = 560) -> str:
    """A piece of HTML that shows a cell and can be turned; parts go on and off by the legend.

    The page around it must hold plotly.js once, before the piece: `plotly_script`.

    Parameters
    ----------
    scene : its first path is shown, the others wait in the legend
    identifier : of the element, different from all others on the page

    Returns
    -------
    a `div` with its data and script inline, some 500 kB at most with few atoms
    """
    import plotly.graph_objects as go
    from plotly.io import to_html

    figure = go.Figure(
        data=[
            _surface(scene),
            *_atoms(scene.atoms),
            *_paths(scene),
            _lines(cell_edges(scene.cell)),
        ],
        layout=_layout(scene.cell, height_px),
    )
    return str(
        to_html(
            figure,
            full_html=False,
            include_plotlyjs=False,
            include_mathjax=False,
            div_id=identifier,
            default_height=f"{height_px}px",
            config={"displaylogo": False, "responsive": True},
        )
    )


def plotly_script() -> str:
    """The `script` element with plotly.js, 4.8 MB, that a page of views needs once."""
    from plotly.offline import get_plotlyjs

    return f"<script>{get_plotlyjs()}</script>"


def view_page(pieces: Sequence[str], *, title: str) -> str:
    """A page of views that needs nothing else, plotly.js in it."""
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{html.escape(title)}</title>\n{plotly_script()}\n</head>\n"
        '<body style="font-family: sans-serif; margin: 1em">\n'
        f'<h1 style="font-size: 1.2em">{html.escape(title)}</h1>\n'
        + "\n".join(pieces)
        + "\n</body>\n</html>\n"
    )


def _short(values: np.ndarray) -> np.ndarray:
    """Thousandths of Å as float32, which plotly sends as bytes and not as text."""
    return np.round(values, 3).astype(np.float32)


def _surface(scene: CellScene) -> Any:
    import plotly.graph_objects as go

    mesh = coarser(scene.surface, MOST_TRIANGLES)
    x, y, z = _short(mesh.points).T
    kind = np.uint16 if len(mesh.points) < 2**16 else np.uint32
    i, j, k = mesh.triangles.astype(kind).T
    return go.Mesh3d(
        x=x,
        y=y,
        z=z,
        i=i,
        j=j,
        k=k,
        name=scene.surface_label,
        color=SURFACE_COLOUR,
        opacity=0.5,
        showlegend=True,
        hoverinfo="skip",
        lighting={"ambient": 0.55, "diffuse": 0.7, "specular": 0.1, "roughness": 0.8},
    )


def _atoms(atoms: Atoms | None) -> list[Any]:
    import plotly.graph_objects as go

    if atoms is None:
        return []
    symbols = np.array(atoms.get_chemical_symbols())
    found = []
    for index, symbol in enumerate(dict.fromkeys(symbols)):
        places = atoms.positions[symbols == symbol]
        x, y, z = _short(places).T
        radius_A = covalent_radii[atoms.numbers[symbols == symbol][0]]
        found.append(
            go.Scatter3d(
                x=x,
                y=y,
                z=z,
                mode="markers",
                name=str(symbol),
                marker={
                    "size": float(6 * radius_A),
                    "color": colour(ATOM_COLOURS[index % len(ATOM_COLOURS)]),
                    "line": {"color": "white", "width": 0.5},
                },
                hovertemplate=f"{symbol} %{{x:.2f}}, %{{y:.2f}}, %{{z:.2f}} Å<extra></extra>",
            )
        )
    return found


def _paths(scene: CellScene) -> list[Any]:
    import plotly.graph_objects as go

    found: list[Any] = []
    for number, path in enumerate(scene.paths):
        line = _short(line_in_cell(path.fractional, scene.cell))
        found.append(
            go.Scatter3d(
                # JSON holds no NaN: None breaks the line
                **{
                    name: [None if np.isnan(value) else round(float(value), 3) for value in column]
                    for name, column in zip("xyz", line.T, strict=True)
                },
                mode="lines",
                name=path.label,
                line={"color": PATH_COLOURS[number % len(PATH_COLOURS)], "width": 7},
                visible="legendonly" if number else True,
                hoverinfo="name",
            )
        )
    return found


def _lines(edges: np.ndarray) -> Any:
    import plotly.graph_objects as go

    broken = [
        [value for low, high in edges[:, :, axis].round(3).tolist() for value in (low, high, None)]
        for axis in range(3)
    ]
    return go.Scatter3d(
        x=broken[0],
        y=broken[1],
        z=broken[2],
        mode="lines",
        name="cell",
        line={"color": "#555555", "width": 2},
        hoverinfo="skip",
    )


def _layout(cell: np.ndarray, height_px: int) -> dict[str, Any]:
    hidden = {"visible": False, "showspikes": False}
    names = [
        {
            "x": float(place[0]),
            "y": float(place[1]),
            "z": float(place[2]),
            "text": f"<i>{name}</i>",
            "showarrow": False,
        }
        for name, place in zip("abc", 1.04 * cell, strict=True)
    ]
    return {
        "template": "none",
        "height": height_px,
        "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
        "legend": {"x": 0, "y": 1, "bgcolor": "rgba(255,255,255,0.7)", "itemsizing": "constant"},
        "scene": {
            "xaxis": hidden,
            "yaxis": hidden,
            "zaxis": hidden,
            "aspectmode": "data",
            "dragmode": "orbit",
            "annotations": names,
            "camera": {
                "projection": {"type": "orthographic"},
                "eye": {"x": 0.6, "y": -1.2, "z": 0.45},
            },
        },
    }
