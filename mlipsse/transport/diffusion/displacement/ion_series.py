"""Time series of ions, a few ions at a time, and the power of their Fourier transforms."""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.transport.fourier_plan import ROW, FourierPlan

GROUP_IONS = 64
"""Ions gathered at once from all frames: what lies between two frames' pieces is not read."""

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
    def plan(self) -> FourierPlan:
        """Plan for transforms of the series."""
        return FourierPlan.of(self.n_frames)

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
        from mlipsse.transport.diffusion.displacement.kernels import gather_ions

        chosen = self.ions[start : start + GROUP_IONS]
        source, first = self.positions, 0
        if not isinstance(source, np.ndarray):  # one piece, which the chunks on disk are made for
            first = int(chosen.min())
            source = source[:, first : int(chosen.max()) + 1]
        n_columns = -(-len(chosen) // ROW) * ROW
        shape = (self.n_frames, 3, n_columns)
        frames = space.frames[: np.prod(shape)].reshape(shape)
        means = np.empty(shape[1:])
        gather_ions(source, chosen - first, frames, means)
        return IonGroup(frames, means, len(chosen), space)


class _Space:
    """Memory that a thread uses again: fresh memory costs a third more time."""

    def __init__(self, series: IonSeries) -> None:
        n_ions = min(GROUP_IONS, -(-series.n_ions // ROW) * ROW)
        precision = np.float32 if series.positions.dtype == np.float32 else np.float64
        self.frames = np.empty(series.n_frames * 3 * n_ions, precision)
        self.series = series

    @cached_property
    def of_transforms(self) -> tuple[np.ndarray, np.ndarray]:
        return self.series.plan.space()


@dataclass(frozen=True, eq=False)
class IonGroup:
    """Some ions in all frames.

    Parameters
    ----------
    frames : (n_frames, 3, n_columns), Å, of the precision of the positions; columns that are no
        ion's are 0
    means_A : (3, n_columns) float64, over time
    n_ions : in the first columns
    """

    frames: np.ndarray
    means_A: np.ndarray
    n_ions: int
    _space: _Space

    @property
    def series(self) -> IonSeries:
        """Which they are from."""
        return self._space.series

    @cached_property
    def present(self) -> np.ndarray:
        """(n_columns,) float64, 1 where there is an ion and else 0."""
        return (np.arange(self.frames.shape[2]) < self.n_ions).astype(float)

    def add_correlations(self, products: np.ndarray, power: np.ndarray) -> None:
        """Add sums over the ions, less drift and means.

        products : (n_frames, 6), Å², of x_a x_b at every time, a b being xx yy zz xy xz yz
        power : (plan.size, 6), of the transforms, for `plan.correlation`
        """
        from mlipsse.transport import fourier_kernels

        plan = self.series.plan
        columns, work = self._space.of_transforms
        for first in range(0, self.n_ions, ROW):
            fourier_kernels.transform_columns(
                self.frames.reshape(-1),
                first,
                self.means_A.reshape(-1),
                self.present,
                self.series.drift_A,
                *plan.column_stages,
                plan.halves,
                plan.between,
                columns,
                work,
                products,
            )
            fourier_kernels.add_power(work, plan.n_rows, *plan.row_stages, power)

    def series_A(self) -> np.ndarray:
        """(3, n_ions, n_frames) float64, Å, less drift and means."""
        frames = self.frames[:, :, : self.n_ions] - self.series.drift_A[:, :, None]
        return (frames - self.means_A[:, : self.n_ions]).transpose(1, 2, 0)


def _threads() -> int:
    setting = os.environ.get("OMP_NUM_THREADS", "")
    if setting.isdigit() and int(setting):
        return int(setting)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
