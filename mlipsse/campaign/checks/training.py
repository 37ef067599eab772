"""What would stop the training: foundation, replay set, options, too few frames or trajectories."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from ase import Atoms

from mlipsse import keys
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.errors import MlipsseError

LOOKED_AT = 50
"""Frames of a replay set that are read: a set of another format or without labels shows by then."""

_LEAST_TRAJECTORIES = 3


def foundation_problems(campaign: Campaign) -> Iterator[str]:
    """Sentences about the foundation's kind and its replay set."""
    from mlipsse.campaign.stages.finetune.foundation import find_foundation

    config = campaign.config.finetune
    try:
        found = find_foundation(campaign)
    except MlipsseError as error:
        text = str(error)
        yield text if text.startswith("finetune") else f"finetune.foundation: {text}"
        return
    if found.replay is not None and config.replay is not None:
        try:
            _look_at_replay(found.replay, labelled=config.replay_labels == "given")
        except MlipsseError as error:
            yield f"finetune.replay: {error}"


def option_problems(campaign: Campaign) -> Iterator[str]:
    """Sentences about options of mace_run_train and isolated-atom energies."""
    from mlipsse.training.command import check_options

    config = campaign.config.finetune
    for name, value in config.options.items():
        try:
            check_options({name: value})
        except MlipsseError as error:
            yield f"finetune.options: {error}"
    if not isinstance(config.e0s, str):
        missing = sorted(campaign.config.enumerate.elements - set(config.e0s))
        if missing:
            yield (
                f"finetune.e0s contains no energy of {', '.join(missing)}. Add it, or set "
                "finetune.e0s: estimated."
            )


def size_problems(campaign: Campaign) -> Iterator[str]:
    """Sentences where even the most that can be sampled is too little to split or to train on."""
    config = campaign.config
    if config.label.given_file is not None or config.select.draw == "boltzmann":
        return  # nothing is sampled, or the number of drawn orderings is unknown
    sample = config.sample
    starts = (
        len(config.enumerate.compositions)
        * len(config.enumerate.supercells)
        * config.select.structures
    )
    trajectories = starts * len(sample.temperatures_K) + (starts if sample.contact_frames else 0)
    if starts * len(sample.temperatures_K) < _LEAST_TRAJECTORIES:
        yield (
            f"sample: there are at most {starts * len(sample.temperatures_K)} trajectories "
            "(compositions x supercells x select.structures x sample.temperatures_K), but the "
            f"train, valid and test sets require {_LEAST_TRAJECTORIES}. Raise select.structures, "
            "or add temperatures."
        )
        return
    frames = starts * (len(sample.temperatures_K) * sample.frames + sample.contact_frames)
    batch = config.finetune.batch_size
    if frames < batch:
        yield (
            f"finetune.batch_size is {batch}, but {trajectories} trajectories give at most "
            f"{frames} frames, and mace-torch would train on none. Lower finetune.batch_size, or "
            "raise sample.frames."
        )


def _look_at_replay(path: Path, *, labelled: bool) -> None:
    """Read the first frames as the stage will read all of them.

    Raises
    ------
    MlipsseError
        when they cannot be read, have no labels, or are not periodic.
    """
    from ase.io import iread

    from mlipsse.dataset.frames.extxyz import parse_properties

    own: Any = {"format": "extxyz", "properties_parser": parse_properties} if labelled else {}
    try:
        frames: list[Atoms] = list(islice(iread(path, index=":", **own), LOOKED_AT))
    except Exception as error:  # ASE raises whatever its reader runs into
        raise MlipsseError(f"{path} cannot be read ({type(error).__name__}: {error}).") from error
    if not frames:
        raise MlipsseError(f"{path} holds no structure.")
    for index, frame in enumerate(frames):
        lacking = [
            key
            for key, there in (
                (keys.ENERGY, keys.ENERGY in frame.info),
                (keys.FORCES, keys.FORCES in frame.arrays),
                (keys.STRESS, keys.STRESS in frame.info),
            )
            if labelled and not there
        ]
        if lacking:
            raise MlipsseError(
                f"frame {index} of {path} has no {', '.join(lacking)}. Bring the file to these "
                "names with `mlipsse dataset normalise`, or set replay_labels: foundation."
            )
        if not frame.pbc.all():
            raise MlipsseError(
                f"frame {index} of {path} ({frame.get_chemical_formula()}) is not periodic in all "
                "directions and thus has no stress. Remove the frame, or add a cell."
            )
