"""Mean squared displacement over all time origins, framework drift removed."""

from dataclasses import dataclass

import numpy as np
from scipy import fft

from mlipsse.errors import MlipsseError

COMPONENTS = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
"""Cartesian index pairs of the columns xx yy zz xy xz yz."""

EXCESS_ORIGINS = 400
"""Time origins that the fourth moment is averaged over: it costs n_ions x this per lag."""


@dataclass(frozen=True, eq=False)
class MeanSquaredDisplacement:
    """Mean squared displacement per ion at every lag.

    Parameters
    ----------
    lag_ps : (n_frames,) float64, ps; the first is 0
    tensor_A2 : (n_frames, 6) float64, Å², xx yy zz xy xz yz in the trajectory's Cartesian axes
    n_ions : ions averaged over
    excess_lags : (k,) int, lags (in frames) at which `excess_A4` was taken
    excess_A4 : (k,) float64, Å⁴, variance of r² beyond that of Gaussian displacements with the
        same second moments: var(r²) - 2 sum_ab <r_a r_b>². It is zero for a Gaussian walk and
        (rate x lag x length⁴) for uncorrelated hops; vibrations add nothing to it.
    """

    lag_ps: np.ndarray
    tensor_A2: np.ndarray
    n_ions: int
    excess_lags: np.ndarray
    excess_A4: np.ndarray

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


def remove_drift(
    positions: np.ndarray, framework: np.ndarray, *, masses_u: np.ndarray | None = None
) -> np.ndarray:
    """Positions less the framework's mean displacement since the first frame.

    Parameters
    ----------
    positions : (n_frames, n_atoms, 3) float64, Å, unwrapped
    framework : indices of the atoms that ought to stay (all that are not mobile)
    masses_u : (n_atoms,) masses; None weighs all framework atoms alike, as
        pymatgen-analysis-diffusion does

    Returns
    -------
    (n_frames, n_atoms, 3) float64, Å. Without framework atoms the positions are returned as
    they are: nothing defines a frame at rest.
    """
    if not len(framework):
        return positions
    weights = None if masses_u is None else np.asarray(masses_u, dtype=float)[framework]
    centre = np.average(positions[:, framework], axis=1, weights=weights)
    return positions - (centre - centre[0])[:, None, :]


def mean_squared_displacement(
    positions: np.ndarray, *, frame_spacing_ps: float, block_ions: int = 64
) -> MeanSquaredDisplacement:
    """MSD tensor of some ions, averaged over ions and over all time origins, at every lag.

    By the fast correlation algorithm: <(x(t+m) - x(t))²> splits into a sum of squares and an
    autocorrelation (Calandrini et al., Collection SFN 12, 201 (2011),
    doi:10.1051/sfn/201112010, section 4.2). Equal to the direct sum to 1e-10.

    Parameters
    ----------
    positions : (n_frames, n_ions, 3) float64, Å, unwrapped, drift removed
    frame_spacing_ps : time between frames, ps
    block_ions : ions transformed at once, which bounds the memory

    Raises
    ------
    MlipsseError
        without ions, or with fewer than two frames.
    """
    positions = np.asarray(positions, dtype=float)
    n_frames, n_ions = positions.shape[:2]
    if n_frames < 2 or n_ions < 1:
        raise MlipsseError(
            f"A mean squared displacement needs at least 2 frames and 1 ion, got {n_frames} "
            f"frame(s) and {n_ions} ion(s)."
        )
    size = fft.next_fast_len(2 * n_frames - 1, real=True)
    power = np.zeros((6, size // 2 + 1))
    products = np.zeros((6, n_frames))
    for start in range(0, n_ions, block_ions):
        block = np.ascontiguousarray(positions[:, start : start + block_ions].transpose(2, 1, 0))
        block -= block.mean(axis=2, keepdims=True)  # displacements stay, cancellation shrinks
        spectrum = fft.rfft(block, n=size, axis=2)
        for column, (a, b) in enumerate(COMPONENTS):
            power[column] += np.einsum("if,if->f", spectrum[a].real, spectrum[b].real)
            power[column] += np.einsum("if,if->f", spectrum[a].imag, spectrum[b].imag)
            products[column] += np.einsum("it,it->t", block[a], block[b])
    correlation = fft.irfft(power, n=size, axis=1)[:, :n_frames]
    before = np.concatenate([np.zeros((6, 1)), np.cumsum(products, axis=1)], axis=1)
    lags = np.arange(n_frames)
    early = before[:, n_frames - lags]  # frames that serve as origins of each lag
    late = before[:, -1:] - before[:, lags]  # frames that the displacements end in
    tensor = (early + late - 2 * correlation) / (n_ions * (n_frames - lags))
    tensor[:, 0] = 0.0
    excess_lags, excess = _fourth_moment_excess(positions)
    return MeanSquaredDisplacement(
        lag_ps=lags * frame_spacing_ps,
        tensor_A2=tensor.T,
        n_ions=n_ions,
        excess_lags=excess_lags,
        excess_A4=excess,
    )


def _fourth_moment_excess(positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lags (about 24, spaced evenly in log) and the excess of var(r²) there (see the class)."""
    n_frames = len(positions)
    lags = np.unique(np.geomspace(1, max(1, (n_frames - 1) // 2), 24).astype(int))
    excess = np.empty(len(lags))
    for k, lag in enumerate(lags):
        stride = max(1, (n_frames - lag) // EXCESS_ORIGINS)
        steps = (positions[lag::stride] - positions[:-lag:stride]).reshape(-1, 3)
        second = steps.T @ steps / len(steps)
        square = np.einsum("ia,ia->i", steps, steps)
        excess[k] = square.var() - 2 * np.sum(second**2)
    return lags, excess
