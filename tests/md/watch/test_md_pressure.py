"""The pressure of a production: mean, error, differences between directions, cautions."""

import numpy as np
import pytest

from mlipsse.md.watch.pressure import production_pressure

ROWS = 400


def tensor(*bar: float, noise: float = 0.0) -> np.ndarray:
    rows = np.tile(np.array(bar), (ROWS, 1))
    return rows + np.random.default_rng(0).normal(0, noise, rows.shape)


def test_mean_and_error_in_GPa() -> None:
    series_bar = 25_000 + np.random.default_rng(1).normal(0, 3_000, ROWS)
    found = production_pressure(series_bar, np.full((ROWS, 6), np.nan), npt_bar=None)
    assert found is not None
    assert found.mean_GPa == pytest.approx(series_bar.mean() / 1e4)
    assert found.std_GPa == pytest.approx(0.3 / ROWS**0.5, rel=0.15)  # independent rows
    assert found.anisotropy_GPa is None
    assert "2.48 ± 0.01 GPa" in str(found.caution)
    assert "set simulate.npt_ps" in str(found.caution)


@pytest.mark.parametrize(
    ("bar", "npt_bar", "cautioned"),
    [
        (9_000.0, None, False),
        (11_000.0, None, True),
        (-11_000.0, None, True),  # a cell that is too large pulls
        (30_000.0, 30_000.0, False),  # what was asked for
        (30_000.0, 15_000.0, True),
        (0.0, 15_000.0, True),
    ],
)
def test_a_caution_beyond_1_GPa_of_what_was_asked_for(
    bar: float, npt_bar: float | None, cautioned: bool
) -> None:
    found = production_pressure(np.full(ROWS, bar), np.full((ROWS, 6), np.nan), npt_bar=npt_bar)
    assert found is not None
    assert (found.caution is not None) is cautioned
    assert found.averaged_cell is (npt_bar is not None)


def test_stress_that_differs_between_directions() -> None:
    """Uniaxial along [110]: 3 GPa there and none across, which no diagonal element shows."""
    found = production_pressure(
        np.full(ROWS, 10_000.0), tensor(15_000, 15_000, 0, 15_000, 0, 0, noise=500), npt_bar=None
    )
    assert found is not None
    assert found.anisotropy_GPa == pytest.approx(2.0, abs=0.02)
    assert "along one axis" in str(found.caution)
    even = production_pressure(np.zeros(ROWS), tensor(0, 0, 0, 0, 0, 0, noise=3000), npt_bar=None)
    assert even is not None
    assert even.anisotropy_GPa == pytest.approx(0, abs=0.08)  # five errors of a mean
    assert even.caution is None


def test_rows_that_are_no_numbers_do_not_count() -> None:
    series_bar = np.array([np.nan, 100.0, 300.0])
    found = production_pressure(series_bar, np.full((3, 6), np.nan), npt_bar=None)
    assert found is not None
    assert (found.mean_GPa, found.std_GPa) == (0.02, None)
    assert production_pressure(np.array([np.nan]), np.full((1, 6), np.nan), npt_bar=None) is None
