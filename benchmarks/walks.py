"""Random walks whose diffusivity is known, for the measurement of stated errors."""

import numpy as np

SPACING_PS = 0.1
HOP_A = 3.0
VIBRATION_A = 0.3


def hopping_walk(
    rng: np.random.Generator,
    *,
    n_frames: int,
    n_ions: int,
    hops_per_frame: float | np.ndarray,
    memory: float = 0.0,
    together: int = 1,
    length_A: float = HOP_A,
) -> tuple[np.ndarray, float]:
    """Ions on a cubic lattice that hop at random times, vibrating around their sites.

    With the probability |memory| a hop undoes the one before it (memory below 0) or goes on in its
    direction (above 0), else it goes anywhere: neighbouring hops have the correlation `memory`, and
    D is (1 + memory) / (1 - memory) of the uncorrelated one. `together` ions make each hop at once,
    as in a concerted move.

    Parameters
    ----------
    hops_per_frame : mean number; of arrays, (n_frames, 1) or (n_frames, n_ions / together), that at
        each frame

    Returns
    -------
    (n_frames, n_ions, 3) float64, Å, and D in cm²/s, at the rate of the last frame
    """
    groups = -(-n_ions // together)
    rates = np.broadcast_to(np.asarray(hops_per_frame, dtype=float), (n_frames, groups))
    last = np.zeros((groups, 3))
    places = np.zeros((groups, 3))
    visited = np.empty((n_frames, groups, 3))
    directions = length_A * np.concatenate([np.eye(3), -np.eye(3)])
    for frame in range(n_frames):
        hops = rng.poisson(rates[frame])
        moving = hops.nonzero()[0]
        while len(moving):
            step = directions[rng.integers(0, 6, len(moving))]
            chance = rng.random(len(moving))
            if memory:
                bound = (chance < abs(memory)) & last[moving].any(axis=1)
                step[bound] = np.sign(memory) * last[moving[bound]]
                last[moving] = step
            places[moving] += step
            hops[moving] -= 1
            moving = moving[hops[moving] > 0]
        visited[frame] = places
    positions = np.repeat(visited, together, axis=1)[:, :n_ions]
    positions += rng.normal(0, VIBRATION_A, positions.shape)
    rate_per_ps = float(rates[-1].mean()) / SPACING_PS
    return positions, rate_per_ps * length_A**2 / 6 * (1 + memory) / (1 - memory) * 1e-4


def trapped_walk(
    rng: np.random.Generator,
    *,
    n_frames: int,
    n_ions: int,
    hops_per_frame: float,
    trapped_ps: float,
) -> tuple[np.ndarray, float]:
    """Ions that rest for a time of `trapped_ps` on average, and hop for as long; the mean D."""
    start = rng.random(n_ions) < 0.5
    changes = rng.random((n_frames, n_ions)) < SPACING_PS / trapped_ps
    moving = np.logical_xor.accumulate(np.concatenate([start[None], changes[:-1]]))
    positions, _ = hopping_walk(
        rng, n_frames=n_frames, n_ions=n_ions, hops_per_frame=2 * hops_per_frame * moving
    )
    return positions, hops_per_frame / SPACING_PS * HOP_A**2 / 6 * 1e-4


def two_populations(
    rng: np.random.Generator, *, n_frames: int, n_ions: int, hops_per_frame: float, fast: float
) -> tuple[np.ndarray, float]:
    """A part `fast` of the ions makes all hops; the mean D."""
    rates = np.zeros(n_ions)
    rates[: max(1, round(fast * n_ions))] = 1.0
    rates *= hops_per_frame / rates.mean()
    return hopping_walk(rng, n_frames=n_frames, n_ions=n_ions, hops_per_frame=rates)


def changing_walk(
    rng: np.random.Generator, *, n_frames: int, n_ions: int, hops_per_frame: float, course: str
) -> tuple[np.ndarray, float]:
    """Ions whose rate falls during the run to `hops_per_frame`; the D of its end.

    course : `step`, from three times the rate at half the run; `decay`, from four times, by e in a
        fifth of the run; `ramp`, from three times, evenly
    """
    time = np.linspace(0, 1, n_frames)[:, None]
    factor = {
        "step": np.where(time < 0.5, 3.0, 1.0),
        "decay": 1 + 3 * np.exp(-5 * time),
        "ramp": 3 - 2 * time,
    }[course]
    return hopping_walk(
        rng, n_frames=n_frames, n_ions=n_ions, hops_per_frame=hops_per_frame * factor
    )


def superdiffusive_walk(
    rng: np.random.Generator, *, n_frames: int, n_ions: int, exponent: float
) -> np.ndarray:
    """Fractional Brownian motion, MSD ~ lag^exponent, by circulant embedding of its increments.

    Source: Davies and Harte, Biometrika 74, 95 (1987), doi 10.1093/biomet/74.1.95.
    """
    k = np.arange(n_frames)
    covariance = 0.5 * (np.abs(k - 1.0) ** exponent - 2 * k**exponent + (k + 1.0) ** exponent)
    row = np.concatenate([covariance, [0.0], covariance[1:][::-1]])
    power = np.clip(np.fft.fft(row).real, 0, None)
    shape = (len(row), 3 * n_ions)
    noise = rng.normal(size=shape) + 1j * rng.normal(size=shape)
    steps = np.fft.fft(noise * np.sqrt(power / len(row))[:, None], axis=0).real[:n_frames]
    places = 0.25 * np.cumsum(steps, axis=0).reshape(n_frames, n_ions, 3)
    return places + rng.normal(0, VIBRATION_A, places.shape)


def cage_sites(n_sites: int, spacing_A: float) -> np.ndarray:
    """Sites of one cage, (n_sites, 3), Å: a ring; six are an octahedron."""
    if n_sites == 6:
        return spacing_A / np.sqrt(2) * np.concatenate([np.eye(3), -np.eye(3)])
    angles = 2 * np.pi * np.arange(n_sites) / n_sites
    radius = spacing_A / (2 * np.sin(np.pi / n_sites))
    return radius * np.stack([np.cos(angles), np.sin(angles), 0 * angles], axis=1)


def cage_hops(
    rng: np.random.Generator,
    *,
    sites_A: np.ndarray,
    n_cages: int,
    n_frames: int,
    changes_per_frame: float,
    full: bool,
) -> np.ndarray:
    """Ions in cages that none ever leaves, turned at random; positions (n_frames, n_ions, 3), Å.

    In a full cage all sites are occupied, and two neighbours change places at each event; otherwise
    there is one ion, which hops to a neighbour.

    Parameters
    ----------
    sites_A : (n_sites, 3), Å, of one cage
    changes_per_frame : events per cage
    """
    n_sites = len(sites_A)
    distance = np.linalg.norm(sites_A[:, None] - sites_A, axis=2)
    near = distance < 1.05 * distance[distance > 0].min()
    pairs = [(i, j) for i in range(n_sites) for j in range(n_sites) if i != j and near[i, j]]
    n_ions = n_sites if full else 1
    positions = np.empty((n_frames, n_cages, n_ions, 3))
    for cage in range(n_cages):
        turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
        on = rng.permutation(n_sites)[:n_ions]
        for frame, events in enumerate(rng.poisson(changes_per_frame, n_frames)):
            for _ in range(events):
                if full:
                    i, j = pairs[rng.integers(len(pairs))]
                    one, other = np.flatnonzero(on == i), np.flatnonzero(on == j)
                    on[one], on[other] = j, i
                else:
                    ways = [j for i, j in pairs if i == on[0]]
                    on[0] = ways[rng.integers(len(ways))]
            positions[frame, cage] = sites_A[on] @ turn
    flat = positions.reshape(n_frames, -1, 3)
    return flat + rng.normal(0, VIBRATION_A, flat.shape)


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
