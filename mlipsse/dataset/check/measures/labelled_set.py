"""Frames of one or several files, with the split each belongs to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from ase import Atoms

from mlipsse import keys
from mlipsse.dataset.frames.extxyz import read_frames
from mlipsse.dataset.frames.isolated import is_isolated
from mlipsse.dataset.frames.label_names import LabelNames, labels_by_house_keys


@dataclass(frozen=True, eq=False)
class LabelledSet:
    """Frames to be checked; labels that there are lie under `mlipsse.keys`.

    Attributes
    ----------
    frames : in the order of the files
    splits : (n_frames) train, valid or test
    places : (n_frames) file and number of the frame, for sentences
    taken_from : file -> what its labels were taken from, in words
    """

    frames: Sequence[Atoms]
    splits: Sequence[str]
    places: Sequence[str]
    taken_from: Mapping[str, Mapping[str, str]]

    @cached_property
    def isolated(self) -> list[int]:
        """Indices of isolated atoms (`dataset.frames.isolated`), not of one-atom crystals."""
        return [k for k, frame in enumerate(self.frames) if is_isolated(frame)]

    @cached_property
    def crystals(self) -> list[int]:
        """Indices of all other frames."""
        alone = set(self.isolated)
        return [k for k in range(len(self.frames)) if k not in alone]

    @cached_property
    def finite(self) -> list[bool]:
        """Whether all labels that a frame has, and its positions and cell, are finite."""
        return [
            all(
                np.isfinite(values).all() for values in (*labels(frame).values(), *_geometry(frame))
            )
            for frame in self.frames
        ]

    @cached_property
    def sound(self) -> list[int]:
        """Indices of crystals with energy and forces, all finite: what the other checks look at."""
        return [
            k
            for k in self.crystals
            if self.finite[k] and {keys.ENERGY, keys.FORCES} <= set(labels(self.frames[k]))
        ]

    @cached_property
    def typical(self) -> list[int]:
        """Those of `sound` that are not made to be unusual (`keys.ORIGIN` contact)."""
        return [k for k in self.sound if self.frames[k].info.get(keys.ORIGIN) != "contact"]

    def at(self, indices: Sequence[int]) -> list[str]:
        """Places of frames."""
        return [self.places[k] for k in indices]


def labels(frame: Atoms) -> dict[str, np.ndarray]:
    """Labels that a frame has, by `mlipsse.keys`: energy (), forces (n_atoms, 3), stress (6,)."""
    stored = {**frame.info, **frame.arrays}
    names = (keys.ENERGY, keys.FORCES, keys.STRESS)
    return {name: np.asarray(stored[name], dtype=float) for name in names if name in stored}


def composition(frame: Atoms) -> str:
    """Reduced formula."""
    formula: str = frame.get_chemical_formula(mode="hill", empirical=True)
    return formula


def read_labelled_set(
    files: Mapping[str, Sequence[Path]], *, names: LabelNames | None = None
) -> LabelledSet:
    """Read files, split by split; labels that are missing or not finite are no error here.

    Raises
    ------
    MlipsseError
        when a file cannot be read, or its labels are ambiguous.
    """
    frames: list[Atoms] = []
    splits: list[str] = []
    places: list[str] = []
    taken_from = {}
    for split, paths in files.items():
        for path in paths:
            found, taken_from[str(path)] = labels_by_house_keys(
                read_frames(path, labelled=False), names or LabelNames(), where=str(path)
            )
            frames += found
            splits += [split] * len(found)
            places += [f"{path.name} #{index}" for index in range(len(found))]
    return LabelledSet(frames, splits, places, taken_from)


def _geometry(frame: Atoms) -> tuple[np.ndarray, np.ndarray]:
    return frame.positions, frame.cell[:]
