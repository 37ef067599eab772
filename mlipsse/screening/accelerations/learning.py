"""Train the network on crystals whose diffusivity is known, and find out what it is worth."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.screening.accelerations.baselines import ridge, statistics
from mlipsse.screening.accelerations.displaced import Displaced

LEAST_SLOPE_A2_PS = 1e-4
"""Slopes of the MSD below it count as it: in a short run they are none."""

FEWEST = 10
"""Crystals below this number are nothing to learn from."""


@dataclass(frozen=True, eq=False)
class KnownCrystal:
    """A crystal with a slope of the MSD from dynamics.

    Attributes
    ----------
    name : of the crystal
    prototype : crystals of one are not split
    slope_A2_ps : of the mobile ion's MSD, at the temperature of all
    displacements : of the crystal
    """

    name: str
    prototype: str
    slope_A2_ps: float
    displacements: Sequence[Displaced]

    @property
    def target(self) -> float:
        """log10 of the slope, at least that of `LEAST_SLOPE_A2_PS`."""
        return float(np.log10(max(self.slope_A2_ps, LEAST_SLOPE_A2_PS)))


@dataclass(frozen=True)
class LearningSettings:
    """How the network is trained.

    Attributes
    ----------
    epochs : in each of which every crystal is seen in one of its displacements
    batch_size : crystals of a gradient step
    learning_rate : of AdamW; falls to zero as a half cosine
    weight_decay : of AdamW
    seed : of weights, order and displacements
    """

    epochs: int = 150
    batch_size: int = 8
    learning_rate: float = 5e-3
    weight_decay: float = 1e-3
    seed: int = 1


@dataclass(frozen=True)
class Split:
    """How well one part of the crystals is predicted by what learned from the others.

    Attributes
    ----------
    by : `structure` or `prototype`: what is not on both sides
    names : of those held out
    targets, network, ridge, mean : log10 of the slope, true and predicted
    """

    by: str
    names: Sequence[str]
    targets: Sequence[float]
    network: Sequence[float]
    ridge: Sequence[float]
    mean: Sequence[float]


@dataclass(frozen=True)
class Validation:
    """R2 over held-out crystals, mean and standard deviation over splits.

    Attributes
    ----------
    by : `structure` or `prototype`
    r2, r2_std : predictor -> value
    rank_correlation : predictor -> Spearman's over all held-out crystals
    splits : what they are taken from
    """

    by: str
    r2: dict[str, float]
    r2_std: dict[str, float]
    rank_correlation: dict[str, float]
    splits: Sequence[Split] = field(repr=False)


PREDICTORS = ("network", "ridge", "mean")


def validate(
    crystals: Sequence[KnownCrystal],
    predict: Callable[[Sequence[KnownCrystal], Sequence[KnownCrystal]], np.ndarray],
    *,
    by: str,
    n_splits: int = 5,
    seed: int = 1,
    progress: Callable[[int, int, str], None] = lambda done, total, text: None,
) -> Validation:
    """Hold out every crystal once, and compare predictions with two baselines.

    R2 of a split is 1 - sum (y - p)^2 / sum (y - m)^2 with the mean m of its training crystals, so
    that the mean itself has 0.

    Parameters
    ----------
    predict : called with (training crystals, held-out crystals); predictions of the latter
    by : `structure`, or `prototype`, by which crystals of one prototype are held out together
    n_splits : parts

    Raises
    ------
    MlipsseError
        for fewer crystals than `FEWEST`, or fewer prototypes than parts.
    """
    require_enough(crystals)
    splits = []
    for number, held_out in enumerate(_parts(crystals, by=by, n_splits=n_splits, seed=seed)):
        progress(number, n_splits, f"split {number + 1} by {by}")
        train = [one for k, one in enumerate(crystals) if k not in held_out]
        test = [crystals[k] for k in sorted(held_out)]
        known = np.array([one.target for one in train])
        features, asked = (
            np.array([statistics(one.displacements) for one in some]) for some in (train, test)
        )
        splits.append(
            Split(
                by,
                [one.name for one in test],
                [one.target for one in test],
                predict(train, test).tolist(),
                ridge(features, known, asked).tolist(),
                [float(known.mean())] * len(test),
            )
        )
    return _summary(by, splits)


def require_enough(crystals: Sequence[KnownCrystal]) -> None:
    """Refuse too few crystals, and targets that are all the same.

    Raises
    ------
    MlipsseError
        when there is nothing to learn.
    """
    if len(crystals) < FEWEST:
        raise MlipsseError(
            f"{len(crystals)} crystals are too few to learn from. Give at least {FEWEST}."
        )
    require_spread(crystals)


def require_spread(crystals: Sequence[KnownCrystal]) -> None:
    """Refuse targets that are all the same.

    Raises
    ------
    MlipsseError
        when there is nothing to learn.
    """
    if np.ptp([one.target for one in crystals]) == 0:
        raise MlipsseError(
            f"All crystals have the same slope (or all are below {LEAST_SLOPE_A2_PS:g} Å²/ps), so "
            "that there is nothing to learn. Add crystals of another diffusivity."
        )


def _parts(
    crystals: Sequence[KnownCrystal], *, by: str, n_splits: int, seed: int
) -> Iterator[set[int]]:
    """Numbers of the crystals that are held out, part by part, of about one size."""
    groups: dict[str, list[int]] = {}
    for number, one in enumerate(crystals):
        groups.setdefault(one.prototype if by == "prototype" else str(number), []).append(number)
    if len(groups) < n_splits:
        raise MlipsseError(
            f"{len(groups)} prototypes cannot be split into {n_splits} parts. Give crystals of "
            "more prototypes."
        )
    rng = np.random.default_rng(seed)
    names = list(groups)
    parts: list[set[int]] = [set() for _ in range(n_splits)]
    order = [names[k] for k in rng.permutation(len(names))]
    for name in sorted(order, key=lambda one: -len(groups[one])):  # stable: random among equals
        min(parts, key=len).update(groups[name])
    yield from parts


def _summary(by: str, splits: Sequence[Split]) -> Validation:
    from scipy.stats import spearmanr

    r2: dict[str, float] = {}
    spread: dict[str, float] = {}
    ranks: dict[str, float] = {}
    for name in PREDICTORS:
        values = [_r2(split, name) for split in splits]
        r2[name], spread[name] = float(np.mean(values)), float(np.std(values, ddof=1))
        targets = np.concatenate([split.targets for split in splits])
        predicted = np.concatenate([getattr(split, name) for split in splits])
        varies = np.ptp(predicted) > 0
        ranks[name] = float(spearmanr(targets, predicted).statistic) if varies else 0.0
    return Validation(by, r2, spread, ranks, splits)


def _r2(split: Split, predictor: str) -> float:
    targets, predicted = np.array(split.targets), np.array(getattr(split, predictor))
    spread = np.sum((targets - np.array(split.mean)) ** 2)
    return float(1 - np.sum((targets - predicted) ** 2) / spread)
