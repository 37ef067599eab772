"""The search for orderings of low energy, beyond those that were enumerated."""

from collections.abc import Callable, Sequence
from typing import Any

from mlipsse.campaign.config.campaign import CampaignConfig
from mlipsse.campaign.crystals.database import Row, ordering_row
from mlipsse.campaign.crystals.store import row_labels
from mlipsse.campaign.engine.seeds import derived_seed
from mlipsse.campaign.stages.rank.ranking import ROUND_COLUMNS, Ranked
from mlipsse.errors import MlipsseError
from mlipsse.orderings import Host, Ordering, Supercell, parse_composition
from mlipsse.orderings.counting.ordering import searched_name, site_charges
from mlipsse.orderings.search.energy_search import EnergySearch, Round
from mlipsse.orderings.search.proposals import Proposal

Relax = Callable[[Sequence[Row]], Sequence[Ranked]]


class OrderingSearch:
    """The searches of a campaign, one per composition, side by side.

    Parameters
    ----------
    config, host : of the campaign
    ranked : the enumerated orderings, relaxed
    """

    def __init__(self, config: CampaignConfig, host: Host, ranked: Sequence[Ranked]) -> None:
        self._config, self._host = config, host
        self.notes: list[str] = []
        cells = {name: Supercell(host, name) for name in config.enumerate.supercells}
        self._searches: dict[str, EnergySearch] = {}
        self._numbers: dict[tuple[str, str], int] = {}
        for formula in config.enumerate.formulas:
            own = [entry for entry in ranked if entry.row.composition == formula]
            if search := self._begin(formula, cells, own):
                self._searches[formula] = search

    def run(self, relax: Relax) -> list[Ranked]:
        """Search until every search has ended; the new orderings, relaxed."""
        found: list[Ranked] = []
        while True:
            proposed = {
                (formula, cell): proposals
                for formula, search in self._searches.items()
                for cell, proposals in search.proposals().items()
            }
            if not proposed:
                return found
            rows = {
                place: [self._row(*place, proposal) for proposal in proposals]
                for place, proposals in proposed.items()
            }
            relaxed = list(relax([row for some in rows.values() for row in some]))
            answers = iter(relaxed)
            energies: dict[str, dict[str, list[float | None]]] = {}
            for (formula, cell), some in rows.items():
                own = [next(answers) for _ in some]
                energies.setdefault(formula, {})[cell] = [
                    entry.row.values["energy_eV"] if entry.reason is None else None for entry in own
                ]
            for formula, by_cell in energies.items():
                self._searches[formula].end_round(by_cell)
            found += relaxed

    def table(self) -> list[dict[str, Any]]:
        """Rows of `search.csv`, a round each."""
        return [
            _round_row(formula, cell.supercell.name, cell.n_atoms, one)
            for formula, search in self._searches.items()
            for cell in search.cells.values()
            for one in cell.rounds
        ]

    def _begin(
        self, formula: str, cells: dict[str, Supercell], ranked: Sequence[Ranked]
    ) -> EnergySearch | None:
        """The search of a composition; None where every ordering of it was relaxed."""
        composition = parse_composition(formula, self._host)
        here = {
            name: [entry for entry in ranked if entry.row.values["supercell"] == f"cell-{name}"]
            for name in cells
        }
        here = {name: entries for name, entries in here.items() if entries}
        complete = {
            name: all(entry.row.values["route"] == "exact" for entry in entries)
            for name, entries in here.items()
        }
        if all(complete.values()):
            return None
        try:
            for name in here:
                _ = cells[name].excluded_pairs
        except MlipsseError as error:
            self.notes.append(f"Orderings of {formula} were not searched by energy. {error}")
            return None
        search = EnergySearch(
            composition,
            [cells[name] for name in here],
            self._config.rank.search,
            seed=derived_seed(self._config.seed, f"search {formula}"),
        )
        for name, entries in here.items():
            search.cells[name].complete = complete[name]
            for entry in entries:
                energy_eV = entry.row.values["energy_eV"] if entry.reason is None else None
                search.add(name, row_labels(cells[name], entry.row.values), energy_eV)
        return search

    def _row(self, formula: str, cell: str, proposal: Proposal) -> Row:
        search = self._searches[formula]
        number = self._numbers[formula, cell] = self._numbers.get((formula, cell), 0) + 1
        how = "random" if proposal.model_energy_eV is None else "search"
        supercell = search.cells[cell].supercell
        charges = site_charges(supercell, proposal.labels)
        ordering = Ordering(
            name=searched_name(formula, cell, number),
            composition=formula,
            supercell=supercell,
            labels=proposal.labels,
            pattern=None,
            degeneracy=search.cells[cell].known.degeneracy(proposal.labels),
            ewald_energy_eV=float(charges @ supercell.ewald_matrix @ charges),
            route="search",
            found=f"{how} round {search.round}",
            coverage=None,
        )
        return ordering_row(ordering)


def _round_row(formula: str, supercell: str, n_atoms: int, one: Round) -> dict[str, Any]:
    values = (
        formula,
        supercell,
        one.number,
        one.proposed,
        one.at_random,
        one.converged,
        one.model_error_meV,
        one.proposal_error_meV,
        one.lowest_eV / n_atoms,
        1e3 * one.lowered_eV / n_atoms,
        "yes" if one.new_lowest else "no",
        one.reason,
    )
    return dict(zip(ROUND_COLUMNS, values, strict=True))
