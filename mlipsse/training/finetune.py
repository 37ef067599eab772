"""Fine-tuning: checked before, trained, measured, and judged."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ase import Atoms

from mlipsse import keys
from mlipsse.dataset.frames.energy_offset import EnergyOffset, energy_offset, species_of
from mlipsse.dataset.frames.evaluation import predict
from mlipsse.dataset.frames.extxyz import read_frames
from mlipsse.dataset.frames.predictions import Predictions, errors_by
from mlipsse.energetics.potentials.calculators import check_species
from mlipsse.energetics.potentials.catalogue import find_potential
from mlipsse.energetics.potentials.loaded_mace import LoadedMace, elements, load_mace
from mlipsse.energetics.potentials.mace_model import head_names, load_mace_model
from mlipsse.errors import MlipsseError
from mlipsse.files import write_aside
from mlipsse.training import judgement
from mlipsse.training.architecture import options_like
from mlipsse.training.checks import (
    NEW_LABELS,
    read_sets,
    require_own_replay,
    require_same_forces,
)
from mlipsse.training.command import Job, check_options, train_command
from mlipsse.training.isolated_atoms import (
    head_energies,
    isolated_atom_energies,
    set_energies,
)
from mlipsse.training.replay_set.split import split_replay, write_split
from mlipsse.training.result import FailedTraining, FineTuned, failed_name
from mlipsse.training.settings import (
    HEAD,
    REPLAY_HEAD,
    FineTuneLimits,
    FineTuneSettings,
    Training,
)
from mlipsse.training.trainer import learning_curve, train_model, training_log

GROUPS = {"composition": keys.COMPOSITION, "temperature_K": "temperature_K"}
"""Grouping of errors -> key in `info`."""


def fine_tune(
    training: Training,
    *,
    folder: Path,
    out: Path,
    threads: int = 1,
) -> FineTuned:
    """Train on labelled sets, keeping the foundation's labels alive by replay.

    A training that was killed goes on from its best whole checkpoint when called again with the
    same arguments; with others it starts afresh. Model files are pickles, which run code when
    loaded.

    Parameters
    ----------
    folder : of the training's own files; nothing else may write there
    out : where the model of the best epoch is put, in one step
    threads : for torch

    Raises
    ------
    FailedTraining
        when the result may not be called a fine-tuning, with all that was measured.
    MlipsseError
        when a set or the foundation model will not do, or the training breaks off.
    """
    prepared = _prepare(training, folder=folder)
    trained = train_model(prepared.job, folder=folder, threads=threads)
    result = _measure(trained, prepared, folder=folder, limits=training.limits, out=out)
    failed = failed_name(out)
    for path in (out, failed):
        path.unlink(missing_ok=True)
    with write_aside(result.model) as aside:
        shutil.copyfile(trained, aside)
    if result.failures:
        raise FailedTraining(result)
    return result


@dataclass(frozen=True, eq=False, kw_only=True)
class _Prepared:
    """What is known before the training.

    Attributes
    ----------
    frames : train, valid, test, and held-out replay where there is any
    foundation : its predictions for the same; empty without one
    offset : None without a foundation
    n_replay : replay frames that are trained on
    """

    job: Job
    frames: Mapping[str, Sequence[Atoms]]
    foundation: Mapping[str, Predictions]
    offset: EnergyOffset | None
    n_replay: int


def _prepare(training: Training, *, folder: Path) -> _Prepared:
    sets, foundation, settings = training.sets, training.foundation, training.settings
    check_options(settings.options)
    scratch = settings.strategy == "scratch"
    if scratch and not _knows(foundation, sets, settings):
        foundation = None
        sets = {part: path for part, path in sets.items() if part != "replay"}
    if foundation is None and not scratch:
        raise MlipsseError(
            f"Strategy {settings.strategy} requires a foundation model. Name one, or choose "
            "strategy scratch."
        )
    frames = read_sets(sets, foundation=foundation, settings=settings)
    files = {part: sets[part] for part in ("train", "valid")}
    mace, offset, n_replay = None, None, 0
    predictions: dict[str, Predictions] = {}
    if foundation is not None:
        mace = _load(foundation, settings, head=settings.foundation_head)
        predictions = {part: predict(some, mace) for part, some in frames.items()}
        offset = energy_offset(frames["train"], predictions["train"])
        require_same_forces(predictions["train"], sets["train"])
    if mace is not None and "replay" in frames:
        require_own_replay(predictions["replay"], sets)
        replay = frames["replay"]
        split = split_replay(len(replay), seed=settings.seed)
        if settings.strategy == "multihead":
            files |= write_split(replay, split, folder=folder)
            n_replay = len(split.train)
        frames |= {"replay": [replay[index] for index in split.held_out]}
        predictions |= {"replay": predict(frames["replay"], mace)}
    species = {symbol for frame in frames["train"] for symbol in frame.symbols}
    e0s_eV = isolated_atom_energies(settings, mace, offset, species=species)
    return _Prepared(
        job=Job(
            sets=files,
            foundation=None
            if scratch or foundation is None
            else _start_from(foundation, settings, e0s_eV, folder=folder),
            e0s_eV=e0s_eV,
            settings=settings,
            architecture=_architecture(settings, mace) if scratch else {},
        ),
        frames=frames,
        foundation=predictions,
        offset=offset,
        n_replay=n_replay,
    )


def _knows(foundation: Path | None, sets: Mapping[str, Path], settings: FineTuneSettings) -> bool:
    """Whether a model from scratch can be compared with a foundation.

    Raises
    ------
    MlipsseError
        when it cannot and its architecture is that of the foundation.
    """
    if foundation is None:
        return False
    if settings.architecture == "foundation":
        return True  # what is wrong with the foundation stops the training
    try:
        for part in NEW_LABELS:
            species = species_of(read_frames(sets[part], labelled=True))
            check_species(str(foundation), species)
    except MlipsseError:
        return False
    return True


def _architecture(settings: FineTuneSettings, mace: LoadedMace | None) -> Mapping[str, Any]:
    """Options of mace_run_train for a model from scratch."""
    if settings.architecture != "foundation":
        return settings.architecture.options
    if mace is None:
        raise MlipsseError(
            "architecture: foundation requires a foundation model. Name one, or give the "
            "architecture in numbers."
        )
    return options_like(mace.model)


def _measure(
    trained: Path, prepared: _Prepared, *, folder: Path, limits: FineTuneLimits, out: Path
) -> FineTuned:
    settings, frames = prepared.job.settings, prepared.frames
    heads = head_names(load_mace_model(trained))
    new_head = _load(trained, settings, head=HEAD)
    new = {part: predict(frames[part], new_head) for part in NEW_LABELS}
    errors = {part: prediction.errors for part, prediction in new.items()}
    foundation_errors = {part: some.errors for part, some in prepared.foundation.items()}
    replay_test = _predict_replay(trained, settings, heads, frames.get("replay", ()))
    replay_errors = replay_test.errors if replay_test else None
    before = foundation_errors.pop("replay", None)
    curve = learning_curve(folder, settings)
    log = training_log(folder)
    own_e0s_eV = head_energies(new_head)
    checks = [
        judgement.check_labels_read(log, n_train=len(frames["train"])),
        judgement.check_heads(heads, log, settings=settings, n_replay=prepared.n_replay),
        judgement.check_isolated_atoms(own_e0s_eV, prepared.job.e0s_eV or own_e0s_eV),
        judgement.check_learning(curve, errors["valid"], limits),
        judgement.check_energy_offset(errors["valid"], limits),
        judgement.check_better(
            errors["valid"],
            foundation_errors.get("valid"),
            settings=settings,
            stress_rms_meV_A3=new["valid"].stress_rms_meV_A3,
        ),
        judgement.check_softening(new["test"].softening, settings=settings, limits=limits),
        judgement.check_forgetting(
            before,
            replay_errors,
            force_rms_meV_A=replay_test.force_rms_meV_A if replay_test else 0.0,
            stress_rms_meV_A3=replay_test.stress_rms_meV_A3 if replay_test else 0.0,
            settings=settings,
            limits=limits,
        ),
    ]
    return FineTuned(
        model=failed_name(out) if judgement.failures(checks) else out,
        strategy=settings.strategy,
        heads=heads,
        errors=errors,
        foundation_errors=foundation_errors,
        grouped_errors={
            part: {name: errors_by(frames[part], new[part], key) for name, key in GROUPS.items()}
            for part in ("valid", "test")
        },
        replay_errors=replay_errors,
        foundation_replay_errors=before,
        offset=prepared.offset,
        e0s_eV=own_e0s_eV,
        test=new["test"],
        replay_test=replay_test,
        curve=curve,
        replay_curve=learning_curve(folder, settings, head=REPLAY_HEAD),
        checks=checks,
        command=train_command(prepared.job, folder=folder),
    )


def _predict_replay(
    trained: Path, settings: FineTuneSettings, heads: Sequence[str], frames: Sequence[Atoms]
) -> Predictions | None:
    """By the replay head, or the only one; None where there are no frames it knows all atoms of."""
    if not frames:
        return None
    mace = _load(trained, settings, head=REPLAY_HEAD if REPLAY_HEAD in heads else HEAD)
    known = {symbol for frame in frames for symbol in frame.symbols} <= elements(mace.model)
    return predict(frames, mace) if known else None


def _load(model: Path, settings: FineTuneSettings, *, head: str | None) -> LoadedMace:
    return load_mace(
        find_potential(str(model)), device=settings.device, dtype=settings.dtype, head=head
    )


def _start_from(
    foundation: Path,
    settings: FineTuneSettings,
    e0s_eV: Mapping[str, float] | None,
    *,
    folder: Path,
) -> Path:
    """The foundation, or a copy that mace-torch (0.3.16) starts from as it should.

    Its loader of weights wants the dtype of the training; and training one head it keeps the
    foundation's isolated-atom energies, whatever its log states, so that they must be in the file.
    """
    import torch

    model = load_mace_model(foundation)
    wanted = getattr(torch, settings.dtype)
    naive = settings.strategy == "naive" and e0s_eV is not None
    if next(model.parameters()).dtype == wanted and not naive:
        return foundation
    model = model.to(wanted)
    if naive and e0s_eV is not None:
        set_energies(model, e0s_eV)
    copy = folder / f"start-{settings.dtype}.model"
    with write_aside(copy) as aside, aside.open("wb") as stream:
        torch.save(model, stream)
    return copy
