"""Partial radial distribution functions."""

from matplotlib.axes import Axes

from mlipsse.report.figures.style import colour, dress, place_legend
from mlipsse.transport.structure.radial import CLOSEST_MOBILE_A, RadialDistribution


def radial_plot(
    axes: Axes, found: RadialDistribution, *, mobile: str | None = None, title: str | None = None
) -> Axes:
    """Draw g(r) of the mobile ion with itself and with every other element, or of all pairs.

    The range in which no two mobile ions may be, below `CLOSEST_MOBILE_A`, is shaded.

    Parameters
    ----------
    axes : drawn on and returned
    mobile : symbol of the mobile ion; None draws all pairs
    """
    pairs = sorted(
        (pair for pair in found.g if mobile is None or mobile in pair),
        key=lambda pair: pair != (mobile,) * 2,
    )
    for index, (one, other) in enumerate(pairs):
        pair = (one, other)
        if mobile is not None:
            one, other = mobile, (other if one == mobile else one)
        axes.plot(
            found.radii_A,
            found.g[pair],
            color=colour(index),
            linewidth=1.2 if other == one == mobile else 0.9,
            label=f"{one}-{other}",
        )
    axes.axvspan(0, CLOSEST_MOBILE_A, color="0.92", zorder=0)
    axes.axhline(1.0, color="0.6", linewidth=0.6, zorder=0)
    axes.set_xlim(0, float(found.radii_A[-1]))
    axes.set_ylim(bottom=0)
    axes.set_xlabel("distance (Å)")
    axes.set_ylabel("g(r)")
    if title:
        axes.set_title(title)
    dress(axes)
    place_legend(axes)
    return axes
