"""Every refusal is a sentence."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms, units
from ase.io import write
from ase.stress import voigt_6_to_full_3x3_stress

from mlipsse import keys
from mlipsse.dataset.frames.energy_offset import energy_offset
from mlipsse.dataset.frames.evaluation import predict
from mlipsse.dataset.frames.extxyz import read_frames, write_frames
from mlipsse.dataset.frames.predictions import Predictions
from mlipsse.energetics.potentials.calculators import make_calculator
from mlipsse.errors import MlipsseError
from mlipsse.training.checks import read_sets, require_own_replay
from mlipsse.training.settings import FineTuneSettings

SETTINGS = FineTuneSettings(batch_size=4)


def rename_keys(frame: Atoms) -> None:
    frame.info["dft_energy"] = frame.info.pop(keys.ENERGY)


def zero_forces(frame: Atoms) -> None:
    frame.arrays[keys.FORCES][:] = 0


def zero_energy(frame: Atoms) -> None:
    frame.info[keys.ENERGY] = 0.0


def foreign_element(frame: Atoms) -> None:
    frame.symbols[0] = "Br"


@pytest.mark.parametrize("name", ["train", "valid", "test", "replay"])
@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (rename_keys, "has no REF_energy"),
        (zero_forces, "only zero forces"),
        (zero_energy, "only zero energies"),
        (foreign_element, "Br"),
    ],
)
def test_sets_that_would_train_on_nothing_are_refused(
    name: str,
    spoil: Callable[[Atoms], None],
    sentence: str,
    sets: dict[str, Path],
    foundation: Path,
) -> None:
    frames = read_frames(sets[name], labelled=True)
    for frame in frames:
        spoil(frame)
    write_frames(sets[name], frames)
    with pytest.raises(MlipsseError, match=sentence) as refusal:
        read_sets(sets, foundation=foundation, settings=SETTINGS)
    assert str(sets[name]) in str(refusal.value)


def test_an_empty_replay_set_is_refused(sets: dict[str, Path], foundation: Path) -> None:
    sets["replay"].write_text("")
    with pytest.raises(MlipsseError, match="replay"):
        read_sets(sets, foundation=foundation, settings=SETTINGS)


def test_a_test_set_of_elements_never_trained_on_is_refused(
    sets: dict[str, Path], foundation: Path
) -> None:
    frames = read_frames(sets["train"], labelled=True)
    for frame in frames:
        frame.symbols[:] = "Li"
    write_frames(sets["train"], frames)
    with pytest.raises(MlipsseError, match="holds Cl, which the train set"):
        read_sets(sets, foundation=foundation, settings=SETTINGS)


def test_energies_in_other_units_are_refused(sets: dict[str, Path], foundation: Path) -> None:
    frames = read_frames(sets["train"], labelled=True)
    rng = np.random.default_rng(1)
    calculator = make_calculator(str(foundation))
    assert energy_offset(frames, predict(frames, calculator)).residual_eV_atom < 0.3
    for frame in frames:  # energies of other frames
        frame.info[keys.ENERGY] += len(frame) * rng.normal()
    with pytest.raises(MlipsseError, match="beyond a shift per element"):
        energy_offset(frames, predict(frames, calculator))


def test_contacts_are_no_part_of_the_offset(sets: dict[str, Path], foundation: Path) -> None:
    frames = read_frames(sets["train"], labelled=True)
    calculator = make_calculator(str(foundation))
    without = energy_offset(frames, predict(frames, calculator))
    contact = frames[0].copy()
    contact.info[keys.ENERGY] += 50.0
    contact.info[keys.ORIGIN] = "contact"
    both = [contact, *frames]
    assert energy_offset(both, predict(both, calculator)) == without
    del contact.info[keys.ORIGIN]
    with pytest.raises(MlipsseError, match="beyond a shift per element"):
        energy_offset(both, predict(both, calculator))
    contact.info[keys.ORIGIN] = "contact"
    with pytest.raises(MlipsseError, match="only frames of close contacts"):
        energy_offset([contact], predict([contact], calculator))


def test_offset_is_what_was_added(sets: dict[str, Path], foundation: Path) -> None:
    calculator = make_calculator(str(foundation))
    frames = read_frames(sets["train"], labelled=True)
    for frame in frames:
        frame.calc = calculator
        count = frame.get_chemical_symbols().count
        frame.info[keys.ENERGY] = frame.get_potential_energy() - 3 * count("Li") + count("Cl")
    offset = energy_offset(frames, predict(frames, calculator))
    assert offset.shift_eV == pytest.approx({"Li": -3.0, "Cl": 1.0}, abs=1e-5)
    assert offset.residual_eV_atom == pytest.approx(0, abs=1e-6)


def test_one_composition_fixes_one_shift_only(sets: dict[str, Path], foundation: Path) -> None:
    frames = [f for f in read_frames(sets["train"], labelled=True) if len(f) == 8]
    assert energy_offset(frames, predict(frames, make_calculator(str(foundation)))).rank == 1


def test_keys_of_ase_are_not_taken_for_labels(sets: dict[str, Path], foundation: Path) -> None:
    """The names that ASE writes by itself are moved into a calculator when read."""
    frames = read_frames(sets["train"], labelled=True)
    for frame in frames:
        frame.calc = make_calculator(str(foundation))
        frame.get_forces()
        del frame.arrays[keys.FORCES], frame.info[keys.ENERGY], frame.info[keys.STRESS]
    write(sets["train"], frames, format="extxyz")
    with pytest.raises(MlipsseError, match="has no REF_energy"):
        read_sets(sets, foundation=foundation, settings=SETTINGS)


def test_labels_of_two_functionals_are_refused(sets: dict[str, Path], foundation: Path) -> None:
    for name, source in {"train": "SCAN (VASP 6.4.2)", "valid": "SCAN (VASP 6.5.0)"}.items():
        frames = read_frames(sets[name], labelled=True)
        frames[1].info[keys.LABEL_SOURCE] = source
        write_frames(sets[name], frames)
    read_sets(sets, foundation=foundation, settings=SETTINGS)  # two releases of one program
    for name, source in {"train": "SCAN (VASP)", "valid": "PBE (VASP)"}.items():
        frames = read_frames(sets[name], labelled=True)
        frames[1].info[keys.LABEL_SOURCE] = source
        write_frames(sets[name], frames)
    with pytest.raises(MlipsseError, match=r"2 sources: «SCAN .*» in .*train.*; «PBE .*» in .*val"):
        read_sets(sets, foundation=foundation, settings=SETTINGS)


def test_fewer_frames_than_a_batch_are_refused(sets: dict[str, Path], foundation: Path) -> None:
    with pytest.raises(MlipsseError, match=r"holds 8 frames, fewer than a batch \(9\)"):
        read_sets(sets, foundation=foundation, settings=FineTuneSettings(batch_size=9))


def test_replay_of_another_functional_is_refused(sets: dict[str, Path], foundation: Path) -> None:
    calculator = make_calculator(str(foundation))
    frames = read_frames(sets["replay"], labelled=True)
    require_own_replay(predict(frames, calculator), sets)
    for frame in frames:
        frame.info[keys.ENERGY] -= 0.9 * len(frame)
    with pytest.raises(MlipsseError, match="replay_labels: foundation"):
        require_own_replay(predict(frames, calculator), sets)


def predicted(rng: np.random.Generator, factor: float = 1.0, order=range(6)) -> Predictions:
    """Labels that are a model's but for errors of a tenth, their stresses times a factor."""
    voigt = rng.normal(size=(30, 6)) / 100
    stress = np.stack([factor * voigt[:, list(order)], voigt])
    stress[0] += rng.normal(size=(30, 6)) * factor / 1000
    forces = rng.normal(size=(2, 360))
    forces[0] = forces[1] + rng.normal(size=360) / 10
    return Predictions(
        atoms=np.full(30, 4),
        energy_eV_atom=np.zeros((2, 30)),
        forces_eV_A=forces,
        stress_eV_A3=np.array([[voigt_6_to_full_3x3_stress(v) for v in s] for s in stress]).reshape(
            2, -1
        ),
        symbols=np.full(120, "Li"),
    )


@pytest.mark.parametrize(
    ("factor", "order", "sentence"),
    [
        (-1.0, range(6), "Stresses have the wrong sign"),
        (160.2, range(6), "Stresses are in GPa"),
        (1602.0, range(6), "Stresses are in kB"),
        (1.0, (0, 1, 2, 5, 3, 4), "VASP's order"),
        (1.0, (2, 1, 0, 5, 4, 3), "stand as"),
    ],
)
def test_replay_is_compared_in_forces_and_stress(factor, order, sentence) -> None:
    files = {"replay": Path("replay.extxyz")}
    require_own_replay(predicted(np.random.default_rng(0)), files)
    with pytest.raises(MlipsseError, match=sentence):
        require_own_replay(predicted(np.random.default_rng(0), factor, order), files)


@pytest.mark.parametrize(
    ("factor", "sentence"),
    [(-1.0, "Forces have the wrong sign"), (units.Bohr / units.Ha, "Forces are in Ha/bohr")],
)
def test_replay_with_other_forces(factor: float, sentence: str) -> None:
    predictions = predicted(np.random.default_rng(0))
    predictions.forces_eV_A[0] *= factor
    with pytest.raises(MlipsseError, match=sentence):
        require_own_replay(predictions, {"replay": Path("replay.extxyz")})


def test_multihead_without_replay_is_refused(sets: dict[str, Path], foundation: Path) -> None:
    del sets["replay"]
    with pytest.raises(MlipsseError, match="requires a replay set"):
        read_sets(sets, foundation=foundation, settings=SETTINGS)
    naive = FineTuneSettings(batch_size=4, strategy="naive")
    assert set(read_sets(sets, foundation=foundation, settings=naive)) == set(sets)


def test_a_molecule_is_refused(sets: dict[str, Path], foundation: Path) -> None:
    frames = read_frames(sets["train"], labelled=True)
    frames[3].pbc = [True, True, False]
    write_frames(sets["train"], frames)
    with pytest.raises(MlipsseError, match=r"frame 3 \(1 in all\) is not periodic"):
        read_sets(sets, foundation=foundation, settings=SETTINGS)


def test_one_frame_with_nan_is_named(sets: dict[str, Path], foundation: Path) -> None:
    frames = read_frames(sets["valid"], labelled=True)
    frames[2].arrays[keys.FORCES][0, 0] = np.nan
    write_frames(sets["valid"], frames)
    with pytest.raises(MlipsseError, match=r"Frame 2 of .*valid.*REF_forces: 1 of \d+ numbers"):
        read_sets(sets, foundation=foundation, settings=SETTINGS)


def test_a_missing_stress_is_named(sets: dict[str, Path], foundation: Path) -> None:
    frames = read_frames(sets["train"], labelled=True)
    del frames[5].info[keys.STRESS]
    write_frames(sets["train"], frames)
    with pytest.raises(MlipsseError, match=r"Frame 5 of .*has no REF_stress"):
        read_sets(sets, foundation=foundation, settings=SETTINGS)
