"""Ions that change places in cages move far in the mean square, and get nowhere."""

from dataclasses import dataclass

import numpy as np

from mlipsse.transport.diffusion.displacement.msd import MeanSquaredDisplacement
from mlipsse.transport.diffusion.msd_line import walk_covariance
from mlipsse.transport.ions.drift import RestingPositions

LARGEST_CAGE_HOPS2 = 2.5
"""MSD over hop length squared beyond which no cage is looked for: a shell of 3.3 Å radius gives
2 x 3.3² Å² = 2.5 x (3 Å)²."""

LARGEST_CLOSED_CAGE_HOPS2 = 10.0
"""The same for ions whose sum stays: a shell of 6.7 Å radius."""

COLLECTIVE_SHARE = 0.3
"""Rise of the collective MSD over that of the tracer's, below which ions only change places.
Averaged over lags, independent ions fall below it once in a hundred runs of a few hops per ion;
their share at one lag does once in twenty."""

SLOWING = 0.5
"""Slope of the MSD in the later half of its lags over that in the earlier half, below which a short
MSD may be one that comes to an end."""

USUAL_SLOWING = 0.75
"""The same of ions that go on: walks that take back hops with a probability of 0.3 have 0.78."""

SLOWING_LIMIT = 4.0
"""Standard errors by which the later slope must lie below the usual one. Walks of three hops per
ion, of two ions at once, slow down to `SLOWING` by chance once in two hundred; in 2,500 none did by
so many standard errors too. Fewer are a caution."""

WIDEST_CAGE_HOPS = 3.0
"""Hop lengths within which the places of one cage lie: a shell of 3.3 Å radius with vibrations is
8.6 Å wide. A chain of places beyond is none."""

_VOXEL_A = 0.4
_CONSTRAINED = 0.01
_BLOCK_FRAMES = 256


def caged_reason(
    msd: MeanSquaredDisplacement, last: int, *, earliest_ps: float, hop_length_A: float
) -> str | None:
    """Why the ions of an MSD are taken as caged; None where they are not.

    Two tests, both between the lag at which vibrations have settled and the window's last lag.
    Ions that exchange places within a full cage leave the sum of their positions where it is: the
    collective MSD, which rises like the tracer's for independent ions, stays flat. Ions alone in a
    cage have an MSD that slows down towards the cage's size, by more than its error.

    Parameters
    ----------
    msd : of the mobile ions
    last : last lag of the window, frames
    earliest_ps, hop_length_A : of the window
    """
    first = _settled_lag(msd, earliest_ps)
    if last < first + 4:
        return None
    total, spacing = msd.total_A2, msd.frame_spacing_ps
    rise = float(total[last] - total[first])
    if not rise > 0:
        return None
    when = f"between {first * spacing:.3g} and {last * spacing:.3g} ps"
    together = msd.collective_A2
    # A sum that is held, by the removal of its drift or by momentum, knows nothing of cages.
    if (
        together is not None
        and rise < LARGEST_CLOSED_CAGE_HOPS2 * hop_length_A**2
        and float(together[first : last + 1].max()) > _CONSTRAINED * float(total[first])
    ):
        lags = np.unique(np.round(np.geomspace(first, last, 24)).astype(int))[1:]
        own = total[lags] - total[first]
        moved = together[lags] - together[first]
        half = own > 0.1 * rise
        shares = moved[half] / own[half]
        if shares.mean() < COLLECTIVE_SHARE:
            return (
                f"not diffusive, caged: {when} the collective MSD rises by {moved[-1]:.2g} Å², "
                f"the tracer's by {rise:.3g} Å² (mean share over lags {shares.mean():.2f}, at "
                f"least {COLLECTIVE_SHARE:g} for ions that get anywhere): ions exchange places "
                "without carrying charge; run longer or hotter"
            )
    slowing = _slowing(msd, first, last, hop_length_A=hop_length_A)
    if slowing is not None and slowing.below >= SLOWING_LIMIT:
        return (
            f"not diffusive, caged: the MSD rises by {rise:.3g} Å² {when}, in the later half of "
            f"these lags {slowing.ratio:.2f} times as fast as in the earlier half (at least "
            f"{SLOWING:g} for ions that go on), {slowing.below:.1f} standard errors below what "
            "hops taken back give: run longer or hotter"
        )
    return None


def slowing_caution(
    msd: MeanSquaredDisplacement, last: int, *, earliest_ps: float, hop_length_A: float
) -> str | None:
    """That a short MSD slows down as in a cage, by no more than chance can give; None elsewhere.

    Parameters are those of `caged_reason`.
    """
    first = _settled_lag(msd, earliest_ps)
    slowing = None
    if last >= first + 4:
        slowing = _slowing(msd, first, last, hop_length_A=hop_length_A)
    if slowing is None:
        return None
    return (
        f"the MSD slows down to {slowing.ratio:.2f} of its early slope, {slowing.below:.1f} "
        "standard errors below what hops taken back give: ions may be caged, and chance may give "
        "it; run longer"
    )


def _settled_lag(msd: MeanSquaredDisplacement, earliest_ps: float) -> int:
    return max(1, int(np.ceil(earliest_ps / msd.frame_spacing_ps - 1e-9)))


@dataclass(frozen=True)
class _Slowing:
    """How an MSD slows down.

    Attributes
    ----------
    ratio : later over earlier slope
    below : standard errors below the usual later slope
    """

    ratio: float
    below: float


def _slowing(
    msd: MeanSquaredDisplacement, first: int, last: int, *, hop_length_A: float
) -> _Slowing | None:
    """Slowing below `SLOWING` of an MSD that a cage can give; None where it goes on."""
    lags = np.array([first, (first + last) // 2, last])
    total = msd.total_A2[lags]
    if not total[2] - total[0] < LARGEST_CAGE_HOPS2 * hop_length_A**2:
        return None
    early, late = np.diff(total) / np.diff(lags)
    if not early > 0 or late >= SLOWING * early or not total[2] > total[0]:
        return None
    slope_of = np.array([[-1, 1, 0], [0, -1, 1]]) / np.diff(lags)[:, None]
    weights = slope_of[1] - USUAL_SLOWING * slope_of[0]
    covariance = walk_covariance(msd, lags, hop_length_A=hop_length_A)
    below = -float(weights @ total) / float(np.sqrt(weights @ covariance @ weights))
    return _Slowing(float(late / early), below)


@dataclass(frozen=True)
class Confinement:
    """What the places that ions went between show of cages.

    Attributes
    ----------
    reason : why ions that moved little are taken as caged; None where they are not
    caution : that no way as long as the cell was seen yet; None where one was, or ions moved far
    """

    reason: str | None = None
    caution: str | None = None


def judge_confinement(
    ions: RestingPositions, cell: np.ndarray, msd: MeanSquaredDisplacement, *, hop_length_A: float
) -> Confinement:
    """Look for cages among the places of ions that did not move far.

    Where the MSD at half the run is below `LARGEST_CAGE_HOPS2` hop lengths squared, which a cage
    can give, ions whose connected places (see `reach_A`) all lie within `WIDEST_CAGE_HOPS` hop
    lengths are caged. Below `LARGEST_CLOSED_CAGE_HOPS2`, places that reach less far than the cell
    are stated: of channels that are blocked at both ends the MSD shows nothing by then.
    """
    half = float(msd.total_A2[(msd.n_frames - 1) // 2])
    if half > LARGEST_CLOSED_CAGE_HOPS2 * hop_length_A**2:
        return Confinement()
    reach = reach_A(ions, cell)
    small = half <= LARGEST_CAGE_HOPS2 * hop_length_A**2
    if small and reach <= WIDEST_CAGE_HOPS * hop_length_A:
        return Confinement(
            reason=f"not diffusive, caged: the MSD is {half:.3g} Å² at half the run, and "
            f"connected places reach {reach:.2g} Å at most, not across the cell: cages and "
            "diffusion look alike; run longer or hotter"
        )
    if reach < 1 / np.linalg.norm(np.linalg.inv(cell), axis=0).max():
        return Confinement(
            caution=f"no path across the cell was seen: connected places reach {reach:.2g} Å at "
            "most, and channels closed at that length would look alike; run longer to "
            "show that ions pass"
        )
    return Confinement()


def reach_A(ions: RestingPositions, cell: np.ndarray) -> float:
    """How far places that ions went between from frame to frame lead, Å; infinite across the cell.

    Places are voxels of some 0.4 Å. Each step of an ion joins two of them, however far apart, and
    ions join where they were in one voxel. The joined places cross the cell where a way along
    them ends at an image of its start: the percolation of `percolating_paths`, in any direction,
    but with steps between frames that skip the pass. Otherwise the reach is the longest edge of a
    box around joined places, along Cartesian axes.

    Parameters
    ----------
    ions : unwrapped, framework at rest
    cell : (3, 3), Å, rows are lattice vectors
    """
    from scipy import sparse

    inverse = np.linalg.inv(cell)
    shape = np.maximum(1, np.ceil(np.linalg.norm(cell, axis=1) / _VOXEL_A)).astype(int)
    edges: list[np.ndarray] = []
    n_frames = ions.shape[0]
    for start in range(0, n_frames - 1, _BLOCK_FRAMES):
        block = ions[slice(start, min(start + _BLOCK_FRAMES, n_frames - 1) + 1)] @ inverse
        image = np.floor(block)
        voxel = np.minimum(((block - image) * shape).astype(int), shape - 1)
        number = np.ravel_multi_index(tuple(np.moveaxis(voxel, -1, 0)), tuple(shape))
        image = image.astype(int)
        step = np.concatenate(
            [number[:-1, :, None], number[1:, :, None], image[1:] - image[:-1]], axis=2
        )
        edges.append(np.unique(step.reshape(-1, 5), axis=0))
    joined = np.unique(np.concatenate(edges), axis=0)
    voxels, ends = np.unique(joined[:, :2], return_inverse=True)
    ends = ends.reshape(-1, 2)
    n_places = int(ends.max()) + 1
    graph = sparse.coo_matrix(
        (np.arange(1, len(ends) + 1), (ends[:, 0], ends[:, 1])), shape=(n_places, n_places)
    )
    offsets, component = _offsets(graph, ends, joined[:, 2:], n_places)
    if np.any(offsets[ends[:, 1]] - offsets[ends[:, 0]] != joined[:, 2:]):
        return float("inf")
    places = (np.stack(np.unravel_index(voxels, tuple(shape)), axis=1) / shape + offsets) @ cell
    order = np.argsort(component, kind="stable")
    starts = np.unique(component[order], return_index=True)[1]
    high = np.maximum.reduceat(places[order], starts)
    low = np.minimum.reduceat(places[order], starts)
    return float((high - low).max())


def _offsets(
    graph: "object", ends: np.ndarray, images: np.ndarray, n_places: int
) -> tuple[np.ndarray, np.ndarray]:
    """Image of every place along a tree from one place of its component, and the component."""
    from scipy.sparse import csgraph

    steps: dict[tuple[int, int], np.ndarray] = {}
    for (one, two), image in zip(ends.tolist(), images, strict=True):
        steps[one, two] = image
        steps[two, one] = -image
    matrix = graph.tocsr()  # type: ignore[attr-defined]
    _, component = csgraph.connected_components(matrix, directed=False)
    offsets = np.zeros((n_places, 3), dtype=int)
    _, roots = np.unique(component, return_index=True)
    for root in roots.tolist():
        order, before = csgraph.breadth_first_order(matrix, root, directed=False)
        for place in order[1:].tolist():
            offsets[place] = offsets[before[place]] + steps[int(before[place]), place]
    return offsets, component
