"""Whether atoms move as atoms do, in a cell that is a crystal's: units, vacuum, change of volume.

Compared is the root mean square displacement between neighbouring frames, r, with the thermal speed
v = sqrt(3 kB T / m), per element and without the motion of the whole. Two bounds hold for classical
atoms in equilibrium, whatever the potential:

- r <= v dt: <|∫v|²> <= dt ∫<v²>. Vibrations and collisions only turn back.
- r >= v tau, where tau is what the stiffest vibrations leave: a harmonic solid of Debye temperature
  theta has r / v = sqrt(6) ħ / (kB theta) between frames that have nothing to do with each other
  (classical limit of <u²> = 9 ħ² T / (m kB theta²), B. T. M. Willis and A. W. Pryor, Thermal
  Vibrations in Crystallography (1975)), which is 12 fs for 1,560 K. Solid electrolytes have 150 to
  700 K, and ions that hop go further. Between closer frames r / v nears dt.

Frames far apart in time do not show a time that is too long: there, atoms that fly straight on do.
"""

from dataclasses import dataclass

import numpy as np

from mlipsse.transport.reading.trajectory import Trajectory

_EV_PER_U = 9648.533  # Å²/ps²
_KB_EV_K = 8.617333e-5

LONGEST = 1.5
"""Ratio to v dt, beyond noise, drift and a lagging thermostat."""

SHORTEST_PS = 0.012
SHORTEST_OF_DT = 0.4
"""r / v is not below the smaller of these: a time, and a part of dt where frames lie close."""

STRAIGHT_RATIO = 3.0
"""MSD at two frames over that at one: 4 is straight flight, 2 diffusion, 1 a cage."""

STRAIGHT_DT_PS = 0.3
"""No atom of a solid or a liquid flies straight on for so long: even 1 THz turns in half a ps."""

VACUUM_A = 6.0
"""Layer of the cell without an atom: no crystal has one, and cavities of its frameworks are smaller
along a whole face of the cell."""

VOLUME_CHANGE = 0.02
"""Between the first and the last quarter of the run; heat alone expands a crystal by less within a
run, and means over a quarter of a barostat's fluctuations differ by less."""

SAME_A = 1e-9
"""Between places of one atom in frames that are one."""

_ORIGINS = 200


@dataclass(frozen=True)
class _Motion:
    """Motion of one element from frame to frame.

    Attributes
    ----------
    element : symbol
    step_A : root mean square displacement from one frame to the next, Å
    speed_A_ps : thermal speed at the temperature of the run, Å/ps
    growth : r² over two frames over that over one; None for two frames
    """

    element: str
    step_A: float
    speed_A_ps: float
    growth: float | None


def doubts(frames: Trajectory, *, temperature_K: float | None = None) -> list[str]:
    """Sentences about what is likely to be wrong with units or cell; none where all is well.

    Parameters
    ----------
    frames : unwrapped, at least two
    temperature_K : by default that of the frames; without one units are not judged
    """
    return [*of_cell(frames), *_of_repeats(frames), *_of_units(frames, temperature_K)]


def vacuum_A(positions: np.ndarray, cell: np.ndarray) -> tuple[float, str]:
    """Thickness of the widest layer without atoms, Å, and the lattice vector it lies across.

    Parameters
    ----------
    positions : (n_atoms, 3) float64, Å
    cell : (3, 3) float64, Å, rows are lattice vectors
    """
    inverse = np.linalg.inv(cell)
    heights = 1 / np.linalg.norm(inverse, axis=0)
    fractions = np.sort((positions @ inverse) % 1.0, axis=0)
    gaps = np.diff(np.concatenate([fractions, fractions[:1] + 1]), axis=0).max(axis=0) * heights
    axis = int(np.argmax(gaps))
    return float(gaps[axis]), "abc"[axis]


def of_cell(frames: Trajectory) -> list[str]:
    """Vacuum in the cell, and a volume that changes over the run."""
    found = []
    width_A, axis = vacuum_A(np.asarray(frames.positions[0], dtype=float), frames.cell)
    if width_A > VACUUM_A and len(frames.species) > 1:
        found.append(
            f"the cell holds a layer of {width_A:.1f} Å without atoms across {axis}: its volume "
            "exceeds that of the crystal, and conductivities are too low by this factor"
        )
    if abs(frames.volume_change) > VOLUME_CHANGE:
        shrinks = "shrinks" if frames.volume_change < 0 else "grows"
        found.append(
            f"the cell {shrinks} by {100 * abs(frames.volume_change):.2g} % in volume from the "
            "first quarter of the run to the last: it is not in equilibrium, and D is a mean over "
            "different volumes"
        )
    return found


def _of_repeats(frames: Trajectory) -> list[str]:
    """Frames that are their neighbours once more, as if no time had passed."""
    starts = np.unique(np.linspace(0, len(frames.positions) - 2, _ORIGINS).astype(int)).tolist()
    alike = sum(
        bool(np.ptp(np.asarray(frames.positions[start : start + 2]), axis=0).max() < SAME_A)
        for start in starts
    )
    if not alike or alike == len(starts):  # all alike: nothing moves, and nothing is fitted
        return []
    return [
        f"{alike} of {len(starts)} frames checked equal the next frame: frames are written twice, "
        "or the atoms stand still for a part of the run, and D is too low; remove such frames"
    ]


def _of_units(frames: Trajectory, temperature_K: float | None) -> list[str]:
    known = temperature_K if temperature_K is not None else frames.temperature_K
    if known is None:
        return []
    dt_ps = frames.frame_spacing_ps
    motions = _motions(frames, known)
    if not motions:
        return []
    fastest = max(motions, key=lambda motion: motion.step_A / motion.speed_A_ps)
    slowest = min(motions, key=lambda motion: motion.step_A / motion.speed_A_ps)
    factor = fastest.step_A / (fastest.speed_A_ps * dt_ps)
    if factor > LONGEST:
        return [
            f"{fastest.element} moves by {fastest.step_A:.2g} Å (root mean square) in {dt_ps:.3g} "
            f"ps, {factor:.2g} times as far as its thermal speed at {known:g} K carries it "
            f"({fastest.speed_A_ps * dt_ps:.2g} Å): {_too_far(factor)}"
        ]
    growths = [motion.growth for motion in motions if motion.growth is not None]
    if dt_ps > STRAIGHT_DT_PS and growths and min(growths) > STRAIGHT_RATIO:
        return [
            f"Atoms fly straight on from frame to frame, {dt_ps:.3g} ps apart (MSD at two frames "
            f"{min(growths):.2g} times that at one or more), as they do for only about 10 fs: "
            "check whether the time between frames is given in fs instead of ps"
        ]
    least_ps = min(SHORTEST_PS, SHORTEST_OF_DT * dt_ps)
    if slowest.step_A < slowest.speed_A_ps * least_ps:
        return [
            f"{slowest.element} moves by {slowest.step_A:.2g} Å (root mean square) in "
            f"{dt_ps:.3g} ps, less than vibrations at {known:g} K move it in any solid "
            f"({slowest.speed_A_ps * least_ps:.2g} Å): is the time between frames too long (ps for "
            "fs, a stride counted twice), are the lengths in nm (10 times too small), the frames "
            "duplicates, or the structures relaxed?"
        ]
    return []


def _too_far(factor: float) -> str:
    if factor < 4:
        return (
            "are the lengths in Bohr (1.89 times too large), the temperature too low, or the "
            "positions not yet unwrapped?"
        )
    if factor < 20:
        return "is the time between frames, in ps, or the temperature in K, too small?"
    return "is the time between frames too small, fs taken for ps, or a dump's stride left out?"


def _motions(frames: Trajectory, temperature_K: float) -> list[_Motion]:
    """Motions of the elements that move; fixed atoms are ignored."""
    from ase.data import atomic_masses, atomic_numbers

    n_frames = len(frames.positions)
    elements = np.array(frames.species)
    known = [name for name in dict.fromkeys(frames.species) if name in atomic_numbers]
    masses = np.array([atomic_masses[atomic_numbers.get(name, 0)] for name in elements])
    weights = masses / masses.sum()
    together = min(3, n_frames)
    starts = np.unique(np.linspace(0, n_frames - together, _ORIGINS).astype(int))
    squares = np.zeros((2, len(elements)))
    as_given = np.zeros((2, len(elements)))
    for start in starts:
        piece = np.asarray(frames.positions[int(start) : int(start) + together], dtype=float)
        for lag in range(1, together):
            step = piece[lag] - piece[0]
            as_given[lag - 1] += (step**2).sum(axis=1) / len(starts)
            squares[lag - 1] += ((step - weights @ step) ** 2).sum(axis=1) / len(starts)
    held = as_given[0] < 1e-12
    if held.any():  # they hold the rest too: the whole does not move
        squares = as_given
    found = []
    for name in known:
        own = squares[:, (elements == name) & ~held]
        if not own.size:
            continue
        speed = np.sqrt(
            3 * _KB_EV_K * temperature_K * _EV_PER_U / atomic_masses[atomic_numbers[name]]
        )
        growth = float(own[1].mean() / own[0].mean()) if together == 3 else None
        found.append(_Motion(name, float(np.sqrt(own[0].mean())), float(speed), growth))
    return found
