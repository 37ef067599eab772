"""Jumps of the mobile ions from site to site; importing this imports numba."""

from dataclasses import dataclass

import numpy as np
from numba import njit

from mlipsse.errors import MlipsseError
from mlipsse.transport.jumps.sites import Sites
from mlipsse.transport.jumps.states import NO_SITE, site_states

PARTS = 10
"""Parts of the run whose scatter gives the errors."""


@dataclass(frozen=True, eq=False)
class Jumps:
    """Every jump of a run, and how long the sites were occupied.

    Attributes
    ----------
    sites : that the ions jump between
    ion : (n_jumps,) index of the ion, of those that were given
    origin, destination : (n_jumps,) index of the site left and of the site reached; the same where
        an ion goes to the next image of its site
    start_frame : (n_jumps,) last frame on the origin
    arrival_frame : (n_jumps,) first frame of the stay on the destination, rising
    stay_frames : (n_jumps,) frames of that stay, until the ion first leaves the sphere or the run
        ends
    displacement_A : (n_jumps, 3) float64, Å, from site to site, the way the ion went
    occupied_frames : (n_parts, n_sites) float64, frames times ions on each site in each part
    part_frames : (n_parts,) frames of each part
    n_ions, n_frames, frame_spacing_ps : of the trajectory
    minimal_residence_frames, inner_fraction : of `find_jumps`
    """

    sites: Sites
    ion: np.ndarray
    origin: np.ndarray
    destination: np.ndarray
    start_frame: np.ndarray
    arrival_frame: np.ndarray
    stay_frames: np.ndarray
    displacement_A: np.ndarray
    occupied_frames: np.ndarray
    part_frames: np.ndarray
    n_ions: int
    n_frames: int
    frame_spacing_ps: float
    minimal_residence_frames: int
    inner_fraction: float

    def __len__(self) -> int:
        return len(self.ion)

    @property
    def duration_ps(self) -> float:
        """Time from the first to the last frame, ps."""
        return (self.n_frames - 1) * self.frame_spacing_ps

    @property
    def n_parts(self) -> int:
        """Parts of the run."""
        return len(self.part_frames)

    @property
    def part(self) -> np.ndarray:
        """(n_jumps,) part of the run in which the ion arrived; parts are equally long."""
        return (self.arrival_frame - 1) * self.n_parts // (self.n_frames - 1)

    @property
    def on_sites(self) -> float:
        """Fraction of the ions' time that they spend on any site."""
        return float(self.occupied_frames.sum() / (self.n_frames * self.n_ions))


def find_jumps(
    positions: np.ndarray,
    sites: Sites,
    *,
    frame_spacing_ps: float,
    minimal_residence_frames: int = 1,
    inner_fraction: float = 1.0,
    n_parts: int = PARTS,
) -> Jumps:
    """Find the jumps of all ions.

    A stay is an unbroken row of frames within one sphere. It is settled when it lasts at least
    `minimal_residence_frames` and comes within the inner radius; the stay of the first frame always
    is, as nothing is known of its length. A jump leads from one settled stay of an ion to the next
    one that is on another site, or on another image of the same site. So A, between sites, A is no
    jump; A, a short visit to B, A neither, nor are two; and every jump begins where the last one
    ended: the jumps of an ion add up to its way.

    GEMDAT (doi 10.5281/zenodo.8401669) counts the same jumps with inner fraction 1 and a minimal
    residence up to 1. Otherwise it departs: after a visit that it rejects it takes that site as the
    origin of the next jump (A, b, A gives one jump B to A, and A, b, C gives B to C), a stay that
    breaks off for a frame before it is long enough is never counted, the last stay counts a frame
    too many, and an ion that goes to the next image of its own site has not jumped.

    Parameters
    ----------
    positions : (n_frames, n_ions, 3) float64, Å, unwrapped, drift removed
    sites : in the same axes
    frame_spacing_ps : time between frames, ps
    minimal_residence_frames : frames that a stay must last
    inner_fraction : inner radius over radius
    n_parts : parts of the run for the errors; fewer where there are too few frames

    Raises
    ------
    MlipsseError
        with fewer than three frames, or a minimal residence below 1.

    Examples
    --------
    >>> jumps = find_jumps(positions, sites, frame_spacing_ps=0.05, minimal_residence_frames=4)
    >>> len(jumps), jumps.origin[0], jumps.destination[0]
    """
    n_frames, n_ions = positions.shape[:2]
    if n_frames < 3 or n_ions < 1:
        raise MlipsseError(
            f"Jumps need at least 3 frames and 1 ion, got {n_frames} frame(s) and {n_ions} ion(s)."
        )
    if minimal_residence_frames < 1:
        raise MlipsseError(
            f"A stay lasts at least 1 frame, but {minimal_residence_frames} are asked for."
        )
    states = site_states(positions, sites, inner_fraction=inner_fraction)
    rows, displacement = _settled_moves(
        states.site,
        states.inner,
        np.ascontiguousarray(positions, dtype=np.float64),
        np.linalg.inv(sites.cell),
        sites.fractional,
        minimal_residence_frames,
        # A jump needs a change of state, and there is at most one jump for each.
        int(np.count_nonzero(states.site[1:] != states.site[:-1])) + n_ions,
    )
    order = np.lexsort((rows[:, 0], rows[:, 4]))
    rows = rows[order]
    n_parts = max(2, min(n_parts, n_frames - 1))
    part_of_frame = np.arange(n_frames) * n_parts // n_frames
    flat = part_of_frame[:, None] * len(sites) + states.site
    occupied = np.bincount(flat[states.site != NO_SITE], minlength=n_parts * len(sites))
    return Jumps(
        sites=sites,
        ion=rows[:, 0],
        origin=rows[:, 1],
        destination=rows[:, 2],
        start_frame=rows[:, 3],
        arrival_frame=rows[:, 4],
        stay_frames=rows[:, 5],
        displacement_A=displacement[order] @ sites.cell,
        occupied_frames=occupied.reshape(n_parts, len(sites)).astype(float),
        part_frames=np.bincount(part_of_frame, minlength=n_parts),
        n_ions=n_ions,
        n_frames=n_frames,
        frame_spacing_ps=frame_spacing_ps,
        minimal_residence_frames=minimal_residence_frames,
        inner_fraction=inner_fraction,
    )


@njit(cache=True, nogil=True)
def _settled_moves(
    site: np.ndarray,
    inner: np.ndarray,
    positions: np.ndarray,
    inverse: np.ndarray,
    fractional: np.ndarray,
    minimal: int,
    most: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of ion, origin, destination, start, arrival, stay; and fractional displacements."""
    n_frames, n_ions = site.shape
    rows = np.empty((most, 6), dtype=np.int64)
    moves = np.empty((most, 3))
    count = 0
    here = np.empty(3)  # fractional position of the site's image that the stay is on
    home = np.empty(3)  # of the last settled one
    for i in range(n_ions):
        origin, left = NO_SITE, 0
        current, first, reached = NO_SITE, 0, False
        for t in range(n_frames + 1):
            ended = t == n_frames
            if not ended and site[t, i] == current:
                reached = reached or inner[t, i]
                continue
            if current != NO_SITE:  # a stay from `first` to t - 1 is over
                for k in range(3):
                    part = (
                        positions[first, i, 0] * inverse[0, k]
                        + positions[first, i, 1] * inverse[1, k]
                        + positions[first, i, 2] * inverse[2, k]
                    )
                    here[k] = fractional[current, k] + np.rint(part - fractional[current, k])
                same = origin == current
                if same:
                    for k in range(3):
                        same = same and abs(here[k] - home[k]) < 0.5
                if same:
                    left = t - 1
                elif first == 0 or (reached and t - first >= minimal):
                    if origin != NO_SITE:
                        rows[count, 0] = i
                        rows[count, 1] = origin
                        rows[count, 2] = current
                        rows[count, 3] = left
                        rows[count, 4] = first
                        rows[count, 5] = t - first
                        for k in range(3):
                            moves[count, k] = here[k] - home[k]
                        count += 1
                    origin, left = current, t - 1
                    home[:] = here
            if not ended:
                current, first, reached = site[t, i], t, inner[t, i]
    return rows[:count].copy(), moves[:count].copy()
