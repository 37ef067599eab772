"""Replay frames that are trained on, that are watched, and that are held out."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from ase import Atoms

from mlipsse.dataset.frames.extxyz import write_frames
from mlipsse.errors import MlipsseError

_HELD_OUT = 0.1
"""Share that is held out, and share that is watched."""

_FEWEST = 3


class ReplaySplit(NamedTuple):
    """Places of frames in the replay set, ascending.

    Attributes
    ----------
    train : trained on
    valid : watched
    held_out : neither, for the measure of forgetting
    """

    train: list[int]
    valid: list[int]
    held_out: list[int]


def split_replay(n_frames: int, *, seed: int) -> ReplaySplit:
    """A tenth held out, a tenth watched (at least one frame each), drawn at random.

    Raises
    ------
    MlipsseError
        with fewer than three frames.
    """
    if n_frames < _FEWEST:
        raise MlipsseError(
            f"The replay set contains {n_frames} frames, but at least {_FEWEST} are required: for "
            "training, validation and test. Give a few hundred."
        )
    share = max(1, round(_HELD_OUT * n_frames))
    order = np.random.default_rng(seed).permutation(n_frames).tolist()
    parts = order[2 * share :], order[share : 2 * share], order[:share]
    return ReplaySplit(*(sorted(part) for part in parts))


def write_split(frames: Sequence[Atoms], split: ReplaySplit, *, folder: Path) -> dict[str, Path]:
    """Files of the frames that mace-torch is given: `replay` and `replay_valid`."""
    files = {}
    for name, indices in {"replay": split.train, "replay_valid": split.valid}.items():
        files[name] = folder / f"{name}.extxyz"
        write_frames(files[name], [frames[index] for index in indices])
    return files
