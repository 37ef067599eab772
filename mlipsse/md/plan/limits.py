"""What a healthy run stays within: the deck stops a run that leaves it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii

from mlipsse.structures.contacts import CLOSEST_CONTACT
from mlipsse.structures.framework import AVERAGE_PS, Framework

MAX_TEMPERATURE_RATIO = 4.0
"""Ratio to the thermostat's temperature; a hotter run has left the range of its potential."""

AVERAGE_SAMPLES = 40
"""Positions in one average of the framework: one in 25 fs, several in a vibration."""


def average_steps(timestep_fs: float) -> int:
    """Steps of one average of the framework, about `AVERAGE_PS`: `AVERAGE_SAMPLES` even parts."""
    return AVERAGE_SAMPLES * max(1, round(1e3 * AVERAGE_PS / timestep_fs / AVERAGE_SAMPLES))


@dataclass(frozen=True)
class RunLimits:
    """Limits of one crystal, all of them against its relaxed start.

    Attributes
    ----------
    centres : group of `Framework.groups` -> ids of its atoms in LAMMPS' form, e.g. `1:8 25:48`;
        empty without a framework that could melt
    displaced_A : a centre farther than this from its place is displaced, Å (see
        `mlipsse.structures.framework`)
    closest_A : species -> distance that the mobile ion keeps from it, Å
    """

    centres: Mapping[str, str] = field(default_factory=dict)
    displaced_A: float | None = None
    closest_A: Mapping[str, float] = field(default_factory=dict)


def run_limits(atoms: Atoms, *, mobile: str) -> RunLimits:
    """Limits of runs that start from `atoms`, in which `mobile` is the element that conducts."""
    framework = Framework.of(atoms, mobile=mobile)
    radius_A = covalent_radii[atomic_numbers[mobile]]
    return RunLimits(
        centres={
            name: _id_ranges(framework.centres[group] + 1)
            for name, group in framework.groups.items()
        }
        if framework
        else {},
        displaced_A=round(framework.limit_A, 4) if framework else None,
        closest_A={
            symbol: round(CLOSEST_CONTACT * (radius_A + covalent_radii[atomic_numbers[symbol]]), 2)
            for symbol in sorted(set(atoms.symbols))
        },
    )


def _id_ranges(ids: np.ndarray) -> str:
    """Ascending ids as `first:last` and single ones.

    Examples
    --------
    >>> _id_ranges(np.array([1, 2, 3, 7]))
    '1:3 7'
    """
    runs = np.split(ids, np.flatnonzero(np.diff(ids) > 1) + 1)
    return " ".join(f"{run[0]}:{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)
