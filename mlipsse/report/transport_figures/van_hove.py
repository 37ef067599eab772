"""Van Hove functions at some lags."""

from typing import Literal

from matplotlib.axes import Axes

from mlipsse.report.figures.style import dress, place_legend, sequential_colours
from mlipsse.transport.structure.van_hove import VanHove


def van_hove_plot(
    axes: Axes,
    found: VanHove,
    *,
    part: Literal["self", "distinct"],
    mobile: str,
    title: str | None = None,
) -> Axes:
    """Draw one part at every lag.

    Parameters
    ----------
    axes : drawn on and returned
    part : self, 4 pi r² G_s; or distinct, which must be there
    """
    lines = found.self_per_A if part == "self" or found.distinct is None else found.distinct
    for line, lag, shade in zip(
        lines, found.lag_ps, sequential_colours(len(found.lag_ps)), strict=True
    ):
        axes.plot(found.radii_A, line, color=shade, label=f"{lag:.3g} ps")
    if part == "distinct":
        axes.axhline(1.0, color="0.6", linewidth=0.6, zorder=0)
    axes.set_xlim(0, float(found.radii_A[-1]))
    axes.set_ylim(bottom=0)
    axes.set_xlabel("distance (Å)")
    axes.set_ylabel(
        f"4πr² G$_s$ of {mobile} (1/Å)" if part == "self" else f"G$_d$ of {mobile} / density"
    )
    if title:
        axes.set_title(title)
    dress(axes)
    place_legend(axes)
    return axes
