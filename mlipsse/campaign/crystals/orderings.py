"""The orderings that a campaign asks for: its host, its compositions in its supercells, counted."""

from dataclasses import asdict
from typing import Any

from mlipsse.campaign.engine.folder import Campaign
from mlipsse.errors import MlipsseError
from mlipsse.orderings import (
    Composition,
    Host,
    OrderingCount,
    Supercell,
    count_orderings,
    parse_composition,
    read_host,
)
from mlipsse.orderings.cell.symmetry import describe_host
from mlipsse.orderings.host.charges import FormalCharges
from mlipsse.orderings.host.model import PairDistance


def campaign_host(campaign: Campaign) -> Host:
    """The host that the config describes."""
    structure = campaign.config.structure
    return read_host(campaign.path(structure.host), structure)


class HostReader:
    """The host of a campaign and its supercells, for several checks: the file is read once."""

    def __init__(self, campaign: Campaign) -> None:
        self._campaign = campaign
        self._host: Host | MlipsseError | None = None
        self._supercells: list[Supercell] | None = None

    @property
    def host(self) -> Host:
        """The host; `MlipsseError` as `campaign_host`, each time."""
        if self._host is None:
            try:
                self._host = campaign_host(self._campaign)
            except MlipsseError as error:
                self._host = error
        if isinstance(self._host, MlipsseError):
            raise self._host
        return self._host

    @property
    def supercells(self) -> list[Supercell]:
        """The supercells; `MlipsseError` as `campaign_supercells`."""
        if self._supercells is None:
            self._supercells = campaign_supercells(self._campaign, self.host)
        return self._supercells


def campaign_supercells(campaign: Campaign, host: Host) -> list[Supercell]:
    """The supercells of the config, in its order."""
    return [Supercell(host, name) for name in campaign.config.enumerate.supercells]


def realisable_composition(formula: str, host: Host, supercells: list[Supercell]) -> Composition:
    """Lay a formula onto the host.

    Raises
    ------
    MlipsseError
        when it cannot be laid on, or none of the supercells can hold it.
    """
    composition = parse_composition(
        formula, host, cells=[supercell.n_cells for supercell in supercells]
    )
    if not any(composition.fits(supercell) for supercell in supercells):
        largest = max(supercells, key=lambda supercell: supercell.n_cells)
        composition.site_counts(largest)
    return composition


def count_row(
    composition: Composition, supercell: Supercell, count: OrderingCount
) -> dict[str, Any]:
    """A composition in a supercell as a row of `mlipsse orderings count --json`."""
    return {
        "composition": composition.formula,
        "supercell": supercell.name,
        "raw": count.raw,
        "distinct": count.distinct,
        "patterns_raw": count.patterns_raw,
        "patterns_distinct": count.patterns_distinct,
        "sublattices": [
            {"name": part.name, "sites": part.sites, "raw": part.raw, "distinct": part.distinct}
            for part in count.sublattices
        ],
        "route": count.route,
        "whole_atoms": composition.fits(supercell),
        "reason": count.reason,
    }


def host_facts(host: Host) -> dict[str, Any]:
    """Charges with their source, and the notes of the host, for scripts."""
    names = host.species
    return {
        "charges": {name: float(host.charges[name]) for name in names},
        "charge_sources": {name: host.charge_sources.get(name, "given") for name in names},
        "distances": [asdict(distance) for distance in host.distances],
        "notes": list(host.notes),
    }


def host_lines(host: Host) -> list[str]:
    """What a user should know of the host: content, space group, charges with source, notes."""
    charges = FormalCharges(
        {name: host.charges[name] for name in host.species},
        {name: host.charge_sources.get(name, "given") for name in host.species},
    )
    return [
        *describe_host(host),
        f"Formal charges: {charges.describe()}.",
        *(_distance_line(distance) for distance in host.distances),
        *host.notes,
    ]


def _distance_line(distance: PairDistance) -> str:
    pair = "-".join(distance.species)
    filled = (
        f"{distance.shortest_filled_A:.2f} Å"
        if distance.shortest_filled_A is not None
        else "none within 4 Å"
    )
    if distance.shortest_A >= distance.least_A:
        return f"Shortest {pair} distance between fillable sites: {filled}."
    return (
        f"Shortest {pair} distance between fillable sites: {distance.shortest_A:.2f} Å; sites "
        f"nearer than {distance.least_A:g} Å ({distance.source}) are not filled together, which "
        f"leaves {filled}."
    )


def count_rows(campaign: Campaign, host: Host) -> list[dict[str, Any]]:
    """Count every composition of a campaign, end members too, in every supercell of it."""
    supercells = campaign_supercells(campaign, host)
    compositions = [
        realisable_composition(formula, host, supercells)
        for formula in campaign.config.enumerate.formulas
    ]
    limit = campaign.config.enumerate.max_orderings
    return [
        {
            **count_row(composition, cell, count_orderings(composition, cell, max_orderings=limit)),
            **host_facts(host),
        }
        for composition in compositions
        for cell in supercells
    ]


def reasons(rows: list[dict[str, Any]]) -> list[str]:
    """Why rows of `count_rows` lack numbers, one sentence on all cells that are too small.

    Compositions that no cell can hold are left out: `check_possible` refuses them.
    """
    found: dict[str, None] = {}
    for formula in dict.fromkeys(row["composition"] for row in rows):
        own = [row for row in rows if row["composition"] == formula]
        held = [row["supercell"] for row in own if row["route"] != "impossible"]
        if not held:
            continue
        broken = [row["supercell"] for row in own if not row["whole_atoms"]]
        if broken:
            found[
                f"{formula} cannot be realised in {', '.join(broken)}, whose numbers of atoms "
                f"would not be whole, but in {', '.join(held)}."
            ] = None
        found |= {row["reason"]: None for row in own if row["reason"] and row["whole_atoms"]}
    return list(found)


def check_possible(rows: list[dict[str, Any]]) -> None:
    """Refuse rows of `count_rows` in which no supercell can hold a composition."""
    for formula in dict.fromkeys(row["composition"] for row in rows):
        own = [row for row in rows if row["composition"] == formula]
        if all(row["route"] == "impossible" for row in own):
            raise MlipsseError(own[-1]["reason"])
