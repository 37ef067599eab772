"""A sound set passes; each defect, planted into it, is reported by its check and by no other."""

import re
from itertools import groupby

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk
from scipy.spatial.transform import Rotation

from mlipsse import keys
from tests.support.labels.planted import every, labelled, only_failure, sentence, verdicts
from tests.support.labels.sound_set import SOURCE, emt_label, trajectory

EV_A3_TO_KB = 1602.176634
UNITS = ("energy unit", "force unit and sign", "stress unit and sign")


def test_a_sound_set_passes_every_check(sets):
    assert set(verdicts(sets).values()) == {"pass"}


@pytest.mark.parametrize("key", [keys.ENERGY, keys.FORCES, keys.STRESS])
def test_one_frame_with_nan(sets, key):
    frame = sets["train"][5]
    if key == keys.FORCES:
        frame.arrays[key][2, 1] = np.nan
    elif key == keys.STRESS:
        frame.info[key][3] = np.nan
    else:
        frame.info[key] = float("nan")
    assert "#5" in only_failure(sets, "finite")


def test_missing_stress(sets):
    for k in (7, 9):
        del sets["train"][k].info[keys.STRESS]
    assert "2 of 96" in only_failure(sets, "stress present")


def test_missing_labels(sets):
    del sets["train"][7].info[keys.ENERGY]
    del sets["train"][8].arrays[keys.FORCES]
    shown = only_failure(sets, "keys")
    assert "#7" in shown
    assert "#8" in shown


def test_zero_forces(sets):
    for frame in every(sets):
        frame.arrays[keys.FORCES][:] = 0.0
    assert verdicts(sets)["zero labels"] == "fail"


def test_a_stress_that_is_zero_in_some_frames_was_not_computed(sets):
    sets["train"][3].info[keys.STRESS] = np.zeros(6)
    assert "1 of 96 frames have forces, but a stress of exactly zero" in only_failure(
        sets, "zero labels"
    )


def test_forces_zeroed_by_constraints(sets):
    for frame in sets["train"][:12]:
        frame.arrays[keys.FORCES][:3] = 0.0
    found = verdicts(sets)
    assert found["net force"] == "fail"
    assert found["zero labels"] == "fail"


def test_one_component_zeroed_by_constraints(sets):
    for frame in sets["train"][:12]:
        frame.arrays[keys.FORCES][:2, 2] = 0.0
        frame.arrays[keys.FORCES] -= [0, 0, frame.arrays[keys.FORCES][2:, 2].mean()] * (
            np.arange(len(frame)) > 1
        ).repeat(3).reshape(-1, 3)
    assert "12 frames or more up to 2 atoms" in only_failure(sets, "zero labels")


def test_forces_that_symmetry_makes_zero_are_no_fault(sets):
    """Gold at a site of full cubic symmetry feels no force, its neighbours do."""
    for k, frame in enumerate(sets["valid"]):
        crystal = bulk("Cu", cubic=True, a=3.55 + 0.01 * k) * (2, 2, 2)
        crystal.numbers[0] = 79
        emt_label(crystal)
        forces = crystal.arrays[keys.FORCES]
        forces[np.abs(forces) < 1e-9] = 0.0
        crystal.info |= frame.info | dict(crystal.info)
        assert (forces == 0).all(axis=1).any()
        sets["valid"][k] = crystal
    assert verdicts(sets)["zero labels"] == "pass"


@pytest.mark.parametrize(
    ("order", "shown"),
    [
        ([0, 1, 2, 5, 3, 4], "--stress-order vasp"),
        ([0, 1, 2, 5, 4, 3], "stand as xy xz yz"),
        ([2, 1, 0, 3, 4, 5], "stand as zz yy xx"),
    ],
)
def test_components_of_stresses_in_another_order(sets, order, shown):
    for frame in every(sets):
        frame.info[keys.STRESS] = frame.info[keys.STRESS][order]
    found = verdicts(sets)
    assert found["stress components"] == "fail"
    assert shown in sentence(sets, "stress components")


def test_forces_in_another_order_of_the_atoms(sets):
    rng = np.random.default_rng(0)
    for frame in every(sets):
        frame.arrays[keys.FORCES] = rng.permutation(frame.arrays[keys.FORCES])
    assert verdicts(sets)["forces and structures"] == "fail"


@pytest.mark.parametrize("pbc", [False, (True, True, False)])
def test_crystals_that_are_not_periodic(sets, pbc):
    """One frame; a slab with vacuum along the open axis is right as it is."""
    sets["train"][5].pbc = pbc
    assert "1 frames fill their cell" in only_failure(sets, "periodicity")
    sets["train"][5].center(vacuum=5.0, axis=2 if pbc else (0, 1, 2))
    emt_label(sets["train"][5])
    assert verdicts(sets)["periodicity"] == "pass"


@pytest.mark.parametrize("factor", [1 / units.Bohr, units.Bohr, 0.1])
def test_positions_that_are_not_in_angstrom(sets, factor):
    for frame in every(sets):
        frame.set_cell(factor * frame.cell[:], scale_atoms=True)
    assert verdicts(sets)["length unit"] == "fail"


@pytest.mark.parametrize("angle_deg", [10.0, 35.0, 60.0])
def test_forces_along_other_axes(sets, angle_deg):
    """The angle comes out as it was put in, to 2 degrees."""
    turn = Rotation.from_rotvec(np.radians(angle_deg) * np.array([2, -1, 2]) / 3)
    for frame in every(sets):
        frame.arrays[keys.FORCES] = turn.apply(frame.arrays[keys.FORCES])
    assert verdicts(sets)["forces and structures"] == "fail"
    found = re.search(r"are turned by (\d+) degrees", sentence(sets, "forces and structures"))
    assert float(found[1]) == pytest.approx(angle_deg, abs=2)


def test_forces_of_the_next_frame(sets):
    """Also where frames have a mean force in common, as crystals have that were not relaxed."""
    rng = np.random.default_rng(3)
    for part in sets.values():
        for _, group in groupby(list(part), key=lambda frame: frame.info[keys.TRAJECTORY]):
            run = list(group)
            mean = rng.normal(0, 0.5, run[0].positions.shape)
            mean -= mean.mean(axis=0)
            forces = [frame.arrays[keys.FORCES] for frame in run]
            for frame, of_another in zip(run, [*forces[1:], forces[0]], strict=True):
                frame.arrays[keys.FORCES] = of_another + mean
    assert verdicts(sets)["forces and structures"] == "fail"


def test_neighbours_of_one_trajectory_leak_under_two_names(sets):
    """Positions 0.03 Å apart in frames that else lie 0.15 Å apart: no copy, and no other frame."""
    near = sets["train"][30].copy()
    near.positions += np.random.default_rng(2).normal(0, 0.03 / np.sqrt(3), near.positions.shape)
    near.info[keys.TRAJECTORY] = "another"
    sets["test"].append(emt_label(near))
    assert "near-identical (#30 = " in only_failure(sets, "leakage")


def test_duplicates_in_another_order_shifted_and_turned(sets):
    rng = np.random.default_rng(4)
    copy = sets["train"][3].copy()
    copy.positions += [1.3, 0.2, -0.7]
    copy.wrap()
    copy = copy[rng.permutation(len(copy))]
    copy.rotate(37.0, (1, 2, 3), rotate_cell=True)
    sets["train"].append(emt_label(copy))
    shown = only_failure(sets, "duplicates")
    assert "1 pairs" in shown
    assert "#3 = " in shown
    assert "energies differ" not in shown


def test_duplicates_with_other_energies(sets):
    copy = sets["train"][3].copy()
    copy.info[keys.ENERGY] += 0.05 * len(copy)
    sets["train"].append(copy)
    assert "energies differ" in only_failure(sets, "duplicates")


def test_near_duplicates_warn(sets):
    rng = np.random.default_rng(5)
    for frame in sets["train"][:12]:
        copy = frame.copy()
        copy.positions += rng.normal(0, 0.001, copy.positions.shape)
        sets["train"].append(emt_label(copy))
    found = verdicts(sets)
    assert found.pop("duplicates") == "warn"
    assert set(found.values()) == {"pass"}


def test_leaked_trajectory(sets):
    sets["valid"].append(sets["train"].pop(0))
    shown = only_failure(sets, "leakage")
    assert "t0" in shown
    assert "near-identical" not in shown


def test_leaked_structure(sets):
    copy = sets["train"][30].copy()
    copy.positions += np.random.default_rng(6).normal(0, 0.001, copy.positions.shape)
    copy.info[keys.TRAJECTORY] = "s1"
    sets["test"].append(emt_label(copy))
    assert "near-identical" in only_failure(sets, "leakage")


def test_mixed_functionals_by_their_names(sets):
    for frame in sets["train"][::2]:
        frame.info[keys.LABEL_SOURCE] = "vasp: r2SCAN"
    assert "r2SCAN" in only_failure(sets, "label sources")
    for frame in sets["train"][::2]:
        frame.info["head"] = "r2scan"
    assert verdicts(sets)["label sources"] == "pass"


def test_mixed_functionals_by_their_energies(sets):
    for frame in sets["train"][1::2]:
        frame.info[keys.ENERGY] -= 2.5 * len(frame)
    found = verdicts(sets)
    assert found["energy bands"] == "fail"
    assert found["energy outliers"] == "pass"


def test_one_energy_that_did_not_converge(sets):
    sets["train"][17].info[keys.ENERGY] += 1.5 * len(sets["train"][17])
    assert "#17" in only_failure(sets, "energy outliers")


def test_a_close_contact_warns_and_is_excused_when_it_is_meant(sets):
    frame = sets["train"][17]
    frame.positions[0] += 0.55 * frame.get_distance(0, 1, mic=True, vector=True)
    emt_label(frame)
    found = verdicts(sets)
    assert found["energy outliers"] == "warn"
    assert "fail" not in found.values()
    frame.info[keys.ORIGIN] = "contact"
    assert set(verdicts(sets).values()) == {"pass"}


def test_a_crystal_of_one_atom_per_cell_is_a_frame(sets):
    for k, a in enumerate((3.55, 3.6, 3.65)):
        crystal = bulk("Cu", a=a)
        crystal.info |= {keys.TRAJECTORY: f"bulk{k}", keys.LABEL_SOURCE: SOURCE}
        sets["train"].append(emt_label(crystal))
    assert labelled(sets).isolated == []
    assert "fail" not in verdicts(sets).values()


def test_an_isolated_atom_with_neighbours(sets):
    crystal = emt_label(bulk("Cu"))
    crystal.info |= {"config_type": "isolated_atom", keys.LABEL_SOURCE: SOURCE}
    sets["train"] += [crystal, isolated("Au", 3.5)]
    assert "nearer than 5 Å" in only_failure(sets, "isolated atoms")


def isolated(symbol, energy_eV):
    atom = Atoms(symbol, cell=[12, 12, 12], pbc=True)
    atom.info = {keys.ENERGY: energy_eV, keys.LABEL_SOURCE: SOURCE}
    atom.arrays[keys.FORCES] = np.zeros((1, 3))
    return atom


def test_isolated_atoms(sets):
    atoms = [isolated(symbol, 3.5) for symbol in ("Cu", "Au")]
    sets["train"] += atoms
    assert set(verdicts(sets).values()) == {"pass"}
    atoms[0].info[keys.ENERGY] = -1800.0
    assert "another functional" in only_failure(sets, "isolated atoms")
    atoms[0].info[keys.ENERGY] = 3.5
    sets["train"].append(isolated("Cu", 3.6))
    assert "Cu occur with different" in only_failure(sets, "isolated atoms")
    del sets["train"][-1], sets["train"][-1]
    assert "Au have none" in only_failure(sets, "isolated atoms")


def test_element_that_train_lacks(sets):
    sets["train"] = [frame for frame in sets["train"] if 79 not in frame.numbers]
    assert "valid holds Au" in only_failure(sets, "splits")


def test_composition_that_train_lacks(sets):
    sets["test"] = trajectory("s9", gold=6, seed=30)
    found = verdicts(sets)
    assert found.pop("splits") == "warn"
    assert set(found.values()) == {"pass"}


def test_sets_of_which_nothing_can_be_judged(sets):
    """Atoms alone, frames that are all spoilt, frames without labels: verdicts, not tracebacks."""
    atoms = {"train": [isolated("Cu", 3.5), isolated("Au", 3.5)]}
    assert "fail" not in verdicts(atoms).values()
    spoilt = {"train": sets["train"][:3]}
    for frame in spoilt["train"]:
        frame.info[keys.ENERGY] = float("nan")
    assert only_failure(spoilt, "finite")
    bare = {"train": [frame.copy() for frame in sets["test"]]}
    for frame in bare["train"]:
        frame.info = {}
        del frame.arrays[keys.FORCES]
    found = verdicts(bare)
    assert {n for n, v in found.items() if v == "fail"} == {"keys", "stress present"}
