"""CHGNet, where its package is installed: `make test-engines` installs it."""

import warnings

import numpy as np
import pytest
from ase.build import bulk

from mlipsse import keys
from mlipsse.dataset.labels.sources import RejectedFrame
from mlipsse.dataset.labels.teacher import make_teacher
from mlipsse.energetics.potentials.calculators import check_species, known_species, make_calculator
from mlipsse.energetics.potentials.catalogue import find_potential
from mlipsse.energetics.relaxation.energies import relax_all
from mlipsse.energetics.relaxation.evaluators import OneByOne, make_evaluator
from mlipsse.energetics.relaxation.outcome import RelaxationSettings
from mlipsse.energetics.relaxation.single import relax
from mlipsse.errors import MlipsseError
from tests.support.derivatives import energy, stress_by_differences

pytest.importorskip("chgnet", reason="CHGNet is not installed (pip install 'mlipsse[chgnet]')")
pytestmark = pytest.mark.chgnet


@pytest.mark.parametrize("name", ["chgnet", "chgnet-r2scan"])
def test_forces_and_stress_are_derivatives_of_itsenergy(name, li3incl6):
    calculator = make_calculator(name)
    atoms = li3incl6
    atoms.rattle(0.05, seed=3)
    atoms.set_cell(atoms.cell[:] @ (np.eye(3) + np.diag([0.02, -0.01, 0.015])), scale_atoms=True)
    atoms.calc = calculator
    forces, stress = atoms.get_forces(), calculator.get_property("stress", atoms)
    assert stress.shape == (6,)
    assert forces.dtype == np.float64

    size = np.linalg.norm(forces)
    assert size > 1.0
    moved = [atoms.copy(), atoms.copy()]
    step_A = 0.01
    for copy, sign in zip(moved, (1, -1), strict=True):
        copy.positions += sign * step_A * forces / size
    slope = (energy(moved[0], calculator) - energy(moved[1], calculator)) / (2 * step_A)
    # float32 energies of 20 atoms carry 1e-5 eV, over 0.02 Å: 1e-3 eV/Å; curvature the rest.
    assert -slope == pytest.approx(size, rel=3e-3)

    numeric = stress_by_differences(atoms, calculator, step=1e-3)
    # The same 1e-5 eV over 2e-3 and 430 Å³ is 1e-5 eV/Å³, twice for two energies' rounding.
    assert np.abs(stress).max() > 1e-3
    assert stress == pytest.approx(numeric, abs=4e-5)


@pytest.mark.parametrize("name", ["chgnet", "chgnet-r2scan"])
def test_energy_is_of_the_whole_cell(name, li3incl6):
    calculator = make_calculator(name)
    one = energy(li3incl6, calculator)
    assert one < -20 * 3.0
    assert energy(li3incl6.repeat((1, 1, 2)), calculator) == pytest.approx(2 * one, abs=2e-4)


def test_the_two_chgnets_are_of_two_levels_of_theory(li3incl6):
    apart = energy(li3incl6, make_calculator("chgnet")) - energy(
        li3incl6, make_calculator("chgnet-r2scan")
    )
    assert apart / len(li3incl6) > 1.0
    assert "PBE" in find_potential("chgnet").functional
    assert "0.3.0" in find_potential("chgnet").functional
    assert "r2SCAN" in find_potential("chgnet-r2scan").functional


def test_prints_nothing_and_warns_of_nothing(li3incl6, capfd):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        energy(li3incl6, make_calculator("chgnet"))
    assert capfd.readouterr().out == ""


def test_works_once_per_structure_and_without_stress_in_nvt(li3incl6, monkeypatch):
    calculator = make_calculator("chgnet")
    tasks = []
    predict = calculator.model.predict_graph  # type: ignore[attr-defined]

    def watch(graph, *, task, **options):
        tasks.append(task)
        return predict(graph, task=task, **options)

    monkeypatch.setattr(calculator.model, "predict_graph", watch)  # type: ignore[attr-defined]
    li3incl6.calc = calculator
    forces = li3incl6.get_forces()
    assert tasks == ["ef"]
    outcome = relax(li3incl6, calculator, RelaxationSettings(max_steps=3))
    assert tasks == ["ef"] + ["efs"] * (outcome.steps + 1)
    li3incl6.get_stress()
    assert li3incl6.get_forces() == pytest.approx(forces, abs=1e-5)


def test_reports_no_stress_of_the_structure_before(li3incl6):
    calculator = make_calculator("chgnet")
    calculator.calculate(li3incl6, ["energy", "forces", "stress"])
    expanded = li3incl6.copy()
    expanded.set_cell(1.02 * li3incl6.cell[:], scale_atoms=True)
    calculator.calculate(expanded, ["energy", "forces"])
    assert set(calculator.results) == {"energy", "free_energy", "forces"}
    assert calculator.get_potential_energy() == pytest.approx(
        energy(expanded, make_calculator("chgnet")), abs=1e-4
    )


def test_refuses_isolated_atoms():
    gas = bulk("LiCl", "rocksalt", a=30.0)
    with pytest.raises(ValueError, match="isolated atom"):
        energy(gas, make_calculator("chgnet"))


def test_species_without_reference_energy_are_unknown():
    from ase.data import chemical_symbols

    model = make_calculator("chgnet-r2scan").model  # type: ignore[attr-defined]
    weights = model.composition_model.fc.weight.detach().numpy()[0]
    without = {chemical_symbols[z + 1] for z in range(94) if abs(weights[z]) < 1e-6}
    assert known_species("chgnet-r2scan") == set(chemical_symbols[1:95]) - without
    assert len(known_species("chgnet")) == 89


def test_goes_one_by_one_and_has_no_invariants(li3incl6):
    evaluator = make_evaluator("chgnet", {"Li", "In", "Cl"})
    assert isinstance(evaluator, OneByOne)
    crystal = li3incl6
    (one,) = evaluator.evaluate([crystal])
    crystal.calc = make_calculator("chgnet")
    assert one.energy_eV == pytest.approx(crystal.get_potential_energy(), abs=1e-6)
    assert one.forces_eV_A == pytest.approx(crystal.get_forces(), abs=1e-5)
    with pytest.raises(MlipsseError, match="gives no invariants"):
        evaluator.evaluate([crystal], invariants=True)


def test_li3incl6_relaxes(li3incl6):
    outcome = relax(li3incl6, make_calculator("chgnet"), RelaxationSettings(mobile="Li"))
    assert outcome.converged, outcome.reason
    assert outcome.steps < 60
    # Published: 6.419 x 11.028 x 6.423 Å, 109.2° (doi 10.1039/d5ta05321h, table S4): 429.4 Å³.
    assert outcome.atoms.get_volume() == pytest.approx(429.4, rel=0.05)


def test_relaxations_go_one_by_one(li3incl6):
    (outcome,) = relax_all([li3incl6], "chgnet", RelaxationSettings("none"))
    li3incl6.calc = make_calculator("chgnet")
    assert outcome.energy_eV == pytest.approx(li3incl6.get_potential_energy(), abs=1e-6)


def test_what_it_does_not_support_is_a_sentence():
    check_species("chgnet", ["Li", "In", "Cl"])
    with pytest.raises(MlipsseError, match="does not know Rn: it knows 89 elements"):
        check_species("chgnet", ["Li", "Rn"])
    with pytest.raises(MlipsseError, match="supports only float32"):
        make_calculator("chgnet", dtype="float64")
    with pytest.raises(MlipsseError, match="dtype 'half'"):
        make_calculator("chgnet", dtype="half")
    with pytest.raises(MlipsseError, match="has no heads"):
        make_calculator("chgnet", head="scan")
    with pytest.raises(MlipsseError, match="Device 'tpu'"):
        make_calculator("chgnet", device="tpu")


def test_labels_are_of_the_model_named(li3incl6):
    source = make_teacher("teacher: chgnet-r2scan")
    assert source.description == "teacher: chgnet-r2scan (teacher labels, not DFT)"
    frame = source.label(bulk("LiCl", "rocksalt", a=5.13, cubic=True))
    assert frame.info[keys.ENERGY] < -8 * 3.0
    pbe = make_teacher("teacher:chgnet").label(frame)
    assert abs(pbe.info[keys.ENERGY] - frame.info[keys.ENERGY]) / 8 > 0.5


def test_frames_that_cannot_be_labelled_are_reported():
    with pytest.raises(RejectedFrame, match=r"chgnet cannot label ClLi: .*isolated"):
        make_teacher("teacher: chgnet").label(bulk("LiCl", "rocksalt", a=30.0))
