"""VASP's inputs as pymatgen reads them back, and its outputs by way of a stand-in (EMT)."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.emt import EMT
from ase.io import read
from pymatgen.core import SETTINGS
from pymatgen.io.vasp import Incar, Kpoints, Poscar

from mlipsse import keys
from mlipsse.dataset.labels.program import ProgramSource, check_command
from mlipsse.dataset.labels.sources import RejectedFrame
from mlipsse.dataset.labels.vasp import Vasp, VaspSettings, sorted_structure
from mlipsse.errors import MlipsseError
from mlipsse.files import exclusive_lock
from tests.support.labels.stand_ins import attempts, sheared_alloy, stand_in

# No library knows the dummy POTCARs.
pytestmark = pytest.mark.filterwarnings("ignore:POTCAR data with symbol")

POTCAR = """  PAW_PBE {symbol} 01Jan2000
   {valence}
 parameters from PSCTR are:
   VRHFIN ={element}: none
   LEXCH  = PE
   TITEL  = PAW_PBE {symbol} 01Jan2000
   POMASS =   1.000; ZVAL   =   {valence}    mass and valenz
 END of PSCTR-controll parameters
 local part
   98.2 1.5 2.5 3.5
 {kinetic}
   0.1 0.2 0.3
 End of Dataset
"""


def _source(*modes: str, settings: VaspSettings | None = None, **runs) -> ProgramSource:
    return stand_in(Vasp(settings or VaspSettings(write_potcar=False, nelm=20)), *modes, **runs)


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library of dummy POTCARs for Cu and Au, laid out as pymatgen wants it."""
    folder = tmp_path / "library" / "POT_GGA_PAW_PBE_54"
    folder.mkdir(parents=True)
    for element, symbol, valence in (("Cu", "Cu_pv", 17), ("Au", "Au", 11)):
        text = POTCAR.format(
            element=element, symbol=symbol, valence=valence, kinetic="kinetic energy-density"
        )
        (folder / f"POTCAR.{symbol}").write_text(text)
    monkeypatch.setitem(SETTINGS, "PMG_VASP_PSP_DIR", str(folder.parent))
    return folder


def test_inputs_are_a_scan_single_point(tmp_path, library):
    Vasp(VaspSettings(incar={"NCORE": 4})).prepare(sheared_alloy(), tmp_path, attempt=0)
    incar = Incar.from_file(tmp_path / "INCAR")
    assert incar["METAGGA"].upper() == "SCAN"
    expected = {
        "LASPH": True, "LMIXTAU": True, "LMAXMIX": 6, "ALGO": "All", "NELM": 200, "ENCUT": 680,
        "EDIFF": 1e-6, "PREC": "Accurate", "ISMEAR": 0, "SIGMA": 0.05, "ISPIN": 1, "NSW": 0,
        "ISIF": 2, "IBRION": -1, "LREAL": False, "LWAVE": False, "LCHARG": False, "NCORE": 4,
    }  # fmt: skip
    assert {tag: incar.get(tag) for tag in expected} == expected
    assert not {"KSPACING", "MAGMOM", "LORBIT", "LDAU"} & set(incar)
    kpoints = Kpoints.from_file(tmp_path / "KPOINTS")
    assert kpoints.style.name == "Gamma"
    # 100 k-points per Å⁻³ of a reciprocal cell of 248 / 59 Å⁻³: 7 or 8 each way.
    volume = sheared_alloy().get_volume()
    assert np.prod(kpoints.kpts[0]) == pytest.approx(100 * (2 * np.pi) ** 3 / volume, rel=0.4)
    potcar = (tmp_path / "POTCAR").read_text()
    assert potcar.index("TITEL  = PAW_PBE Cu_pv") < potcar.index("TITEL  = PAW_PBE Au")
    assert Poscar.from_file(tmp_path / "POSCAR").site_symbols == ["Cu", "Au"]


def test_options_reach_the_inputs(tmp_path):
    settings = VaspSettings(
        functional="R2SCAN", kspacing_1_A=0.3, spin=True, write_potcar=False, potcars={"Cu": "Cu"}
    )
    program = Vasp(settings)
    program.prepare(sheared_alloy(), tmp_path, attempt=0)
    incar = Incar.from_file(tmp_path / "INCAR")
    assert (incar["METAGGA"].upper(), incar["KSPACING"], incar["ISPIN"]) == ("R2SCAN", 0.3, 2)
    assert len(incar["MAGMOM"]) == 4
    assert not (tmp_path / "KPOINTS").exists()
    assert not (tmp_path / "POTCAR").exists()
    assert (tmp_path / "POTCAR.spec").read_text().split() == ["Cu", "Au"]
    program.prepare(sheared_alloy(), tmp_path, attempt=1)
    incar = Incar.from_file(tmp_path / "INCAR")
    assert (incar["ALGO"], incar["AMIX"], incar["NELM"]) == ("Normal", 0.1, 400)
    Vasp(VaspSettings(write_potcar=False, algo="Fast")).prepare(
        sheared_alloy(), tmp_path, attempt=1
    )
    incar = Incar.from_file(tmp_path / "INCAR")
    assert incar["ALGO"] == "All"
    assert "AMIX" not in incar


@pytest.mark.parametrize("mirrored", [False, True])
def test_labels_make_the_round_trip(tmp_path, mirrored):
    """As EMT has them, in the frame's order, also for a left-handed cell; and as ASE reads them."""
    atoms = sheared_alloy()
    if mirrored:
        atoms.set_cell(atoms.cell[[1, 0, 2]])
        assert np.linalg.det(atoms.cell[:]) < 0
    labelled = _source().label(atoms, tmp_path / "run")
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
    assert labelled.info[keys.LABEL_SOURCE] == "SCAN (VASP 6.4.2, 680 eV)"
    there = read(tmp_path / "run" / "vasprun.xml")
    assert there.get_potential_energy() == pytest.approx(labelled.info[keys.ENERGY], abs=1e-6)
    assert there.get_stress() == pytest.approx(labelled.info[keys.STRESS], abs=1e-8)


@pytest.mark.parametrize(
    ("mode", "reason", "may_pass"),
    [
        ("unconverged", "did not converge in 40 steps .2 attempts", False),
        ("stopped", "was stopped after 12 electronic steps.*0.01 eV", False),
        ("r2scan", "VASP ran with R2SCAN, not SCAN", False),
        ("mlff", "VASP ran with a machine-learned force field", False),
        ("fermi", "VASP ran with ISMEAR = -1, not 0", False),
        ("wide", "VASP ran with SIGMA = 0.2, not 0.05", False),
        ("spin", "VASP ran with ISPIN = 2, not 1", False),
        ("charged", "VASP ran with 55 electrons, not 56 of a neutral cell", False),
        ("cutoff", "VASP ran with ENMAX = 400.0, not 680.0", False),
        ("potcar", "VASP ran with the POTCARs Cu_GW, Au_GW, not Cu_pv, Au", False),
        ("gamma", "ran with 1x1x1 k-points around Γ, not 7x7x7 around Γ .2 attempts", False),
        ("list", "ran with a list of 1 k-points that is not 7x7x7 around Γ .2 attempts", False),
        ("other-steps", "another structure.* in each of 2 ionic steps .by 0.*2 attempts", False),
        ("crash", "left no vasprun.xml; exit status 3, last words: EDDDAV: sub-space", True),
        ("killed", "is not whole, VASP was cut off.*killed by SIGKILL", True),
    ],
)
def test_what_is_no_label_is_rejected_with_a_reason(tmp_path, mode, reason, may_pass):
    with pytest.raises(RejectedFrame, match=reason) as caught:
        _source(mode).label(sheared_alloy(), tmp_path / "run")
    assert caught.value.may_pass is may_pass
    # What every frame would have is not tried again.
    assert caught.value.common is reason.startswith("VASP ran with")
    assert attempts(tmp_path) == (1 if caught.value.common else 2)
    assert (tmp_path / "run" / "INCAR").is_file()


def test_the_ionic_step_of_the_frame_is_taken(tmp_path):
    """Of a relaxation that starts at the frame the first, not the last."""
    alone = _source().label(sheared_alloy(), tmp_path / "run")
    first = _source("relaxation").label(sheared_alloy(), tmp_path / "relaxed")
    assert (tmp_path / "relaxed" / "vasprun.xml").read_text().count("<calculation>") == 3
    assert first.info[keys.ENERGY] == pytest.approx(alone.info[keys.ENERGY], abs=1e-9)
    assert first.arrays[keys.FORCES] == pytest.approx(alone.arrays[keys.FORCES], abs=1e-9)
    assert first.info[keys.STRESS] == pytest.approx(alone.info[keys.STRESS], abs=1e-12)


def test_kspacing_makes_the_mesh_that_vasp_makes(tmp_path):
    """max(1, ceil(|b| 2 pi / KSPACING)), VASP's manual."""
    program = Vasp(VaspSettings(write_potcar=False, kspacing_1_A=0.3))
    cell = np.diag([4.0, 7.0, 30.0])
    atoms = Atoms("Cu2Au2", positions=np.eye(4, 3), cell=cell, pbc=True)
    inputs = program._input_set(sorted_structure(atoms), attempt=0)
    assert program._divisions(atoms, inputs) == (6, 3, 1)


def test_nothing_outlives_a_driver_that_was_killed(tmp_path):
    """Nor what its command had started: the folder's lock, which they hold, is free again."""
    driver = f"""
from ase.build import bulk
from pathlib import Path
from mlipsse.dataset.labels.program import ProgramSource, RunSettings
from mlipsse.dataset.labels.vasp import Vasp, VaspSettings
runs = RunSettings(command="(echo begun > begun; sleep 600); true")
source = ProgramSource(Vasp(VaspSettings(write_potcar=False)), runs)
source.label(bulk("Cu"), Path({str(tmp_path / "run")!r}))
"""
    child = subprocess.Popen([sys.executable, "-c", driver])
    while not (tmp_path / "run" / "begun").exists():
        assert child.poll() is None
        time.sleep(0.05)
    with (
        pytest.raises(MlipsseError, match="Another vasp run is using"),
        exclusive_lock(tmp_path / "run" / ".lock", holder="vasp run"),
    ):
        pass
    child.kill()
    child.wait()
    with exclusive_lock(tmp_path / "run" / ".lock", holder="vasp run", patience_s=30):
        pass


def test_an_output_of_another_frame_is_refused(tmp_path):
    source = _source()
    source.label(sheared_alloy(), tmp_path / "run")
    reader = _source(command=None)
    moved = sheared_alloy()
    moved.positions[2, 0] += 0.01
    with pytest.raises(RejectedFrame, match=r"of another structure.*by 0\.01 Å"):
        reader.label(moved, tmp_path / "run")
    swapped = sheared_alloy()
    swapped.positions[[0, 2]] = swapped.positions[[2, 0]]
    with pytest.raises(RejectedFrame, match="of another structure"):
        reader.label(swapped, tmp_path / "run")
    assert reader.label(sheared_alloy(), tmp_path / "run").info[keys.ENERGY] != 0


@pytest.mark.parametrize(
    ("keep", "mode", "there"),
    [("all", "fine", True), ("rejected", "fine", False), ("none", "fine", False),
     ("rejected", "crash", True), ("none", "crash", False)],
)  # fmt: skip
def test_folders_are_kept_by_option(tmp_path, keep, mode, there):
    source = _source(mode, keep=keep, retries=0)
    if mode == "fine":
        source.label(sheared_alloy(), tmp_path / "run")
    else:
        with pytest.raises(RejectedFrame):
            source.label(sheared_alloy(), tmp_path / "run")
    assert (tmp_path / "run").exists() is there


def test_what_every_frame_lacks_stops_all(tmp_path, library, monkeypatch):
    with pytest.raises(MlipsseError, match=r"cannot be run: 'no-such-vasp' ended") as caught:
        _source(command="no-such-vasp").label(sheared_alloy(), tmp_path / "run")
    assert not isinstance(caught.value, RejectedFrame)
    program = Vasp(VaspSettings())
    program.check(["Au", "Cu"])
    with pytest.raises(MlipsseError, match=r"POTCAR Ag of PBE_54.*Set PMG_VASP_PSP_DIR"):
        program.check(["Ag", "Cu"])
    with pytest.raises(MlipsseError, match=r"POTCAR Au of PBE_64"):
        Vasp(VaspSettings(potcar_functional="PBE_64")).check(["Au"])
    old = library / "POTCAR.Au"
    old.write_text(old.read_text().replace("kinetic energy-density", ""))
    with pytest.raises(MlipsseError, match=r"Au of PBE_54 contains no kinetic energy density"):
        program.prepare(sheared_alloy(), tmp_path, attempt=0)
    monkeypatch.delitem(SETTINGS, "PMG_VASP_PSP_DIR")
    with pytest.raises(MlipsseError, match=r"Set PMG_VASP_PSP_DIR.*write_potcar: false"):
        program.check(["Au"])
    Vasp(VaspSettings(write_potcar=False)).check(["Au"])


def test_settings_and_commands_are_checked():
    for tag in ("METAGGA", "metagga", "NSW", "AMIX", "IVDW"):
        with pytest.raises(MlipsseError, match="is reserved"):
            VaspSettings(incar={tag: 1})
    for command in (f"{sys.executable} x", "OMP_NUM_THREADS=1 sh x", "ulimit -s unlimited && sh x"):
        check_command(command)
    for command in ("env -i A=1 sh x", "nice -n 5 sh x"):
        check_command(command)
    for command in ("no-such-vasp", "A=1", "sh 'x", "env A=1 no-such-vasp", "nice -n 5 no-such"):
        with pytest.raises(MlipsseError, match=r"^The command"):
            check_command(command)


def test_a_label_depends_on_settings_and_potcars_and_not_on_the_way(library):
    def decisive(**settings):
        return Vasp(VaspSettings(**settings)).decisive(["Cu", "Au"])

    before = decisive()
    assert decisive(nelm=50, algo="Normal", incar={"NCORE": 4}) == before
    assert decisive(encut_eV=520) != before
    assert decisive(incar={"ISYM": 0}) != before
    assert decisive(write_potcar=False) != before
    potcar = library / "POTCAR.Au"
    potcar.write_text(potcar.read_text().replace("98.2", "98.3"))
    assert decisive() != before
    assert Vasp(VaspSettings()).decisive(["Cu"]) != before


def test_a_frame_without_a_cell_is_rejected(tmp_path):
    with pytest.raises(RejectedFrame, match="Cu does not have three cell vectors"):
        _source().label(Atoms("Cu"), tmp_path / "run")
