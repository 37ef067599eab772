"""Diffusivity and conductivity at a temperature, from a run there or from the Arrhenius fit."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from mlipsse.transport.diffusion.arrhenius.fit import fit_arrhenius

Origin = Literal["run", "interpolated", "extrapolated"]


@dataclass(frozen=True)
class Estimate:
    """A quantity at a temperature.

    Attributes
    ----------
    value, std : in the unit of the quantity; the error is None where the fit knows none
    origin : of runs at this very temperature, or of the fitted line between or beyond them
    """

    value: float
    std: float | None
    origin: Origin


def diffusivity_at(entry: Mapping[str, Any], temperature_K: float) -> Estimate | None:
    """D in cm²/s at a temperature; None where there is no run and no line.

    Parameters
    ----------
    entry : a composition of the summary, or one of its `directions`
    """
    points = [
        point
        for point in zip(
            entry["temperature_K"],
            entry["diffusivity_cm2_s"],
            entry["diffusivity_std_cm2_s"],
            strict=True,
        )
        if point[1] > 0
    ]
    for known, value, std in points:
        if abs(known - temperature_K) < 1e-6:
            return Estimate(value, std, "run")
    if len(points) < 2:
        return None
    kelvin, values, stds = zip(*points, strict=True)
    fit = fit_arrhenius(kelvin, values, stds)
    value = fit.diffusivity_cm2_s(temperature_K)
    if value is None:
        return None
    interval = fit.interval_cm2_s(temperature_K)
    std = None if interval is None else (interval[1] - interval[0]) / 2
    between = min(kelvin) < temperature_K < max(kelvin)
    return Estimate(value, std, "interpolated" if between else "extrapolated")


def conductivity_at(entry: Mapping[str, Any], temperature_K: float) -> Estimate | None:
    """Nernst-Einstein conductivity in mS/cm at a temperature; None where `diffusivity_at` is.

    sigma T / D is the same at all temperatures but for the cell's expansion; that of the nearest
    temperature is taken.

    Parameters
    ----------
    entry : a composition of the summary
    """
    found = diffusivity_at(entry, temperature_K)
    if found is None:
        return None
    kelvin = np.array(entry["temperature_K"])
    nearest = int(np.argmin(abs(kelvin - temperature_K)))
    known_mS_cm, known_cm2_s = (
        entry[name][nearest] for name in ("conductivity_mS_cm", "diffusivity_cm2_s")
    )
    by_diffusivity = known_mS_cm / known_cm2_s * kelvin[nearest] / temperature_K
    std = None if found.std is None else float(by_diffusivity * found.std)
    if found.origin == "run":  # averaged over orderings of their own volumes
        return Estimate(known_mS_cm, entry["conductivity_std_mS_cm"][nearest], "run")
    return Estimate(float(by_diffusivity * found.value), std, found.origin)
