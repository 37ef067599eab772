"""Work along paths, against a harmonic crystal, for which the trapezoidal rule is exact."""

import numpy as np
import pytest
from ase import Atoms, units
from ase.stress import full_3x3_to_voigt_6_stress

from mlipsse import keys
from mlipsse.dataset.check.findings.unit_checks import check_units
from mlipsse.dataset.check.measures.labelled_set import LabelledSet
from mlipsse.dataset.check.measures.work import work_ratios

SPRINGS_EV_A2 = 2.5
MODULUS_EV = 40.0


def harmonic_frames(n=20, *, move_A=0.1, strain=0.0, seed=0):
    """Einstein crystal in fractional coordinates plus a volume term, each quadratic in its own."""
    rng = np.random.default_rng(seed)
    cell0 = np.array([[6.0, 0, 0], [1.0, 7.0, 0], [0.5, -1.0, 8.0]])
    sites = rng.uniform(0, 1, (6, 3))
    frames = []
    for _ in range(n):
        scale = 1 + rng.uniform(-strain, strain)
        cell = cell0 * scale
        displaced = rng.normal(0, move_A, (6, 3)) @ np.linalg.inv(cell0)
        displaced -= displaced.mean(axis=0)
        atoms = Atoms("Li6", cell=cell, pbc=True)
        atoms.set_scaled_positions(sites + displaced)
        in_A = displaced @ cell0
        # E(s, h) = k/2 |u h0|^2 + B/2 (scale - 1)^2; forces at fixed h: -dE/ds h^-T
        atoms.info[keys.ENERGY] = (
            0.5 * SPRINGS_EV_A2 * (in_A**2).sum() + 0.5 * MODULUS_EV * (scale - 1) ** 2
        )
        gradient = SPRINGS_EV_A2 * in_A @ cell0.T
        atoms.arrays[keys.FORCES] = -gradient @ np.linalg.inv(cell).T
        pressure_like = MODULUS_EV * (scale - 1) * scale / (3 * atoms.get_volume())
        atoms.info[keys.STRESS] = full_3x3_to_voigt_6_stress(pressure_like * np.eye(3))
        atoms.info[keys.TRAJECTORY] = "t"
        atoms.wrap()
        frames.append(atoms)
    return frames


def ratios(frames):
    return work_ratios(LabelledSet(frames, ["train"] * len(frames), [""] * len(frames), {}))


def test_harmonic_work_is_exact():
    found = ratios(harmonic_frames())
    assert found.forces == pytest.approx(1.0, abs=1e-9)
    assert found.stress is None  # no strain, nothing to see it by
    assert found.pairs == 19 + 18


def test_stress_and_forces_are_distinguished():
    frames = harmonic_frames(strain=0.02)
    found = ratios(frames)
    assert found.forces == pytest.approx(1.0, abs=0.01)
    assert found.stress == pytest.approx(1.0, abs=0.03)
    for frame in frames:
        frame.info[keys.STRESS] = -100.0 * frame.info[keys.STRESS]
        frame.arrays[keys.FORCES] = 0.1 * frame.arrays[keys.FORCES]
    found = ratios(frames)
    assert found.forces == pytest.approx(10.0, rel=0.01)
    assert found.stress == pytest.approx(-0.01, rel=0.03)


def test_frames_beyond_a_hop_are_not_paired():
    assert ratios(harmonic_frames(move_A=3.0)).forces is None


def test_labels_without_relation_determine_nothing():
    frames = harmonic_frames()
    rng = np.random.default_rng(1)
    for frame in frames:
        frame.info[keys.ENERGY] = float(rng.normal())
    assert ratios(frames).forces is None


def test_trajectories_are_not_mixed():
    frames = harmonic_frames()
    for k, frame in enumerate(frames):
        frame.info[keys.TRAJECTORY] = f"t{k}"
    assert ratios(frames).pairs == 0


def test_strain_whose_work_is_not_known_is_left_out():
    frames = harmonic_frames(strain=0.02)
    for frame in frames:
        del frame.info[keys.STRESS]
    assert ratios(frames).pairs == 0


def test_without_stress_energies_or_forces_may_be_off():
    frames = harmonic_frames()
    for frame in frames:
        del frame.info[keys.STRESS]
        frame.info[keys.ENERGY] /= units.Ha
    labelled = LabelledSet(frames, ["train"] * len(frames), [""] * len(frames), {})
    (failed,) = [check for check in check_units(labelled) if check.verdict == "fail"]
    assert failed.name == "force unit and sign"
    assert "of the energies, they are in Ha" in failed.sentence
