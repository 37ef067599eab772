"""Mean squared displacement over all time origins, framework drift removed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlipsse.errors import MlipsseError

COMPONENTS = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
"""Cartesian index pairs of the columns xx yy zz xy xz yz."""

SAMPLED_ORIGINS = 400
"""Time origins that fourth moments are averaged over: they cost n_ions x this per lag."""

PARTS = 16
"""Equal parts of the run in which the motion of each ion is known."""

BATCH_IONS = 64
"""Ions taken from all frames at once, where they fit into `BATCH_BYTES`."""

BATCH_BYTES = 64 << 20
_NUMBERS_AT_ONCE = 8192
"""Series are transformed together up to so many frames: more leave the processor's cache."""


@dataclass(frozen=True, eq=False)
class MeanSquaredDisplacement:
    """Mean squared displacement per ion at every lag.

    Attributes
    ----------
    lag_ps : (n_frames,) float64, ps; the first is 0
    tensor_A2 : (n_frames, 6) float64, Å², xx yy zz xy xz yz in the trajectory's Cartesian axes
    n_ions : ions averaged over
    excess_lags : (k,) int, lags (in frames) at which what follows was taken
    excess_A4 : (k,) float64, Å⁴, variance of r² beyond that of Gaussian displacements with the
        same second moments: var(r²) - 2 sum_ab <r_a r_b>². It is zero for a Gaussian walk and
        (rate x lag x length⁴) for uncorrelated hops; vibrations add nothing to it.
    non_gaussian : (k,) float64, 3 <r⁴> / (5 <r²>²) - 1, the non-Gaussian parameter (Rahman, Phys.
        Rev. 136, A405 (1964), doi 10.1103/PhysRev.136.A405): 0 for isotropic Gaussian displacements
    ion_correlation : (k,) float64, variance over time of the ions' mean r², over what it would be
        if each ion kept its own variance and all were independent: 1 for independent ions, g for
        ions that move in groups of g
    part_A2 : (k, PARTS, n_ions) float64, Å², mean r² of each ion over time origins in each part of
        the run; NaN where a part holds none. None where only means are known
    collective_A2 : (n_frames,) float64, Å², <|sum_i dr_i|²> / n_ions, which is the MSD for ions
        that are independent. None where only means are known
    """

    lag_ps: np.ndarray
    tensor_A2: np.ndarray
    n_ions: int
    excess_lags: np.ndarray
    excess_A4: np.ndarray
    non_gaussian: np.ndarray
    ion_correlation: np.ndarray
    part_A2: np.ndarray | None = None
    collective_A2: np.ndarray | None = None

    @property
    def n_frames(self) -> int:
        """Frames of the trajectory that it came from (as many as lags, with lag 0)."""
        return len(self.lag_ps)

    @property
    def frame_spacing_ps(self) -> float:
        """Time between frames, ps."""
        return float(self.lag_ps[1] - self.lag_ps[0])

    @property
    def total_A2(self) -> np.ndarray:
        """(n_frames,) xx + yy + zz, Å²."""
        return self.tensor_A2[:, :3].sum(axis=1)


def mean_squared_displacement(
    positions: np.ndarray,
    *,
    frame_spacing_ps: float,
    ions: np.ndarray | None = None,
    drift_A: np.ndarray | None = None,
) -> MeanSquaredDisplacement:
    """MSD tensor of some ions, averaged over ions and over all time origins, at every lag.

    By the fast correlation algorithm: <(x(t+m) - x(t))²> splits into a sum of squares and an
    autocorrelation (Calandrini et al., Collection SFN 12, 201 (2011),
    doi:10.1051/sfn/201112010, section 4.2). Equal to the direct sum up to rounding of the ions'
    mean square distance from their mean places. Whatever the precision of the positions, all sums
    are in float64; beside the positions the memory is that of some `BATCH_IONS` ions.

    Parameters
    ----------
    positions : (n_frames, n_atoms, 3), Å, unwrapped; an array, or what is sliced like one (a
        dataset of h5py), which is then read batch by batch
    frame_spacing_ps : time between frames, ps
    ions : indices of the atoms to average over; None takes all
    drift_A : (n_frames, 3), subtracted from every atom (see `framework_drift`)

    Raises
    ------
    MlipsseError
        without ions, or with fewer than two frames.
    """
    n_frames, n_ions = _checked_counts(positions, ions)
    lags = np.arange(n_frames)
    sampled = np.unique(np.geomspace(1, max(1, (n_frames - 1) // 2), 24).astype(int))
    moments = _Moments(n_frames, sampled)
    products = np.zeros((6, n_frames))
    power = np.zeros((6, _padded(n_frames) // 2 + 1))
    place = np.zeros((n_frames, 3))
    for batch in _batches(positions, ions, drift_A):
        place += batch.sum(axis=2)
        moments.add(batch)
        for series, spectra in _transforms(batch):
            for column, (a, b) in enumerate(COMPONENTS):
                products[column] += np.einsum("it,it->t", series[:, a], series[:, b])
                parts = np.einsum("if,if->f", spectra[:, a], spectra[:, b])
                power[column] += parts[::2] + parts[1::2]
    tensor = _structure_function(products, _correlation(power, n_frames)) / n_ions
    return MeanSquaredDisplacement(
        lag_ps=lags * frame_spacing_ps,
        tensor_A2=tensor.T,
        n_ions=n_ions,
        excess_lags=sampled,
        excess_A4=moments.excess_A4,
        non_gaussian=moments.non_gaussian,
        ion_correlation=moments.ion_correlation,
        part_A2=np.concatenate(moments.part_A2, axis=2),
        collective_A2=_series_msd(place[:, :, None])[0] / n_ions,
    )


def ion_mean_squared_displacements(
    positions: np.ndarray,
    *,
    ions: np.ndarray | None = None,
    drift_A: np.ndarray | None = None,
) -> np.ndarray:
    """MSD of every single ion over all time origins, (n_ions, n_frames) float64, Å².

    Arguments and errors are those of `mean_squared_displacement`, whose total is the mean of these.
    """
    _checked_counts(positions, ions)
    return np.concatenate([_series_msd(batch) for batch in _batches(positions, ions, drift_A)])


class _Moments:
    """Moments of displacements at some lags, over at most `SAMPLED_ORIGINS` time origins each."""

    def __init__(self, n_frames: int, lags: np.ndarray) -> None:
        self._n_frames = n_frames
        self._lags = lags
        self._strides = np.maximum(1, (n_frames - lags) // SAMPLED_ORIGINS)
        self._n_ions = 0
        self._fourth = np.zeros(len(lags))  # of r², summed over ions and averaged over origins
        self._own = np.zeros(len(lags))  # variance over the origins, summed over ions
        self._second = np.zeros((len(lags), 3, 3))
        self._together = [np.zeros(-(-(n_frames - lag) // stride)) for lag, stride in self._pairs]
        self.part_A2: list[np.ndarray] = []

    @property
    def _pairs(self) -> list[tuple[int, int]]:
        return list(zip(self._lags.tolist(), self._strides.tolist(), strict=True))

    def add(self, batch: np.ndarray) -> None:
        """Count some ions, (n_frames, 3, n) float64, Å."""
        n_ions = batch.shape[2]
        self._n_ions += n_ions
        parts_A2 = np.full((len(self._lags), PARTS, n_ions), np.nan)
        for k, (lag, stride) in enumerate(self._pairs):
            step = batch[lag::stride] - batch[:-lag:stride]
            square = np.einsum("tai,tai->ti", step, step)
            for a, b in COMPONENTS:
                second = np.einsum("ti,ti->", step[:, a], step[:, b]) / len(step)
                self._second[k, a, b] += second
                if a != b:
                    self._second[k, b, a] += second
            self._together[k] += square.sum(axis=1)
            self._fourth[k] += np.einsum("ti,ti->", square, square) / len(step)
            self._own[k] += square.var(axis=0).sum()
            part = np.arange(len(step)) * stride * PARTS // self._n_frames
            found, first, counts = np.unique(part, return_index=True, return_counts=True)
            parts_A2[k, found] = np.add.reduceat(square, first, axis=0) / counts[:, None]
        self.part_A2.append(parts_A2)

    @property
    def _square(self) -> np.ndarray:
        return np.trace(self._second, axis1=1, axis2=2) / self._n_ions

    @property
    def excess_A4(self) -> np.ndarray:
        """(k,) as in `MeanSquaredDisplacement`."""
        gaussian = 2 * ((self._second / self._n_ions) ** 2).sum(axis=(1, 2))
        return np.asarray(self._fourth / self._n_ions - self._square**2 - gaussian)

    @property
    def non_gaussian(self) -> np.ndarray:
        """(k,) as in `MeanSquaredDisplacement`; 0 where nothing moves."""
        square = self._square
        ratio = 3 * self._fourth / self._n_ions / (5 * np.where(square > 0, square, 1.0) ** 2)
        return np.where(square > 0, ratio - 1, 0.0)

    @property
    def ion_correlation(self) -> np.ndarray:
        """(k,) as in `MeanSquaredDisplacement`; 1 where nothing varies."""
        whole = np.array([row.var() for row in self._together])
        return np.where(self._own > 0, whole / np.where(self._own > 0, self._own, 1.0), 1.0)


def _checked_counts(positions: np.ndarray, ions: np.ndarray | None) -> tuple[int, int]:
    n_frames, n_atoms = np.shape(positions)[:2]
    n_ions = n_atoms if ions is None else len(ions)
    if n_frames < 2 or n_ions < 1:
        raise MlipsseError(
            f"A mean squared displacement needs at least 2 frames and 1 ion, got {n_frames} "
            f"frame(s) and {n_ions} ion(s)."
        )
    return n_frames, n_ions


def _batches(
    positions: Any, ions: np.ndarray | None, drift_A: np.ndarray | None
) -> Iterator[np.ndarray]:
    """Some ions after the other in all frames, (n_frames, 3, n) float64, Å.

    Less the drift, and each less its own mean: what is large and constant would cost digits.
    """
    if not hasattr(positions, "shape"):
        positions = np.asarray(positions, dtype=float)
    n_frames, n_atoms = positions.shape[:2]
    chosen = np.arange(n_atoms) if ions is None else np.asarray(ions, dtype=np.int64)
    size = max(1, min(BATCH_IONS, BATCH_BYTES // (24 * n_frames)))
    for start in range(0, len(chosen), size):
        some = chosen[start : start + size]
        source = positions
        if not isinstance(source, np.ndarray):  # one piece, which the chunks on disk are made for
            first = int(some.min())
            source, some = source[:, first : int(some.max()) + 1], some - first
        batch = np.array(source[:, some].transpose(0, 2, 1), dtype=float, order="C")
        if drift_A is not None:
            batch -= np.asarray(drift_A, dtype=float)[:, :, None]
        batch -= batch.mean(axis=0)
        yield batch


def _padded(n_frames: int) -> int:
    """A length that is fast to transform, whose zeros keep the ends of a series apart."""
    from scipy import fft

    return int(fft.next_fast_len(2 * n_frames - 1, real=True))


def _transforms(batch: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Series (n, 3, n_frames) of some ions after the other, and their transforms.

    Of the transforms real and imaginary parts alternate along the last axis.
    """
    from scipy import fft

    n_frames, _, n_ions = batch.shape
    at_once = max(1, _NUMBERS_AT_ONCE // n_frames)
    of_ions = np.ascontiguousarray(batch.transpose(2, 1, 0))
    for start in range(0, n_ions, at_once):
        series = of_ions[start : start + at_once]
        yield series, fft.rfft(series, _padded(n_frames), axis=2).view(float)


def _correlation(power: np.ndarray, n_frames: int) -> np.ndarray:
    """Sum over time origins of x(t) x(t + lag), (rows, n_frames), of |X|² at each frequency."""
    from scipy import fft

    return np.asarray(fft.irfft(power, _padded(n_frames), axis=1)[:, :n_frames])


def _series_msd(batch: np.ndarray) -> np.ndarray:
    """MSD of each walker over all time origins, (n, n_frames), of (n_frames, 3, n)."""
    found = []
    for series, spectra in _transforms(batch):
        parts = np.einsum("iaf,iaf->if", spectra, spectra)
        correlation = _correlation(parts[:, ::2] + parts[:, 1::2], len(batch))
        found.append(_structure_function(np.einsum("iat,iat->it", series, series), correlation))
    return np.concatenate(found)


def _structure_function(products: np.ndarray, correlation: np.ndarray) -> np.ndarray:
    """Mean over origins of the product of two displacements, (rows, n_frames).

    products : (rows, n_frames), of the two coordinates at every time; correlation : of the two,
    summed over the origins.
    """
    n_frames = products.shape[1]
    lags = np.arange(n_frames)
    before = np.concatenate([np.zeros((len(products), 1)), np.cumsum(products, axis=1)], axis=1)
    early = before[:, n_frames - lags]  # frames that serve as origins of each lag
    late = before[:, -1:] - before[:, lags]  # frames that the displacements end in
    mean = (early + late - 2 * correlation) / (n_frames - lags)
    mean[:, 0] = 0.0
    return mean
