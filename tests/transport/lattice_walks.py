"""Kinetic Monte Carlo on lattices whose rates, occupancies and correlation are known."""

import numpy as np


def cubic_lattice(repeats, spacing_A=3.0):
    """Fractional positions, cell and the six neighbours (site, step) of a simple cubic lattice."""
    index = np.stack(np.meshgrid(*[np.arange(n) for n in repeats], indexing="ij"), -1)
    index = index.reshape(-1, 3)
    steps = np.concatenate([np.eye(3, dtype=int), -np.eye(3, dtype=int)])
    ends = (index[:, None] + steps) % repeats
    neighbours = (ends[..., 0] * repeats[1] + ends[..., 1]) * repeats[2] + ends[..., 2]
    return index / repeats, np.diag(np.array(repeats) * spacing_A), neighbours, steps * spacing_A


def independent_walk(rng, *, rates, neighbours, steps_A, starts, spacing_ps, n_frames):
    """Walkers that take no note of each other, exact in continuous time.

    rates : (n_sites, n_neighbours) per ps; starts : (n_ions,) sites. Returns displacements since
    the start (n_frames, n_ions, 3) and the site of every walker at every frame.
    """
    total = rates.sum(axis=1)
    moved = np.zeros((n_frames, len(starts), 3))
    sites = np.empty((n_frames, len(starts)), dtype=int)
    for ion, start in enumerate(starts):
        site, time_ps, frame, place = start, 0.0, 0, np.zeros(3)
        while frame < n_frames:
            time_ps += rng.exponential(1 / total[site])
            until = min(n_frames, int(np.ceil(time_ps / spacing_ps)))
            moved[frame:until, ion], sites[frame:until, ion] = place, site
            frame = max(frame, until)
            way = rng.choice(len(steps_A), p=rates[site] / total[site])
            place, site = place + steps_A[way], neighbours[site, way]
    return moved, sites


def vacancy_walk(rng, *, repeats, n_frames, spacing_A=3.0):
    """One vacancy that changes places with a neighbour in every frame; all other sites are full."""
    fractional, cell, neighbours, steps = cubic_lattice(repeats, spacing_A)
    who = np.arange(len(fractional)) - 1  # the vacancy sits on site 0
    moved = np.zeros((n_frames, len(fractional) - 1, 3))
    vacancy, place = 0, np.zeros((len(fractional) - 1, 3))
    for frame, way in enumerate(rng.integers(0, 6, n_frames - 1), start=1):
        end = neighbours[vacancy, way]
        ion = who[end]
        place[ion] -= steps[way]
        who[vacancy], who[end] = ion, -1
        vacancy = end
        moved[frame] = place
    starts = fractional[1:] @ cell
    return starts + moved, fractional, cell


def vacancy_correlation(repeats):
    """Correlation factor of a tracer when one vacancy walks in a periodic simple cubic cell.

    After an exchange the vacancy is beside the tracer. With p_k the chance that the next exchange
    comes from neighbour k, <cos> = sum_k p_k cos_k, and f = (1 + <cos>) / (1 - <cos>) (Compaan and
    Haven 1956). The chances solve the vacancy's random walk with the tracer as the end of it.
    """
    _, _, neighbours, steps = cubic_lattice(repeats, 1.0)
    count = len(neighbours)
    walk = np.zeros((count, count))
    np.add.at(walk, (np.repeat(np.arange(count), 6), neighbours.ravel()), 1 / 6)
    free = np.arange(1, count)  # the tracer is at site 0
    beside = neighbours[0]
    start = np.zeros(count - 1)
    start[beside[0] - 1] = 1.0  # the tracer came from where the vacancy is now: from +x
    visits = np.linalg.solve(np.eye(count - 1) - walk[np.ix_(free, free)].T, start)
    # The tracer has moved along -x; the next exchange from neighbour k moves it along step k.
    cosine = sum(visits[beside[k] - 1] / 6 * (steps[k] @ -steps[0]) for k in range(6))
    return (1 + cosine) / (1 - cosine)
