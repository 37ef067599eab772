import numpy as np
import pytest

from mlipsse.errors import MlipsseError
from mlipsse.transport import fit_arrhenius
from mlipsse.units import BOLTZMANN_EV_K


def line(temperatures, energy=0.35, prefactor=2e-3):
    return prefactor * np.exp(-energy / (BOLTZMANN_EV_K * np.asarray(temperatures)))


def test_pymatgens_own_case():
    """Values of pymatgen-analysis-diffusion's test of `fit_arrhenius` (linear mode)."""
    temperatures = np.array([300.0, 1000.0, 500.0])
    factors = np.array([1.00601834013, 1.00803236262, 0.98609720824])
    fit = fit_arrhenius(temperatures, factors * line(temperatures, 0.5, 12.0))
    assert fit.activation_energy_eV == pytest.approx(0.5, rel=1e-7)
    assert fit.prefactor_cm2_s == pytest.approx(12.0, rel=1e-6)
    assert fit.activation_energy_std_eV == pytest.approx(0.000895566, rel=1e-5)


def test_exact_line_with_errors_keeps_their_size():
    temperatures = [700.0, 800.0, 900.0, 1000.0]
    values = line(temperatures)
    fit = fit_arrhenius(temperatures, values, 0.1 * values)
    assert fit.activation_energy_eV == pytest.approx(0.35, rel=1e-9)
    assert fit.prefactor_cm2_s == pytest.approx(2e-3, rel=1e-9)
    # closed form for equal relative errors: kB sigma / sqrt(sum (1/T - mean)²)
    inverse = 1 / np.array(temperatures)
    spread = np.sqrt(np.sum((inverse - inverse.mean()) ** 2))
    assert fit.activation_energy_std_eV == pytest.approx(BOLTZMANN_EV_K * 0.1 / spread, rel=1e-9)


def test_scatter_beyond_the_errors_widens_the_result():
    temperatures = [700.0, 800.0, 900.0, 1000.0]
    values = line(temperatures) * np.array([1.5, 0.7, 1.4, 0.8])
    narrow = fit_arrhenius(temperatures, values, 0.01 * values)
    scatter = fit_arrhenius(temperatures, values)
    assert narrow.activation_energy_std_eV == pytest.approx(
        scatter.activation_energy_std_eV, rel=1e-9
    )


def test_a_point_with_a_large_error_weighs_little():
    temperatures = [700.0, 800.0, 900.0, 1000.0]
    values = line(temperatures)
    values[0] *= 5
    errors = values * np.array([1e3, 0.05, 0.05, 0.05])
    fit = fit_arrhenius(temperatures, values, errors)
    assert fit.activation_energy_eV == pytest.approx(0.35, abs=1e-5)


def test_two_temperatures_have_the_error_that_their_own_errors_give():
    temperatures = [800.0, 1000.0]
    values = line(temperatures)
    fit = fit_arrhenius(temperatures, values, 0.1 * values)
    assert fit.activation_energy_eV == pytest.approx(0.35)
    apart = (1 / 800 - 1 / 1000) / BOLTZMANN_EV_K
    assert fit.activation_energy_std_eV == pytest.approx(0.1 * np.sqrt(2) / apart, rel=1e-9)
    assert any("two temperatures" in caution for caution in fit.cautions)
    alone = fit_arrhenius(temperatures, values)
    assert alone.activation_energy_eV == pytest.approx(0.35)
    assert alone.activation_energy_std_eV is None
    assert alone.interval_cm2_s(300.0) is None
    assert alone.diffusivity_cm2_s(900.0) == pytest.approx(line([900.0])[0])


def test_a_bent_line_is_reported():
    """Vogel-Fulcher-Tammann: steeper when cold. Of straight lines one in twenty is called bent."""
    temperatures = np.array([500.0, 600.0, 700.0, 850.0, 1000.0])
    bent = 1e-3 * np.exp(-0.08 / (BOLTZMANN_EV_K * (temperatures - 250.0)))
    fit = fit_arrhenius(temperatures, bent, 0.05 * bent)
    assert fit.curvature_eV2 < 0
    assert any("steeper when cold" in caution for caution in fit.cautions)
    rng = np.random.default_rng(0)
    straight = line(temperatures)
    stated = [
        abs(
            fit_arrhenius(
                temperatures, straight * np.exp(rng.normal(0, 0.1, 5)), 0.1 * straight
            ).curvature_sigma
        )
        > 2
        for _ in range(400)
    ]
    assert 0.02 < np.mean(stated) < 0.09  # 4.6 %, with its own error of 1 %


def test_curvature_is_that_of_a_parabola():
    temperatures = np.array([500.0, 600.0, 700.0, 850.0, 1000.0])
    inverse = 1 / (BOLTZMANN_EV_K * temperatures)
    values = np.exp(-8 - 0.3 * inverse - 0.5 * 0.004 * inverse**2)
    fit = fit_arrhenius(temperatures, values, 0.1 * values)
    assert fit.curvature_eV2 == pytest.approx(-0.004, rel=1e-8)
    assert fit_arrhenius(temperatures[:3], values[:3]).curvature_sigma is None


@pytest.mark.parametrize("temperatures", [[], [800.0]])
def test_below_two_temperatures_nothing_is_known(temperatures):
    fit = fit_arrhenius(temperatures, line(temperatures), [1e-6] * len(temperatures))
    assert fit.activation_energy_eV is None
    assert fit.activation_energy_std_eV is None
    assert fit.prefactor_cm2_s is None
    assert fit.diffusivity_cm2_s(300.0) is None


def test_extrapolated_interval_grows_with_distance():
    temperatures = [700.0, 800.0, 900.0, 1000.0]
    values = line(temperatures)
    fit = fit_arrhenius(temperatures, values, 0.1 * values)
    low, high = fit.interval_cm2_s(300.0)
    assert np.sqrt(low * high) == pytest.approx(line([300.0])[0], rel=1e-9)
    near = fit.interval_cm2_s(840.0)
    assert high / low > 3 * near[1] / near[0]
    # at the weighted centre of 1/T the error is sigma / sqrt(n)
    centre = 1 / np.mean(1 / np.array(temperatures))
    at_centre = fit.interval_cm2_s(centre)
    assert np.log(at_centre[1] / at_centre[0]) / 2 == pytest.approx(0.1 / 2, rel=1e-9)


@pytest.mark.parametrize(
    ("temperatures", "values", "errors"),
    [
        ([0.0, 800.0], [1e-6, 1e-5], None),
        ([-1.0, 800.0], [1e-6, 1e-5], None),
        ([700.0, 800.0], [0.0, 1e-5], None),
        ([700.0, 800.0], [float("nan"), 1e-5], None),
        ([700.0, 800.0], [1e-6, 1e-5], [0.0, 1e-6]),
        ([700.0, 700.0], [1e-6, 1e-5], None),
        ([700.0, 800.0], [1e-6], None),
    ],
)
def test_bad_points(temperatures, values, errors):
    with pytest.raises(MlipsseError):
        fit_arrhenius(temperatures, values, errors)


@pytest.mark.parametrize("count", [3, 4, 5])
def test_intervals_by_scatter_alone_hold(count):
    """Student's t: 95 % intervals of few temperatures without errors hold in 95 % of series."""
    temperatures = np.linspace(700.0, 1000.0, count)
    rng = np.random.default_rng(count)
    hits = 0
    for _ in range(600):
        fit = fit_arrhenius(temperatures, line(temperatures) * np.exp(rng.normal(0, 0.1, count)))
        low, high = fit.energy_interval_eV(level=0.95)
        hits += low < 0.35 < high
    assert 0.925 <= hits / 600 <= 0.975  # 0.95 with an error of 0.009
    wide = fit.interval_cm2_s(300.0, level=0.95)
    narrow = fit.interval_cm2_s(300.0, level=0.5)
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


def test_a_negative_activation_energy_is_stated():
    fit = fit_arrhenius([600.0, 700.0, 800.0], [6.9e-3, 5.2e-3, 4.3e-3], [7e-4, 5e-4, 4e-4])
    assert fit.activation_energy_eV < 0
    assert any("not above 0" in caution for caution in fit.cautions)


@pytest.mark.parametrize("relative_error", [0.05, None])
def test_a_jump_between_two_lines_is_stated(relative_error):
    temperatures = np.array([500.0, 560.0, 620.0, 680.0, 740.0, 800.0, 860.0])
    values = line(temperatures) * np.where(temperatures > 650, 8.0, 1.0)
    values = values * np.exp(np.random.default_rng(2).normal(0, 0.03, 7))
    errors = None if relative_error is None else relative_error * values
    fit = fit_arrhenius(temperatures, values, errors)
    (stated,) = [caution for caution in fit.cautions if "jumps" in caution]
    assert "between 620 and 680 K" in stated


def test_straight_lines_rarely_jump():
    temperatures = np.array([500.0, 560.0, 620.0, 680.0, 740.0, 800.0])
    rng = np.random.default_rng(5)
    jumps = 0
    for _ in range(300):
        values = line(temperatures) * np.exp(rng.normal(0, 0.1, 6))
        for errors in (0.1 * values, None):
            fit = fit_arrhenius(temperatures, values, errors)
            jumps += any("jumps" in caution for caution in fit.cautions)
    assert jumps <= 15  # of 600; asked are at most 1 %
