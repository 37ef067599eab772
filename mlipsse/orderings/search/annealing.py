"""Orderings annealed on a pair model."""

from collections.abc import Sequence

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.orderings.cell.supercell import Supercell
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


def anneal(
    model: PairModel,
    supercell: Supercell,
    counts: Sequence[Sequence[int]],
    starts: Sequence[np.ndarray],
    error_meV: float,
    *,
    excluded: np.ndarray,
    rng: np.random.Generator,
) -> list[np.ndarray]:
    """Ends of annealings on a model, the lowest first; none where none can begin.

    Half of them end at a temperature of the model's own error: what lies that close above its
    lowest ordering may be lower in truth.

    Parameters
    ----------
    counts : per sublattice, how many sites each species takes
    starts : labels (n_sites,) of known orderings of low energy; some annealings begin with them
    error_meV : of the model, meV per host cell
    excluded : (n_pairs, 2) int, sites that may not both hold an atom
    """
    lattice = model.lay_on(supercell)
    # Swaps over any distance alone: with near ones, annealings of 64 sites ended higher.
    sweeps = Sweeps(model, lattice, excluded, shares=(1.0, 0.0, 0.0))
    drawn = draw(supercell, counts, _N_RANDOM, excluded=excluded, rng=rng)
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


def draw(
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
