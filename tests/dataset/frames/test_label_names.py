import numpy as np
import pytest
from ase import Atoms, units
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write
from ase.stress import voigt_6_to_full_3x3_stress

from mlipsse import keys
from mlipsse.dataset.frames.extxyz import read_frames
from mlipsse.dataset.frames.label_names import LabelNames, labels_by_house_keys
from mlipsse.dataset.frames.label_units import ENERGY_UNITS_EV, FORCE_UNITS_EV_A
from mlipsse.dataset.normalise import normalise
from mlipsse.errors import MlipsseError

ENERGY_EV = -12.5
FORCES_EV_A = np.arange(12.0).reshape(4, 3) / 10
STRESS_EV_A3 = np.array([0.01, -0.02, 0.03, 0.004, -0.005, 0.006])


def frame(**entries):
    atoms = Atoms("Cu4", positions=np.eye(4, 3) * 3, cell=[8, 9, 10], pbc=True)
    for name, value in entries.items():
        store = atoms.arrays if np.shape(value) == (4, 3) else atoms.info
        store[name] = value
    return atoms


def assert_labels(atoms):
    assert atoms.info[keys.ENERGY] == pytest.approx(ENERGY_EV, rel=1e-6)
    assert atoms.arrays[keys.FORCES] == pytest.approx(FORCES_EV_A, rel=1e-6)
    assert atoms.info[keys.STRESS] == pytest.approx(STRESS_EV_A3, rel=1e-6)


def converted(atoms, names=None):
    (copy,), described = labels_by_house_keys([atoms], names or LabelNames(), where="a.extxyz")
    return copy, described


TENSOR = voigt_6_to_full_3x3_stress(STRESS_EV_A3)


@pytest.mark.parametrize("stress", [STRESS_EV_A3, TENSOR, TENSOR.ravel()])
def test_every_shape_of_a_stress(stress):
    copy, described = converted(frame(energy=ENERGY_EV, forces=FORCES_EV_A, stress=stress))
    assert_labels(copy)
    assert described["stress"] == "stress, eV/A3, positive under tension"
    assert not {"energy", "stress"} & set(copy.info)
    assert "forces" not in copy.arrays


def test_what_ase_keeps_in_a_calculator(tmp_path):
    atoms = frame()
    atoms.calc = SinglePointCalculator(
        atoms, energy=ENERGY_EV, forces=FORCES_EV_A, stress=STRESS_EV_A3
    )
    write(tmp_path / "a.extxyz", atoms)
    normalise(tmp_path / "a.extxyz", tmp_path / "b.extxyz")
    assert_labels(read_frames(tmp_path / "b.extxyz", labelled=True)[0])


def test_units_and_sign_are_those_that_are_reported():
    atoms = frame(
        dft_energy=ENERGY_EV / units.Ha,
        dft_forces=FORCES_EV_A / (units.Ry / units.Bohr),
        dft_stress=-STRESS_EV_A3 / (0.1 * units.GPa),
    )
    names = LabelNames(
        energy_unit="Ha", force_unit="Ry/bohr", stress_unit="kB", stress_sign="compression"
    )
    copy, described = converted(atoms, names)
    assert_labels(copy)
    assert described["stress"] == "dft_stress, kB, positive under compression"


@pytest.mark.parametrize(
    ("stated", "factors"),
    [
        ({"energy-unit": "hartree", "force-unit": "hartree/bohr"}, ("Ha", "Ha/bohr", 1.0)),
        ({"energy_unit": "Ha", "forces_units": "a.u."}, ("Ha", "Ha/bohr", 1.0)),
        ({"dft_energy_unit": "eV", "stress-unit": "GPa"}, ("eV", "eV/A", units.GPa)),
        ({"stress_unit": "kbar", "force-unit": "eV/Angstrom"}, ("eV", "eV/A", 0.1 * units.GPa)),
        ({"stress-unit": "eV/Å^3", "length-unit": "angstrom"}, ("eV", "eV/A", 1.0)),
    ],
)
def test_units_that_frames_state(stated, factors):
    energy, force, stress = factors
    atoms = frame(
        energy=ENERGY_EV / ENERGY_UNITS_EV[energy],
        forces=FORCES_EV_A / FORCE_UNITS_EV_A[force],
        stress=STRESS_EV_A3 / stress,
        **stated,
    )
    copy, described = converted(atoms)
    assert_labels(copy)
    assert described["energy"] == f"energy, {energy}"
    with pytest.raises(MlipsseError, match=r"states that its \w+ is in .*, but .* is given"):
        converted(atoms, LabelNames(energy_unit="Ry", force_unit="kJ/mol/A", stress_unit="kB"))


def test_what_was_normalised_states_no_other_unit(tmp_path):
    """Else it would be converted again when it is read again."""
    atoms = frame(energy=ENERGY_EV / units.Ha, forces=FORCES_EV_A, stress=STRESS_EV_A3)
    atoms.info["energy-unit"] = "hartree"
    write(tmp_path / "a.extxyz", atoms, write_results=False)
    normalise(tmp_path / "a.extxyz", tmp_path / "b.extxyz")
    normalise(tmp_path / "b.extxyz", tmp_path / "c.extxyz")
    assert_labels(read_frames(tmp_path / "c.extxyz", labelled=True)[0])


def test_virials_in_a_unit_that_frames_state():
    atoms = frame(energy=ENERGY_EV, forces=FORCES_EV_A, virial=-TENSOR * 720.0 / units.Ha)
    atoms.info["virial-unit"] = "hartree"
    copy, described = converted(atoms)
    assert_labels(copy)
    assert "virial in Ha" in described["stress"]


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ({"energy-unit": "erg"}, "energy-unit=erg, which is not a unit of energy"),
        ({"length-unit": "bohr"}, "must be in Å"),
        ({"energy-unit": "eV", "energy_unit": "Ha"}, "two units of energy, eV and Ha"),
    ],
)
def test_stated_units_that_are_no_use(stated, message):
    with pytest.raises(MlipsseError, match=message):
        converted(frame(energy=1.0, **stated))


def test_six_numbers_in_the_order_of_vasp():
    written = STRESS_EV_A3[[0, 1, 2, 5, 3, 4]]  # xx yy zz xy yz zx
    copy, described = converted(
        frame(energy=ENERGY_EV, forces=FORCES_EV_A, stress=written), LabelNames(stress_order="vasp")
    )
    assert_labels(copy)
    assert described["stress"].endswith("positive under tension, vasp order")


def test_one_label_written_twice_is_one():
    near = frame(
        energy=ENERGY_EV,
        free_energy=ENERGY_EV - 9e-7,
        forces=FORCES_EV_A,
        stress=TENSOR,
        virial=-TENSOR * 720.0,
    )
    copy, _ = converted(near)
    assert copy.info[keys.ENERGY] == ENERGY_EV
    assert_labels(copy)
    near.info["free_energy"] = ENERGY_EV - 2e-6
    with pytest.raises(MlipsseError, match="'energy' and 'free_energy'"):
        converted(near)


def test_energy_per_atom():
    copy, _ = converted(
        frame(e=ENERGY_EV / 4, forces=FORCES_EV_A, stress=STRESS_EV_A3),
        LabelNames(energy="e", energy_unit="eV/atom"),
    )
    assert_labels(copy)


@pytest.mark.parametrize(("sign", "word"), [(-1, "tension"), (1, "compression")])
def test_virial_is_minus_stress_times_volume(sign, word):
    virial = sign * TENSOR * 720.0
    copy, described = converted(
        frame(energy=ENERGY_EV, forces=FORCES_EV_A, virial=virial), LabelNames(stress_sign=word)
    )
    assert_labels(copy)
    assert "virial in eV" in described["stress"]


def test_sign_of_virial_is_that_of_energy_against_strain():
    """MACE's virials are minus the derivative of the energy by strain: finite differences of it."""
    atoms = frame()
    atoms.positions += 0.05 * FORCES_EV_A
    atoms.set_cell([4.0, 4.2, 4.4])
    atoms.positions[:] = np.array([[0, 0, 0], [0, 2, 2], [2, 0, 2], [2, 2, 0.1]])
    virial = np.zeros((3, 3))
    for axis in range(3):
        ends = []
        for strain in (1e-4, -1e-4):
            strained = atoms.copy()
            deformation = np.eye(3)
            deformation[axis, axis] += strain
            strained.set_cell(atoms.cell[:] @ deformation, scale_atoms=True)
            strained.calc = EMT()
            ends.append(strained.get_potential_energy())
        virial[axis, axis] = -(ends[0] - ends[1]) / 2e-4
    atoms.info["virial"] = virial
    copy, _ = converted(atoms)
    atoms.calc = EMT()
    assert np.abs(atoms.get_stress()[:3]).max() > 0.01
    assert copy.info[keys.STRESS][:3] == pytest.approx(atoms.get_stress()[:3], rel=1e-4)


def test_frames_keep_what_they_lack():
    whole = frame(energy=ENERGY_EV, forces=FORCES_EV_A, stress=STRESS_EV_A3)
    bare = frame(energy=ENERGY_EV, forces=FORCES_EV_A)
    copies, _ = labels_by_house_keys([whole, bare], LabelNames(), where="a")
    assert_labels(copies[0])
    assert keys.STRESS not in copies[1].info


def test_our_own_keys_come_first():
    atoms = frame(
        REF_energy=ENERGY_EV,
        REF_forces=FORCES_EV_A,
        REF_stress=STRESS_EV_A3,
        energy=1.0,
        virial=TENSOR,
    )
    copy, _ = converted(atoms)
    assert_labels(copy)
    assert copy.info["energy"] == 1.0


def test_names_that_mean_the_same_are_no_conflict():
    copy, _ = converted(
        frame(energy=ENERGY_EV, free_energy=ENERGY_EV, forces=FORCES_EV_A, stress=STRESS_EV_A3)
    )
    assert_labels(copy)


@pytest.mark.parametrize(
    ("entries", "names", "message"),
    [
        ({"energy": -1.0, "free_energy": -1.1}, {}, "'energy' and 'free_energy'.*--energy-key"),
        ({"stress": TENSOR, "virial": TENSOR}, {}, "--stress-key stress or --virial-key virial"),
        (
            {"DFT_stress": TENSOR},
            {},
            "the name 'DFT_stress' does not determine the unit.*--stress-unit eV/A3, GPa, kB",
        ),
        ({"energy": "low"}, {}, "Frame 0 of a.extxyz .*energy has shape"),
        ({"energy": 1.0, "stress": np.ones(5)}, {}, r"stress has shape \(5,\)"),
        ({"stress": np.arange(9.0)}, {}, "not a symmetric tensor"),
        ({"energy": 1.0}, {"energy": "E"}, "no frame has 'E', .*The frames have energy"),
    ],
)
def test_what_cannot_be_known_is_asked(entries, names, message):
    with pytest.raises(MlipsseError, match=message):
        converted(frame(**entries), LabelNames(**names))


def test_a_virial_needs_a_cell():
    atoms = frame(virial=TENSOR)
    atoms.cell = None
    with pytest.raises(MlipsseError, match="no cell"):
        converted(atoms)


@pytest.mark.parametrize(
    "names",
    [
        {"energy_unit": "erg"},
        {"force_unit": "N"},
        {"stress_unit": "bar"},
        {"stress_sign": "plus"},
        {"stress": "a", "virial": "b"},
    ],
)
def test_unknown_units_are_reported(names):
    with pytest.raises(MlipsseError, match=r"is not known. Choose among|Both a stress"):
        LabelNames(**names)


def test_normalise_wants_energies_and_forces(tmp_path):
    write(tmp_path / "a.extxyz", frame(energy=ENERGY_EV), write_results=False)
    with pytest.raises(MlipsseError, match=r"has no forces.*--forces-key"):
        normalise(tmp_path / "a.extxyz", tmp_path / "b.extxyz")
    assert not (tmp_path / "b.extxyz").exists()


def test_normalise_reports_what_it_did(tmp_path):
    frames = [frame(E=ENERGY_EV, F=FORCES_EV_A, W=-TENSOR * 720.0), frame(E=1.0, F=FORCES_EV_A)]
    write(tmp_path / "a.extxyz", frames)
    result = normalise(
        tmp_path / "a.extxyz",
        tmp_path / "b.extxyz",
        names=LabelNames(energy="E", forces="F", virial="W"),
    )
    assert (result.frames, result.without_stress) == (2, 1)
    assert result.taken_from["energy"] == "E, eV"
    assert_labels(read(tmp_path / "b.extxyz", index=0))
