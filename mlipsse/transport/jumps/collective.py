"""Jumps of different ions that belong together; importing this imports numba."""

from dataclasses import dataclass

import numpy as np
from numba import njit

from mlipsse.errors import MlipsseError
from mlipsse.transport.jumps.counting import Jumps

MAX_DISTANCE_A = 1.0


@dataclass(frozen=True, eq=False)
class CollectiveJumps:
    """Which jumps happen together.

    Attributes
    ----------
    pairs : (n_pairs, 2) indices of two jumps of different ions that happen together
    n_solo : jumps that are in no pair
    solo_fraction : of all jumps; None without jumps
    within_ps, max_distance_A : what together means
    """

    pairs: np.ndarray
    n_solo: int
    solo_fraction: float | None
    within_ps: float
    max_distance_A: float


def collective_jumps(
    jumps: Jumps, *, within_ps: float, max_distance_A: float = MAX_DISTANCE_A
) -> CollectiveJumps:
    """Pair up jumps of different ions that are close in time and in space.

    Close in time: between the end of one (arrival) and the start of the other lie at most
    `within_ps`, rounded up to frames, or they overlap. Close in space: a site that one leaves or
    reaches is nearer than `max_distance_A` to a site of the other; sites are further apart than the
    default of 1 Å, so that it means they share a site: one ion follows the other, or pushes it. The
    criterion is that of de Klerk, van der Maas and Wagemaker (doi 10.1021/acsaem.8b00457) and
    GEMDAT, where `within_ps` is one period of the attempt frequency. GEMDAT walks through the jumps
    by the time of arrival and stops at the first that starts too late: it misses jumps further on
    that started earlier, and were long on the way.

    Parameters
    ----------
    within_ps : e.g. 1 / attempt frequency, ps
    max_distance_A : between sites, Å, by the shortest image

    Raises
    ------
    MlipsseError
        for a negative time or distance.
    """
    if not (within_ps >= 0 and max_distance_A >= 0):
        raise MlipsseError(
            f"Jumps within {within_ps:g} ps and {max_distance_A:g} Å: neither may be below 0."
        )
    # A hair less, so that 2.0000000001 frames are two.
    most_frames = int(np.ceil(within_ps / jumps.frame_spacing_ps - 1e-9))
    starts, near = _near_sites(jumps, max_distance_A)
    order = np.argsort(jumps.start_frame, kind="stable")
    found = _pairs(
        jumps.ion[order],
        jumps.origin[order],
        jumps.destination[order],
        jumps.start_frame[order],
        jumps.arrival_frame[order],
        most_frames,
        starts,
        near,
    )
    pairs = np.sort(order[found], axis=1)
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    n_solo = len(jumps) - len(np.unique(pairs))
    return CollectiveJumps(
        pairs=pairs,
        n_solo=n_solo,
        solo_fraction=n_solo / len(jumps) if len(jumps) else None,
        within_ps=within_ps,
        max_distance_A=max_distance_A,
    )


def _near_sites(jumps: Jumps, max_distance_A: float) -> tuple[np.ndarray, np.ndarray]:
    """Where each site's list starts, and the lists of the sites near to it (itself among them)."""
    from mlipsse.transport.jumps.sites import close_pairs

    sites = jumps.sites
    own = np.arange(len(sites))
    first, second = own, own
    if max_distance_A > 0:
        a, b, _ = close_pairs(sites.fractional, sites.cell, max_distance_A)
        first, second = np.concatenate([own, a]), np.concatenate([own, b])
    pairs = np.unique(np.stack([first, second], axis=1), axis=0)
    return np.searchsorted(pairs[:, 0], np.arange(len(sites) + 1)), pairs[:, 1].copy()


@njit(cache=True, nogil=True)
def _near(starts: np.ndarray, near: np.ndarray, a: int, b: int) -> bool:
    found = False
    for entry in range(starts[a], starts[a + 1]):
        found = found or near[entry] == b
    return found


@njit(cache=True, nogil=True)
def _pairs(
    ion: np.ndarray,
    origin: np.ndarray,
    destination: np.ndarray,
    start: np.ndarray,
    arrival: np.ndarray,
    most_frames: int,
    starts: np.ndarray,
    near: np.ndarray,
) -> np.ndarray:
    """Pairs among jumps that are sorted by start."""
    found = [(0, 0) for _ in range(0)]
    for i in range(len(ion)):
        j = i + 1
        # j starts after i, so that it can only be too late, never too early.
        while j < len(ion) and start[j] - arrival[i] <= most_frames:
            if ion[j] != ion[i] and (
                _near(starts, near, origin[i], origin[j])
                or _near(starts, near, origin[i], destination[j])
                or _near(starts, near, destination[i], origin[j])
                or _near(starts, near, destination[i], destination[j])
            ):
                found.append((i, j))
            j += 1
    pairs = np.empty((len(found), 2), dtype=np.int64)
    for k in range(len(found)):
        pairs[k, 0], pairs[k, 1] = found[k]
    return pairs
