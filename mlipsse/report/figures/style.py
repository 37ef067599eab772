"""The look that all figures share, and how they are written."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mlipsse.files import write_aside

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's colours, distinguishable with any colour vision (jfly.uni-koeln.de/color)."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X")
"""One per colour, so that figures also read in black and white."""

SINGLE_COLUMN_IN = 3.4
DOUBLE_COLUMN_IN = 7.0


def new_figure(
    *,
    width_in: float = SINGLE_COLUMN_IN,
    height_in: float | None = None,
    columns: int = 1,
    rows: int = 1,
) -> tuple[Figure, list[Axes]]:
    """A figure with `columns` axes side by side, that belongs to no window and no pyplot.

    Parameters
    ----------
    width_in, height_in : inches; each row is three quarters of a panel's width high by default
    rows : of so many axes each; the axes come row by row
    """
    figure = Figure(
        figsize=(width_in, height_in or 0.78 * width_in * rows / columns), layout="constrained"
    )
    FigureCanvasAgg(figure)
    return figure, [figure.add_subplot(rows, columns, k + 1) for k in range(rows * columns)]


def colour(index: int) -> str:
    """Colour of the series with this index."""
    return COLOURS[index % len(COLOURS)]


def marker(index: int) -> str:
    """Marker of the series with this index."""
    return MARKERS[index % len(MARKERS)]


def formula_label(formula: str) -> str:
    """A formula with its numbers as subscripts, for labels: `Li$_{3}$InCl$_{6}$`."""
    return re.sub(r"(\d+(?:\.\d+)?)", r"$_{\1}$", formula)


def sequential_colours(count: int) -> list[str]:
    """`count` colours in order of a rising quantity (temperature), dark to light."""
    scale = matplotlib.colormaps["viridis"]
    return [matplotlib.colors.to_hex(scale(0.85 * k / max(1, count - 1))) for k in range(count)]


def dress(axes: Axes) -> None:
    """Give an axis the common look: sizes that read in print, ticks inside, no top clutter."""
    axes.tick_params(which="both", direction="in", labelsize=7, top=True, right=True)
    for label in (axes.xaxis.label, axes.yaxis.label, axes.title):
        label.set_fontsize(8)
    for spine in axes.spines.values():
        spine.set_linewidth(0.7)


def place_legend(axes: Axes, *, loc: Literal["best", "upper left", "lower left"] = "best") -> None:
    """Legend in the common look, when there is anything to name."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=6.5, frameon=False, handlelength=1.6, loc=loc)


def save_figure(
    figure: Figure, path: Path, *, suffixes: Sequence[str] = (".png", ".svg")
) -> list[Path]:
    """Write a figure under `path` with each suffix; the same figure gives the same bytes.

    Returns
    -------
    the paths written, each whole or absent
    """
    written = []
    path = Path(path)
    for suffix in suffixes:
        # `with_suffix` would cut a formula at its first decimal point.
        target = path.with_name(path.name.removesuffix(".png").removesuffix(".svg") + suffix)
        metadata = {"Date": None} if suffix == ".svg" else {}
        # Without a fixed salt the same SVG differs from run to run.
        with matplotlib.rc_context({"svg.hashsalt": "mlipsse"}), write_aside(target) as aside:
            figure.savefig(aside, dpi=300, metadata=metadata)
        written.append(target)
    return written
