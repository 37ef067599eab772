"""Mean squared displacement over all time origins, framework drift removed."""

from dataclasses import dataclass

import numpy as np

from mlipsse.transport.diffusion.displacement.ion_series import IonGroup, IonSeries

COMPONENTS = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
"""Cartesian index pairs of the columns xx yy zz xy xz yz."""

SAMPLED_ORIGINS = 400
"""Time origins that fourth moments are averaged over: they cost n_ions x this per lag."""

PARTS = 16
"""Equal parts of the run in which the motion of each ion is known."""


@dataclass(frozen=True, eq=False)
class MeanSquaredDisplacement:
    """Mean squared displacement per ion at every lag.

    Parameters
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
    threads: int | None = None,
) -> MeanSquaredDisplacement:
    """MSD tensor of some ions, averaged over ions and over all time origins, at every lag.

    By the fast correlation algorithm: <(x(t+m) - x(t))²> splits into a sum of squares and an
    autocorrelation (Calandrini et al., Collection SFN 12, 201 (2011),
    doi:10.1051/sfn/201112010, section 4.2). Equal to the direct sum to 1e-10. Whatever the
    precision of the positions, all sums are in float64; beside them the memory is that of some
    64 ions per thread.

    Parameters
    ----------
    positions : (n_frames, n_atoms, 3), Å, unwrapped; an array, or what is sliced like one (a
        dataset of h5py), which is then read block by block
    frame_spacing_ps : time between frames, ps
    ions : indices of the atoms to average over; None takes all
    drift_A : (n_frames, 3), subtracted from every atom (see `framework_drift`)
    threads : to work with; None takes OMP_NUM_THREADS, and without it the processors that this
        process may use. The numbers do not depend on it.

    Raises
    ------
    MlipsseError
        without ions, or with fewer than two frames.
    """
    from mlipsse.transport.diffusion.displacement.kernels import add_moments

    series = _ion_series(positions, ions, drift_A)
    n_frames, n_ions = series.n_frames, series.n_ions
    lags = np.arange(n_frames)
    sampled = np.unique(np.geomspace(1, max(1, (n_frames - 1) // 2), 24).astype(int))
    strides = np.maximum(1, (n_frames - sampled) // SAMPLED_ORIGINS)
    origins = -(-(n_frames - sampled) // strides)
    of_ions: list[np.ndarray] = []

    def sums_of(group: IonGroup) -> list[np.ndarray]:
        products = np.zeros((n_frames, 6))
        power = np.zeros((series.plan.size, 6))
        moments = np.zeros((len(sampled), 10))
        together = np.zeros((len(sampled), origins.max()))
        frames, drift = group.frames.reshape(-1), series.drift_A
        apart = np.empty((len(sampled), PARTS, group.frames.shape[2]))
        add_moments(frames, group.present, drift, sampled, strides, moments, together, apart)
        group.add_correlations(products, power)
        place = group.frames.sum(axis=2, dtype=float)
        return [products, power, moments, together, place, apart[:, :, : group.n_ions]]

    sums: list[np.ndarray] = []
    for *found, apart in series.map(sums_of, threads):
        of_ions.append(apart)
        if sums:
            for whole, part in zip(sums, found, strict=True):
                whole += part
        else:
            sums = found
    products, power, moments, together, place = sums
    correlation = series.plan.correlation(power, n_frames)
    tensor = _structure_function(products.T, correlation.T) / n_ions
    means = moments[:, 1:] / moments[:, :1]
    square, fourth, second = means[:, 0], means[:, 1], means[:, 2:8]
    variance = np.array([row[:count].var() for row, count in zip(together, origins, strict=True)])
    own = moments[:, 9]
    gaussian = 2 * (second[:, :3] ** 2).sum(axis=1) + 4 * (second[:, 3:] ** 2).sum(axis=1)
    return MeanSquaredDisplacement(
        lag_ps=lags * frame_spacing_ps,
        tensor_A2=tensor.T,
        n_ions=n_ions,
        excess_lags=sampled,
        excess_A4=fourth - square**2 - gaussian,
        non_gaussian=_non_gaussian(square, fourth),
        ion_correlation=np.where(own > 0, variance / np.where(own > 0, own, 1.0), 1.0),
        part_A2=_part_means(np.concatenate(of_ions, axis=2), n_frames, sampled, strides),
        collective_A2=_collective(place - n_ions * series.drift_A) / n_ions,
    )


def _part_means(
    sums: np.ndarray, n_frames: int, lags: np.ndarray, strides: np.ndarray
) -> np.ndarray:
    """Sums over the time origins of each part, (k, PARTS, n_ions), as means."""
    for row, lag, stride in zip(sums, lags, strides, strict=True):
        parts = np.arange(0, n_frames - lag, stride) * PARTS // n_frames
        counts = np.bincount(parts, minlength=PARTS)[:, None]
        row[:] = np.where(counts > 0, row / np.maximum(counts, 1), np.nan)
    return sums


def _collective(place: np.ndarray) -> np.ndarray:
    """MSD of one walker over all time origins, (n_frames,), of its places (n_frames, 3)."""
    from scipy import fft

    place = place - place.mean(axis=0)
    size = fft.next_fast_len(2 * len(place) - 1, real=True)
    spectrum = fft.rfft(place, n=size, axis=0)
    power = (spectrum.real**2 + spectrum.imag**2).sum(axis=1)
    correlation = fft.irfft(power, n=size)[None, : len(place)]
    return _structure_function((place**2).sum(axis=1)[None], correlation)[0]


def ion_mean_squared_displacements(
    positions: np.ndarray,
    *,
    ions: np.ndarray | None = None,
    drift_A: np.ndarray | None = None,
    threads: int | None = None,
) -> np.ndarray:
    """MSD of every single ion over all time origins, (n_ions, n_frames) float64, Å².

    Arguments and errors are those of `mean_squared_displacement`, whose total is the mean of these.
    """
    from scipy import fft

    series = _ion_series(positions, ions, drift_A)
    size = fft.next_fast_len(2 * series.n_frames - 1, real=True)

    def msd_of(group: IonGroup) -> np.ndarray:
        of_ions = group.series_A()
        spectrum = fft.rfft(of_ions, n=size, axis=2)
        power = (spectrum.real**2 + spectrum.imag**2).sum(axis=0)
        correlation = fft.irfft(power, n=size, axis=1)[:, : series.n_frames]
        return _structure_function((of_ions**2).sum(axis=0), correlation)

    return np.concatenate(list(series.map(msd_of, threads)))


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


def _non_gaussian(square: np.ndarray, fourth: np.ndarray) -> np.ndarray:
    moved = square > 0
    return np.where(moved, 3 * fourth / (5 * np.where(moved, square, 1.0) ** 2) - 1, 0.0)


def _ion_series(
    positions: np.ndarray, ions: np.ndarray | None, drift_A: np.ndarray | None
) -> IonSeries:
    if not hasattr(positions, "shape"):
        positions = np.asarray(positions, dtype=float)
    n_frames, n_atoms = positions.shape[:2]
    chosen = np.arange(n_atoms) if ions is None else np.asarray(ions, dtype=np.int64)
    drift = np.zeros((n_frames, 3)) if drift_A is None else np.asarray(drift_A, dtype=float)
    return IonSeries(positions, chosen, drift)
