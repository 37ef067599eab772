"""Every refusal is a sentence."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.io import write

from mlipsse import keys
from mlipsse.dataset.extxyz import read_frames, write_frames
from mlipsse.energetics.calculators import make_calculator
from mlipsse.errors import MlipsseError
from mlipsse.training.checks import (
    energy_offset,
    read_sets,
    require_better,
    require_labels_read,
    require_learning,
    require_replay,
)
from mlipsse.training.learning_curve import LearningCurve
from mlipsse.training.metrics import Errors, predict

READ = "Training set 1/1 [energy: {0}, stress: {0}, virials: 0, forces: {0}, charges: 0]\n"


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
        (zero_forces, "forces that are all zero"),
        (zero_energy, "energies that are all zero"),
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
        read_sets(sets, foundation=foundation)
    assert str(sets[name]) in str(refusal.value)


def test_an_empty_replay_set_is_refused(sets: dict[str, Path], foundation: Path) -> None:
    sets["replay"].write_text("")
    with pytest.raises(MlipsseError, match="replay"):
        read_sets(sets, foundation=foundation)


def test_a_test_set_of_elements_never_trained_on_is_refused(
    sets: dict[str, Path], foundation: Path
) -> None:
    frames = read_frames(sets["train"], labelled=True)
    for frame in frames:
        frame.symbols[:] = "Li"
    write_frames(sets["train"], frames)
    with pytest.raises(MlipsseError, match="holds Cl, which the train set"):
        read_sets(sets, foundation=foundation)


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
    with pytest.raises(MlipsseError, match="contacts alone"):
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


def test_a_model_without_replay_head_is_refused(foundation: Path) -> None:
    with pytest.raises(MlipsseError, match=r"Replay was off.*no head pt_head"):
        require_replay(foundation, "configurations in pretraining: train=9, valid=1")


@pytest.mark.parametrize(
    "log", ["", READ.format(0), READ.format(5), READ.format(8).replace("forces: 8", "forces: 0")]
)
def test_labels_that_mace_did_not_find_are_refused(log: str) -> None:
    require_labels_read(READ.format(8), n_train=8)
    with pytest.raises(MlipsseError, match="of 8 training frames"):
        require_labels_read(log, n_train=8)


@pytest.mark.parametrize("losses", [[], [0.0, 0.0], [0.1, float("nan")]])
def test_a_training_without_a_loss_is_refused(losses: list[float]) -> None:
    nothing = [0.0] * len(losses)
    curve = LearningCurve(list(range(len(losses))), losses, nothing, nothing, nothing)
    with pytest.raises(MlipsseError, match="Nothing was learned"):
        require_learning(curve, Errors(1, 1, 1))


def test_energies_far_off_are_refused() -> None:
    curve = LearningCurve([0], [0.1], [5000.0], [50.0], [1.0])
    with pytest.raises(MlipsseError, match="5000 meV/atom"):
        require_learning(curve, Errors(5000, 50, 1))


def test_a_model_no_better_than_the_foundation_is_refused() -> None:
    require_better(Errors(1, 60, 1), Errors(1, 150, 1))
    with pytest.raises(MlipsseError, match="off by 150 meV/Å, by 150 before"):
        require_better(Errors(1, 150, 1), Errors(1, 150, 1))


def test_keys_of_ase_are_not_taken_for_labels(sets: dict[str, Path], foundation: Path) -> None:
    """The names that ASE writes by itself are moved into a calculator when read."""
    frames = read_frames(sets["train"], labelled=True)
    for frame in frames:
        frame.calc = make_calculator(str(foundation))
        frame.get_forces()
        del frame.arrays[keys.FORCES], frame.info[keys.ENERGY], frame.info[keys.STRESS]
    write(sets["train"], frames, format="extxyz")
    with pytest.raises(MlipsseError, match="has no REF_energy"):
        read_sets(sets, foundation=foundation)
