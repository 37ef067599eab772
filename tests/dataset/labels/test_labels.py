import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.emt import EMT
from ase.constraints import FixAtoms

from mlipsse import keys
from mlipsse.dataset.labels.sources import RejectedFrame, source_kind, teacher_name
from mlipsse.dataset.labels.teacher import Teacher, make_teacher
from mlipsse.energetics.potentials.calculators import make_calculator
from mlipsse.errors import MlipsseError


def _strained_copper(strain):
    atoms = bulk("Cu", cubic=True)
    atoms.set_cell(atoms.cell[:] * (1 + strain), scale_atoms=True)
    return atoms


def test_stress_is_positive_in_tension_and_in_ev_per_cubic_angstrom():
    teacher = Teacher("emt", EMT())
    stress = teacher.label(_strained_copper(0.02)).info[keys.STRESS]
    assert stress.shape == (6,)
    larger, smaller = (teacher.label(_strained_copper(0.02 + d)) for d in (1e-4, -1e-4))
    work = larger.info[keys.ENERGY] - smaller.info[keys.ENERGY]
    volume = larger.get_volume() - smaller.get_volume()
    assert stress[:3] == pytest.approx(np.full(3, work / volume), rel=1e-4)
    assert (stress[:3] > 0).all()
    assert (teacher.label(_strained_copper(-0.02)).info[keys.STRESS][:3] < 0).all()


def test_labels_are_copies_with_source_and_forces_on_constrained_atoms():
    atoms = _strained_copper(0.01)
    atoms.rattle(0.1, seed=1)
    atoms.info[keys.TRAJECTORY] = "t1"
    atoms.set_constraint(FixAtoms([0]))
    labelled = Teacher("emt", EMT()).label(atoms)
    assert keys.ENERGY not in atoms.info
    assert labelled.info[keys.TRAJECTORY] == "t1"
    assert labelled.info[keys.LABEL_SOURCE] == "teacher: emt (teacher labels, not DFT)"
    assert labelled.calc is None
    assert np.linalg.norm(labelled.arrays[keys.FORCES][0]) > 0.1
    free = atoms.copy()
    free.set_constraint()
    free.calc = EMT()
    assert labelled.info[keys.ENERGY] == free.get_potential_energy()
    assert labelled.arrays[keys.FORCES] == pytest.approx(free.get_forces())


def test_teacher_by_name_is_the_potential():
    source = make_teacher("teacher: mace-sse-small")
    assert source.name == "teacher: mace-sse-small"
    assert source.description == "teacher: mace-sse-small (teacher labels, not DFT)"
    crystal = bulk("LiCl", "rocksalt", a=5.13, cubic=True)
    frame = source.label(crystal)
    crystal.calc = make_calculator("mace-sse-small")
    assert frame.info[keys.ENERGY] == pytest.approx(crystal.get_potential_energy(), abs=1e-5)
    assert frame.arrays[keys.FORCES].shape == (8, 3)
    assert frame.info[keys.STRESS].shape == (6,)
    assert make_teacher("teacher:mace-sse-small").name == source.name


def test_sources_are_known_by_name():
    assert source_kind("teacher: models/mine.model") == "teacher"
    assert teacher_name("teacher: models/mine.model") == "models/mine.model"
    assert source_kind("vasp") == "vasp"
    assert teacher_name("vasp") is None
    assert source_kind("cp2k") == "cp2k"
    assert source_kind("extxyz: mine.extxyz") == "extxyz"
    assert teacher_name("extxyz: mine.extxyz") is None
    for name in ("teacher", "teacher:", "oracle", "oracle: chgnet", "vasp: scan"):
        with pytest.raises(MlipsseError, match=r"There is no label source.*«vasp»"):
            source_kind(name)
    with pytest.raises(MlipsseError, match="There is no potential 'chgnot'"):
        make_teacher("teacher: chgnot")
    with pytest.raises(MlipsseError, match="'vasp' is not a teacher"):
        make_teacher("vasp")


def test_frames_that_cannot_be_labelled_are_reported():
    class Broken(Calculator):
        implemented_properties = ("energy", "forces", "stress")  # type: ignore[assignment]

        def calculate(self, atoms=None, properties=None, system_changes=all_changes):
            super().calculate(atoms, properties, system_changes)
            forces = np.full((len(atoms), 3), np.nan)
            self.results = {"energy": 0.0, "forces": forces, "stress": np.zeros(6)}

    atoms = bulk("Cu", cubic=True)
    atoms.info[keys.TRAJECTORY] = "t7"
    with pytest.raises(RejectedFrame, match=r"gives Cu4 of trajectory t7 labels that are not"):
        Teacher("broken", Broken()).label(atoms)
