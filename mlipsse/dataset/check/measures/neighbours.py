"""Frames of two splits that are nearly one: neighbours along a trajectory, a frame and its copy."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from ase import Atoms

NEIGHBOUR_A = 0.1
"""Nothing further apart is called near; see `neighbours_across`."""

NEIGHBOUR_SHARE = 0.25
"""Share of the median distance between frames of equal atoms; independent frames are further apart.
Frames of dynamics at 300 to 1500 K come so near within some 10 fs."""

_CHUNK = 512
_SLACK = 3.0  # of lengths along oblique axes against distances, for the first sieve


def neighbours_across(
    frames: Sequence[Atoms], splits: Sequence[str]
) -> list[tuple[int, int, float]]:
    """Pairs of frames of the same atoms, in the same order, of two splits, that are nearly one.

    Their distance is the root mean square over atoms of the displacement to the nearest image,
    with that of the cell's vectors added in squares. It is near below `NEIGHBOUR_A` and
    `NEIGHBOUR_SHARE` of the median between frames of one kind: frames rattled by 0.02 Å are not
    near to each other because of that.

    Returns
    -------
    first, second, distance in Å; the nearest first
    """
    groups: dict[bytes, list[int]] = defaultdict(list)
    for index, frame in enumerate(frames):
        if frame.pbc.all() and frame.cell.rank == 3:
            groups[frame.numbers.tobytes()].append(index)
    found = []
    for members in groups.values():
        if len({splits[index] for index in members}) > 1:
            found += _of_group(frames, splits, members)
    return sorted(found, key=lambda pair: pair[2])


def _of_group(
    frames: Sequence[Atoms], splits: Sequence[str], members: list[int]
) -> list[tuple[int, int, float]]:
    # Euclidean distances of these are, but for oblique axes, those of the frames.
    points = np.stack([_embedded(frames[index]) for index in members]).astype(np.float32)
    squares = np.einsum("ij,ij->i", points, points)
    order = np.array([splits[index] for index in members])
    spread = []
    candidates: list[tuple[int, int]] = []
    for start in range(0, len(members), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        apart = squares[chunk, None] + squares[None, :] - 2 * points[chunk] @ points.T
        apart = np.sqrt(np.maximum(apart, 0.0))
        later = np.arange(len(members))[None, :] > np.arange(start, start + len(apart))[:, None]
        spread.append(np.median(apart[later]) if later.any() else np.nan)
        near = later & (apart < _SLACK * NEIGHBOUR_A) & (order[chunk, None] != order[None, :])
        candidates += [(start + int(i), int(j)) for i, j in zip(*np.nonzero(near), strict=True)]
    limit_A = min(NEIGHBOUR_A, NEIGHBOUR_SHARE * float(np.nanmedian(spread)))
    pairs = []
    for first, second in candidates:
        one, other = members[first], members[second]
        distance_A = _distance_A(frames[one], frames[other])
        if distance_A < limit_A:
            pairs.append((one, other, distance_A))
    return pairs


def _embedded(frame: Atoms) -> np.ndarray:
    """Fractional coordinates on circles as long as the cell's vectors, and these vectors, Å."""
    lengths = np.linalg.norm(frame.cell[:], axis=1)
    angles = 2 * np.pi * frame.get_scaled_positions()
    radius = lengths / (2 * np.pi) / np.sqrt(len(frame))
    return np.concatenate(
        [(radius * np.cos(angles)).ravel(), (radius * np.sin(angles)).ravel(), _vectors(frame)]
    )


def _vectors(frame: Atoms) -> np.ndarray:
    """The cell's lengths and angles as six lengths, which turning the cell does not change, Å."""
    a, b, c = frame.cell[:]
    found: np.ndarray = np.linalg.norm([a, b, c, a + b, b + c, c + a], axis=1) / np.sqrt(6)
    return found


def _distance_A(one: Atoms, other: Atoms) -> float:
    moved = other.get_scaled_positions() - one.get_scaled_positions()
    moved -= np.round(moved)
    moved -= moved.mean(axis=0)
    path_A = moved @ (one.cell[:] + other.cell[:]) / 2
    cells_A = _vectors(other) - _vectors(one)
    return float(np.sqrt(np.mean(np.sum(path_A**2, axis=1)) + np.sum(cells_A**2)))
