"""g(r) of the mobile ion with itself, in runs of several models."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from mlipsse.report.figures.style import (
    DOUBLE_COLUMN_IN,
    colour,
    dress,
    formula_label,
    new_figure,
)
from mlipsse.transport.structure.radial import CLOSEST_MOBILE_A

_PANEL_IN = 2.3
_LINES = ("-", "--", ":", "-.")


@dataclass(frozen=True, eq=False)
class PairCurve:
    """Of one model.

    Attributes
    ----------
    name : of the model
    composition : formula
    temperature_K : of the frames, K; None, as what follows, without a frame
    radii_A, g : (n_bins,) float64
    exploded, runs : of all temperatures
    """

    name: str
    composition: str
    temperature_K: float | None
    radii_A: np.ndarray | None
    g: np.ndarray | None
    exploded: int
    runs: int


def mobile_pairs_figure(curves: Sequence[PairCurve]) -> Figure:
    """One panel per composition with a line per model, and which of them exploded.

    The range in which no two mobile ions may be, below `CLOSEST_MOBILE_A`, is shaded.
    """
    formulas = list(dict.fromkeys(curve.composition for curve in curves))
    figure, panels = new_figure(
        width_in=DOUBLE_COLUMN_IN, height_in=_PANEL_IN * len(formulas), rows=len(formulas)
    )
    for axes, formula in zip(panels, formulas, strict=True):
        own = [curve for curve in curves if curve.composition == formula]
        for index, curve in enumerate(own):
            axes.plot(
                [] if curve.radii_A is None else curve.radii_A,
                [] if curve.g is None else curve.g,
                color=colour(index),
                linestyle=_LINES[index % len(_LINES)],
                linewidth=1.0,
                label=_label(curve),
            )
        axes.axvspan(0, CLOSEST_MOBILE_A, color="0.9", zorder=0)
        axes.axhline(1.0, color="0.6", linewidth=0.6, zorder=0)
        axes.set_xlim(0, max((c.radii_A[-1] for c in own if c.radii_A is not None), default=1))
        axes.set_ylim(bottom=0)
        axes.set_xlabel("distance of two mobile ions (Å)")
        axes.set_ylabel("g(r)")
        axes.set_title(formula_label(formula))
        dress(axes)
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), fontsize=6.5, frameon=False)
    return figure


def _label(curve: PairCurve) -> str:
    hot = "no frame" if curve.temperature_K is None else f"{curve.temperature_K:g} K"
    fate = f", {curve.exploded} of {curve.runs} runs exploded" if curve.exploded else ""
    return f"{curve.name} ({hot}{fate})"
