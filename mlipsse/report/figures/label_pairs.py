"""Forces of two label sources on the same frames."""

import numpy as np
from matplotlib.figure import Figure

from mlipsse.dataset.frames.predictions import Predictions
from mlipsse.report.figures.parity import parity_plot
from mlipsse.report.figures.style import DOUBLE_COLUMN_IN, colour, dress, new_figure, place_legend

_BINS = 60
_SHOWN = 0.995
"""Of the differences; the others lie beyond the axis."""


def label_pairs_figure(found: Predictions) -> Figure:
    """Histograms of the differences by element, and the second forces against the first.

    Parameters
    ----------
    found : the second labels as predictions of the first
    """
    figure, (histogram, parity) = new_figure(width_in=DOUBLE_COLUMN_IN, columns=2)
    differences = 1e3 * (found.forces_eV_A[1] - found.forces_eV_A[0])
    symbols = np.repeat(found.symbols, 3)
    reach = max(float(np.quantile(np.abs(differences), _SHOWN)), 1e-3)
    edges = np.linspace(-reach, reach, _BINS + 1)
    for index, element in enumerate(sorted(set(found.symbols))):
        own = differences[symbols == element]
        histogram.hist(
            own,
            edges.tolist(),
            density=True,
            histtype="step",
            color=colour(index),
            linewidth=0.9,
            label=f"{element}: {np.sqrt(np.mean(own**2)):.0f} meV/Å",
        )
    histogram.set_xlabel("difference of force components (meV/Å)")
    histogram.set_ylabel("density (1 / (meV/Å))")
    dress(histogram)
    place_legend(histogram)
    parity_plot(
        parity,
        found.forces_eV_A[0],
        found.forces_eV_A[1],
        quantity="force component",
        unit="eV/Å",
        reference_name="first labels",
        predicted_name="second labels",
    )
    return figure
