"""A search for orderings of low energy of one composition, round after round."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mlipsse.orderings.cell.supercell import Supercell
from mlipsse.orderings.composition.amounts import Composition
from mlipsse.orderings.host.model import VACANCY
from mlipsse.orderings.search.distinct import DistinctOrderings
from mlipsse.orderings.search.model import FittedModels, fit_models
from mlipsse.orderings.search.proposals import Proposal, propose
from mlipsse.orderings.search.repeated import (
    annealed_repeats,
    repeat_labels,
    smaller_cells,
    tiles,
)
from mlipsse.orderings.search.settings import SearchSettings

NEW_LOWEST_EV_ATOM = 1e-5
"""By less than this an ordering is not lower than another: relaxations end with forces left."""

_N_STARTS = 4
_N_REPEATED = 3
"""Of every smaller cell, in each round."""


@dataclass(frozen=True)
class Round:
    """What a round of a search in one supercell came to.

    Attributes
    ----------
    number : from 1
    proposed, at_random, converged : orderings; those not of a model; those relaxed to the end
    model_error_meV : of the pair model in cross-validation, meV per host cell; None without one
    proposal_error_meV : root mean square error of its energies for what it proposed
    lowest_eV : lowest energy of a cell that is known after the round, eV
    lowered_eV : by how much the round lowered it; infinite when none was known before
    new_lowest : whether that is more than relaxations leave uncertain
    reason : why there was no model
    """

    number: int
    proposed: int
    at_random: int
    converged: int
    model_error_meV: float | None
    proposal_error_meV: float | None
    lowest_eV: float
    lowered_eV: float
    new_lowest: bool
    reason: str = ""


@dataclass(eq=False)
class CellSearch:
    """What is known of one composition in one supercell.

    Attributes
    ----------
    supercell : the sites
    counts : per sublattice, how many sites each species takes
    n_atoms : of the cell
    smaller : cells of the composition that tile it
    known : all orderings that were relaxed or tried
    labels, energies_eV : of those with an energy
    rounds : done so far
    complete : whether every distinct ordering is known
    """

    supercell: Supercell
    counts: Sequence[Sequence[int]]
    n_atoms: int
    smaller: Sequence[Supercell]
    known: DistinctOrderings
    labels: list[np.ndarray] = field(default_factory=list)
    energies_eV: list[float] = field(default_factory=list)
    rounds: list[Round] = field(default_factory=list)
    complete: bool = False

    @property
    def lowest_eV(self) -> float:
        """Lowest energy of the cell so far; infinite when there is none."""
        return min(self.energies_eV, default=float("inf"))

    def add(self, labels: np.ndarray, energy_eV: float | None) -> None:
        """Take in an ordering; one without an energy is not proposed again."""
        if self.known.add(labels) and energy_eV is not None:
            self.labels.append(labels)
            self.energies_eV.append(energy_eV)

    def lowest_labels(self, count: int) -> list[np.ndarray]:
        """Labels of the lowest orderings."""
        order = np.argsort(self.energies_eV, kind="stable")[:count]
        return [self.labels[index] for index in order]


class EnergySearch:
    """Search for orderings of low energy of one composition in all its supercells.

    All energies that are known of the composition, in cells of any size, train one pair model per
    round. A quarter of what is proposed in a cell fills it with orderings of smaller cells. Call
    `proposals`, relax them, and hand the energies to `end_round`, until there are none.

    Parameters
    ----------
    composition, supercells : what is searched
    settings : how long
    seed : of everything random; rounds do not share random numbers, so that a search that was
        interrupted goes on as if it had not been
    """

    def __init__(
        self,
        composition: Composition,
        supercells: Sequence[Supercell],
        settings: SearchSettings,
        *,
        seed: int,
    ) -> None:
        self.composition, self.settings, self._seed = composition, settings, seed
        self._host = supercells[0].host
        self.cells = {}
        for supercell in supercells:
            counts = composition.site_counts(supercell)
            atoms = _n_atoms(supercell, counts)
            smaller = smaller_cells(supercell, composition)
            self.cells[supercell.name] = CellSearch(
                supercell, counts, atoms, smaller, DistinctOrderings(supercell)
            )
        self._cutoff_A: float | None = None
        self._models = FittedModels(None)
        self._proposed: dict[str, list[Proposal]] = {}

    def add(self, supercell: str, labels: np.ndarray, energy_eV: float | None) -> None:
        """Take in an ordering, (n_sites,) int8, and its relaxed energy of the cell in eV.

        None for an ordering that could not be relaxed.
        """
        self.cells[supercell].add(labels, energy_eV)

    @property
    def round(self) -> int:
        """Number of the round that comes next, from 1."""
        return 1 + max((len(cell.rounds) for cell in self.cells.values()), default=0)

    def proposals(self) -> dict[str, list[Proposal]]:
        """New orderings by supercell; empty when the search has ended."""
        going = {name: cell for name, cell in self.cells.items() if self._goes_on(cell)}
        self._proposed = {}
        if not going:
            return {}
        rng = np.random.default_rng([self._seed, self.round])
        structures = [
            (cell.supercell, labels) for cell in self.cells.values() for labels in cell.labels
        ]
        energies_eV = [energy for cell in self.cells.values() for energy in cell.energies_eV]
        self._models = fit_models(
            self._host, structures, energies_eV, cutoff_A=self._cutoff_A, rng=rng
        )
        if self._models.best is not None and self._cutoff_A is None:
            self._cutoff_A = self._models.best.clusters.cutoff_A
        for name, cell in going.items():
            found = propose(
                self._models,
                cell.supercell,
                cell.counts,
                known=cell.known,
                starts=cell.lowest_labels(_N_STARTS),
                repeated=self._repeats(cell, rng),
                count=self.settings.proposals,
                rng=rng,
            )
            if found:
                self._proposed[name] = found
            else:
                cell.complete = True
        return self._proposed

    def end_round(self, energies_eV: Mapping[str, Sequence[float | None]]) -> None:
        """Take in the relaxed energies of `proposals`, in their order; None where one failed."""
        number = self.round
        for name, proposed in self._proposed.items():
            cell = self.cells[name]
            before_eV = cell.lowest_eV
            off_eV = []
            for proposal, energy_eV in zip(proposed, energies_eV[name], strict=True):
                cell.add(proposal.labels, energy_eV)
                if proposal.model_energy_eV is not None and energy_eV is not None:
                    off_eV.append(proposal.model_energy_eV - energy_eV)
            n_cells = cell.supercell.n_cells
            error_meV = (
                1e3 * float(np.sqrt(np.mean(np.square(off_eV)))) / n_cells if off_eV else None
            )
            lowered_eV = before_eV - cell.lowest_eV if np.isfinite(cell.lowest_eV) else 0.0
            cell.rounds.append(
                Round(
                    number=number,
                    proposed=len(proposed),
                    at_random=sum(one.model_energy_eV is None for one in proposed),
                    converged=sum(energy is not None for energy in energies_eV[name]),
                    model_error_meV=self._models.error_meV,
                    proposal_error_meV=error_meV,
                    lowest_eV=cell.lowest_eV,
                    lowered_eV=lowered_eV,
                    new_lowest=lowered_eV > NEW_LOWEST_EV_ATOM * cell.n_atoms,
                    reason=self._models.reason,
                )
            )
        self._proposed = {}

    def _repeats(self, cell: CellSearch, rng: np.random.Generator) -> list[np.ndarray]:
        """Orderings of smaller cells that fill this one: the lowest known, then the annealed."""
        found = []
        for other in self.cells.values():
            if tiles(other.supercell, cell.supercell):
                found += [
                    repeat_labels(other.supercell, labels, cell.supercell)
                    for labels in other.lowest_labels(_N_REPEATED)
                ]
        model = self._models.best
        if model is None:
            return found
        annealed = [
            labels
            for small in cell.smaller
            for labels in annealed_repeats(
                model,
                small,
                cell.supercell,
                self.composition.site_counts(small),
                error_meV=self._models.error_meV or 0.0,
                count=_N_REPEATED,
                rng=rng,
            )
        ]
        lattice = model.lay_on(cell.supercell)
        # By energy, whatever the cell: few are taken, and the smallest cell may have the lowest.
        return found + sorted(annealed, key=lambda labels: model.energy_eV(lattice, labels))

    def _goes_on(self, cell: CellSearch) -> bool:
        quiet = self.settings.quiet_rounds
        if cell.complete or len(cell.rounds) >= self.settings.rounds:
            return False
        return len(cell.rounds) < quiet or any(one.new_lowest for one in cell.rounds[-quiet:])


def _n_atoms(supercell: Supercell, counts: Sequence[Sequence[int]]) -> int:
    return sum(
        number
        for sublattice, row in zip(supercell.host.sublattices, counts, strict=True)
        for name, number in zip(sublattice.species, row, strict=True)
        if name != VACANCY
    )
