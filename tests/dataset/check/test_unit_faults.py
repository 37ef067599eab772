"""Units and signs of labels that are not those of a sound set."""

import numpy as np
import pytest
from ase import units

from mlipsse import keys
from tests.support.labels.planted import every, only_failure, scale, sentence, verdicts

EV_A3_TO_KB = 1602.176634
UNITS = ("energy unit", "force unit and sign", "stress unit and sign")


def test_wrong_sign_of_stress(sets):
    scale(every(sets), keys.STRESS, -1.0)
    shown = only_failure(sets, "stress unit and sign")
    assert "sign is wrong" in shown
    assert "kB" not in shown


def test_stress_in_kb(sets):
    scale(every(sets), keys.STRESS, EV_A3_TO_KB)
    assert "in kB" in only_failure(sets, "stress unit and sign")


def test_stress_as_vasp_prints_it(sets):
    scale(every(sets), keys.STRESS, -EV_A3_TO_KB)
    shown = only_failure(sets, "stress unit and sign")
    assert "in kB" in shown
    assert "sign is wrong" in shown


def test_stress_in_gpa(sets):
    scale(every(sets), keys.STRESS, EV_A3_TO_KB / 10)
    assert "in GPa" in only_failure(sets, "stress unit and sign")


@pytest.mark.parametrize(("sign", "turned"), [(-1.0, False), (1.0, True)])
def test_virials_as_stress(sets, sign, turned):
    for frame in every(sets):
        frame.info[keys.STRESS] = sign * frame.info[keys.STRESS] * frame.get_volume()
    shown = only_failure(sets, "stress unit and sign")
    (cause,) = [cause for cause in shown.split("; or ") if "virials" in cause]
    assert ("compression" in cause) == turned
    assert turned or cause == shown.split("; or ")[0]


def test_energy_per_atom(sets):
    for frame in every(sets):
        frame.info[keys.ENERGY] /= len(frame)
    assert "eV/atom" in only_failure(sets, "energy unit")


@pytest.mark.parametrize(("unit", "value_eV"), [("Ha", units.Ha), ("kJ/mol", units.kJ / units.mol)])
def test_energy_in_another_unit(sets, unit, value_eV):
    scale(every(sets), keys.ENERGY, 1 / value_eV)
    # Energies in Ha or kJ/mol leave forces and stresses in eV: only the energies are blamed.
    assert f"in {unit}" in sentence(sets, "energy unit")
    failed = {name for name, verdict in verdicts(sets).items() if verdict == "fail"}
    assert failed & set(UNITS) == {"energy unit"}


def test_forces_in_rydberg_per_bohr(sets):
    scale(every(sets), keys.FORCES, units.Bohr / units.Ry)
    found = verdicts(sets)
    assert [name for name, verdict in found.items() if verdict == "fail"] == ["force unit and sign"]
    assert "in Ry/bohr" in sentence(sets, "force unit and sign")


def test_gradients_as_forces(sets):
    scale(every(sets), keys.FORCES, -1.0)
    assert "gradients" in only_failure(sets, "force unit and sign")


def test_units_without_trajectories_that_hold_together(sets):
    """Frames of different crystals only: nothing to integrate along, magnitudes are left."""
    for part in sets.values():
        part[:] = part[::12]
    for frame in every(sets):
        frame.info.pop(keys.TRAJECTORY)
    assert verdicts(sets)["energy unit"] == "skip"
    assert verdicts(sets)["stress unit and sign"] in ("skip", "pass")
    scale(every(sets), keys.STRESS, EV_A3_TO_KB)
    assert verdicts(sets)["stress unit and sign"] == "fail"


def test_sign_of_stress_where_atoms_are_shuffled(sets):
    rng = np.random.default_rng(3)
    for name, part in sets.items():
        part[:] = [frame[rng.permutation(len(frame))] for frame in part]
        for k, frame in enumerate(part):
            frame.info[keys.TRAJECTORY] = f"{name}-{k}"
    assert verdicts(sets)["stress unit and sign"] == "pass"
    scale(every(sets), keys.STRESS, -1.0)
    shown = only_failure(sets, "stress unit and sign")
    assert "a pair potential fitted to the forces" in shown
    assert "sign is wrong" in shown


def test_forces_in_hartree_without_frames_of_one_basin(sets):
    rng = np.random.default_rng(1)
    for part in sets.values():
        part[:] = [frame[rng.permutation(len(frame))] for frame in part]
    scale(every(sets), keys.FORCES, units.Bohr / units.Ha)
    assert "Ha/bohr (--force-unit)" in sentence(sets, "force unit and sign")
