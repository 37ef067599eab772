"""Walls that rise, holes in them, and whether heat reaches them."""

import numpy as np
import pytest
from ase import Atoms

from mlipsse.potential.acceptance import LIMITS
from mlipsse.potential.acceptance.closest_pairs import closest_pairs
from mlipsse.potential.acceptance.judgements import judge_pairs, judge_walls
from mlipsse.potential.acceptance.wall import scan_walls
from mlipsse.structures.contacts import CLOSEST_CONTACT
from tests.support.potential.pair_potential import PairPotential, argon, lennard_jones, with_hole


def judge(potential, temperature_K=1000.0):
    walls = scan_walls(argon(2), potential)
    return walls, judge_walls(walls, temperature_K=temperature_K, limits=LIMITS)


def test_a_wall_that_rises_passes():
    (wall,), line = judge(PairPotential(lennard_jones()))
    assert wall.elements == ("Ar", "Ar")
    assert wall.distances_A[-1] == wall.rises_to_A == 0.5
    assert wall.barrier_eV is None
    assert line.verdict == "pass"
    # The two meet alone: what they gain from their neighbours is small beside 4 eps (s/r)^12.
    near = np.argmin(abs(wall.distances_A - 1.5))
    pair_eV = lennard_jones()(wall.distances_A[near])
    assert wall.energies_eV[near] == pytest.approx(pair_eV, rel=0.02)


def test_a_hole_is_found_at_the_height_where_it_is():
    (low,), line = judge(PairPotential(with_hole(1.0)))
    assert line.verdict == "fail"
    # The neighbours' own terms come on top of the pair's 1 eV.
    assert low.barrier_eV == pytest.approx(1.0, abs=0.6)
    assert line.limit == pytest.approx(20 * 8.617333e-5 * 1000, rel=1e-6)


def test_the_same_hole_is_out_of_reach_of_less_heat():
    _, line = judge(PairPotential(with_hole(1.0)), temperature_K=100.0)
    assert line.verdict == "warn"
    assert "Ar-Ar" in line.sentence


def test_another_site_on_the_way_is_no_hole():
    """A bump of 1 eV at 3.2 Å, and then the wall as it should be."""

    def curve(r_A):
        return lennard_jones()(r_A) + 1.0 * np.exp(-(((r_A - 3.2) / 0.1) ** 2))

    (wall,), line = judge(PairPotential(curve))
    assert (np.diff(wall.energies_eV) < -0.02).any()
    assert line.verdict == "pass"


def test_a_potential_that_gives_no_number_is_a_hole():
    def curve(r_A):
        return np.where(r_A < 1.5, np.nan, lennard_jones()(r_A))

    (wall,), line = judge(PairPotential(curve))
    assert wall.rises_to_A == pytest.approx(1.5, abs=0.06)
    assert line.verdict == "warn"  # at hundreds of eV


def test_the_published_pair_of_lithium_is_refused():
    """Li-Li at 0.7 Å (Deng et al., 2025)."""
    frame = Atoms("Li2Cl", [[0, 0, 0], [0.7, 0, 0], [4, 4, 4]], cell=[8] * 3, pbc=True)
    pairs = closest_pairs([frame], mobile="Li", mobile_pair_A=LIMITS.mobile_pair_A)
    line = judge_pairs(pairs)
    assert line.verdict == "fail"
    assert line.value == pytest.approx(0.7)
    assert line.sentence.startswith("Li-Li")


def test_mobile_pairs_have_a_line_of_their_own():
    """Two hydrogen atoms may be 0.74 Å apart, two mobile ones may not."""
    frame = Atoms("H2", [[0, 0, 0], [0.74, 0, 0]], cell=[8] * 3, pbc=True)
    for mobile, limit_A, verdict in ((None, CLOSEST_CONTACT * 0.62, "pass"), ("H", 1.0, "fail")):
        (pair,) = closest_pairs([frame], mobile=mobile, mobile_pair_A=1.0)
        assert pair.limit_A == pytest.approx(limit_A)
        assert judge_pairs([pair]).verdict == verdict


def test_distances_are_those_of_the_nearest_image():
    frame = Atoms("LiCl", [[0.2, 0, 0], [7.5, 0, 0]], cell=[8] * 3, pbc=True)
    pairs = closest_pairs([frame], mobile=None, mobile_pair_A=1.0)
    found = {pair.elements: pair.distance_A for pair in pairs}
    assert found["Cl", "Li"] == pytest.approx(0.7)
    assert found["Li", "Li"] is None
