import numpy as np
import pytest
from ase.build import bulk

from mlipsse.dataset.sampling.frame_filters import Candidate, left_out
from mlipsse.dataset.sampling.settings import FilterSettings


def candidates(count=40, seed=0):
    rng = np.random.default_rng(seed)
    found = []
    for index in range(count):
        frame = bulk("LiCl", "rocksalt", a=5.1, cubic=True)
        frame.positions += rng.normal(0, 0.1, (8, 3))
        frame.info.update(trajectory="t1", time_ps=float(index))
        found.append(
            Candidate(frame, float(rng.normal(-30.0, 0.05)), float(rng.lognormal(0.5, 0.2)))
        )
    return found


def changed(one, **changes):
    values = {"frame": one.frame, "energy_eV": one.energy_eV, "max_force_eV_A": one.max_force_eV_A}
    return Candidate(**values | changes)


def test_sound_frames_are_kept():
    assert left_out(candidates(), FilterSettings()) == [None] * 40
    assert left_out([], FilterSettings()) == []


def test_energies_far_off_on_either_side_are_left_out():
    some = candidates()
    some[3] = changed(some[3], energy_eV=-30.0 + 8 * 0.4)
    some[9] = changed(some[9], energy_eV=-30.0 - 8 * 0.4)
    reasons = left_out(some, FilterSettings())
    assert [k for k, reason in enumerate(reasons) if reason] == [3, 9]
    apart = [float(reasons[k].split()[3]) for k in (3, 9)]
    assert apart == pytest.approx([0.4, -0.4], abs=0.005)
    assert "beyond 12" in reasons[3]
    assert left_out(some, FilterSettings(max_energy_z=None)) == [None] * 40
    assert sum(bool(r) for r in left_out(some, FilterSettings(max_energy_z=0.5))) > 10


def test_large_forces_are_left_out_and_small_ones_kept():
    some = candidates()
    some[5] = changed(some[5], max_force_eV_A=60.0)
    some[6] = changed(some[6], max_force_eV_A=0.01)
    reasons = left_out(some, FilterSettings())
    assert [k for k, reason in enumerate(reasons) if reason] == [5]
    assert reasons[5].startswith("its largest force is 60.0 eV/Å (median 1.")
    assert left_out(some, FilterSettings(max_force_z=None)) == [None] * 40


def test_few_frames_show_no_outliers():
    some = candidates(7)
    some[0] = changed(some[0], energy_eV=0.0)
    assert left_out(some, FilterSettings()) == [None] * 7


def test_an_outlier_does_not_hide_another():
    # Means and standard deviations would be widened by the first until the second passed.
    some = candidates()
    some[0] = changed(some[0], energy_eV=1e9)
    some[1] = changed(some[1], energy_eV=-20.0)
    reasons = left_out(some, FilterSettings())
    assert [k for k, reason in enumerate(reasons) if reason] == [0, 1]


def test_contacts_by_radii_and_by_pair():
    some = candidates(10)
    some[2].frame.positions[1] = some[2].frame.positions[0] + [1.2, 0.0, 0.0]
    (reason,) = [r for r in left_out(some, FilterSettings()) if r]
    assert "Li (atom 0) and Cl (atom 1) are 1.20 Å apart, closer than 1.38 Å" in reason
    reasons = left_out(some, FilterSettings(closest=0.0, closest_A={"Cl-Li": 1.3}))
    assert [k for k, r in enumerate(reasons) if r] == [2]
    assert "closer than 1.30 Å" in reasons[2]
    # Li-Li pairs are some 3.6 Å apart here: the limit is theirs alone, and Li-Cl at 2.5 Å is fine.
    by_pair = left_out(some, FilterSettings(closest=0.0, closest_A={"Li-Li": 3.0}))
    assert all(reason is None or "Li (atom" in reason for reason in by_pair)
    assert left_out(candidates(10), FilterSettings(closest_A={"Li-Li": 3.0})) == [None] * 10
    assert all(left_out(candidates(10), FilterSettings(closest_A={"Li-Li": 3.7})))


@pytest.mark.parametrize("energy_eV", [np.nan, np.inf])
def test_what_the_potential_fails_on_is_left_out(energy_eV):
    some = candidates(10)
    some[4] = changed(some[4], energy_eV=energy_eV)
    reasons = left_out(some, FilterSettings())
    assert [k for k, r in enumerate(reasons) if r] == [4]
    assert reasons[4] == "the potential gives no finite energy and forces"


def test_of_like_frames_the_first_is_kept():
    some = candidates(20)
    shifted = some[4].frame.copy()
    shifted.positions += [0.7, 0.0, -1.0]
    shifted.wrap()
    some[11] = changed(some[11], frame=shifted)
    some[15] = changed(some[15], frame=some[4].frame.copy())
    shifted.info["time_ps"] = 11.0
    reasons = left_out(some, FilterSettings())
    assert [k for k, r in enumerate(reasons) if r] == [11, 15]
    assert reasons[11] == "nearly identical to the frame at 4 ps of t1"
    assert left_out(some, FilterSettings(drop_duplicates=False)) == [None] * 20
    # A like frame that was left out for another reason takes no other with it.
    some[4] = changed(some[4], energy_eV=0.0)
    reasons = left_out(some, FilterSettings())
    assert [k for k, r in enumerate(reasons) if r] == [4, 15]
    assert reasons[15] == "nearly identical to the frame at 11 ps of t1"
