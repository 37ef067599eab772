"""Boltzmann selection of orderings."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.units import BOLTZMANN_EV_K

Per = Literal["atom", "formula_unit", "cell"]
Draw = Literal["count", "boltzmann"]


@dataclass(frozen=True)
class Selection:
    """What was selected of one composition in one supercell.

    Attributes
    ----------
    chosen : (k,) int, indices of the orderings taken, by rising energy
    weights : (n,) float64, Boltzmann probability of every ordering, sum 1
    expected : mean of k over all seeds
    """

    chosen: np.ndarray
    weights: np.ndarray
    expected: float


def boltzmann_weights(
    energies_eV: np.ndarray,
    *,
    temperature_K: float = 800.0,
    degeneracies: np.ndarray | None = None,
    per: Per = "cell",
    n_atoms: int | None = None,
    n_formula_units: float | None = None,
) -> np.ndarray:
    """Probability of every ordering of one composition in one supercell.

    p_i = g_i exp(-dE_i / kB T) / sum_j g_j exp(-dE_j / kB T) with dE_i = E_i - min E (Deng, Li,
    Sai Gautam, Zhu, Deng, 2025, doi 10.1039/d5ta05321h, T = 800 K; there dE is the energy above
    hull, which differs by a constant within a composition). The paper leaves open whether dE is
    counted per atom, per formula unit or per cell, and whether symmetry degeneracies enter. kT is
    69 meV at 800 K: per atom, differences of a few meV are nearly uniform weights; per cell, the
    probability of statistical mechanics, they are selective. Pass `degeneracies` for the weights
    of the disordered crystal; without them every distinct ordering counts once.

    Parameters
    ----------
    energies_eV : (n,) energies of the whole cells, eV: total, or above hull times atoms
    temperature_K : of the ensemble
    degeneracies : (n,) number of symmetry-equivalent copies of each ordering
    per : what the energy difference in the exponent is counted for
    n_atoms : atoms in the cell, for `per="atom"`
    n_formula_units : formula units in the cell, for `per="formula_unit"`

    Returns
    -------
    (n,) float64, sum 1

    Raises
    ------
    MlipsseError
        when energies or degeneracies are not finite, T is not positive, or the size that `per`
        needs is missing.
    """
    log_weights = _log_weights(
        energies_eV, temperature_K, degeneracies, _divisor(per, n_atoms, n_formula_units)
    )
    return _normalised(log_weights)


def effective_number(weights: np.ndarray) -> float:
    """Number of equally likely orderings with as much entropy: exp(-sum_i p_i ln p_i).

    From 1, when one ordering has all the weight, to n, when all n have the same.

    Parameters
    ----------
    weights : (n,) probabilities, sum 1
    """
    present = weights[weights > 0]
    return float(np.exp(-np.sum(present * np.log(present))))


def select(
    energies_eV: np.ndarray,
    *,
    count: int,
    seed: int,
    draw: Draw = "count",
    temperature_K: float = 800.0,
    degeneracies: np.ndarray | None = None,
    per: Per = "cell",
    n_atoms: int | None = None,
    n_formula_units: float | None = None,
) -> Selection:
    """Boltzmann selection among the orderings of one composition in one supercell.

    The lowest ordering is always in. The publication (see `boltzmann_weights`) states no more than
    that others are selected by their Boltzmann weight at 800 K; how they are drawn and how many is
    open (about 2500 frames, 30 per ordering, over 12 compositions in 3 supercells make 2.3
    orderings per composition and supercell). Two ways:

    `draw="count"`: `count` orderings whatever the energies, one after the other with its weight
    among those that are left, without replacement. Drawing the largest of log weight + Gumbel
    noise is the same (Yellott, J. Math. Psychol. 15, 109 (1977), doi
    10.1016/0022-2496(77)90026-8) and does not fail where weights underflow.

    `draw="boltzmann"`: each ordering but the lowest is taken or not by itself (Poisson sampling),
    with probability min(1, (count - 1) p_i): for `count` 2 its Boltzmann probability p_i. How many
    come out follows from the energies: 1 + sum_i min(1, (count - 1) p_i) on average, between 1
    (the lowest has all the weight) and `count` (it has next to none).

    Parameters
    ----------
    count : orderings taken, at most all there are; for `draw="boltzmann"`, the bound of the mean
    seed : the same seed gives the same selection
    draw : how the others are drawn
    others : as in `boltzmann_weights`
    """
    if count < 1:
        raise MlipsseError(f"{count} structures are requested; select at least 1.")
    if draw not in get_args(Draw):
        raise MlipsseError(
            f"The draw {draw!r} is not known. Choose one of {', '.join(get_args(Draw))}."
        )
    energies_eV = np.asarray(energies_eV, dtype=float)
    log_weights = _log_weights(
        energies_eV, temperature_K, degeneracies, _divisor(per, n_atoms, n_formula_units)
    )
    weights = _normalised(log_weights)
    lowest = int(np.argmin(energies_eV))
    random = np.random.default_rng(seed)
    if draw == "count":
        keys = log_weights + random.gumbel(size=len(log_weights))
        keys[lowest] = np.inf
        chosen = np.argsort(-keys, kind="stable")[:count]
        expected = float(len(chosen))
    else:
        inclusion = np.minimum(1.0, (count - 1) * weights)
        inclusion[lowest] = 1.0
        chosen = np.flatnonzero(random.random(len(weights)) < inclusion)
        expected = float(inclusion.sum())
    chosen = chosen[np.lexsort((chosen, energies_eV[chosen]))]
    return Selection(chosen, weights, expected)


def _divisor(per: Per, n_atoms: int | None, n_formula_units: float | None) -> float:
    if per == "cell":
        return 1.0
    sizes = {"atom": ("n_atoms", n_atoms), "formula_unit": ("n_formula_units", n_formula_units)}
    if per not in sizes:
        raise MlipsseError(
            f"Selection per {per!r} is not known. Choose atom, formula_unit or cell."
        )
    name, size = sizes[per]
    if size is None or not size > 0:
        raise MlipsseError(f"Selection per {per} needs {name} above 0; it is {size}.")
    return float(size)


def _log_weights(
    energies_eV: np.ndarray,
    temperature_K: float,
    degeneracies: np.ndarray | None,
    divisor: float,
) -> np.ndarray:
    energies_eV = np.asarray(energies_eV, dtype=float)
    if energies_eV.ndim != 1 or len(energies_eV) == 0 or not np.isfinite(energies_eV).all():
        raise MlipsseError(
            f"Boltzmann weights need a list of finite energies; got {energies_eV.shape} with "
            f"{int((~np.isfinite(energies_eV)).sum())} that are not finite."
        )
    if not (np.isfinite(temperature_K) and temperature_K > 0):
        raise MlipsseError(
            f"Boltzmann weights need a temperature above 0 K; it is {temperature_K}."
        )
    copies = np.ones(len(energies_eV)) if degeneracies is None else np.asarray(degeneracies, float)
    if copies.shape != energies_eV.shape or not (np.isfinite(copies) & (copies > 0)).all():
        raise MlipsseError(
            f"Degeneracies must be {len(energies_eV)} positive numbers, one per ordering; got "
            f"shape {copies.shape}."
        )
    excess_eV = (energies_eV - energies_eV.min()) / divisor
    return np.log(copies) - excess_eV / (BOLTZMANN_EV_K * temperature_K)


def _normalised(log_weights: np.ndarray) -> np.ndarray:
    weights = np.exp(log_weights - log_weights.max())
    return weights / weights.sum()
