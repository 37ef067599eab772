from typing import Any

import numpy as np
import pytest
import torch
from ase.build import bulk

from mlipsse.energetics.potentials import catalogue
from mlipsse.energetics.potentials.calculators import check_species, known_species, make_calculator
from mlipsse.energetics.potentials.catalogue import find_potential
from mlipsse.errors import MlipsseError
from tests.support.derivatives import energy, stress_by_differences


def test_mace_file_gives_energy_forces_stress(mace_file, capfd):
    calculator = make_calculator(mace_file)
    atoms = bulk("LiCl", "rocksalt", a=4.6).repeat((2, 1, 1))
    atoms.rattle(0.1, seed=2)
    atoms.calc = calculator
    stress = atoms.get_stress()
    assert np.abs(stress).max() > 1e-4
    assert stress == pytest.approx(stress_by_differences(atoms, calculator, step=1e-4), abs=1e-7)
    assert capfd.readouterr().out == ""
    assert known_species(mace_file) == {"Li", "Cl"}


def test_dtype_none_keeps_the_models_own(mace_file):
    calculator: Any = make_calculator(mace_file)
    assert calculator.default_dtype == "float64"
    calculator = make_calculator(mace_file, dtype="float32")
    assert calculator.default_dtype == "float32"


def test_heads_go_by_name(two_heads_file):
    atoms = bulk("LiCl", "rocksalt", a=4.6)
    low = energy(atoms, make_calculator(two_heads_file, head="pt_head"))
    high = energy(atoms, make_calculator(two_heads_file, head="scan"))
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
    with pytest.raises(MlipsseError, match="Name one of tiny-licl, sevennet: 7net-0"):
        find_potential("no-such-potential")
    (folder / "other.model").touch()
    with pytest.raises(MlipsseError, match=r"2 files \*.model"):
        find_potential("tiny-licl")


def test_species_are_checked(mace_file):
    check_species(mace_file, ["Li", "Cl"])
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
    with pytest.raises(MlipsseError, match="dtype 'half'"):
        make_calculator("mace-sse-small", dtype="half")
    with pytest.raises(MlipsseError, match="Device 'tpu'"):
        make_calculator("mace-sse-small", device="tpu")


@pytest.mark.parametrize("name", ["chgnet", "chgnet-r2scan"])
def test_chgnet_that_is_not_installed_is_a_sentence(name, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda package: None)
    for wanted in (make_calculator, known_species):
        with pytest.raises(MlipsseError, match=rf"{name} requires the package chgnet.*\[chgnet\]"):
            wanted(name)


def test_cuda_without_a_gpu_is_reported(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(MlipsseError, match="torch finds no CUDA GPU"):
        make_calculator("chgnet", device="cuda")
