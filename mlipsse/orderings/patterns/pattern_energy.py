"""Ewald energy of charge patterns: a quadratic form over the sites where charge varies."""

import numpy as np

from mlipsse.orderings.counting.choices import Choices, Kind
from mlipsse.orderings.counting.ordering import site_charges


class PatternEnergy:
    """Ewald energy of an ordering, which depends on its charge pattern alone.

    E = constant + q . field + q . pair . q over the charges q of the sites where a choice changes
    the charge; every other site has the charge that it has in any ordering.

    Attributes
    ----------
    pools : numbers of the pools (`Choices.pools`) where there are several charge classes
    sites : (n,) int, the sites of these pools, one after the other
    pair : (n, n) float64, eV per squared elementary charge
    field : (n,) float64, eV per elementary charge
    constant_eV : float
    """

    def __init__(self, choices: Choices) -> None:
        self._choices = choices
        supercell = choices.supercell
        numbers = {kind.pool for kind in choices.classes if kind.level is not None}
        self.pools = sorted(numbers)
        parts = [choices.pools[number].sites for number in self.pools]
        self.sites = np.concatenate([np.empty(0, dtype=int), *parts])
        still = site_charges(supercell, choices.undecorated(1)[0])
        still[self.sites] = 0.0
        matrix = supercell.ewald_matrix
        at = matrix @ still
        self.pair = np.ascontiguousarray(matrix[np.ix_(self.sites, self.sites)])
        self.field = 2 * at[self.sites]
        self.constant_eV = float(still @ at)

    def charges(self, masks: np.ndarray) -> np.ndarray:
        """Charges of `sites`, (n_patterns, n) float64; masks (n_patterns, n_levels * n_words)."""
        parts = []
        for number in self.pools:
            kinds = [kind for kind in self._choices.classes if kind.pool == number]
            *chosen, rest = kinds
            n_sites = len(self._choices.pools[number].sites)
            charges = np.full((len(masks), n_sites), self.class_charge(rest))
            for kind in chosen:
                change = self.class_charge(kind) - self.class_charge(rest)
                charges += change * self._choices.class_bits(kind, masks)
            parts.append(charges)
        return np.concatenate([np.empty((len(masks), 0)), *parts], axis=1)

    def energies(self, charges: np.ndarray) -> np.ndarray:
        """Energies of the supercell, (n_patterns,) eV, of charges (n_patterns, n)."""
        quadratic = np.einsum("ni,ni->n", charges @ self.pair, charges)
        return quadratic + charges @ self.field + self.constant_eV

    def class_charge(self, kind: Kind) -> float:
        """Formal charge of a class, elementary charges."""
        supercell = self._choices.supercell
        pool = self._choices.pools[kind.pool]
        name = supercell.host.sublattices[pool.sublattice].species[kind.members[0]]
        return float(supercell.host.charges[name])
