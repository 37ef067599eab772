"""Conductivity away from the temperatures that were run."""

import numpy as np
import pytest

from mlipsse.errors import MlipsseError
from mlipsse.transport import TemperatureAverage, fit_arrhenius, nernst_einstein_conductivity
from mlipsse.transport.diffusion.arrhenius.extrapolation import extrapolate_conductivity
from mlipsse.units import BOLTZMANN_EV_K

IONS, VOLUME_A3 = 96, 4000.0


def conductivity(diffusivity, temperature):
    return nernst_einstein_conductivity(
        diffusivity, n_ions=IONS, volume_A3=VOLUME_A3, charge_e=1.0, temperature_K=temperature
    )


def points(temperatures, relative=0.1):
    found = []
    for temperature in temperatures:
        value = 2e-3 * np.exp(-0.25 / (BOLTZMANN_EV_K * temperature))
        sigma = conductivity(value, temperature)
        found.append(
            TemperatureAverage(temperature, value, relative * value, sigma, relative * sigma, 1)
        )
    return found


def line_of(found):
    return fit_arrhenius(
        [p.temperature_K for p in found],
        [p.diffusivity_cm2_s for p in found],
        [p.diffusivity_std_cm2_s for p in found],
    )


def test_it_is_nernst_einstein_of_the_lines_diffusivity():
    found = points([700.0, 800.0, 1000.0])
    stated = extrapolate_conductivity(line_of(found), found, 300.0)
    exact = 2e-3 * np.exp(-0.25 / (BOLTZMANN_EV_K * 300.0))
    assert stated.diffusivity_cm2_s == pytest.approx(exact, rel=1e-9)
    assert stated.conductivity_mS_cm == pytest.approx(conductivity(exact, 300.0), rel=1e-9)
    assert stated.outside
    low, high = stated.conductivity_interval_mS_cm
    assert np.sqrt(low * high) == pytest.approx(stated.conductivity_mS_cm, rel=1e-9)
    assert high / low == pytest.approx(
        stated.diffusivity_interval_cm2_s[1] / stated.diffusivity_interval_cm2_s[0], rel=1e-9
    )


def test_a_wider_level_and_a_temperature_inside():
    found = points([700.0, 800.0, 1000.0])
    one = extrapolate_conductivity(line_of(found), found, 900.0)
    wide = extrapolate_conductivity(line_of(found), found, 900.0, level=0.9545)
    assert not one.outside
    narrow = np.log(one.diffusivity_interval_cm2_s[1] / one.diffusivity_cm2_s)
    assert np.log(wide.diffusivity_interval_cm2_s[1] / wide.diffusivity_cm2_s) == pytest.approx(
        2 * narrow, rel=1e-4
    )


def test_one_temperature_cannot_be_continued():
    found = points([800.0])
    assert extrapolate_conductivity(line_of(found), found, 300.0) is None


@pytest.mark.parametrize("temperature", [0.0, -10.0, float("nan")])
def test_faults(temperature):
    found = points([700.0, 800.0])
    with pytest.raises(MlipsseError, match="above 0 K"):
        extrapolate_conductivity(line_of(found), found, temperature)
