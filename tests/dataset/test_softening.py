import numpy as np
import pytest

from mlipsse.dataset.frames.softening import MAX_SLOPE, MIN_SLOPE, soft, softening


def made(rng, *, factors, noise_eV_A=0.0, stress_factor=1.0, frames=100):
    """Labels and predictions whose forces are the labels' times a factor per element."""
    atoms = np.full(frames, 2 * len(factors))
    symbols = np.tile(np.repeat(list(factors), 2), frames)
    labels = rng.normal(0, 0.8, (len(symbols), 3))
    scale = np.array([factors[symbol] for symbol in symbols])[:, None]
    forces = np.stack([labels, scale * labels + rng.normal(0, noise_eV_A, labels.shape)])
    stress = rng.normal(0, 0.01, (frames, 9))
    # Another functional's pressure: a constant, which is no softness.
    stresses = np.stack([stress, stress_factor * stress + 0.05])
    return softening(forces, stresses, symbols=symbols, atoms=atoms)


def test_slopes_are_the_factors_by_which_predictions_are_smaller():
    found = made(np.random.default_rng(1), factors={"Li": 0.5, "Cl": 0.9}, stress_factor=0.7)
    assert found.forces_by_element["Li"].value == pytest.approx(0.5)
    assert found.forces_by_element["Cl"].value == pytest.approx(0.9)
    assert 0.5 < found.forces.value < 0.9
    assert found.stress.value == pytest.approx(0.7)
    assert list(found.forces_by_size) == ["below 0.5 eV/Å", "0.5 to 1.5 eV/Å", "above 1.5 eV/Å"]
    assert soft(found.forces)


def test_noise_of_predictions_does_not_soften():
    """Least squares on the labels: errors of predictions leave the slope where it is."""
    slopes = [
        made(np.random.default_rng(seed), factors={"Li": 1.0}, noise_eV_A=0.3).forces
        for seed in range(200)
    ]
    values = np.array([slope.value for slope in slopes])
    assert values.mean() == pytest.approx(1.0, abs=4 * values.std() / np.sqrt(200))
    # The jackknife's error is the spread of slopes of fresh frames.
    assert np.mean([slope.std for slope in slopes]) == pytest.approx(values.std(), rel=0.15)


@pytest.mark.parametrize(("factor", "outside"), [(0.89, True), (0.91, False), (1.11, True)])
def test_limits(factor, outside):
    found = made(np.random.default_rng(2), factors={"Li": factor})
    assert soft(found.forces) is outside
    assert MIN_SLOPE == 0.9
    assert MAX_SLOPE == 1.1


def test_what_cannot_be_judged_has_no_slope():
    rng = np.random.default_rng(3)
    still = softening(
        np.zeros((2, 12, 3)), np.zeros((2, 3, 9)), symbols=np.full(12, "Li"), atoms=np.full(3, 4)
    )
    assert still.forces is None
    assert still.stress is None
    one = softening(
        rng.normal(size=(2, 12, 3)),
        np.full((2, 1, 9), np.nan),
        symbols=np.array(["Li"] * 3 + ["Cl"] * 9),
        atoms=np.array([12]),
    )
    assert one.forces.std is None
    assert one.stress is None
    assert not one.forces_by_element  # fewer than ten atoms each
