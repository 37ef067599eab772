"""How close mobile ions come in the runs of a model: the published failure is a pair at 0.7 Å."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mlipsse.md.files.record import read_outcome
from mlipsse.transport import read_run
from mlipsse.transport.structure.radial import radial_distribution


@dataclass(frozen=True, eq=False)
class MobilePairs:
    """Distances of mobile ions from each other.

    Attributes
    ----------
    radii_A, g : (n_bins,) float64, middles of the bins and g(r), the mean over all frames
    closest_A : shortest distance in any frame
    frames : that were averaged over
    """

    radii_A: np.ndarray
    g: np.ndarray
    closest_A: float
    frames: int


def mobile_pairs(folders: Sequence[Path], mobile: str) -> MobilePairs | None:
    """g(r) of the mobile ion with itself over runs at one temperature; None without a frame.

    Runs that exploded or melted count with the frames from before: they show how.
    """
    found = []
    for folder in folders:
        outcome = read_outcome(folder)
        if outcome is None or outcome.frames < 1:
            continue
        trajectory = read_run(folder, so_far=True)
        found.append(radial_distribution(trajectory.positions, trajectory.species, trajectory.cell))
    if not found:
        return None
    pair = (mobile, mobile)
    frames = [one.n_frames for one in found]
    return MobilePairs(
        radii_A=found[0].radii_A,
        g=np.average([one.g[pair] for one in found], axis=0, weights=frames),
        closest_A=min(one.closest_A[pair] for one in found),
        frames=sum(frames),
    )
