"""What must hold before a training starts.

mace-torch trains without complaint on files whose labels it did not find, on replay of another
functional, on fewer frames than a batch, and starts several eV/atom off when E0s are those of
another functional. Each is refused here.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from ase import Atoms

from mlipsse import keys
from mlipsse.dataset.check.findings.against_model import disagreements
from mlipsse.dataset.frames.energy_offset import species_of
from mlipsse.dataset.frames.extxyz import read_frames
from mlipsse.dataset.frames.predictions import Predictions
from mlipsse.energetics.potentials.calculators import check_species
from mlipsse.errors import MlipsseError
from mlipsse.training.settings import FineTuneSettings

MAX_REPLAY_OFFSET_EV_ATOM = 0.3
"""Mean offset of the replay set's energies from the foundation's. What a foundation model learned
it knows to tens of meV/atom; energies of another functional or code are off by electron-volts."""

NEW_LABELS = ("train", "valid", "test")

_VERSION = re.compile(r"\b(VASP|CP2K) [\w.]+")
"""In a label's source: two releases of a program are one functional."""


def read_sets(
    files: Mapping[str, Path], *, foundation: Path | None, settings: FineTuneSettings
) -> dict[str, list[Atoms]]:
    """Read labelled sets and refuse what would train on nothing, or on two things at once.

    Parameters
    ----------
    files : name of the set (train, valid, test, replay) -> extxyz with labels under `mlipsse.keys`
    foundation : model whose elements bound those of the sets; None bounds them by nothing

    Raises
    ------
    MlipsseError
        when a set is missing or empty, lacks labels, has energies or forces that are all zero,
        or holds an element that the foundation model or, for valid and test, the train set lacks;
        when the new labels come from several sources; when there are fewer frames than a batch;
        when replay is needed and not there.
    """
    if settings.strategy == "multihead" and "replay" not in files:
        raise MlipsseError(
            "Multi-head fine-tuning requires a replay set; without one the model forgets what the "
            "foundation learned. Give one, or choose strategy naive."
        )
    sets = {name: read_frames(path, labelled=True) for name, path in files.items()}
    for name, frames in sets.items():
        where = f"The {name} set {files[name]}"
        _check_labels(frames, where)
        species = species_of(frames)
        if foundation is not None:
            try:
                check_species(str(foundation), species)
            except MlipsseError as error:
                raise MlipsseError(f"{where}: {error}") from error
        unseen = species - species_of(sets["train"])
        if name in ("valid", "test") and unseen:
            raise MlipsseError(
                f"{where} holds {', '.join(sorted(unseen))}, which the train set {files['train']} "
                "lacks. Add training frames with these elements, or remove the frames."
            )
    _check_one_source(sets, files)
    n_train = len(sets["train"])
    if n_train < settings.batch_size:
        raise MlipsseError(
            f"The train set {files['train']} holds {n_train} frames, fewer than a batch "
            f"({settings.batch_size}), and mace-torch would skip them all. Lower batch_size to at "
            f"most {n_train}, or label more frames."
        )
    return sets


def _check_labels(frames: Sequence[Atoms], where: str) -> None:
    largest_force_eV_A = max(float(np.abs(f.arrays[keys.FORCES]).max()) for f in frames)
    if largest_force_eV_A == 0.0:
        raise MlipsseError(
            f"{where} has only zero forces, as after constraints or a reader that found none. "
            "Label it again."
        )
    if all(frame.info[keys.ENERGY] == 0.0 for frame in frames):
        raise MlipsseError(f"{where} has only zero energies. Label it again.")
    open_frames = [index for index, frame in enumerate(frames) if not frame.pbc.all()]
    if open_frames:
        raise MlipsseError(
            f"{where}: frame {open_frames[0]} ({len(open_frames)} in all) is not periodic in all "
            "directions and thus has no stress. Remove such frames, or add a cell."
        )


def _check_one_source(sets: Mapping[str, Sequence[Atoms]], files: Mapping[str, Path]) -> None:
    """One head learns one functional."""
    where: dict[str, str] = {}
    for name in NEW_LABELS:
        for frame in sets[name]:
            source = frame.info.get(keys.LABEL_SOURCE)
            if source is not None:
                where.setdefault(_VERSION.sub(r"\1", str(source)), f"{files[name]}")
    if len(where) > 1:
        listed = "; ".join(f"«{source}» in {path}" for source, path in where.items())
        raise MlipsseError(
            f"The labels come from {len(where)} sources: {listed}. One head learns one functional. "
            "Label all frames by one source."
        )


def require_same_forces(foundation: Predictions, file: Path) -> None:
    """Refuse labels whose forces or stresses are the foundation's in another unit, sign or order.

    Parameters
    ----------
    foundation : its predictions for the set

    Raises
    ------
    MlipsseError
        with what is turned, and how it shows.
    """
    faults = disagreements(foundation)
    if faults:
        raise MlipsseError(
            f"The set {file} disagrees with the foundation model. {' '.join(faults)} Convert it "
            "to eV/Å and eV/Å³, positive under tension (`mlipsse dataset normalise`)."
        )


def require_own_replay(foundation: Predictions, files: Mapping[str, Path]) -> None:
    """Refuse a replay set whose energies, forces or stresses are not the foundation's.

    Parameters
    ----------
    foundation : its predictions for the replay set
    files : of the sets, for the sentence

    Raises
    ------
    MlipsseError
        when energies are off by more than `MAX_REPLAY_OFFSET_EV_ATOM` on average, or forces or
        stresses are in another unit, sign or order.
    """
    offset_eV_atom = foundation.errors.energy_mae_meV_atom / 1000
    if not offset_eV_atom <= MAX_REPLAY_OFFSET_EV_ATOM:
        raise MlipsseError(
            f"The energies of the replay set {files['replay']} differ from the foundation model's "
            f"by {offset_eV_atom:.2f} eV/atom on average, more than {MAX_REPLAY_OFFSET_EV_ATOM}: "
            "they belong to another functional or code. Give frames of the foundation's own "
            "training, or let the foundation label the structures (replay_labels: foundation)."
        )
    require_same_forces(foundation, files["replay"])
