"""New orderings that pair models take for low in energy."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.orderings.cell.supercell import Supercell
from mlipsse.orderings.search.distinct import DistinctOrderings
from mlipsse.orderings.search.model import FittedModels
from mlipsse.orderings.thermal.pairs.lattice import PairLattice
from mlipsse.orderings.thermal.pairs.model import PairModel
from mlipsse.orderings.thermal.swaps.random_labels import random_labels
from mlipsse.orderings.thermal.swaps.sweeps import Sweeps
from mlipsse.units import BOLTZMANN_EV_K

N_ANNEALINGS = 48
"""Per model; each is some milliseconds."""

N_SWEEPS = 200
_N_RANDOM = 24
_HOT_EV = 0.2
"""kT at which annealings begin that cannot be measured on random orderings."""

_COLD = 0.02
"""Of the temperature at which the first half of the annealings ends, over that of their start."""

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
    count: int,
    rng: np.random.Generator,
) -> list[Proposal]:
    """New distinct orderings: annealed on the models where there are some, the rest at random.

    Half of them are the lowest ones of the best model, the others those of models fitted to
    resampled energies, which differ where the energies do not decide. Half of the annealings of
    each end at a temperature of the model's own error: what lies that close above its lowest
    ordering may be lower in truth.

    Parameters
    ----------
    counts : per sublattice, how many sites each species takes
    known : orderings that are not proposed
    starts : labels (n_sites,) of the lowest known orderings; some annealings begin with them
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

    lattice = None
    if models.best is not None:
        lattice = models.best.lay_on(supercell)
        several = [models.best, *models.resampled]
        lists = [
            _annealed(
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
        take(lists[0], count // 2 if len(lists) > 1 else count)
        for number, candidates in enumerate(lists[1:], 1):
            take(candidates, count // 2 + number * (count - count // 2) // len(lists[1:]))
        take(lists[0], count)
    tries = 0
    while len(found) < count and tries < _TRIES * count:
        tries += 1
        drawn = _drawn(supercell, counts, 1, excluded=excluded, rng=rng)
        if not drawn:
            break
        if drawn[0] not in known and here.add(drawn[0]):
            found.append(Proposal(drawn[0], None))
    return found


def _drawn(
    supercell: Supercell,
    counts: Sequence[Sequence[int]],
    number: int,
    *,
    excluded: np.ndarray,
    rng: np.random.Generator,
) -> list[np.ndarray]:
    """Random orderings; none where so many sites exclude each other that none is found."""
    try:
        return [random_labels(supercell, counts, rng=rng, excluded=excluded) for _ in range(number)]
    except MlipsseError:
        return []


def _annealed(
    model: PairModel,
    supercell: Supercell,
    counts: Sequence[Sequence[int]],
    starts: Sequence[np.ndarray],
    error_meV: float,
    *,
    excluded: np.ndarray,
    rng: np.random.Generator,
) -> list[np.ndarray]:
    """Ends of annealings, the lowest first."""
    lattice = model.lay_on(supercell)
    # Swaps over any distance alone: with near ones, annealings of 64 sites ended higher.
    sweeps = Sweeps(model, lattice, excluded, shares=(1.0, 0.0, 0.0))
    drawn = _drawn(supercell, counts, _N_RANDOM, excluded=excluded, rng=rng)
    least_eV = 1e-3 if drawn else _HOT_EV  # known orderings of low energy spread too little
    drawn = drawn or list(starts)
    if not drawn:
        return []
    spread_eV = float(np.std([model.energy_eV(lattice, one) for one in drawn]))
    hot_K = max(2 * spread_eV, least_eV) / BOLTZMANN_EV_K
    error_K = min(hot_K, 1e-3 * error_meV * supercell.n_cells / BOLTZMANN_EV_K)
    ends = []
    for number in range(N_ANNEALINGS):
        known = number % 4 == 3 and len(starts) > 0
        start = starts[number // 4 % len(starts)] if known else drawn[number % len(drawn)]
        last_K = max(error_K, _COLD * hot_K) if number % 2 else _COLD * hot_K
        ramp_K = np.geomspace(hot_K if not known else max(last_K, hot_K / 4), last_K, N_SWEEPS)
        walker = sweeps.walker(start)
        walker.run(ramp_K, rng=rng)
        ends.append((walker.energy_eV, number, walker.labels))
    return [labels for _, _, labels in sorted(ends, key=lambda end: end[:2])]


def _energy_eV(
    model: PairModel | None, lattice: PairLattice | None, labels: np.ndarray
) -> float | None:
    if model is None or lattice is None:
        return None
    return model.energy_eV(lattice, labels)
