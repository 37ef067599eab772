"""Ionic conductivity from the tracer diffusivity."""

from mlipsse.errors import MlipsseError
from mlipsse.units import A3_TO_CM3, BOLTZMANN_J_K, ELEMENTARY_CHARGE_C, S_CM_TO_MS_CM


def nernst_einstein_conductivity(
    diffusivity_cm2_s: float,
    *,
    n_ions: int,
    volume_A3: float,
    charge_e: float,
    temperature_K: float,
) -> float:
    """Nernst-Einstein conductivity N z² e² D / (V kB T) in mS/cm (Haven ratio 1).

    It is linear in the diffusivity, so the same call turns a standard error of D (cm²/s) into
    that of the conductivity.

    Parameters
    ----------
    diffusivity_cm2_s : tracer diffusivity, cm²/s
    n_ions : mobile ions in the cell
    volume_A3 : volume of the cell, Å³
    charge_e : formal charge of a mobile ion, e
    temperature_K : K

    Raises
    ------
    MlipsseError
        when volume or temperature is not above zero.
    """
    if not volume_A3 > 0 or not temperature_K > 0:
        raise MlipsseError(
            "A conductivity needs a volume above 0 Å³ and a temperature above 0 K, but they are "
            f"{volume_A3} Å³ and {temperature_K} K."
        )
    charge_density = n_ions * (charge_e * ELEMENTARY_CHARGE_C) ** 2 / (volume_A3 * A3_TO_CM3)
    return charge_density * diffusivity_cm2_s / (BOLTZMANN_J_K * temperature_K) * S_CM_TO_MS_CM
