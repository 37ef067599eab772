"""Faults that show only along trajectories: planted into a sound set, each fails its check."""

import numpy as np
import pytest

from mlipsse import keys
from mlipsse.dataset.check.checklist import check_set
from mlipsse.dataset.check.measures.labelled_set import LabelledSet
from mlipsse.units import EV_A3_TO_GPA


def failures(frames) -> dict[str, str]:
    labelled = LabelledSet(
        frames, ["train"] * len(frames), [f"#{k}" for k in range(len(frames))], {}
    )
    return {
        one.name: one.sentence
        for one in check_set(labelled)
        if one.verdict == "fail" and one.name != "leakage"
    }


@pytest.fixture
def frames(sets):
    return [frame for part in sets.values() for frame in part]


def test_a_sound_set_has_none(frames):
    assert failures(frames) == {}


@pytest.mark.parametrize("atoms", [(0, 1), (0, -1), (3, 5)])
def test_swapped_forces(frames, atoms):
    first, second = atoms
    for frame in frames:
        forces = frame.arrays[keys.FORCES].copy()
        forces[[first, second]] = forces[[second, first]]
        frame.arrays[keys.FORCES] = forces
    found = failures(frames)
    # Of eight atoms two are a quarter of all forces, which the check of all forces sees too.
    assert (
        {"forces of swapped atoms"}
        <= set(found)
        <= {
            "forces of swapped atoms",
            "forces and structures",
        }
    )
    names = {frames[0].get_chemical_symbols()[k] for k in atoms}
    assert any(f"{name} {first}" in found["forces of swapped atoms"] for name in names)


@pytest.mark.parametrize("step_eV_atom", [0.03, -0.05])
def test_two_sets_of_energies(frames, step_eV_atom):
    """In half of the frames, drawn at random: less than phases of one composition differ by."""
    for frame, raised in zip(
        frames, np.random.default_rng(0).random(len(frames)) < 0.5, strict=True
    ):
        frame.info[keys.ENERGY] += step_eV_atom * len(frame) * raised
    found = failures(frames)
    assert list(found) == ["energy sets"]
    assert f"about {1e3 * abs(step_eV_atom):g} meV/atom apart" in found["energy sets"]


@pytest.mark.parametrize("pressure_GPa", [-4.0, 4.0])
def test_a_constant_pressure(frames, pressure_GPa):
    for frame in frames:
        stress = frame.info[keys.STRESS].copy()
        stress[:3] -= pressure_GPa / EV_A3_TO_GPA
        frame.info[keys.STRESS] = stress
    found = failures(frames)
    assert list(found) == ["constant pressure"]
    stated = float(found["constant pressure"].split("pressure of ")[1].split()[0])
    assert stated == pytest.approx(pressure_GPa, abs=1.0)


def test_one_stress_for_all(frames):
    for frame in frames:
        frame.info[keys.STRESS] = np.array([-0.01, -0.01, -0.01, 0.0, 0.0, 0.0])
    assert "one and the same stress" in failures(frames)["constant pressure"]
