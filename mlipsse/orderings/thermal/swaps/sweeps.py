"""Sweeps of swaps at given temperatures, from labels to labels."""

import numpy as np

from mlipsse.orderings.thermal.pairs.lattice import PairLattice
from mlipsse.orderings.thermal.pairs.model import PairModel
from mlipsse.units import BOLTZMANN_EV_K


class Sweeps:
    """Metropolis swaps on one lattice; every stretch starts from labels alone.

    Parameters
    ----------
    model, lattice : the model and its pairs on the supercell (`PairModel.lay_on`)
    excluded : (n, 2) int, pairs of the supercell's sites of which at most one may hold an atom
    """

    def __init__(
        self, model: PairModel, lattice: PairLattice, excluded: np.ndarray | None = None
    ) -> None:
        from mlipsse.orderings.thermal.swaps.arrays import interactions

        self._model, self._lattice = model, lattice
        self._interactions = interactions(model, lattice, excluded)

    def run(
        self, labels: np.ndarray, temperatures_K: np.ndarray, *, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, int, int]:
        """Labels (n_sites,) after, energies (n,) eV after every sweep, swaps accepted, proposed.

        Parameters
        ----------
        labels : (n_sites,) int8, before
        temperatures_K : (n,) float64, of the sweeps
        """
        from mlipsse.orderings.thermal.swaps.arrays import arrange
        from mlipsse.orderings.thermal.swaps.kernel import run_sweeps

        now, segments = arrange(self._model, self._lattice, labels)
        before_eV = self._model.energy_eV(self._lattice, labels)
        betas = 1 / (BOLTZMANN_EV_K * temperatures_K)
        changes_eV, accepted = run_sweeps(rng, self._interactions, now, segments, betas)
        after = labels.copy()
        after[self._lattice.sites] = now.labels
        proposed = len(temperatures_K) * len(now.order)
        return after, before_eV + changes_eV, int(accepted), proposed
