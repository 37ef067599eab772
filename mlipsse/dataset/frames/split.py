"""Train, valid and test sets, split by trajectory."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from mlipsse import keys
from mlipsse.errors import MlipsseError


@dataclass(frozen=True)
class Split:
    """Frames of whole trajectories in three parts.

    Attributes
    ----------
    train, valid, test : frames, in the order they came in
    absent_from_train : compositions of which every trajectory is in valid or test; there are some
        only when trajectories are too few to have all in train
    """

    train: list[Atoms]
    valid: list[Atoms]
    test: list[Atoms]
    absent_from_train: tuple[str, ...] = ()


def split_by_trajectory(
    frames: Sequence[Atoms], *, valid_fraction: float, test_fraction: float, seed: int
) -> Split:
    """Give every trajectory, as a whole, to train, valid or test.

    Neighbouring frames of a trajectory are nearly the same structure: with some in train and
    others in test, the test shows nothing. Valid and test get the fractions of the trajectories,
    rounded, and at least one each. Every composition keeps a trajectory in train where numbers
    allow (for it valid and test shrink to one trajectory), and compositions are spread over valid
    and test evenly.

    Parameters
    ----------
    frames : with `keys.TRAJECTORY` and, when compositions are to be spread, `keys.COMPOSITION` in
        `info`
    valid_fraction, test_fraction : of the trajectories; together below 1
    seed : the same seed and frames give the same split

    Raises
    ------
    MlipsseError
        for fewer than three trajectories, a frame that does not name its trajectory, a trajectory
        of two compositions, or fractions that leave nothing for train.
    """
    if not (valid_fraction > 0 and test_fraction > 0 and valid_fraction + test_fraction < 1):
        raise MlipsseError(
            f"valid_fraction {valid_fraction:g} and test_fraction {test_fraction:g} must be above "
            "0 and together below 1."
        )
    composition_of = _compositions(frames)
    n_trajectories = len(composition_of)
    if n_trajectories < 3:
        raise MlipsseError(
            f"There are {n_trajectories} trajectories, but a split by trajectory requires at "
            "least 3: one each for train, valid and test. Sample more orderings or temperatures."
        )
    compositions = Counter(composition_of.values())
    spare = n_trajectories - len(compositions)
    sizes = {
        "valid": max(1, round(valid_fraction * n_trajectories)),
        "test": max(1, round(test_fraction * n_trajectories)),
    }
    while sum(sizes.values()) > max(2, min(spare, n_trajectories - 1)):
        sizes[max(sizes, key=lambda part: sizes[part])] -= 1
    part_of = _assign(composition_of, sizes, np.random.default_rng(seed))
    parts: dict[str, list[Atoms]] = {"train": [], "valid": [], "test": []}
    for frame in frames:
        parts[part_of[frame.info[keys.TRAJECTORY]]].append(frame)
    trained = {composition_of[name] for name, part in part_of.items() if part == "train"}
    return Split(**parts, absent_from_train=tuple(sorted(set(compositions) - trained)))


def _assign(
    composition_of: dict[str, str], sizes: dict[str, int], rng: np.random.Generator
) -> dict[str, str]:
    """Part of every trajectory: one at a time leaves train, for the part furthest from full."""
    part_of = dict.fromkeys(composition_of, "train")
    waiting = [str(name) for name in rng.permutation(sorted(composition_of))]
    taken = dict.fromkeys(sizes, 0)
    while taken != sizes:
        part = min((p for p in sizes if taken[p] < sizes[p]), key=lambda p: taken[p] / sizes[p])
        left = Counter(composition_of[name] for name in waiting)
        here = Counter(composition_of[name] for name, p in part_of.items() if p == part)
        # First leave every composition one trajectory in train, then take what this part has
        # least of, then what there is most of; the permutation settles the rest.
        name = min(
            waiting,
            key=lambda name: (
                left[composition_of[name]] < 2,
                here[composition_of[name]],
                -left[composition_of[name]],
            ),
        )
        waiting.remove(name)
        part_of[name] = part
        taken[part] += 1
    return part_of


def _compositions(frames: Sequence[Atoms]) -> dict[str, str]:
    """Trajectory -> composition."""
    composition_of: dict[str, str] = {}
    for index, frame in enumerate(frames):
        if keys.TRAJECTORY not in frame.info:
            raise MlipsseError(
                f"Frame {index} ({frame.get_chemical_formula()}) does not name its trajectory: "
                f"info[{keys.TRAJECTORY!r}] is missing. Add it."
            )
        trajectory = frame.info[keys.TRAJECTORY]
        composition = frame.info.get(keys.COMPOSITION, frame.get_chemical_formula(empirical=True))
        if composition_of.setdefault(trajectory, composition) != composition:
            raise MlipsseError(
                f"Trajectory {trajectory} has frames of two compositions, "
                f"{composition_of[trajectory]} and {composition}. Give each trajectory a name of "
                "its own."
            )
    return composition_of
