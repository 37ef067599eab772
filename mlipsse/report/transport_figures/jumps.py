"""How full the sites are, and how often ions jump between them."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import NullFormatter, StrMethodFormatter

from mlipsse.report.figures.style import DOUBLE_COLUMN_IN, colour, dress, new_figure
from mlipsse.transport.jumps.analysis import JumpAnalysis

MOST_KINDS = 14
"""Kinds of sites that are drawn, by the time that ions spend on them."""

_MOST_NUMBERS = 7


def jumps_figure(run: JumpAnalysis, *, title: str | None = None) -> Figure:
    """Occupancy of each kind of site beside the rates between the kinds."""
    figure, (left, right) = new_figure(width_in=DOUBLE_COLUMN_IN, columns=2)
    occupancy_plot(left, run)
    rates_plot(right, run)
    if title:
        left.set_title(title)
    return figure


def _drawn(run: JumpAnalysis) -> list[int]:
    """Indices of the kinds drawn: host before interstitial, in the order of the labels."""
    shares = [one.share for one in run.occupancies]
    fullest = sorted(range(len(shares)), key=lambda k: (-shares[k], k))[:MOST_KINDS]
    return sorted(fullest, key=lambda k: (run.occupancies[k].interstitial, k))


def occupancy_plot(axes: Axes, run: JumpAnalysis) -> Axes:
    """Bars of the mean occupancy of one site, with standard errors; interstitial ones hatched.

    Parameters
    ----------
    axes : drawn on and returned
    run : of one trajectory
    """
    kinds = [run.occupancies[k] for k in _drawn(run)]
    for place, one in enumerate(kinds):
        axes.bar(
            place,
            one.occupancy,
            yerr=one.occupancy_std,
            width=0.7,
            color="white" if one.interstitial else colour(0),
            edgecolor=colour(1) if one.interstitial else colour(0),
            hatch="////" if one.interstitial else None,
            linewidth=0.8,
            error_kw={"elinewidth": 0.9, "capsize": 2, "ecolor": "0.15"},
        )
    hosts = sum(not one.interstitial for one in kinds)
    if 0 < hosts < len(kinds):
        axes.axvline(hosts - 0.5, color="0.6", linewidth=0.7, linestyle="--")
    axes.set_xticks(range(len(kinds)), [one.label for one in kinds])
    _turn_long_labels(axes, len(kinds))
    highest = max((one.occupancy + one.occupancy_std for one in kinds), default=1.0)
    axes.set_ylim(0, 1.18 * max(highest, 1e-3))
    axes.set_ylabel(f"{run.mobile} per site")
    missing = len(run.occupancies) - len(kinds)
    axes.set_xlabel("kind of site" + (f" ({missing} emptier ones not drawn)" if missing else ""))
    dress(axes)
    axes.tick_params(axis="x", top=False, bottom=False)
    if 0 < hosts < len(kinds):
        handles = [
            Patch(facecolor=colour(0), edgecolor=colour(0), label="host"),
            Patch(facecolor="white", edgecolor=colour(1), hatch="////", label="interstitial"),
        ]
        axes.legend(handles=handles, fontsize=6.5, frameon=False, loc="upper right", ncols=2)
    return axes


def rates_plot(axes: Axes, run: JumpAnalysis) -> Axes:
    """Jumps per ion on the origin (rows) and time, to the destination (columns); white: none seen.

    Parameters
    ----------
    axes : drawn on and returned
    run : of one trajectory
    """
    kinds = [run.occupancies[k].label for k in _drawn(run)]
    number = {label: k for k, label in enumerate(kinds)}
    rates = np.full((len(kinds), len(kinds)), np.nan)
    for one in run.rates:
        if one.rate_per_ps and one.origin in number and one.destination in number:
            rates[number[one.origin], number[one.destination]] = one.rate_per_ps
    axes.set_xticks(range(len(kinds)), kinds)
    axes.set_yticks(range(len(kinds)), kinds)
    axes.set_xlabel("to")
    axes.set_ylabel("from")
    dress(axes)
    axes.tick_params(top=False, bottom=False, left=False, right=False)
    _turn_long_labels(axes, len(kinds))
    if not np.isfinite(rates).any():
        axes.set_xlim(-0.5, len(kinds) - 0.5)
        axes.set_ylim(len(kinds) - 0.5, -0.5)
        axes.text(0.5, 0.5, "no jumps", transform=axes.transAxes, ha="center", color="0.4")
        return axes
    low, high = float(np.nanmin(rates)), float(np.nanmax(rates))
    image = axes.imshow(
        rates, norm=LogNorm(vmin=low / 1.2, vmax=high * 1.2), cmap="viridis", aspect="equal"
    )
    bar = axes.figure.colorbar(image, ax=axes, fraction=0.046, pad=0.03)
    bar.set_label("rate (1/ps)", fontsize=8)
    bar.ax.tick_params(labelsize=7, which="both")
    bar.ax.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    if high < 20 * low:  # decades alone would leave one tick or none
        bar.ax.yaxis.set_minor_formatter(StrMethodFormatter("{x:g}"))
    else:
        bar.ax.yaxis.set_minor_formatter(NullFormatter())
    if len(kinds) <= _MOST_NUMBERS:
        middle = np.sqrt(low * high)
        for row, column in np.argwhere(np.isfinite(rates)):
            axes.text(
                column,
                row,
                f"{rates[row, column]:.3g}",
                ha="center",
                va="center",
                fontsize=7,
                color="black" if rates[row, column] > middle else "white",
            )
    return axes


def _turn_long_labels(axes: Axes, count: int) -> None:
    if count > 5:
        for label in axes.get_xticklabels():
            label.set(rotation=60, ha="right", rotation_mode="anchor")
