"""Descriptors of landscapes whose answer can be worked out by hand."""

import numpy as np
import pytest

from mlipsse.errors import MlipsseError
from mlipsse.screening.landscape.descriptors import (
    SMEARING_EV,
    IonLandscape,
    describe,
    xi,
)


def ion(energies: np.ndarray, cell: np.ndarray | None = None, **more: object) -> IonLandscape:
    cell = np.diag(np.array(energies.shape) * 0.25) if cell is None else cell
    site = np.array(np.unravel_index(energies.argmin(), energies.shape)) / energies.shape
    arguments = {"site_eV": float(energies.min()), "site": site} | more
    return IonLandscape(energies, cell, **arguments)


def channel() -> np.ndarray:
    """A straight channel along a, of one point's width, with a barrier of 0.3 eV."""
    energies = np.full((8, 10, 12), 5.0)
    energies[:, 4, 6] = 0.3
    energies[2, 4, 6] = 0.0
    return energies


def test_a_channel_along_one_axis():
    found = describe([ion(channel())])
    assert found.mpe_eV == pytest.approx(0.3)
    np.testing.assert_allclose(found.mpe_by_axis_eV, [0.3, 5.0, 5.0], atol=1e-6)
    np.testing.assert_allclose(found.percolation_eV, [0.3, 5.0, 5.0], atol=1e-6)
    np.testing.assert_allclose(found.percolation_by_axis_eV, [0.3, 5.0, 5.0], atol=1e-6)
    # Of the 21 x 25 points of a face, one lies at 0.3 eV.
    assert found.robust_mpe_eV[0.03] == pytest.approx(5.0)
    n = 8 * 10 * 12
    assert found.disconnected[0.2] == pytest.approx(1 / n)
    assert found.disconnected[0.5] == pytest.approx(8 / n)
    # The tile holds 16 x 20 x 24 points, of which the channel through its centre has 16: the four
    # images of the channel that ways within the tile do not reach are not connected.
    assert found.connected[0.5] == pytest.approx(16 / (8 * n))
    assert found.summed_connected[0.5] == found.connected[0.5]


def test_smearing_counts_part_of_the_thresholds():
    found = describe([ion(channel())])
    n = 8 * 10 * 12
    share = np.mean([0.3 + shift > 0.3 + 1e-9 for shift in SMEARING_EV])
    expected = (share * 8 + (1 - share) * 1) / n
    assert found.disconnected[0.3] == pytest.approx(expected)


def test_union_and_sum_over_ions():
    one, other = channel(), np.roll(channel(), (3, 2, 1), axis=(0, 1, 2))
    n = one.size
    apart = describe([ion(one), ion(other)])
    assert apart.disconnected[0.5] == pytest.approx(16 / n)
    assert apart.summed_disconnected[0.5] == pytest.approx(16 / n)
    assert apart.connected[0.5] == pytest.approx(32 / (8 * n))
    twice = describe([ion(one), ion(one)])
    assert twice.disconnected[0.5] == pytest.approx(8 / n)
    assert twice.summed_disconnected[0.5] == pytest.approx(16 / n)
    assert twice.connected[0.5] == pytest.approx(16 / (8 * n))
    assert twice.summed_connected[0.5] == pytest.approx(32 / (8 * n))


def test_the_neighbourhood_of_the_minimum_is_masked():
    found = describe([ion(channel())])
    n = 8 * 10 * 12
    # Spacing 0.25 Å: of the channel's 8 points all lie within 1.5 Å of the minimum (at most 1 Å in
    # the cell), of the 16 of the tile those at most 5 points away.
    assert found.masked_connected[0.5] == pytest.approx((16 - 11) / (8 * n))
    # The other three channels of the tile in the same plane lie further away.
    assert found.masked_disconnected[0.5] == pytest.approx((64 - 11) / (8 * n))


def test_descriptors_do_not_depend_on_the_origin():
    rng = np.random.default_rng(3)
    energies = rng.normal(size=(6, 5, 7)).astype(np.float32).astype(float)
    cell = np.array([[3.0, 0, 0], [0.4, 2.6, 0], [-0.3, 0.5, 3.4]])
    home = describe([ion(energies, cell)])
    moved = describe([ion(np.roll(energies, (2, 4, 3), axis=(0, 1, 2)), cell)])
    assert moved.mpe_eV == home.mpe_eV
    np.testing.assert_array_equal(moved.percolation_eV, home.percolation_eV)
    assert moved.connected == home.connected
    assert moved.disconnected == home.disconnected


def test_exact_percolation_of_a_supercell_is_that_of_the_cell():
    energies = np.random.default_rng(4).normal(size=(4, 5, 3))
    one = describe([ion(energies)])
    two = describe([ion(np.tile(energies, (2, 1, 1)), np.diag([2.0, 1.25, 0.75]))])
    # The lowest point of the doubled cell has an image in it, so a way of half its length counts
    # as no winding: the energies of the whole crystal stay.
    np.testing.assert_allclose(two.percolation_eV, one.percolation_eV)
    assert two.disconnected == pytest.approx(one.disconnected)


def test_xi_is_two_logistic_functions():
    assert xi(1e-2, 10**-1.15) == pytest.approx(0.25)
    assert xi(1e-1, 10**-1.15) == pytest.approx(0.5 / (1 + np.exp(-10)))
    assert xi(0.0, 0.5) == 0.0
    assert xi(1.0, 1.0) == pytest.approx(1.0, abs=2e-5)


def test_warnings_of_a_site_that_is_no_minimum():
    energies = channel()
    assert ion(energies).warnings == []
    (high,) = ion(energies, site_eV=0.35).warnings
    assert "0.35 eV above the lowest point" in high
    (far,) = ion(energies, site=np.array([0.625, 0.4, 0.5])).warnings  # three points away
    assert "lies 0.75 Å from the ion's site" in far


def test_what_makes_no_descriptors():
    with pytest.raises(MlipsseError, match="at least one mobile ion"):
        describe([])
    with pytest.raises(MlipsseError, match="one cell and grid"):
        describe([ion(channel()), ion(channel()[:4])])
    energies = channel()
    energies[0, 0, 0] = np.nan
    with pytest.raises(MlipsseError, match="not finite"):
        describe([ion(energies)])
