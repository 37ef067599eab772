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


def framed_walk(seed, *, n_frames=4000, n_ions=8, spacing_ps=0.05, vibration_A=0.15):
    """Walkers on Li1 and Li2 of a crystal with chlorine between, as a run has it.

    The crystal is 2x2x2 cells of 6 Å with four Li1 and four Li2 on a simple cubic lattice, like
    the colours of a chess board, and eight Cl in the middles. In the run its first vector is along
    y, and everything drifts. Returns the text of the crystal's CIF, the atoms of every frame and
    the site, 0 for Li1 and 1 for Li2, of every walker at every frame.
    """
    from ase import Atoms

    rng = np.random.default_rng(seed)
    fractional, cell, neighbours, steps = cubic_lattice((4, 4, 4))
    kind = np.rint(fractional * 4).sum(axis=1).astype(int) % 2
    rates = np.where(kind == 0, 0.007, 0.014)[:, None] * np.ones(6)
    starts = rng.choice(64, n_ions, replace=False)
    moved, on = independent_walk(
        rng, rates=rates, neighbours=neighbours, steps_A=steps, starts=starts,
        spacing_ps=spacing_ps, n_frames=n_frames,
    )  # fmt: skip
    lithium = (fractional @ cell)[starts] + moved
    chlorine = np.broadcast_to(fractional @ cell + 1.5, (n_frames, 64, 3))
    positions = np.concatenate([chlorine, lithium], axis=1)
    positions = positions + rng.normal(0, vibration_A, positions.shape)
    positions += np.arange(n_frames)[:, None, None] * np.array([0.004, 0.0, -0.002])
    turn = np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]])
    frames = [
        Atoms(["Cl"] * 64 + ["Li"] * n_ions, positions=frame @ turn, cell=cell @ turn, pbc=True)
        for frame in positions
    ]
    unit, _, _, _ = cubic_lattice((2, 2, 2))
    colour = np.rint(unit * 2).sum(axis=1).astype(int) % 2
    lines = ["data_walk"]
    lines += [f"_cell_length_{axis} 6.0" for axis in "abc"]
    lines += [f"_cell_angle_{angle} 90" for angle in ("alpha", "beta", "gamma")]
    lines += ["_symmetry_space_group_name_H-M 'P 1'", "loop_"]
    lines += ["_symmetry_equiv_pos_as_xyz", "'x, y, z'", "loop_"]
    lines += ["_atom_site_type_symbol", "_atom_site_label"]
    lines += [f"_atom_site_fract_{axis}" for axis in "xyz"] + ["_atom_site_occupancy"]
    for place, one in zip(unit, colour, strict=True):
        filled = (0.1, 0.05)[one]
        lines.append(f"Li Li{one + 1} {place[0]} {place[1]} {place[2]} {filled}")
    lines += [f"Cl Cl1 {p[0] + 0.25} {p[1] + 0.25} {p[2] + 0.25} 1" for p in unit]
    return "\n".join(lines) + "\n", frames, kind[on]
