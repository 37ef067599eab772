"""CP2K's inputs, and its outputs by way of a stand-in (EMT) of their layout."""

import os
import re
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.emt import EMT

from mlipsse import keys
from mlipsse.dataset.labels.cp2k.program import COMMAND, default_command, require_known_version
from mlipsse.dataset.labels.cp2k.settings import Cp2kSettings
from mlipsse.dataset.labels.cp2k.source import Cp2k
from mlipsse.dataset.labels.program import ProgramSource, RunSettings
from mlipsse.dataset.labels.sources import RejectedFrame
from mlipsse.errors import MlipsseError
from tests.support.labels.stand_ins import (
    CP2K_POTENTIALS,
    attempts,
    sheared_alloy,
    stand_in,
    write_cp2k_data,
)


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = write_cp2k_data(tmp_path / "data")
    monkeypatch.setenv("CP2K_DATA_DIR", str(folder))
    return folder


def _source(*modes: str, settings: Cp2kSettings | None = None, **runs) -> ProgramSource:
    return stand_in(Cp2k(settings or Cp2kSettings()), *modes, **runs)


def _written(atoms: Atoms, folder: Path, *, attempt: int = 0, **settings) -> str:
    folder.mkdir(exist_ok=True)
    Cp2k(Cp2kSettings(**settings)).prepare(atoms, folder, attempt=attempt)
    return (folder / "frame.inp").read_text()


def test_input_is_a_scan_single_point(tmp_path):
    text = _written(sheared_alloy(), tmp_path / "run")
    for line in (
        "RUN_TYPE ENERGY_FORCE", "STRESS_TENSOR ANALYTICAL", "&MGGA_X_SCAN", "&MGGA_C_SCAN",
        "CUTOFF 1200", "REL_CUTOFF 60", "NGRIDS 5", "EPS_SCF 1.0E-06", "EPS_DEFAULT 1.0E-12",
        "MAX_SCF 100",
        "BASIS_SET DZVP-MOLOPT-SCAN-GTH-q11", "POTENTIAL GTH-SCAN-q11", "&DIAGONALIZATION",
        "BASIS_SET_FILE_NAME BASIS_MOLOPT_UZH", "POTENTIAL_FILE_NAME POTENTIAL_UZH",
        "SCHEME MONKHORST-PACK 3 3 3",
    ):  # fmt: skip
        assert re.search(rf"^ *{re.escape(line)}$", text, re.M), line
    assert not re.search("&OT|UKS|SMEAR|MULTIPLICITY", text)
    # Sections close in the order in which they opened.
    opened: list[str] = []
    for line in text.split("\n"):
        words = line.split()
        if words and words[0] == "&END":
            assert opened.pop() == words[1]
        elif words and words[0].startswith("&"):
            opened.append(words[0][1:])
    assert not opened


def test_options_reach_the_input(tmp_path):
    text = _written(
        sheared_alloy(),
        tmp_path / "run",
        spin=True,
        multiplicity=3,
        smearing_K=800,
        cutoff_Ry=450.0,
    )
    for line in (
        "UKS TRUE", "MULTIPLICITY 3", "&SMEAR ON", "ELECTRONIC_TEMPERATURE [K] 800",
        "ADDED_MOS 10", "CUTOFF 450",
    ):  # fmt: skip
        assert re.search(rf"^ *{re.escape(line)}$", text, re.M), line
    again = _written(sheared_alloy(), tmp_path / "run", attempt=1)
    assert "ALPHA 0.4" in text
    assert "ALPHA 0.1" in again
    assert "MAX_SCF 200" in again
    given = _written(sheared_alloy(), tmp_path / "run", data_dir=str(tmp_path / "data"))
    assert f"BASIS_SET_FILE_NAME {tmp_path / 'data' / 'BASIS_MOLOPT_UZH'}" in given


def test_size_of_the_cell_decides_on_the_sampling(tmp_path):
    wide = sheared_alloy().repeat((3, 3, 3))
    text = _written(wide, tmp_path / "run")
    assert "&OT" in text
    assert "MINIMIZER DIIS" in text
    assert "KPOINTS" not in text
    assert "MINIMIZER CG" in _written(wide, tmp_path / "run", attempt=1)
    assert "&DIAGONALIZATION" in _written(wide, tmp_path / "run", diagonalisation=True)
    slab = Atoms("Cu2", positions=[[0, 0, 0], [2, 2, 2]], cell=[4, 9.9, 12], pbc=True)
    assert "MONKHORST-PACK 3 2 1" in _written(slab, tmp_path / "run")
    # What counts is the distance between faces: a sheared cell is lower than its vectors are long.
    sheared = Atoms(
        "Cu2", positions=[[0, 0, 0], [2, 2, 2]], cell=[[11, 0, 0], [9, 6, 0], [0, 0, 11]]
    )
    assert "MONKHORST-PACK 2 2 1" in _written(sheared, tmp_path / "run")
    folded = _written(slab, tmp_path / "run", small_cells="supercell")
    assert "&OT" in folded
    assert "KPOINTS" not in folded
    assert len(re.findall(r"^ +Cu ", folded, re.M)) == 12


@pytest.mark.parametrize(
    "settings",
    [{}, {"small_cells": "supercell"}, {"min_length_A": 3.0}, {"smearing_K": 1000.0}],
    ids=["kpoints", "supercell", "gamma", "smearing"],
)
def test_labels_make_the_round_trip(tmp_path, settings):
    """As EMT has them, in the frame's order; a supercell's are folded back."""
    atoms = sheared_alloy()
    labelled = _source(settings=Cp2kSettings(**settings)).label(atoms, tmp_path / "run")
    truth = atoms.copy()
    truth.calc = EMT()
    assert labelled.get_chemical_symbols() == ["Cu", "Au", "Cu", "Au"]
    assert labelled.positions == pytest.approx(atoms.positions)
    assert labelled.info[keys.TRAJECTORY] == "t1"
    assert labelled.info[keys.ENERGY] == pytest.approx(truth.get_potential_energy(), abs=1e-6)
    assert np.abs(truth.get_forces()).min() > 1e-2
    assert labelled.arrays[keys.FORCES] == pytest.approx(truth.get_forces(), abs=1e-6)
    assert np.abs(truth.get_stress()).min() > 1e-3
    assert labelled.info[keys.STRESS] == pytest.approx(truth.get_stress(), abs=1e-8)
    how = "Γ of supercells" if "small_cells" in settings else "k-points"
    length = settings.get("min_length_A", 10.0)
    assert labelled.info[keys.LABEL_SOURCE] == (
        f"SCAN (CP2K 2023.1, 1200 Ry, DZVP-MOLOPT-SCAN-GTH, GTH-SCAN, {how} to {length:g} Å)"
    )


def test_pbe_has_inputs_labels_and_an_identity_of_its_own(tmp_path):
    pbe = Cp2kSettings(functional="PBE")
    text = _written(sheared_alloy(), tmp_path / "input", functional="PBE")
    for line in (
        "&GGA_X_PBE", "&GGA_C_PBE", "BASIS_SET DZVP-MOLOPT-PBE-GTH-q11", "POTENTIAL GTH-PBE-q11",
    ):  # fmt: skip
        assert re.search(rf"^ *{re.escape(line)}$", text, re.M), line
    assert "SCAN" not in text
    labelled = _source(settings=pbe).label(sheared_alloy(), tmp_path / "run")
    assert labelled.info[keys.LABEL_SOURCE] == (
        "PBE (CP2K 2023.1, 1200 Ry, DZVP-MOLOPT-PBE-GTH, GTH-PBE, k-points to 10 Å)"
    )
    # The output of one functional is no label of the other.
    asked_for_scan = ProgramSource(Cp2k(Cp2kSettings()), RunSettings())
    with pytest.raises(RejectedFrame, match="CP2K ran with GGA_C_PBE and GGA_X_PBE, not SCAN"):
        asked_for_scan.label(sheared_alloy(), tmp_path / "run")
    scan = Cp2k(Cp2kSettings()).decisive(["Cu"])
    assert "functional" not in scan
    assert Cp2k(pbe).decisive(["Cu"]) != scan


@pytest.mark.parametrize(
    ("mode", "reason", "may_pass"),
    [
        ("unconverged", "did not converge in 200 steps .2 attempts", False),
        ("r2scan", "CP2K ran with MGGA_C_R2SCAN and MGGA_X_R2SCAN, not SCAN", False),
        (
            "abort",
            "CP2K gave up: Cholesky decomposition failed. Matrix ill cond.*exit status 1",
            True,
        ),
        ("basis", "The requested basis set <DZVP> for Cu was not found", True),
        ("killed", "is not whole, CP2K was cut off.*killed by SIGKILL", True),
        (
            "coarse",
            "error of some 0.05 eV/Å, more than max_force_noise_eV_A .0.03.*cutoff_Ry .it is 12",
            False,
        ),
    ],
)
def test_what_is_no_label_is_rejected_with_a_reason(tmp_path, mode, reason, may_pass):
    with pytest.raises(RejectedFrame, match=reason) as caught:
        _source(mode).label(sheared_alloy(), tmp_path / "run")
    assert caught.value.may_pass is may_pass
    assert caught.value.common is (mode in ("r2scan", "basis"))
    # What every frame, or every attempt, would have is not tried again.
    assert attempts(tmp_path) == (1 if mode in ("r2scan", "basis", "coarse") else 2)


def test_a_coarser_grid_is_a_choice(tmp_path):
    source = _source("coarse", settings=Cp2kSettings(max_force_noise_eV_A=0.051))
    source.label(sheared_alloy(), tmp_path / "run")
    # Nor is the output made again when the limit is set back.
    with pytest.raises(RejectedFrame, match="do not sum to zero") as caught:
        _source("coarse").label(sheared_alloy(), tmp_path / "run")
    assert not caught.value.common
    assert attempts(tmp_path) == 1
    # Far above the limit it is no chance of one frame.
    strict = Cp2kSettings(max_force_noise_eV_A=0.009)
    with pytest.raises(RejectedFrame) as caught:
        _source("coarse", settings=strict).label(sheared_alloy(), tmp_path / "other")
    assert caught.value.common


@pytest.mark.parametrize("settings", [{}, {"smearing_K": 1000.0}], ids=["kpoints", "smearing"])
def test_the_layout_of_2025_gives_the_same_label(tmp_path, settings):
    both = [
        _source(mode, settings=Cp2kSettings(**settings)).label(sheared_alloy(), tmp_path / mode)
        for mode in ("fine", "2025")
    ]
    assert both[1].info[keys.ENERGY] == pytest.approx(both[0].info[keys.ENERGY], abs=1e-9)
    assert both[1].arrays[keys.FORCES] == pytest.approx(both[0].arrays[keys.FORCES], abs=1e-9)
    assert both[1].info[keys.STRESS] == pytest.approx(both[0].info[keys.STRESS], abs=1e-10)
    assert "CP2K 2025.2" in both[1].info[keys.LABEL_SOURCE]


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        (
            "Run type                                                  ENERGY_FORCE",
            "Run type                                                       GEO_OPT",
            r"CP2K ran GEO_OPT \(1 ionic steps\)",
        ),
        (" DFT| Charge 0", " DFT| Charge -1", "charge -1, not a neutral one"),
        (
            " DFT| Charge 0",
            " DFT| Spin unrestricted (spin-polarized)",
            "ran spin-unrestricted, not",
        ),
        ("  11.0000  63.5460", "  10.0000  63.5460", "of 40 valence electrons, not 44"),
        (" ENERGY| Total", " ENERGY| total", "in a layout that is read here"),
        (" ATOMIC FORCES in", " ATOMIC forces in", "in a layout that is read here"),
        ("[GPa]", "[psi]", "in a layout that is read here"),
    ],
)
def test_an_output_of_another_calculation_is_refused(tmp_path, old, new, match):
    _source().label(sheared_alloy(), tmp_path / "run")
    path = tmp_path / "run" / "frame.out"
    text = path.read_text().replace(" FUNCTIONAL| MGGA_X", " DFT| Charge 0\n FUNCTIONAL| MGGA_X")
    path.write_text(text)
    reader = _source(command=None)
    reader.label(sheared_alloy(), tmp_path / "run")
    path.write_text(text.replace(old, new))
    assert path.read_text() != text
    with pytest.raises(RejectedFrame, match=match) as caught:
        reader.label(sheared_alloy(), tmp_path / "run")
    assert not caught.value.common  # outputs brought from elsewhere may be of several makings


def test_several_ionic_steps_are_no_single_point(tmp_path):
    _source().label(sheared_alloy(), tmp_path / "run")
    path = tmp_path / "run" / "frame.out"
    text = path.read_text()
    step = text[text.index(" SCF PARAMETERS") : text.index("  **** ****")]
    path.write_text(text.replace("  **** ****", f"{step}  **** ****"))
    with pytest.raises(RejectedFrame, match="holds 2 energies of several ionic steps"):
        _source(command=None).label(sheared_alloy(), tmp_path / "run")


def test_the_version_is_asked_for(tmp_path, monkeypatch):
    program = tmp_path / "cp2k.psmp"
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    for version, known in (("7.1", False), ("8.2", True), ("2023.1", True), ("2026.1", True)):
        program.write_text(f"#!/bin/sh\n[ $1 = --version ] && echo ' CP2K version {version}'\n")
        program.chmod(0o755)
        if known:
            require_known_version("mpirun -n 4 cp2k.psmp -i frame.inp -o frame.out")
        else:
            with pytest.raises(MlipsseError, match=r"CP2K 7\.1 .*Install CP2K 8 or newer"):
                require_known_version("mpirun -n 4 cp2k.psmp -i frame.inp -o frame.out")
    require_known_version("sh run.sh")


def test_an_output_of_another_input_is_refused(tmp_path):
    _source().label(sheared_alloy(), tmp_path / "run")

    def refused(atoms: Atoms, match: str, **settings) -> None:
        reader = _source(settings=Cp2kSettings(**settings), command=None)
        with pytest.raises(RejectedFrame, match=match):
            reader.label(atoms, tmp_path / "run")

    moved = sheared_alloy()
    moved.positions[2, 0] += 0.01
    refused(moved, r"of another structure.*by 0\.01 Å")
    swapped = sheared_alloy()
    swapped.positions[[0, 2]] = swapped.positions[[2, 0]]
    refused(swapped, "of another structure")
    refused(sheared_alloy(), "another cutoff than 500 Ry", cutoff_Ry=500.0)
    refused(sheared_alloy(), "CP2K ran with 3x3x3 k-points, not 4x4x4", min_length_A=15.0)
    refused(sheared_alloy(), "without smearing, not as asked", smearing_K=300.0)
    assert _source(command=None).label(sheared_alloy(), tmp_path / "run").info[keys.ENERGY] != 0


def test_elements_take_the_pair_of_most_electrons(data):
    kind = Cp2kSettings().kind("Cu")
    # There is a basis set of 19 electrons, and no potential.
    assert (kind.basis, kind.potential) == ("DZVP-MOLOPT-SCAN-GTH-q11", "GTH-SCAN-q11")
    small = Cp2kSettings(potentials={"Cu": "GTH-SCAN-q1"}).kind("Cu")
    assert small.basis == "DZVP-MOLOPT-SCAN-GTH-q1"
    assert small.digest != kind.digest
    nearest = Cp2kSettings(potentials={"Ge": "GTH-PBE-q4"})
    assert nearest.kind("Ge").basis == "DZVP-MOLOPT-SCAN-GTH-q4"
    assert "GTH-SCAN with GTH-PBE-q4" in Cp2k(nearest).description


def test_the_sharpest_gaussian_wants_a_cutoff(data):
    """Of Cu the one exponent is 9.1 /bohr²; the entries of PBE are in no known format."""
    assert Cp2kSettings().least_cutoff_Ry("Cu") == pytest.approx(9.1 * 110)
    assert Cp2kSettings(functional="PBE").least_cutoff_Ry("Cu") is None
    (note,) = Cp2k(Cp2kSettings(cutoff_Ry=900)).notes(["Cu", "Er"])  # no entry of Er
    assert "they need more (Cu 1001)" in note
    path = data / "BASIS_MOLOPT_UZH"
    path.write_text(path.read_text().replace("9.1", "2.1D+01"))
    (note,) = Cp2k(Cp2kSettings(cutoff_Ry=9000)).notes(["Cu"])
    assert "they need more (Cu: no cutoff is known)" in note


def test_what_every_frame_lacks_stops_all(data, monkeypatch):
    Cp2k(Cp2kSettings()).check(["Cu", "Au"])
    sentence = (
        r"for Ge\..*has DZVP-MOLOPT-SCAN-GTH-q4; .*has GTH-SCAN-q14, GTH-PBE-q4\. Name an existing"
    )
    with pytest.raises(MlipsseError, match=sentence):
        Cp2k(Cp2kSettings()).check(["Cu", "Ge"])
    with pytest.raises(MlipsseError, match=r"for Ag.*has nothing"):
        Cp2k(Cp2kSettings()).check(["Ag"])
    with pytest.raises(MlipsseError, match="NO_SUCH_FILE cannot be read"):
        Cp2k(Cp2kSettings(potential_file="NO_SUCH_FILE")).check(["Cu"])
    with pytest.raises(MlipsseError, match=r"not found in /no/such\. Install them"):
        Cp2k(Cp2kSettings(data_dir="/no/such")).check(["Cu"])


def test_what_cannot_be_computed_is_stated_before(tmp_path):
    odd = Atoms("Cu", cell=[4, 4, 4], pbc=True)
    with pytest.raises(RejectedFrame, match="11 valence electrons, an odd number"):
        _written(odd, tmp_path / "run")
    assert "UKS" in _written(odd, tmp_path / "run", spin=True)
    with pytest.raises(RejectedFrame, match="does not have three cell vectors"):
        _written(Atoms("Cu2", positions=np.eye(2, 3)), tmp_path / "run")
    with pytest.raises(MlipsseError, match=r"multiplicity 3 requires"):
        Cp2kSettings(multiplicity=3)


def test_a_label_depends_on_the_data_and_not_on_the_way(data):
    def decisive(**settings):
        return Cp2k(Cp2kSettings(**settings)).decisive(["Cu", "Au"])

    before = decisive()
    assert decisive(max_scf=7, diagonalisation=True) == before
    assert decisive(cutoff_Ry=500.0) != before
    (data / "POTENTIAL_UZH").write_text(
        CP2K_POTENTIALS.replace("    1    0   10", "    1    0   11")
    )
    assert decisive() != before


def test_cp2k_is_run_by_the_name_it_has(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert default_command() == COMMAND
    (tmp_path / "cp2k").touch(0o755)
    assert default_command() == "cp2k -i frame.inp -o frame.out"
