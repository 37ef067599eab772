"""Diffusivity of charge: how the sum of all mobile ions moves, and the Haven ratio."""

from dataclasses import dataclass, replace

import numpy as np

from mlipsse.transport.diffusivity import Diffusivity, fit_diffusivity
from mlipsse.transport.msd import mean_squared_displacement
from mlipsse.transport.window import WindowSettings


@dataclass(frozen=True, eq=False)
class ChargeDiffusivity:
    """Charge beside tracer diffusivity.

    Attributes
    ----------
    diffusivity : of the charge; put into `nernst_einstein_conductivity` it gives Einstein's
    haven_ratio, haven_ratio_std : tracer over charge diffusivity; below 1 ions move together. None
        where either is not known
    """

    diffusivity: Diffusivity
    haven_ratio: float | None
    haven_ratio_std: float | None


def charge_diffusivity(
    positions: np.ndarray,
    tracer: Diffusivity,
    *,
    frame_spacing_ps: float,
    settings: WindowSettings | None = None,
) -> ChargeDiffusivity:
    """D_charge = lim <|sum_i dr_i|²> / (6 N t) of N ions of one charge, in the tracer's window.

    The sum over the ions, divided by the root of N, is a single Gaussian walker, whose line is
    fitted like a tracer's with one ion; so its error is larger by about the root of N, and honest
    for ions that move together. The ratio's error takes both as independent.

    Source of the definitions: France-Lanord and Grossman, Phys. Rev. Lett. 122, 136001 (2019), doi
    10.1103/PhysRevLett.122.136001; Murch, Solid State Ionics 7, 177 (1982), doi
    10.1016/0167-2738(82)90050-9.

    Parameters
    ----------
    positions : (n_frames, n_ions, 3) float64, Å, unwrapped, framework drift removed
    tracer : of the same ions
    settings : rules of the window where the tracer has none
    """
    settings = settings or WindowSettings()
    together = positions.sum(axis=1, keepdims=True) / np.sqrt(positions.shape[1])
    # One walker is too noisy to say by its exponent whether it diffuses; the tracer has said it.
    rules = replace(settings, window_ps=tracer.window_ps, minimum_exponent=0.0)
    fit = fit_diffusivity(
        mean_squared_displacement(together, frame_spacing_ps=frame_spacing_ps), rules
    )
    if not tracer.diffusive:
        fit = replace(
            fit,
            diffusive=False,
            reason=tracer.reason,
            diffusivity_cm2_s=None,
            diffusivity_std_cm2_s=None,
            tensor_cm2_s=None,
        )
    values = (
        tracer.diffusivity_cm2_s,
        tracer.diffusivity_std_cm2_s,
        fit.diffusivity_cm2_s,
        fit.diffusivity_std_cm2_s,
    )
    if None in values:
        return ChargeDiffusivity(fit, None, None)
    own, own_std, charge, charge_std = (float(value or 0.0) for value in values)
    ratio = own / charge
    error = ratio * float(np.hypot(own_std / own, charge_std / charge))
    return ChargeDiffusivity(fit, ratio, error)
