"""What a step of dynamics costs against the number of atoms."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from mlipsse.potential.speed.measurement import BenchmarkRow
from mlipsse.report.figures.style import (
    DOUBLE_COLUMN_IN,
    colour,
    dress,
    marker,
    new_figure,
)

_HEIGHT_IN = 3.4


def speed_figure(
    rows: Sequence[BenchmarkRow], published: Sequence[tuple[str, int, float]]
) -> Figure:
    """µs per atom and step, and hours of a million steps, one line per engine.

    Parameters
    ----------
    rows : of this machine
    published : name, atoms and µs per atom and step; drawn as single open markers
    """
    figure, panels = new_figure(width_in=DOUBLE_COLUMN_IN, height_in=_HEIGHT_IN, columns=2)
    titles = ("wall time (µs per atom and step)", "wall time of 10⁶ steps (h)")
    for panel, (axes, title) in enumerate(zip(panels, titles, strict=True)):
        engines = list(dict.fromkeys(row.backend for row in rows))
        for index, engine in enumerate(engines):
            own = sorted((row for row in rows if row.backend == engine), key=lambda row: row.atoms)
            axes.plot(
                [row.atoms for row in own],
                [row.us_per_atom_step if panel == 0 else row.ms_per_step / 3.6 for row in own],
                color=colour(index),
                marker=marker(index),
                markersize=3.5,
                linewidth=0.9,
                label=engine,
            )
        for index, (name, atoms, us_per_atom_step) in enumerate(published):
            hours = us_per_atom_step * atoms / 3600
            axes.plot(
                [atoms],
                [us_per_atom_step if panel == 0 else hours],
                linestyle="none",
                marker=marker(index),
                markersize=4,
                markerfacecolor="none",
                markeredgecolor="0.4",
                label=name,
            )
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel("atoms")
        axes.set_ylabel(title)
        dress(axes)
    # Below both, where it covers no point.
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=6.5, frameon=False)
    return figure
