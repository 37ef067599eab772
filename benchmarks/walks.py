"""Random walks whose diffusivity is known, for the measurement of stated errors."""

import numpy as np

SPACING_PS = 0.1
HOP_A = 3.0


def hopping_walk(
    rng: np.random.Generator,
    *,
    n_frames: int,
    n_ions: int,
    hops_per_frame: float,
    back: float = 0.0,
    together: int = 1,
    vibration_A: float = 0.3,
) -> tuple[np.ndarray, float]:
    """Ions on a cubic lattice that hop at random times, vibrating around their sites.

    With the probability `back` a hop undoes the one before it, else it goes anywhere: neighbouring
    hops have the correlation -back, and D is (1 - back) / (1 + back) of the uncorrelated one.
    `together` ions make each hop at once, as in a concerted move.

    Returns
    -------
    (n_frames, n_ions, 3) float64, Å, and D in cm²/s
    """
    groups = -(-n_ions // together)
    last = np.zeros((groups, 3))
    places = np.zeros((groups, 3))
    positions = np.empty((n_frames, n_ions, 3))
    directions = HOP_A * np.concatenate([np.eye(3), -np.eye(3)])
    for frame in range(n_frames):
        hops = rng.poisson(hops_per_frame, groups)
        while hops.any():
            moving = np.flatnonzero(hops)
            step = directions[rng.integers(0, 6, len(moving))]
            undo = (rng.random(len(moving)) < back) & last[moving].any(axis=1)
            step[undo] = -last[moving[undo]]
            places[moving] += step
            last[moving] = step
            hops[moving] -= 1
        positions[frame] = np.repeat(places, together, axis=0)[:n_ions]
    positions += rng.normal(0, vibration_A, positions.shape)
    rate_per_ps = hops_per_frame / SPACING_PS
    return positions, rate_per_ps * HOP_A**2 / 6 * (1 - back) / (1 + back) * 1e-4


def gaussian_walk(
    rng: np.random.Generator, *, n_frames: int, n_ions: int, msd_per_frame_A2: float
) -> tuple[np.ndarray, float]:
    """Brownian ions; positions in Å and D in cm²/s."""
    steps = rng.normal(0, np.sqrt(msd_per_frame_A2 / 3), (n_frames, n_ions, 3))
    return np.cumsum(steps, axis=0), msd_per_frame_A2 / 6 / SPACING_PS * 1e-4


def caged_walk(
    rng: np.random.Generator, *, n_frames: int, n_ions: int, plateau_A2: float, relaxation: float
) -> np.ndarray:
    """Overdamped ions in a harmonic well: an MSD that saturates at `plateau_A2`."""
    sigma = np.sqrt(plateau_A2 / 6)
    decay = np.exp(-1 / relaxation)
    kicks = rng.normal(0, sigma * np.sqrt(1 - decay**2), (n_frames, n_ions, 3))
    positions = np.empty_like(kicks)
    positions[0] = rng.normal(0, sigma, (n_ions, 3))
    for frame in range(1, n_frames):
        positions[frame] = decay * positions[frame - 1] + kicks[frame]
    return positions
