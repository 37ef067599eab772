"""Conductivity at temperatures that were not run, from the Arrhenius line of the diffusivity."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.transport.diffusion.arrhenius.average import TemperatureAverage
from mlipsse.transport.diffusion.arrhenius.fit import ONE_SIGMA, ArrheniusFit


@dataclass(frozen=True)
class ExtrapolatedConductivity:
    """Conductivity at a temperature.

    Attributes
    ----------
    diffusivity_cm2_s, conductivity_mS_cm : of the line
    diffusivity_interval_cm2_s, conductivity_interval_mS_cm : at `level`; None where the error of
        the line is not known
    outside : whether the temperature lies outside of those that were fitted, so that the line is
        continued and not read
    """

    temperature_K: float
    diffusivity_cm2_s: float
    diffusivity_interval_cm2_s: tuple[float, float] | None
    conductivity_mS_cm: float
    conductivity_interval_mS_cm: tuple[float, float] | None
    level: float
    outside: bool


def extrapolate_conductivity(
    line: ArrheniusFit,
    points: Sequence[TemperatureAverage],
    temperature_K: float,
    *,
    level: float = ONE_SIGMA,
) -> ExtrapolatedConductivity | None:
    """Nernst-Einstein conductivity at a temperature, from D of the line.

    sigma(T) = N z² e² D(T) / (V kB T): the density of charges N z² / V is that of the runs (the
    mean over the points, whose volumes differ by thermal expansion at most), and sigma T is what is
    linear in the Arrhenius plot, not sigma.

    Parameters
    ----------
    line : through the points
    points : with a conductivity each
    temperature_K : K
    level : confidence level of the intervals, one standard error if not given

    Returns
    -------
    ExtrapolatedConductivity or None
        None where there is no line: below two temperatures.

    Raises
    ------
    MlipsseError
        for a temperature not above 0 or without points.
    """
    diffusivity = line.diffusivity_cm2_s(temperature_K)
    if diffusivity is None:
        return None
    if not points:
        raise MlipsseError("A conductivity needs at least one temperature whose density is known.")
    densities = [
        point.conductivity_mS_cm * point.temperature_K / point.diffusivity_cm2_s for point in points
    ]
    by_diffusivity = float(np.mean(densities)) / temperature_K
    interval = line.interval_cm2_s(temperature_K, level=level)
    fitted = line.temperature_K
    return ExtrapolatedConductivity(
        temperature_K=temperature_K,
        diffusivity_cm2_s=diffusivity,
        diffusivity_interval_cm2_s=interval,
        conductivity_mS_cm=by_diffusivity * diffusivity,
        conductivity_interval_mS_cm=None
        if interval is None
        else (by_diffusivity * interval[0], by_diffusivity * interval[1]),
        level=level,
        outside=not min(fitted) <= temperature_K <= max(fitted),
    )
