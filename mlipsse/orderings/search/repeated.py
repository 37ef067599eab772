"""Orderings of smaller cells, repeated until they fill a larger one.

A ground state is often periodic in less than the cell that is searched. There are far fewer
arrangements in the smaller cell, so that its ground state is found where an annealing of the large
one ends beside it.
"""

from collections.abc import Sequence
from itertools import product

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.orderings.cell.supercell import Supercell
from mlipsse.orderings.composition.amounts import Composition
from mlipsse.orderings.search.annealing import anneal
from mlipsse.orderings.search.distinct import DistinctOrderings
from mlipsse.orderings.thermal.pairs.model import PairModel

_MOST_CELLS = 12
"""Smaller cells that are looked at; a long chain has many."""


def repeat_labels(small: Supercell, labels: np.ndarray, large: Supercell) -> np.ndarray:
    """Labels (n_sites,) int8 of `large`, filled with an ordering of `small`, which tiles it."""
    cells = small.repeats.index(large.repeats.origins)
    return labels.reshape(-1, small.n_cells)[:, cells].ravel()


def tiles(small: Supercell, large: Supercell) -> bool:
    """Whether repeats of `small`, of the same host and smaller, fill `large`."""
    return small.n_cells < large.n_cells and not small.repeats.index(large.repeats.matrix).any()


def smaller_cells(supercell: Supercell, composition: Composition) -> list[Supercell]:
    """Cells that tile a supercell of three factors and hold the composition, the largest first.

    None of a matrix, and none in which an atom excludes its own image.
    """
    factors = supercell.repeats.factors
    if factors is None:
        return []
    divisors = [[n for n in range(1, factor + 1) if factor % n == 0] for factor in factors]
    smaller = [Supercell(supercell.host, own) for own in product(*divisors) if own != factors]
    smaller.sort(key=lambda own: -own.n_cells)
    return [own for own in smaller[:_MOST_CELLS] if composition.fits(own) and _exists(own)]


def annealed_repeats(
    model: PairModel,
    small: Supercell,
    large: Supercell,
    counts: Sequence[Sequence[int]],
    *,
    error_meV: float,
    count: int,
    rng: np.random.Generator,
) -> list[np.ndarray]:
    """The lowest distinct orderings of `small` on a model, repeated in `large`.

    Parameters
    ----------
    counts : per sublattice, how many sites of `small` each species takes
    error_meV : of the model, meV per host cell
    count : at most so many
    """
    ends = anneal(
        model,
        small,
        counts,
        (),
        error_meV,
        excluded=small.excluded_pairs,
        rng=rng,
    )
    known = DistinctOrderings(small)
    different = [labels for labels in ends if known.add(labels)]
    return [repeat_labels(small, labels, large) for labels in different[:count]]


def _exists(supercell: Supercell) -> bool:
    try:
        _ = supercell.excluded_pairs
    except MlipsseError:
        return False
    return True
