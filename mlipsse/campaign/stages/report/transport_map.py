"""The map of activation energies and conductivities over a campaign's three end members."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mlipsse.campaign.config.campaign import EnumerateConfig
from mlipsse.campaign.crystals.system import System
from mlipsse.report.page.estimate import conductivity_at

CAPTION = (
    "Activation energy (colour) of the compositions between the end members, and contours of the "
    "Nernst-Einstein conductivity at {kelvin:g} K in mS/cm: of runs at that temperature, else of "
    "the Arrhenius fit; linear between compositions.{open} Numbers along an edge: mole fraction of "
    "the formula unit at the corner towards which they rise."
)


def save_transport_map(
    summary: Mapping[str, Any],
    config: EnumerateConfig,
    system: System,
    path: Path,
    *,
    temperature_K: float,
) -> tuple[list[Path], str]:
    """Write the map, where three compositions that lie on no line have an activation energy.

    Returns
    -------
    files written, none where there is no map, and what the figure shows
    """
    from mlipsse.report.figures.style import new_figure, save_figure
    from mlipsse.report.transport_figures.map import spans_a_map, transport_map_plot

    items = {item["formula"]: item for item in summary["compositions"]}
    if system.diagram != "ternary":
        return [], ""
    fractions, energies, conductivities = [], [], []
    for formula in config.compositions:
        item = items[formula]
        energy = item["activation_energy_eV"]
        found = conductivity_at(item, temperature_K)
        fractions.append([float(part) for part in system.coordinates[formula]])
        energies.append(np.nan if energy is None else energy)
        conductivities.append(np.nan if found is None else found.value)
    known = np.isfinite(energies)
    if not spans_a_map(np.array(fractions)[known]):
        return [], ""
    figure, (axes,) = new_figure(width_in=4.2, height_in=3.4)
    first, second, third = system.end_members
    transport_map_plot(
        axes,
        np.array(fractions),
        np.array(energies),
        np.array(conductivities),
        corners=(first, second, third),
        temperature_K=temperature_K,
    )
    without = "" if known.all() else " Open circles have no activation energy."
    return save_figure(figure, path), CAPTION.format(kelvin=temperature_K, open=without)
