"""Time series of ions and their Fourier transforms, to be had a few ions at a time."""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np

from mlipsse.errors import MlipsseError

GROUP_IONS = 64
"""Ions gathered at once from all frames: what lies between two frames' pieces is not read."""

BLOCK_IONS = 16
"""Ions transformed at once: their series and spectra stay near the processor."""

Found = TypeVar("Found")


@dataclass(frozen=True, eq=False)
class IonSeries:
    """Time series of ions, less the drift and each its own mean.

    Parameters
    ----------
    positions : (n_frames, n_atoms, 3), Å, unwrapped; an array, or what is sliced like one
    ions : (n_ions,) int, which of the atoms
    drift_A : (n_frames, 3) float64

    Raises
    ------
    MlipsseError
        without ions, or with fewer than two frames.
    """

    positions: np.ndarray
    ions: np.ndarray
    drift_A: np.ndarray

    def __post_init__(self) -> None:
        if self.n_frames < 2 or self.n_ions < 1:
            raise MlipsseError(
                f"A mean squared displacement needs at least 2 frames and 1 ion, got "
                f"{self.n_frames} frame(s) and {self.n_ions} ion(s)."
            )

    @property
    def n_frames(self) -> int:
        """Frames of the trajectory."""
        return len(self.drift_A)

    @property
    def n_ions(self) -> int:
        """Ions chosen."""
        return len(self.ions)

    @cached_property
    def size(self) -> int:
        """Of the transforms: so long that no lag meets the series' other end."""
        from scipy import fft

        return fft.next_fast_len(2 * self.n_frames - 1, real=True)

    def map(
        self, function: Callable[["IonGroup"], Found], threads: int | None = None
    ) -> Iterator[Found]:
        """What the function makes of each group of ions, in their order.

        The group and its arrays are used again: the function returns what is its own.
        """
        starts = range(0, self.n_ions, GROUP_IONS)
        threads = min(len(starts), threads or _threads())
        of_thread = threading.local()

        def work(start: int) -> Found:
            if not hasattr(of_thread, "space"):
                of_thread.space = _Space(self)
            return function(self._group(start, of_thread.space))

        if threads == 1:
            yield from map(work, starts)
            return
        with ThreadPoolExecutor(threads) as pool:
            yield from pool.map(work, starts)

    def _group(self, start: int, space: "_Space") -> "IonGroup":
        from mlipsse.transport.msd_kernels import gather_ions

        chosen = self.ions[start : start + GROUP_IONS]
        source, first = self.positions, 0
        if not isinstance(source, np.ndarray):  # one piece, which the chunks on disk are made for
            first = int(chosen.min())
            source = source[:, first : int(chosen.max()) + 1]
        shape = (self.n_frames, 3, len(chosen))
        frames = space.frames[: np.prod(shape)].reshape(shape)
        means = np.empty(shape[1:])
        gather_ions(source, chosen - first, frames, means)
        return IonGroup(frames, means, self.drift_A, space)


class _Space:
    """Memory that a thread uses again: fresh memory costs a third more time."""

    def __init__(self, series: IonSeries) -> None:
        n_ions = min(GROUP_IONS, series.n_ions)
        self.frames = np.empty(series.n_frames * 3 * n_ions, series.positions.dtype)
        self.series = np.zeros((3, BLOCK_IONS, _row_length(series.size)))[:, :, : series.size]
        self.spectrum = np.empty((3, BLOCK_IONS, series.size // 2 + 1), dtype=complex)


@dataclass(frozen=True, eq=False)
class IonGroup:
    """Some ions in all frames.

    Parameters
    ----------
    frames : (n_frames, 3, n_ions), Å, of the precision of the positions
    means_A : (3, n_ions) float64, over time
    drift_A : (n_frames, 3) float64
    """

    frames: np.ndarray
    means_A: np.ndarray
    drift_A: np.ndarray
    _space: _Space

    def blocks(self, products: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Series (3, k, n_frames), Å, and spectra (3, k, n_frequencies) of some ions after others.

        products : (6, n_frames), Å², to which the sum over ions of x_a x_b at every time is added
        """
        from mlipsse.transport.msd_kernels import load_series

        n_frames, _, n_ions = self.frames.shape
        for first in range(0, n_ions, BLOCK_IONS):
            padded = self._space.series[:, : min(BLOCK_IONS, n_ions - first)]
            series = padded[:, :, :n_frames]
            load_series(self.frames, first, self.means_A, self.drift_A, series, products)
            # numpy's transform, as it writes into memory that is there
            spectrum = self._space.spectrum[:, : padded.shape[1]]
            yield series, np.fft.rfft(padded, axis=2, out=spectrum)


def _row_length(size: int) -> int:
    """At least `size` numbers, an odd number of cache lines: rows then do not evict each other."""
    lines = -(-size // 8)
    return 8 * (lines + 1 - lines % 2)


def _threads() -> int:
    told = os.environ.get("OMP_NUM_THREADS", "")
    if told.isdigit() and int(told):
        return int(told)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
