"""Diffusivity, conductivity and activation energy against the number of training frames."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullFormatter, StrMethodFormatter

from mlipsse.report.figures.size import NAMES
from mlipsse.report.figures.style import (
    DOUBLE_COLUMN_IN,
    dress,
    formula_label,
    marker,
    new_figure,
    sequential_colours,
)
from mlipsse.report.transport_figures.left_out import Row, left_out_lines

_GREY = "0.35"

FOUNDATION = "foundation"

_PANEL_IN = 1.95
_LEGEND_IN = 0.5
_LINE_IN = 0.12
_NO_RUN = 0.05  # of the height, where a cross stands for a number that there is not
_DODGE = 1.06  # between strategies of one size


def size_transport_figure(rows: Sequence[Row]) -> Figure:
    """One row of panels per composition: D over 1/T, conductivity and Ea over training frames.

    Bars are standard errors. The foundation model alone is a dashed line with a band of one
    standard error. A cross at the foot of a panel stands where no run could be used, or too few for
    an activation energy; below the panels stands why.

    Parameters
    ----------
    rows : of `learning-curve/transport.csv`, numbers or None
    """
    formulas = list(dict.fromkeys(str(row["composition"]) for row in rows))
    failures = left_out_lines(rows, _model_name)
    figure, axes = new_figure(
        width_in=DOUBLE_COLUMN_IN,
        height_in=_PANEL_IN * len(formulas) + _LEGEND_IN + _LINE_IN * len(failures),
        columns=3,
        rows=len(formulas),
    )
    for number, formula in enumerate(formulas):
        own = [row for row in rows if row["composition"] == formula]
        arrhenius, conductivity, energy = axes[3 * number : 3 * number + 3]
        _draw_arrhenius(arrhenius, own)
        arrhenius.set_title(formula_label(formula))
        _draw_conductivity(conductivity, own)
        _draw_energy(energy, own)
        for panel, value in (
            (arrhenius, "diffusivity_cm2_s"),
            (conductivity, "conductivity_mS_cm"),
            (energy, "activation_energy_eV"),
        ):
            dress(panel)
            if all(row[value] is None for row in own):  # the scale would be made up
                panel.set_yticks([], [])
                panel.minorticks_off()
                if panel is arrhenius:
                    panel.set_xticks([])
            if number == 0:
                _legend_above(panel, columns=1 if panel is energy else 2)
    if failures:
        figure.supxlabel("\n".join(failures), x=0.01, ha="left", fontsize=6)
    return figure


def _draw_arrhenius(axes: Axes, rows: Sequence[Row]) -> None:
    """Points of every model: shade by frames, marker by strategy."""
    shades = _shades(row["frames"] for row in rows if row["strategy"] != FOUNDATION)
    for (frames, strategy), own in _models(rows).items():
        points = [row for row in own if row["diffusivity_cm2_s"] is not None]
        alone = strategy == FOUNDATION
        axes.errorbar(
            [1000 / row["temperature_K"] for row in points],
            [row["diffusivity_cm2_s"] for row in points],
            yerr=_bars(points, "diffusivity_cm2_s", "diffusivity_std_cm2_s"),
            fmt="" if alone else marker(_place(rows, strategy)),
            color=_GREY if alone else shades[frames],
            linestyle="--" if alone else _line(_place(rows, strategy)),
            linewidth=0.8,
            markersize=3.5,
            capsize=1.5,
            label=_size_label(rows, frames, strategy),
        )
    axes.set_yscale("log")
    axes.set_xlabel("1000 / T (1/K)")
    axes.set_ylabel("D (cm²/s)")


def _draw_conductivity(axes: Axes, rows: Sequence[Row]) -> None:
    """One line per temperature and strategy: shade by temperature, marker by strategy."""
    shades = _shades(row["temperature_K"] for row in rows)
    for kelvin, shade in reversed(shades.items()):
        here = [row for row in rows if row["temperature_K"] == kelvin]
        _draw_foundation(axes, here, "conductivity_mS_cm", "conductivity_std_mS_cm", shade)
        _draw_lines(
            axes,
            here,
            ("conductivity_mS_cm", "conductivity_std_mS_cm"),
            colour=lambda _, shade=shade: shade,  # type: ignore[misc]
            label=lambda place, kelvin=kelvin: f"{kelvin:g} K" if place == 0 else None,  # type: ignore[misc]
            foot=_NO_RUN * (1 + list(shades).index(kelvin)),
        )
    axes.set_yscale("log")
    _leave_room(axes, len(shades))
    _over_frames(axes, rows)
    axes.set_ylabel("conductivity (mS/cm)")


def _draw_energy(axes: Axes, rows: Sequence[Row]) -> None:
    """One line per strategy; every model's number is in each of its rows."""
    one = [own[0] for own in _models(rows).values()]
    _draw_foundation(
        axes, one, "activation_energy_eV", "activation_energy_std_eV", _GREY, label="foundation"
    )
    strategies = _strategies(rows)
    _draw_lines(
        axes,
        one,
        ("activation_energy_eV", "activation_energy_std_eV"),
        colour=lambda place: ("#0072B2", "#D55E00", "#009E73")[place % 3],
        label=lambda place: NAMES.get(strategies[place], strategies[place]),
        foot=_NO_RUN,
    )
    axes.margins(y=0.25)
    _over_frames(axes, rows)
    axes.set_ylabel("activation energy (eV)")


def _draw_foundation(
    axes: Axes, rows: Sequence[Row], value: str, std: str, shade: str, label: str | None = None
) -> None:
    for row in rows:
        if row["strategy"] != FOUNDATION or row[value] is None:
            continue
        axes.axhline(row[value], color=shade, linewidth=0.7, linestyle="--", label=label)
        if row[std] is not None:
            low, high = row[value] - row[std], row[value] + row[std]
            axes.axhspan(low, high, color=shade, alpha=0.15, linewidth=0)


def _draw_lines(
    axes: Axes,
    rows: Sequence[Row],
    names: tuple[str, str],
    *,
    colour: Callable[[int], str],
    label: Callable[[int], str | None],
    foot: float,
) -> None:
    """A line per strategy over the frames; crosses at height `foot` where there is no number."""
    value, std = names
    for place, strategy in enumerate(_strategies(rows)):
        own = [row for row in rows if row["strategy"] == strategy]
        points = [row for row in own if row[value] is not None]
        absent = [row for row in own if row[value] is None]
        shift = _DODGE**place
        axes.errorbar(
            [row["frames"] * shift for row in points],
            [row[value] for row in points],
            yerr=_bars(points, value, std),
            fmt=marker(place),
            linestyle=_line(place),
            color=colour(place),
            markersize=3.5,
            linewidth=0.8,
            capsize=1.5,
            label=label(place),
        )
        axes.plot(
            [row["frames"] * shift for row in absent],
            [foot] * len(absent),
            "x",
            color=colour(place),
            markersize=4,
            transform=axes.get_xaxis_transform(),
        )


def _line(place: int) -> str:
    return ("-", ":", "-.")[place % 3]


def _legend_above(axes: Axes, *, columns: int) -> None:
    """Outside, where it covers no point, over the title."""
    axes.legend(
        *axes.get_legend_handles_labels(),
        loc="lower left",
        bbox_to_anchor=(-0.1, 1.1),
        ncols=columns,
        fontsize=6.5,
        frameon=False,
        handlelength=1.6,
        columnspacing=1.0,
    )


def _over_frames(axes: Axes, rows: Sequence[Row]) -> None:
    sizes = sorted({row["frames"] for row in rows if row["strategy"] != FOUNDATION})
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(sizes))
    axes.xaxis.set_minor_locator(FixedLocator([]))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    if sizes:
        axes.set_xlim(sizes[0] / 1.5, sizes[-1] * 1.5)
    axes.set_xlabel("training frames")


def _leave_room(axes: Axes, crosses: int) -> None:
    """Stretch a logarithmic scale downwards so that crosses stand below every bar."""
    low, high = np.log10(axes.get_ylim())
    share = _NO_RUN * (crosses + 1)
    axes.set_ylim(bottom=10 ** (high - (high - low) / (1 - share)))


def _bars(rows: Sequence[Row], value: str, std: str) -> np.ndarray:
    """(2, n): errors below and above; one that reached zero would leave a logarithmic axis."""
    values = np.array([row[value] for row in rows], dtype=float)
    errors = np.array([row[std] or 0.0 for row in rows], dtype=float)
    return np.stack([np.minimum(errors, 0.95 * values), errors])


def _models(rows: Sequence[Row]) -> dict[tuple[int, str], list[Row]]:
    models: dict[tuple[int, str], list[Row]] = {}
    for row in rows:
        models.setdefault((row["frames"], row["strategy"]), []).append(row)
    return models


def _strategies(rows: Sequence[Row]) -> list[str]:
    """In the order of the table, without the foundation alone."""
    return list(dict.fromkeys(row["strategy"] for row in rows if row["strategy"] != FOUNDATION))


def _place(rows: Sequence[Row], strategy: str) -> int:
    return _strategies(rows).index(strategy)


def _shades(values: Any) -> dict[Any, str]:
    ordered = sorted(set(values))
    return dict(zip(ordered, sequential_colours(len(ordered)), strict=True))


def _size_label(rows: Sequence[Row], frames: int, strategy: str) -> str | None:
    """Sizes are labelled once, by the first strategy; markers are explained beside."""
    if strategy == FOUNDATION:
        return "foundation"
    return f"{frames} frames" if _place(rows, strategy) == 0 else None


def _model_name(row: Row) -> str:
    strategy = str(row["strategy"])
    if strategy == FOUNDATION:
        return FOUNDATION
    return f"{NAMES.get(strategy, strategy)}, {row['frames']} frames"
