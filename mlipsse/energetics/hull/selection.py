"""Boltzmann selection of orderings."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.settings import Count, Kelvin, Settings
from mlipsse.units import BOLTZMANN_EV_K

Per = Literal["atom", "formula_unit", "cell"]
Draw = Literal["count", "boltzmann", "lowest"]


class SelectionSettings(Settings):
    """How orderings of one composition in one supercell are selected."""

    temperature_K: Kelvin = 800.0
    """Temperature of the Boltzmann weights in K."""
    per: Per = "cell"
    """Quantity of matter for the energy difference in the Boltzmann weight: per atom, per formula
    unit or per cell."""
    draw: Draw = "count"
    """How orderings are drawn. count: exactly `structures` orderings, without replacement.
    boltzmann: the lowest ordering always, and each other one independently with `structures` - 1
    times its Boltzmann probability, which gives fewer orderings where few matter. selection.csv
    lists the expected and the actual number. lowest: the `structures` lowest orderings, for
    transport.orderings: boltzmann."""
    structures: Count = 5
    """Number of orderings drawn per composition and supercell, always with the lowest one. With
    draw: boltzmann, upper bound of the expected number."""


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Orderings of one composition in one supercell.

    Attributes
    ----------
    energies_eV : (n,) energies of the whole cells: total, or above hull times atoms
    degeneracies : (n,) number of symmetry-equivalent copies of each ordering; None counts every
        distinct ordering once
    n_atoms : atoms in the cell, for weights per atom
    n_formula_units : formula units in the cell, for weights per formula unit

    Raises
    ------
    MlipsseError
        when energies are not finite, or degeneracies are not positive numbers, one per ordering.
    """

    energies_eV: np.ndarray
    degeneracies: np.ndarray | None = None
    n_atoms: int | None = None
    n_formula_units: float | None = None

    def __post_init__(self) -> None:
        energies_eV = self.energies_eV
        if energies_eV.ndim != 1 or len(energies_eV) == 0 or not np.isfinite(energies_eV).all():
            raise MlipsseError(
                f"Boltzmann weights need a list of finite energies; got {energies_eV.shape} with "
                f"{int((~np.isfinite(energies_eV)).sum())} that are not finite."
            )
        copies = self.copies
        if copies.shape != energies_eV.shape or not (np.isfinite(copies) & (copies > 0)).all():
            raise MlipsseError(
                f"Degeneracies must be {len(energies_eV)} positive numbers, one per ordering; got "
                f"shape {copies.shape}."
            )

    @property
    def copies(self) -> np.ndarray:
        """(n,) float64, degeneracies, or ones."""
        if self.degeneracies is None:
            return np.ones(len(self.energies_eV))
        return np.asarray(self.degeneracies, dtype=float)

    def cell_in(self, per: Per) -> float:
        """Size of the cell in atoms, formula units or cells.

        Raises
        ------
        MlipsseError
            when it is not known.
        """
        if per == "cell":
            return 1.0
        sizes = {
            "atom": ("n_atoms", self.n_atoms),
            "formula_unit": ("n_formula_units", self.n_formula_units),
        }
        if per not in sizes:
            raise MlipsseError(
                f"Selection per {per!r} is not known. Choose atom, formula_unit or cell."
            )
        name, size = sizes[per]
        if size is None or not size > 0:
            raise MlipsseError(f"Selection per {per} needs {name} above 0; it is {size}.")
        return float(size)


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


def boltzmann_weights(ensemble: Ensemble, *, temperature_K: float, per: Per = "cell") -> np.ndarray:
    """Probability of every ordering of one composition in one supercell.

    p_i = g_i exp(-dE_i / kB T) / sum_j g_j exp(-dE_j / kB T) with dE_i = E_i - min E (Deng, Li,
    Sai Gautam, Zhu, Deng, 2025, doi 10.1039/d5ta05321h, T = 800 K; there dE is the energy above
    hull, which differs by a constant within a composition). The paper leaves open whether dE is
    counted per atom, per formula unit or per cell, and whether symmetry degeneracies enter. kT is
    69 meV at 800 K: per atom, differences of a few meV are nearly uniform weights; per cell, the
    probability of statistical mechanics, they are selective. Give `degeneracies` for the weights
    of the disordered crystal; without them every distinct ordering counts once.

    Parameters
    ----------
    temperature_K : of the ensemble
    per : what the energy difference in the exponent is counted for

    Returns
    -------
    (n,) float64, sum 1

    Raises
    ------
    MlipsseError
        when T is not positive, or the size that `per` needs is missing.
    """
    return _normalised(_log_weights(ensemble, temperature_K, per))


def effective_number(weights: np.ndarray) -> float:
    """Number of equally likely orderings with as much entropy: exp(-sum_i p_i ln p_i).

    From 1, when one ordering has all the weight, to n, when all n have the same.

    Parameters
    ----------
    weights : (n,) probabilities, sum 1
    """
    present = weights[weights > 0]
    return float(np.exp(-np.sum(present * np.log(present))))


def select(ensemble: Ensemble, settings: SelectionSettings, *, seed: int) -> Selection:
    """Boltzmann selection among the orderings of one composition in one supercell.

    The lowest ordering is always in. The publication (see `boltzmann_weights`) states no more than
    that others are selected by their Boltzmann weight at 800 K; how they are drawn and how many is
    open (about 2500 frames, 30 per ordering, over 12 compositions in 3 supercells make 2.3
    orderings per composition and supercell). Two ways:

    `draw: count`: `structures` orderings whatever the energies, one after the other with its weight
    among those that are left, without replacement. Drawing the largest of log weight + Gumbel
    noise is the same (Yellott, J. Math. Psychol. 15, 109 (1977), doi
    10.1016/0022-2496(77)90026-8) and does not fail where weights underflow.

    `draw: boltzmann`: each ordering but the lowest is taken or not by itself (Poisson sampling),
    with probability min(1, (k - 1) p_i) for `structures` = k: for 2 its Boltzmann probability p_i.
    How many come out follows from the energies: 1 + sum_i min(1, (k - 1) p_i) on average, between
    1 (the lowest has all the weight) and k (it has next to none).

    `draw: lowest`: the `structures` lowest orderings; averages over them are weighted later.

    Parameters
    ----------
    seed : the same seed gives the same selection
    """
    energies_eV, count = np.asarray(ensemble.energies_eV, dtype=float), settings.structures
    log_weights = _log_weights(ensemble, settings.temperature_K, settings.per)
    weights = _normalised(log_weights)
    lowest = int(np.argmin(energies_eV))
    random = np.random.default_rng(seed)
    if settings.draw == "lowest":
        chosen = np.argsort(energies_eV, kind="stable")[:count]
        expected = float(len(chosen))
    elif settings.draw == "count":
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


def _log_weights(ensemble: Ensemble, temperature_K: float, per: Per) -> np.ndarray:
    if not (np.isfinite(temperature_K) and temperature_K > 0):
        raise MlipsseError(
            f"Boltzmann weights need a temperature above 0 K; it is {temperature_K}."
        )
    energies_eV = np.asarray(ensemble.energies_eV, dtype=float)
    excess_eV = (energies_eV - energies_eV.min()) / ensemble.cell_in(per)
    return np.log(ensemble.copies) - excess_eV / (BOLTZMANN_EV_K * temperature_K)


def _normalised(log_weights: np.ndarray) -> np.ndarray:
    weights = np.exp(log_weights - log_weights.max())
    return weights / weights.sum()
