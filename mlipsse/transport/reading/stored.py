"""Positions on disk that are sliced like an array."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mlipsse.errors import MlipsseError


@dataclass(frozen=True, eq=False)
class StoredPositions:
    """Positions on disk that are sliced like an array: `stored[start:stop, ions]`.

    Frames are given by a number or a slice, atoms by a number, a slice, indices or a mask; what is
    read is an array. Slices of atoms are as cheap as slices of frames.

    Attributes
    ----------
    path : of the HDF5 file
    shape : (n_frames, n_atoms, 3)
    """

    path: Path
    shape: tuple[int, int, int]
    _dataset: Any

    dtype = np.dtype(np.float64)
    ndim = 3

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def nbytes(self) -> int:
        """Memory that all positions would take, bytes."""
        return 8 * int(np.prod(self.shape))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self[:], dtype=dtype)

    def __getitem__(self, key: Any) -> np.ndarray:
        key = key if isinstance(key, tuple) else (key,)
        dotted = [part is Ellipsis for part in key]
        if any(dotted):
            place = dotted.index(True)
            every = [slice(None)] * (4 - len(key))
            key = (*key[:place], *every, *key[place + 1 :])
        frames, atoms, *rest = (*key, slice(None)) if len(key) == 1 else key
        n_frames, n_atoms = self.shape[:2]
        if not isinstance(frames, slice | int | np.integer):
            frames = _as_slice(np.arange(n_frames)[frames])
        backwards = isinstance(frames, slice) and (frames.step or 1) < 0
        if backwards:
            return np.asarray(self[:, atoms][(frames, *[slice(None)] * bool(rest), *rest)])
        wanted = np.arange(n_atoms)[atoms]
        try:
            if wanted.ndim == 0:
                found = self._dataset[frames, int(wanted)]
            else:
                found = self._columns(frames, wanted)
        except OSError as error:
            raise MlipsseError(
                f"{self.path} is damaged ({error}): remove it, and it is made again."
            ) from error
        found = np.asarray(found, dtype=np.float64)
        return found[(..., *rest)] if rest else found

    def _columns(self, frames: Any, wanted: np.ndarray) -> np.ndarray:
        """Atoms chunk by chunk: HDF5 takes long over single indices, and numpy does not."""
        if len(wanted) and (np.diff(wanted) == 1).all():
            return np.asarray(self._dataset[frames, wanted[0] : wanted[-1] + 1])
        one = isinstance(frames, int | np.integer)
        n_frames = 1 if one else len(range(*frames.indices(self.shape[0])))
        found = np.empty((n_frames, len(wanted), 3))
        chunk = self._dataset.chunks[1]
        for number in np.unique(wanted // chunk):
            places = np.flatnonzero(wanted // chunk == number)
            piece = self._dataset[frames, number * chunk : (number + 1) * chunk]
            found[:, places] = piece.reshape(n_frames, -1, 3)[:, wanted[places] - number * chunk]
        return found[0] if one else found


def _as_slice(numbers: np.ndarray) -> slice:
    steps = np.unique(np.diff(numbers))
    if numbers.ndim == 1 and len(numbers) and len(steps) <= 1 and (steps > 0).all():
        step = int(steps[0]) if len(steps) else 1
        return slice(int(numbers[0]), int(numbers[-1]) + 1, step)
    raise MlipsseError("Frames on disk are sliced by a number or an even slice.")
