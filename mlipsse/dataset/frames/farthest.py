"""Which of many frames to label: those that differ most in a model's descriptors."""

import numpy as np

from mlipsse.errors import MlipsseError


def frame_descriptor(invariants: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """The mean of its atoms' invariants, element by element, one after the other.

    Parameters
    ----------
    invariants : (n_atoms, n) float64
    numbers : (n_atoms,) int, atomic numbers

    Returns
    -------
    (n_elements * n,) float64, elements by atomic number
    """
    return np.concatenate([invariants[numbers == z].mean(axis=0) for z in np.unique(numbers)])


def farthest_points(points: np.ndarray, count: int) -> list[int]:
    """Greedy farthest-point selection (Gonzalez, Theor. Comput. Sci. 38, 293 (1985)).

    The first is the one nearest to the mean; each further one is the one farthest from all chosen
    before, in Euclidean distance. Nothing is random; of equals the first is taken.

    Parameters
    ----------
    points : (n_points, n) float64
    count : of points to choose; all when there are no more

    Returns
    -------
    list of int
        indices in the order in which they were chosen

    Raises
    ------
    MlipsseError
        for points that are not finite.
    """
    if not np.isfinite(points).all():
        raise MlipsseError(
            "Descriptors of some frames are not finite, so selection: farthest cannot compare "
            "them. Take selection: random, or another foundation."
        )
    if len(points) == 0 or count == 0:
        return []
    chosen = [int(np.argmin(np.linalg.norm(points - points.mean(axis=0), axis=1)))]
    apart = np.linalg.norm(points - points[chosen[0]], axis=1)
    for _ in range(min(count, len(points)) - 1):
        apart[chosen[-1]] = -1.0  # never again, though others may stand on the same point
        chosen.append(int(np.argmax(apart)))
        np.minimum(apart, np.linalg.norm(points - points[chosen[-1]], axis=1), out=apart)
    return chosen
