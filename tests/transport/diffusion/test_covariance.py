import numpy as np
import pytest

from mlipsse.transport import mean_squared_displacement
from mlipsse.transport.diffusion.covariance import msd_covariance, overlap_sums


def counted(n, m, n_frames):
    """The four sums, window by window."""
    sums = np.zeros(4)
    for s in range(n_frames - n):
        for t in range(n_frames - m):
            overlap = max(0, min(s + n, t + m) - max(s, t))
            ends = (s == t) + (s + n == t + m) - (s + n == t) - (t + m == s)
            sums += (overlap, overlap**2, overlap * ends, ends**2)
    return sums / ((n_frames - n) * (n_frames - m))


@pytest.mark.parametrize("n_frames", [2, 9, 24])
def test_closed_sums_equal_the_count(n_frames):
    lags = np.arange(1, n_frames)
    sums = overlap_sums(lags, n_frames)
    for i, n in enumerate(lags):
        for j, m in enumerate(lags):
            np.testing.assert_allclose(
                [
                    sums.overlap[i, j],
                    sums.overlap_squared[i, j],
                    sums.overlap_ends[i, j],
                    sums.ends_squared[i, j],
                ],
                counted(int(n), int(m), n_frames),
                rtol=1e-12,
                atol=1e-12,
            )


def test_covariance_of_simulated_walks():
    """Anisotropic hops with vibrations: the predicted covariance is what many walks show."""
    rng = np.random.default_rng(11)
    n_frames, n_ions, n_walks = 60, 5, 2000
    rate, noise = 0.15, 0.25
    lengths = np.array([3.0, 2.0, 1.0])
    lags = np.array([4, 9, 16, 30])
    seen = np.empty((n_walks, len(lags)))
    for walk in range(n_walks):
        axis = rng.integers(0, 3, (n_frames, n_ions))
        sign = rng.choice([-1.0, 1.0], axis.shape) * (rng.random(axis.shape) < rate)
        hops = np.diag(lengths)[axis] * sign[..., None]
        positions = np.cumsum(hops, axis=0) + rng.normal(0, noise, (n_frames, n_ions, 3))
        msd = mean_squared_displacement(positions, frame_spacing_ps=1.0)
        seen[walk] = msd.total_A2[lags]
    second = rate / 3 * lengths**2
    # fourth cumulant of r² in one step of at most one hop
    excess = rate / 3 * np.sum(lengths**4) - second.sum() ** 2 - 2 * np.sum(second**2)
    predicted = msd_covariance(
        overlap_sums(lags, n_frames),
        step_tensor_A2=np.diag(second),
        noise_A2=3 * noise**2,
        excess_per_step_A4=excess,
        n_ions=n_ions,
    )
    observed = np.cov(seen.T)
    # 2000 walks know a variance to sqrt(2/2000) = 3 %, times a little for its heavy tail
    np.testing.assert_allclose(observed, predicted, rtol=0.12)
