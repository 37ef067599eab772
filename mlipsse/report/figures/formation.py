"""Formation energy across a pseudo-binary, with its lower convex hull."""

from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes

from mlipsse.errors import MlipsseError
from mlipsse.report.figures.style import COLOURS, dress, formula_label

_CURVE_POINTS = 50  # between two stable compositions


def formation_plot(
    axes: Axes,
    fractions: np.ndarray,
    formation_energies_meV_atom: np.ndarray,
    stable: np.ndarray,
    *,
    end_members: tuple[str, str],
    atoms_per_unit: tuple[float, float] = (1.0, 1.0),
    title: str | None = None,
) -> Axes:
    """Draw every ordering as a dash, the lowest of each composition marked, and the hull.

    Per atom, a mixture of two phases is a straight line over the fraction of atoms; over the mole
    fraction of formula units it bends a little when these hold different numbers of atoms, and is
    drawn so.

    Parameters
    ----------
    axes : drawn on and returned
    fractions : (n,) mole fraction of the second end member's formula unit in each ordering
    formation_energies_meV_atom : (n,) against the end members, meV/atom
    stable : (n,) bool, True for the lowest ordering of each composition on the hull
    end_members : formulas at 0 and 1
    atoms_per_unit : atoms in the formula unit of each end member

    Raises
    ------
    MlipsseError
        when the arrays differ in length, or hold a value that is not finite or not in 0 to 1.
    """
    x, y = np.asarray(fractions, float), np.asarray(formation_energies_meV_atom, float)
    stable = np.asarray(stable, bool)
    if not (x.shape == y.shape == stable.shape and x.ndim == 1 and len(x)):
        raise MlipsseError(
            f"The formation figure got {x.shape} fractions, {y.shape} energies and {stable.shape} "
            "marks of stable ones; it needs one of each per ordering."
        )
    if not (np.isfinite(y).all() and (x >= 0).all() and (x <= 1).all()):
        raise MlipsseError(
            "A formation energy to draw is not finite, or a mole fraction is not from 0 to 1."
        )
    axes.axhline(0.0, color="0.6", linewidth=0.7, linestyle="--", zorder=0)
    places = np.unique(x)
    half = 0.3 * min(0.08, float(np.diff(places).min()) if len(places) > 1 else 1.0)
    axes.hlines(
        y, x - half, x + half, color=COLOURS[0], linewidth=0.6, alpha=0.7, label="orderings"
    )
    hull = _hull_curve(x[stable], y[stable], atoms_per_unit)
    axes.plot(*hull, color="0.15", linewidth=1.1, zorder=2)
    lowest = np.array([np.flatnonzero(x == place)[np.argmin(y[x == place])] for place in places])
    above = lowest[~stable[lowest]]
    for mask, name, shape, size, face in (
        (np.flatnonzero(stable), "stable", "o", 5.0, COLOURS[1]),
        (above, "lowest, metastable", "D", 4.0, "white"),
    ):
        if len(mask):
            axes.plot(
                x[mask],
                y[mask],
                shape,
                markersize=size,
                color=COLOURS[1],
                markerfacecolor=face,
                markeredgewidth=0.9,
                label=name,
                zorder=3,
            )
    axes.set_xlim(-0.04, 1.04)
    axes.margins(y=0.1)
    first, second = (formula_label(name) for name in end_members)
    axes.set_xlabel(f"$x$ in (1 − $x$) {first} + $x$ {second}")
    axes.set_ylabel("formation energy (meV/atom)")
    if title:
        axes.set_title(title)
    dress(axes)
    # Above the frame: inside it there are orderings anywhere.
    axes.legend(
        fontsize=6.5,
        frameon=False,
        handlelength=1.2,
        ncols=3,
        loc="lower left",
        bbox_to_anchor=(0.0, 0.99),
        borderaxespad=0.0,
        columnspacing=1.2,
    )
    return axes


def _hull_curve(
    x: np.ndarray, y: np.ndarray, atoms_per_unit: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """The hull through stable compositions: linear over the fraction of atoms, drawn over x."""
    order = np.argsort(x)
    x, y = x[order], y[order]
    if len(x) < 2:
        return x, y
    dense = np.concatenate([np.linspace(*pair, _CURVE_POINTS) for pair in pairwise(x)])
    first, second = atoms_per_unit

    def by_atoms(z: np.ndarray) -> np.ndarray:
        return z * second / ((1 - z) * first + z * second)

    return dense, np.interp(by_atoms(dense), by_atoms(x), y)
