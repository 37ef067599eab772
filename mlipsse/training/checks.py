"""What must hold before a fine-tuning starts, and before its result may be called one.

mace-torch trains without complaint on files whose labels it did not find, switches multi-head
training off with a warning, and starts several eV/atom off when E0s are those of another
functional. Each is refused here.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms

from mlipsse import keys
from mlipsse.dataset.extxyz import read_frames
from mlipsse.energetics.calculators import check_species, make_calculator
from mlipsse.errors import MlipsseError
from mlipsse.training.learning_curve import LearningCurve
from mlipsse.training.metrics import Errors, Predictions
from mlipsse.training.settings import HEAD, REPLAY_HEAD

MAX_ENERGY_RMSE_EV_ATOM = 0.5
"""On the validation set; E0s that are off are off by more, a working fine-tuning by far less."""

MAX_OFFSET_RESIDUAL_EV_ATOM = 0.3
"""Of the training energies from the foundation's, less one shift per element. Functionals differ
by tens of meV/atom beyond such shifts; units, or energies of other frames, by far more."""

_SET_COUNTS = re.compile(r"Training set \d+/\d+ \[energy: (\d+), stress: (\d+), .*?forces: (\d+)")


def read_sets(files: Mapping[str, Path], *, foundation: Path) -> dict[str, list[Atoms]]:
    """Read labelled sets and refuse what would train on nothing.

    Parameters
    ----------
    files : name of the set (train, valid, test, replay) -> extxyz with labels under `mlipsse.keys`
    foundation : model whose elements bound those of the sets

    Raises
    ------
    MlipsseError
        when a set is missing or empty, lacks labels, has energies or forces that are all zero, or
        holds an element that the foundation model or, for valid and test, the train set lacks.
    """
    sets = {name: read_frames(path, labelled=True) for name, path in files.items()}
    for name, frames in sets.items():
        where = f"The {name} set {files[name]}"
        largest_force_eV_A = max(float(np.abs(f.arrays[keys.FORCES]).max()) for f in frames)
        if largest_force_eV_A == 0.0:
            raise MlipsseError(
                f"{where} has forces that are all zero, as constraints or a reader that did not "
                "find them leave behind. Label it again."
            )
        if all(frame.info[keys.ENERGY] == 0.0 for frame in frames):
            raise MlipsseError(f"{where} has energies that are all zero. Label it again.")
        species = _species(frames)
        try:
            check_species(str(foundation), species)
        except MlipsseError as error:
            raise MlipsseError(f"{where}: {error}") from error
        unseen = species - _species(sets["train"])
        if name in ("valid", "test") and unseen:
            raise MlipsseError(
                f"{where} holds {', '.join(sorted(unseen))}, which the train set "
                f"{files['train']} lacks. Add training frames with it, or take these frames out."
            )
    return sets


@dataclass(frozen=True)
class EnergyOffset:
    """Labels' energies less the foundation's, as one shift per element, by least squares.

    Attributes
    ----------
    shift_eV : element -> eV per atom; of least norm where `rank` is less than their number
    rank : independent combinations of elements in the training frames. Where it is less than the
        number of elements, energies of other compositions are not fixed by the labels.
    residual_eV_atom : root mean square of what the shifts do not explain
    """

    shift_eV: dict[str, float]
    rank: int
    residual_eV_atom: float


def energy_offset(frames: Sequence[Atoms], foundation: Predictions) -> EnergyOffset:
    """Fit the offset that `--E0s estimated` is going to take up, on frames of dynamics.

    Frames of close contacts (`keys.ORIGIN`) are left out: a foundation model that knows nothing of
    them is why they were made.

    Raises
    ------
    MlipsseError
        when shifts per element leave more than `MAX_OFFSET_RESIDUAL_EV_ATOM`.
    """
    counted = [k for k, f in enumerate(frames) if f.info.get(keys.ORIGIN) != "contact"]
    if not counted:
        raise MlipsseError("The train set holds frames of close contacts alone: add dynamics.")
    frames = [frames[k] for k in counted]
    elements = sorted(_species(frames))
    fractions = np.array(
        [[f.get_chemical_symbols().count(e) / len(f) for e in elements] for f in frames]
    )
    labels, predictions = foundation.energy_eV_atom[:, counted]
    shift, _, rank, _ = np.linalg.lstsq(fractions, labels - predictions, rcond=None)
    residual = labels - predictions - fractions @ shift
    residual_eV_atom = float(np.sqrt(np.mean(residual**2)))
    if not residual_eV_atom <= MAX_OFFSET_RESIDUAL_EV_ATOM:
        raise MlipsseError(
            f"The energies of the train set differ from the foundation model's by "
            f"{residual_eV_atom:.2f} eV/atom beyond a shift per element, more than "
            f"{MAX_OFFSET_RESIDUAL_EV_ATOM}: they are in other units, belong to other frames, or "
            "the foundation model knows nothing of these materials."
        )
    shifts = {element: float(value) for element, value in zip(elements, shift, strict=True)}
    return EnergyOffset(shift_eV=shifts, rank=int(rank), residual_eV_atom=residual_eV_atom)


def require_replay(model: Path, log: str) -> None:
    """Refuse a model whose training was not a multi-head one with replay.

    Raises
    ------
    MlipsseError
        when the replay head is missing from the model, or the log does not say that it was fed.
    """
    for head in (HEAD, REPLAY_HEAD):
        try:
            make_calculator(str(model), head=head)
        except MlipsseError as error:
            raise MlipsseError(
                f"Replay was off: the trained model has no head {head} ({error}). It would forget "
                f"what the foundation knew; it is not used. Look into the log of {model.parent}."
            ) from error
    fed = re.search(r"configurations in pretraining: train=(\d+)", log)
    if fed is None or int(fed[1]) == 0:
        raise MlipsseError(
            f"Replay was off: by its log the training of {model.parent} saw no replay frame. "
            "The model is not used."
        )


def require_labels_read(log: str, *, n_train: int) -> None:
    """Refuse a training that did not find energy, forces and stress of every training frame.

    Parameters
    ----------
    log : of mace_run_train, which counts the labels it found in each training set
    n_train : frames of the new head's training set

    Raises
    ------
    MlipsseError
        with what was found against what there is.
    """
    found = [tuple(int(number) for number in match) for match in _SET_COUNTS.findall(log)]
    whole = bool(found) and all(min(counts) == max(counts) > 0 for counts in found)
    if not whole or n_train not in {counts[0] for counts in found}:
        told = "; ".join("{} energies, {} stresses, {} forces".format(*c) for c in found) or "none"
        raise MlipsseError(
            f"Labels were not read: of {n_train} training frames mace-torch's log counts, set by "
            f"set: {told}, under the keys {keys.ENERGY}, {keys.STRESS} and {keys.FORCES}. "
            "The model is not used."
        )


def require_learning(curve: LearningCurve, valid: Errors) -> None:
    """Refuse a training that learned nothing or whose isolated-atom energies are off.

    Raises
    ------
    MlipsseError
        when the loss is zero or not finite, or the energies of the validation set are off by more
        than `MAX_ENERGY_RMSE_EV_ATOM`.
    """
    losses = np.array(curve.loss)
    if not len(losses) or not np.isfinite(losses).all() or (losses == 0).all():
        raise MlipsseError(
            f"Nothing was learned: the validation losses are {curve.loss[:3]}... . The labels were "
            "not read, or the training diverged (lower finetune.learning_rate)."
        )
    if valid.energy_rmse_meV_atom > 1000 * MAX_ENERGY_RMSE_EV_ATOM:
        raise MlipsseError(
            f"The energies of the validation set are off by {valid.energy_rmse_meV_atom:.0f} "
            f"meV/atom, more than {1000 * MAX_ENERGY_RMSE_EV_ATOM:.0f}: the isolated-atom energies "
            "are those of another functional. Use e0s = estimated, and more training frames of "
            "different compositions."
        )


def require_better(valid: Errors, foundation: Errors) -> None:
    """Refuse a model whose validation forces are no better than those of the foundation.

    Raises
    ------
    MlipsseError
        with both numbers.
    """
    if not valid.force_rmse_meV_A < foundation.force_rmse_meV_A:
        raise MlipsseError(
            f"Fine-tuning made nothing better: forces on the validation set are off by "
            f"{valid.force_rmse_meV_A:.0f} meV/Å, by {foundation.force_rmse_meV_A:.0f} before. "
            "Train for more epochs or with more frames, or use the foundation model as it is."
        )


def _species(frames: Sequence[Atoms]) -> set[str]:
    return {symbol for frame in frames for symbol in frame.get_chemical_symbols()}
