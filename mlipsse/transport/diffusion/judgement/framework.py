"""Has the framework of a trajectory melted? By `mlipsse.structures.framework`, from its frames."""

from dataclasses import dataclass, replace

import numpy as np
from ase import Atoms

from mlipsse.structures.framework import (
    AVERAGE_PS,
    MAX_DISPLACED,
    TURNING_MSD_A2,
    Displaced,
    Framework,
)
from mlipsse.transport.diffusion.displacement.msd import MeanSquaredDisplacement
from mlipsse.transport.ions.mobile import MobileIons

TURNING = (
    "anion groups turn on their places, as in a plastic (rotor) phase, or atoms have changed "
    "places; a crystal of still anions may conduct otherwise"
)
"""What a framework does that moves farther than vibrations, but has not melted."""

_MAX_AVERAGES = 100
"""Times at which a trajectory is looked at."""
_MIN_AVERAGES = 4


@dataclass(frozen=True)
class FrameworkVerdict:
    """Whether the framework has melted.

    Attributes
    ----------
    melted : whether it has
    displaced : largest fraction of its centres that were displaced at one time (the limit is
        `MAX_DISPLACED`); None without a framework
    msd_A2 : framework MSD at half the run, Å²; None without framework atoms
    reason : the criterion with its numbers when melted, else None
    moving : elements that are displaced, when others of the framework are not
    """

    melted: bool
    displaced: float | None
    msd_A2: float | None
    reason: str | None
    moving: tuple[str, ...] = ()

    @property
    def turns(self) -> bool:
        """Whether it moves farther than vibrations do, but has not melted (see `TURNING`)."""
        return not self.melted and self.msd_A2 is not None and self.msd_A2 > TURNING_MSD_A2

    @property
    def caution(self) -> str | None:
        """The caution beside a diffusivity from this run, melted or turning."""
        if not self.turns:
            return self.reason
        return (
            f"the framework's MSD is {self.msd_A2:.1f} Å² at half the run (vibrations stay below "
            f"{TURNING_MSD_A2:g}), and {100 * (self.displaced or 0.0):.0f} % of its centres are "
            f"displaced (melted: above {100 * MAX_DISPLACED:.0f} %): {TURNING}"
        )


def judge_framework(ions: MobileIons, msd: MeanSquaredDisplacement | None) -> FrameworkVerdict:
    """Judge the framework of a trajectory against its first average.

    Parameters
    ----------
    ions : which atoms are mobile, and which the framework
    msd : of the framework, drift removed; None where every atom is mobile
    """
    if msd is None:
        return FrameworkVerdict(False, None, None, None)
    value_A2 = float(msd.total_A2[max(1, (msd.n_frames - 1) // 2)])
    displaced = _most_displaced(ions)
    if displaced is None:
        return FrameworkVerdict(False, None, value_A2, None)
    reason = displaced.melted
    return FrameworkVerdict(
        reason is not None,
        displaced.fraction,
        value_A2,
        reason and f"melted: {reason}; its MSD is {value_A2:.1f} Å² at half the run",
        displaced.moving,
    )


def _most_displaced(ions: MobileIons) -> Displaced | None:
    """The framework when most of it was displaced, against its first average."""
    trajectory = ions.trajectory
    start = _framework(ions)
    if start is None:
        return None
    positions, n_frames, centres = trajectory.positions, trajectory.n_frames, start.centres
    length = max(1, round(AVERAGE_PS / trajectory.frame_spacing_ps))
    length = max(1, min(length, n_frames // _MIN_AVERAGES))

    def places_A(first: int) -> np.ndarray:
        some = positions[first : first + length]
        return np.asarray(some[:, centres].mean(axis=0))

    framework = replace(start, home_A=places_A(0))
    starts = np.linspace(0, n_frames - length, min(_MAX_AVERAGES, n_frames // length))
    found = [framework.displaced(places_A(int(first))) for first in starts]
    return max(found, key=lambda one: one.fraction)


def _framework(ions: MobileIons) -> Framework | None:
    trajectory, roles = ions.trajectory, ions.roles
    first = Atoms(list(trajectory.species), trajectory.positions[0], cell=trajectory.cell, pbc=True)
    moving = set(trajectory.species) - set(roles.framework)
    return Framework.of(first, mobile=moving)
