"""Sweeps of moves at given temperatures."""

from dataclasses import dataclass

import numpy as np

from mlipsse.orderings.thermal.pairs.lattice import PairLattice
from mlipsse.orderings.thermal.pairs.model import PairModel
from mlipsse.orderings.thermal.swaps.arrays import arrange, interactions, vicinity
from mlipsse.orderings.thermal.swaps.state import Arrangement, Segments
from mlipsse.units import BOLTZMANN_EV_K

SHARES = (0.5, 0.25, 0.25)
"""Of the proposals: swaps over any distance, near swaps, and swaps with a pair that follows."""


@dataclass(frozen=True, eq=False)
class Stretch:
    """What some sweeps gave.

    Attributes
    ----------
    energies_eV : (n_sweeps,) float64, after every sweep
    like_neighbours : (n_sweeps, n_sublattices) float64, pairs of nearest sites with the same
        species after every sweep, per variable sublattice
    accepted, proposed : (3,) int64, moves by kind, in the order of `SHARES`
    """

    energies_eV: np.ndarray
    like_neighbours: np.ndarray
    accepted: np.ndarray
    proposed: np.ndarray


class Sweeps:
    """Metropolis moves on one lattice.

    Parameters
    ----------
    model, lattice : the model and its pairs on the supercell (`PairModel.lay_on`)
    excluded : (n, 2) int, pairs of the supercell's sites of which at most one may hold an atom
    shares : of the proposals, by kind of move
    """

    def __init__(
        self,
        model: PairModel,
        lattice: PairLattice,
        excluded: np.ndarray | None = None,
        *,
        shares: tuple[float, float, float] = SHARES,
    ) -> None:
        self.model, self.lattice = model, lattice
        self.interactions = interactions(model, lattice, excluded)
        self.vicinity, self.shares = vicinity(lattice), np.array(shares)

    def walker(self, labels: np.ndarray) -> "Walker":
        """An ordering to run again and again from where it is; it starts at labels (n_sites,)."""
        start_eV = self.model.energy_eV(self.lattice, labels)
        arranged = arrange(self.model, self.lattice, labels)
        return Walker(self, arranged, labels, start_eV)


class Walker:
    """An ordering under moves; made by `Sweeps.walker`.

    Attributes
    ----------
    arrangement : its arrays, which change
    energy_eV : of the supercell
    """

    def __init__(
        self,
        sweeps: Sweeps,
        arranged: tuple[Arrangement, Segments],
        start: np.ndarray,
        start_eV: float,
    ) -> None:
        self._sweeps, self._start = sweeps, start
        self.arrangement, self._segments = arranged
        self.energy_eV = start_eV

    @property
    def labels(self) -> np.ndarray:
        """(n_sites,) int8, of the whole supercell."""
        labels = self._start.copy()
        labels[self._sweeps.lattice.sites] = self.arrangement.labels
        return labels

    def run(self, temperatures_K: np.ndarray, *, rng: np.random.Generator) -> Stretch:
        """One sweep at each temperature, (n_sweeps,) float64."""
        from mlipsse.orderings.thermal.swaps.kernel import run_sweeps

        of = self._sweeps
        trace, accepted, proposed = run_sweeps(
            rng,
            of.interactions,
            of.vicinity,
            self.arrangement,
            self._segments,
            1 / (BOLTZMANN_EV_K * temperatures_K),
            of.shares,
        )
        energies_eV = self.energy_eV + trace[:, 0]
        self.energy_eV = float(energies_eV[-1])
        return Stretch(energies_eV, trace[:, 1:], accepted, proposed)
