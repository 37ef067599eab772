import warnings
from typing import Any

import numpy as np
import pytest
import torch
from ase.build import bulk

from mlipsse.energetics.potentials import catalogue
from mlipsse.energetics.potentials.calculators import check_species, known_species, make_calculator
from mlipsse.energetics.potentials.catalogue import find_potential, functional
from mlipsse.energetics.relaxation.outcome import RelaxationSettings
from mlipsse.energetics.relaxation.single import relax
from mlipsse.errors import MlipsseError

VOIGT = [(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)]


def _energy(atoms, calculator):
    copy = atoms.copy()
    copy.calc = calculator
    return copy.get_potential_energy()


def _stress_by_differences(atoms, calculator, *, step):
    stress = []
    for i, j in VOIGT:
        energies = []
        for sign in (1, -1):
            strain = np.zeros((3, 3))
            strain[i, j] += sign * step / 2
            strain[j, i] += sign * step / 2
            strained = atoms.copy()
            strained.set_cell(atoms.cell[:] @ (np.eye(3) + strain), scale_atoms=True)
            energies.append(_energy(strained, calculator))
        stress.append((energies[0] - energies[1]) / (2 * step) / atoms.get_volume())
    return np.array(stress)


@pytest.mark.parametrize("name", ["chgnet", "chgnet-r2scan"])
def test_chgnet_forces_and_stress_are_derivatives_of_its_energy(name, li3incl6):
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
    slope = (_energy(moved[0], calculator) - _energy(moved[1], calculator)) / (2 * step_A)
    # float32 energies of 20 atoms carry 1e-5 eV, over 0.02 Å: 1e-3 eV/Å; curvature the rest.
    assert -slope == pytest.approx(size, rel=3e-3)

    numeric = _stress_by_differences(atoms, calculator, step=1e-3)
    # The same 1e-5 eV over 2e-3 and 430 Å³ is 1e-5 eV/Å³, twice for two energies' rounding.
    assert np.abs(stress).max() > 1e-3
    assert stress == pytest.approx(numeric, abs=4e-5)


@pytest.mark.parametrize("name", ["chgnet", "chgnet-r2scan"])
def test_chgnet_energy_is_of_the_whole_cell(name, li3incl6):
    calculator = make_calculator(name)
    one = _energy(li3incl6, calculator)
    assert one < -20 * 3.0
    assert _energy(li3incl6.repeat((1, 1, 2)), calculator) == pytest.approx(2 * one, abs=2e-4)


def test_the_two_chgnets_are_of_two_levels_of_theory(li3incl6):
    apart = _energy(li3incl6, make_calculator("chgnet")) - _energy(
        li3incl6, make_calculator("chgnet-r2scan")
    )
    assert apart / len(li3incl6) > 1.0
    assert "PBE" in functional("chgnet")
    assert "0.3.0" in functional("chgnet")
    assert "r2SCAN" in functional("chgnet-r2scan")


def test_chgnet_prints_nothing_and_warns_of_nothing(li3incl6, capfd):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _energy(li3incl6, make_calculator("chgnet"))
    assert capfd.readouterr().out == ""


def test_chgnet_works_once_per_structure_and_without_stress_in_nvt(li3incl6, monkeypatch):
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


def test_chgnet_reports_no_stress_of_the_structure_before(li3incl6):
    calculator = make_calculator("chgnet")
    calculator.calculate(li3incl6, ["energy", "forces", "stress"])
    expanded = li3incl6.copy()
    expanded.set_cell(1.02 * li3incl6.cell[:], scale_atoms=True)
    calculator.calculate(expanded, ["energy", "forces"])
    assert set(calculator.results) == {"energy", "free_energy", "forces"}
    assert calculator.get_potential_energy() == pytest.approx(
        _energy(expanded, make_calculator("chgnet")), abs=1e-4
    )


def test_chgnet_refuses_isolated_atoms():
    gas = bulk("LiCl", "rocksalt", a=30.0)
    with pytest.raises(ValueError, match="isolated atom"):
        _energy(gas, make_calculator("chgnet"))


def test_species_without_reference_energy_are_unknown_to_chgnet_r2scan():
    from ase.data import chemical_symbols

    model = make_calculator("chgnet-r2scan").model  # type: ignore[attr-defined]
    weights = model.composition_model.fc.weight.detach().numpy()[0]
    without = {chemical_symbols[z + 1] for z in range(94) if abs(weights[z]) < 1e-6}
    assert known_species("chgnet-r2scan") == set(chemical_symbols[1:95]) - without
    assert len(known_species("chgnet")) == 89


def test_mace_file_gives_energy_forces_stress(mace_file, capfd):
    calculator = make_calculator(mace_file)
    atoms = bulk("LiCl", "rocksalt", a=4.6).repeat((2, 1, 1))
    atoms.rattle(0.1, seed=2)
    atoms.calc = calculator
    stress = atoms.get_stress()
    assert np.abs(stress).max() > 1e-4
    assert stress == pytest.approx(_stress_by_differences(atoms, calculator, step=1e-4), abs=1e-7)
    assert capfd.readouterr().out == ""
    assert known_species(mace_file) == {"Li", "Cl"}


def test_dtype_none_keeps_the_models_own(mace_file):
    calculator: Any = make_calculator(mace_file)
    assert calculator.default_dtype == "float64"
    calculator = make_calculator(mace_file, dtype="float32")
    assert calculator.default_dtype == "float32"


def test_heads_go_by_name(two_heads_file):
    atoms = bulk("LiCl", "rocksalt", a=4.6)
    low = _energy(atoms, make_calculator(two_heads_file, head="pt_head"))
    high = _energy(atoms, make_calculator(two_heads_file, head="scan"))
    # The heads' isolated atoms differ by 1 eV each.
    assert high - low == pytest.approx(2.0, abs=0.5)
    assert high != low
    with pytest.raises(MlipsseError, match=r"several heads \(pt_head, scan\)"):
        make_calculator(two_heads_file)
    with pytest.raises(MlipsseError, match=r"no head 'vasp'; it has pt_head, scan"):
        make_calculator(two_heads_file, head="vasp")


def test_shipped_potentials_go_by_their_folder(mace_file, tmp_path, monkeypatch):
    folder = tmp_path / "potentials" / "tiny-licl"
    folder.mkdir(parents=True)
    (folder / "tiny.model").symlink_to(mace_file)
    monkeypatch.setattr(catalogue, "resource_dir", lambda name: tmp_path / name)
    assert find_potential("tiny-licl").source == str(folder / "tiny.model")
    assert known_species("tiny-licl") == {"Li", "Cl"}
    with pytest.raises(MlipsseError, match="chgnet, chgnet-r2scan, tiny-licl"):
        find_potential("no-such-potential")
    (folder / "other.model").touch()
    with pytest.raises(MlipsseError, match=r"2 files \*.model"):
        find_potential("tiny-licl")


def test_species_are_checked(mace_file):
    check_species("chgnet", ["Li", "In", "Cl"])
    check_species(mace_file, ["Li", "Cl"])
    with pytest.raises(MlipsseError, match="does not know Rn: it knows 89 elements"):
        check_species("chgnet", ["Li", "Rn"])
    with pytest.raises(MlipsseError, match="does not know Br, In: it knows Cl, Li elements"):
        check_species(mace_file, ["Li", "In", "Br"])


def test_names_of_mace_torch_are_known_without_a_download():
    assert find_potential("mace-mp:medium").source == "medium"
    assert find_potential("medium-mpa-0").kind == "mace-mp"
    assert known_species("medium") is None


def test_failed_download_is_reported(monkeypatch):
    from mace.calculators import foundations_models

    def offline(model):
        raise RuntimeError("Name or service not known")

    monkeypatch.setattr(foundations_models, "download_mace_mp_checkpoint", offline)
    with pytest.raises(MlipsseError, match=r"could not download its model medium \(Name or"):
        make_calculator("mace-mp:medium")


def test_bad_names_and_settings_are_reported(tmp_path):
    with pytest.raises(MlipsseError, match=r"There is no potential 'chgnett'.*chgnet-r2scan"):
        make_calculator("chgnett")
    with pytest.raises(MlipsseError, match=r"There is no MACE file missing\.model"):
        make_calculator("missing.model")
    junk = tmp_path / "junk.model"
    junk.write_text("not a model")
    with pytest.raises(MlipsseError, match="cannot be loaded as a MACE model"):
        make_calculator(str(junk))
    torch.save({"epoch": 3}, junk)
    with pytest.raises(MlipsseError, match="holds a dict, not a MACE model"):
        make_calculator(str(junk))
    with pytest.raises(MlipsseError, match="supports only float32"):
        make_calculator("chgnet", dtype="float64")
    with pytest.raises(MlipsseError, match="dtype 'half'"):
        make_calculator("chgnet", dtype="half")
    with pytest.raises(MlipsseError, match="has no heads"):
        make_calculator("chgnet", head="scan")
    with pytest.raises(MlipsseError, match="Device 'tpu'"):
        make_calculator("chgnet", device="tpu")


def test_cuda_without_a_gpu_is_reported(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(MlipsseError, match="torch finds no CUDA GPU"):
        make_calculator("chgnet", device="cuda")
