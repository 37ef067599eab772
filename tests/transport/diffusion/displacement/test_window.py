import numpy as np
import pytest

from mlipsse.errors import MlipsseError
from mlipsse.transport import MeanSquaredDisplacement, WindowSettings, fit_diffusivity
from mlipsse.transport.diffusion.displacement.window import choose_window, window_exponent


def msd_of(total, spacing=0.1, n_ions=24):
    tensor = np.zeros((len(total), 6))
    tensor[:, :3] = np.asarray(total, dtype=float)[:, None] / 3
    return MeanSquaredDisplacement(
        lag_ps=np.arange(len(total)) * spacing,
        tensor_A2=tensor,
        n_ions=n_ions,
        excess_lags=np.array([1]),
        excess_A4=np.array([0.0]),
        non_gaussian=np.array([0.0]),
        ion_correlation=np.array([1.0]),
    )


@pytest.mark.parametrize(
    ("slope", "first"),
    [
        (0.15, 151),  # 2.5 hops squared, 22.5 Å²
        (0.1, 166),  # a third of the window's end, which comes before
        (0.02, 226),  # half a hop squared, 4.5 Å²: never earlier
    ],
)
def test_window_starts_where_hops_have_settled(slope, first):
    window = choose_window(msd_of(slope * np.arange(1001)))
    assert (window.first, window.last, window.reason) == (first, 500, None)
    assert window.exponent == pytest.approx(1.0, abs=1e-9)


def test_too_few_hops_are_refused():
    motion = 0.02 * np.arange(1001)  # 10 Å² at half the run: two hops of one ion in all of it
    window = choose_window(msd_of(motion, n_ions=1))
    assert "too few hops: 1 ions make about 2.2" in window.reason
    assert choose_window(msd_of(motion, n_ions=10)).reason is None


def test_hops_taken_back_at_once_do_not_hide_diffusion():
    """A straight line above 4 Å² of vibrations has a raw exponent of 0.75, and diffuses."""
    msd = msd_of(4.0 + 0.04 * np.arange(1001))
    window = choose_window(msd)
    assert window_exponent(msd, window.first, window.last) < 0.8
    assert window.exponent == pytest.approx(1.0, abs=1e-6)
    assert window.reason is None


def test_window_never_starts_before_the_minimum_lag():
    window = choose_window(msd_of(5.0 * np.arange(1001)), WindowSettings(minimum_lag_ps=2.0))
    assert window.first == 20


def test_too_little_motion_gives_numbers():
    window = choose_window(msd_of(np.full(1001, 2.0)))
    assert window.first is None
    assert "2.00 Å²" in window.reason
    assert "4.5 Å²" in window.reason


def test_cage_is_refused_with_its_exponent():
    lag = np.arange(1001)
    fit = fit_diffusivity(msd_of(11 * (1 - np.exp(-lag / 40))))
    assert not fit.diffusive
    assert fit.diffusivity_cm2_s is None
    assert fit.diffusivity_std_cm2_s is None
    assert fit.exponent < 0.3
    assert "not diffusive" in fit.reason


def test_bent_msd_starts_later_where_it_is_straight():
    lag = np.arange(4001)
    msd = msd_of(12 * (1 - np.exp(-lag / 50)) + 0.05 * lag)
    early = int(np.argmax(msd.total_A2 > 4.5))
    window = choose_window(msd)
    assert window_exponent(msd, early, 2000) < 0.8
    assert window.reason is None
    assert window.exponent >= 0.8
    assert 3 * early < window.first <= 2000 / 3


@pytest.mark.parametrize("n_frames", [2, 3, 8])
def test_few_frames_are_refused_not_fitted(n_frames):
    fit = fit_diffusivity(msd_of(20.0 * np.arange(n_frames), spacing=1.0))
    assert not fit.diffusive
    assert fit.window_ps is None
    assert "run longer" in fit.reason


def test_own_window_is_kept():
    settings = WindowSettings(window_ps=(3.0, 30.0))
    fit = fit_diffusivity(msd_of(0.1 * np.arange(1001)), settings)
    assert fit.window_ps == pytest.approx((3.0, 30.0))
    assert fit.diffusivity_cm2_s == pytest.approx(1.0 / 6 * 1e-4)


def test_own_window_beyond_the_run():
    with pytest.raises(MlipsseError, match="ends at 200 ps, but the trajectory lasts 100 ps"):
        choose_window(msd_of(0.1 * np.arange(1001)), WindowSettings(window_ps=(3.0, 200.0)))


@pytest.mark.parametrize(
    "settings",
    [
        {"maximum_lag_fraction": 0.0},
        {"maximum_lag_fraction": 1.2},
        {"hop_length_A": 0.0},
        {"window_ps": (5.0, 2.0)},
    ],
)
def test_settings_check_themselves(settings):
    with pytest.raises(MlipsseError):
        WindowSettings(**settings)


@pytest.mark.parametrize("power", [0.5, 1.0, 1.7])
def test_exponent_of_a_power_law(power):
    msd = msd_of(np.arange(501.0) ** power)
    assert window_exponent(msd, 10, 400) == pytest.approx(power, abs=1e-9)


def test_falling_msd_is_refused():
    fit = fit_diffusivity(msd_of(50.0 - 0.01 * np.arange(1001)))
    assert not fit.diffusive
