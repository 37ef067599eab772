"""New orderings that pair models take for low in energy."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlipsse.orderings.cell.supercell import Supercell
from mlipsse.orderings.search.annealing import anneal, draw
from mlipsse.orderings.search.distinct import DistinctOrderings
from mlipsse.orderings.search.model import FittedModels
from mlipsse.orderings.thermal.pairs.lattice import PairLattice
from mlipsse.orderings.thermal.pairs.model import PairModel

_TRIES = 50


@dataclass(frozen=True, eq=False)
class Proposal:
    """An ordering to be relaxed.

    Attributes
    ----------
    labels : (n_sites,) int8
    model_energy_eV : of the best model; None for an ordering drawn at random
    """

    labels: np.ndarray
    model_energy_eV: float | None


def propose(
    models: FittedModels,
    supercell: Supercell,
    counts: Sequence[Sequence[int]],
    *,
    known: DistinctOrderings,
    starts: Sequence[np.ndarray],
    repeated: Sequence[np.ndarray],
    count: int,
    rng: np.random.Generator,
) -> list[Proposal]:
    """New distinct orderings: annealed on the models where there are some, the rest at random.

    At most a quarter are repeats of smaller cells. Half of the others are the lowest ones of the
    best model, the rest those of models fitted to resampled energies, which differ where the
    energies do not decide.

    Parameters
    ----------
    counts : per sublattice, how many sites each species takes
    known : orderings that are not proposed
    starts : labels (n_sites,) of the lowest known orderings; some annealings begin with them
    repeated : orderings of smaller cells that fill this one, those to be taken first at the front
    count : at most so many; fewer where no more are found
    """
    excluded = supercell.excluded_pairs
    here = DistinctOrderings(supercell)
    found: list[Proposal] = []

    def take(candidates: Sequence[np.ndarray], most: int) -> None:
        for labels in candidates:
            if len(found) >= most:
                return
            if labels not in known and here.add(labels):
                found.append(Proposal(labels, _energy_eV(models.best, lattice, labels)))

    lattice = None if models.best is None else models.best.lay_on(supercell)
    take(repeated, count // 4)
    if models.best is not None:
        several = [models.best, *models.resampled]
        lists = [
            anneal(
                model,
                supercell,
                counts,
                starts,
                models.error_meV or 0.0,
                excluded=excluded,
                rng=rng,
            )
            for model in several
        ]
        first = (len(found) + count) // 2
        take(lists[0], first if len(lists) > 1 else count)
        for number, candidates in enumerate(lists[1:], 1):
            take(candidates, first + number * (count - first) // len(lists[1:]))
        take(lists[0], count)
    tries = 0
    while len(found) < count and tries < _TRIES * count:
        tries += 1
        drawn = draw(supercell, counts, 1, excluded=excluded, rng=rng)
        if not drawn:
            break
        if drawn[0] not in known and here.add(drawn[0]):
            found.append(Proposal(drawn[0], None))
    return found


def _energy_eV(
    model: PairModel | None, lattice: PairLattice | None, labels: np.ndarray
) -> float | None:
    if model is None or lattice is None:
        return None
    return model.energy_eV(lattice, labels)
