"""Diffusivity of charge: how the sum of all mobile ions moves, and the Haven ratio."""

from dataclasses import dataclass, replace

import numpy as np

from mlipsse.transport.diffusion.diffusivity import Diffusivity, fit_diffusivity
from mlipsse.transport.diffusion.displacement.msd import (
    MeanSquaredDisplacement,
    mean_squared_displacement,
)
from mlipsse.transport.diffusion.displacement.window import WindowSettings
from mlipsse.transport.ions.drift import RestingPositions, summed_displacement

HIGH_HAVEN_RATIO = 3.0
"""Above it by more than the error, ions change places more than they carry charge."""


@dataclass(frozen=True, eq=False)
class ChargeDiffusivity:
    """Charge beside tracer diffusivity.

    Attributes
    ----------
    diffusivity : of the charge; put into `nernst_einstein_conductivity` it gives Einstein's
    haven_ratio, haven_ratio_std : tracer over charge diffusivity; below 1 ions move together. None
        where either is not known
    msd : collective mean squared displacement, <|sum_i dr_i|²> / n_ions
    """

    diffusivity: Diffusivity
    haven_ratio: float | None
    haven_ratio_std: float | None
    msd: MeanSquaredDisplacement

    @property
    def cautions(self) -> tuple[str, ...]:
        """What the Haven ratio warns of."""
        if self.haven_ratio is None or self.haven_ratio_std is None:
            return ()
        # Of the inverse, whose error is symmetric: charge has nearly all of it.
        inverse, inverse_std = 1 / self.haven_ratio, self.haven_ratio_std / self.haven_ratio**2
        if inverse + inverse_std >= 1 / HIGH_HAVEN_RATIO:
            return ()
        return (
            f"the Haven ratio is {self.haven_ratio:.2g} ± {self.haven_ratio_std:.1g}, above "
            f"{HIGH_HAVEN_RATIO:g}: ions mostly exchange places, and carry far less charge than "
            "their tracer diffusivity implies",
        )


def charge_diffusivity(
    positions: np.ndarray | RestingPositions,
    tracer: Diffusivity,
    *,
    frame_spacing_ps: float,
    settings: WindowSettings | None = None,
) -> ChargeDiffusivity:
    """D_charge = lim <|sum_i dr_i|²> / (6 t n_ions), in the tracer's window; all ions are alike.

    The sum over the ions, divided by the root of their number, is a single Gaussian walker, whose
    line is fitted like a tracer's with one ion; so its error is larger by about the root of the
    number of ions, and honest for ions that move together. The ratio's error takes both as
    independent.

    Source of the definitions: France-Lanord and Grossman, Phys. Rev. Lett. 122, 136001 (2019), doi
    10.1103/PhysRevLett.122.136001; Murch, Solid State Ionics 7, 177 (1982), doi
    10.1016/0167-2738(82)90050-9.

    Parameters
    ----------
    positions : (n_frames, n_ions, 3), Å, unwrapped, drift removed: an array, or `RestingPositions`
    tracer : of the same ions
    frame_spacing_ps : time between frames, ps
    settings : rules of the window where the tracer has none

    Raises
    ------
    MlipsseError
        as `mean_squared_displacement`.
    """
    settings = settings or WindowSettings()
    walker = summed_displacement(positions) / np.sqrt(positions.shape[1])
    msd = mean_squared_displacement(walker[:, None, :], frame_spacing_ps=frame_spacing_ps)
    # One walker is too noisy to judge by its exponent whether it diffuses; the tracer shows it.
    rules = replace(settings, window_ps=tracer.window_ps, judged=False)
    fit = fit_diffusivity(msd, rules)
    if not tracer.diffusive:
        fit = fit.refused(tracer.status)
    values = (
        tracer.diffusivity_cm2_s,
        tracer.diffusivity_std_cm2_s,
        fit.diffusivity_cm2_s,
        fit.diffusivity_std_cm2_s,
    )
    if None in values:
        return ChargeDiffusivity(fit, None, None, msd)
    own, own_std, charge, charge_std = (float(value or 0.0) for value in values)
    ratio = own / charge
    error = ratio * float(np.hypot(own_std / own, charge_std / charge))
    return ChargeDiffusivity(fit, ratio, error, msd)
