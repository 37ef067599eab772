"""Surroundings of cations and sites of the mobile ion in orderings of a campaign, as table rows."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlipsse.campaign.crystals.database import Row
from mlipsse.campaign.crystals.store import row_labels
from mlipsse.orderings.coordination import Coordination

COLUMNS = ("composition", "supercell", "of", "quantity", "subject", "value")
_LEAST_WEIGHT = 1e-4


def coordination_rows(
    coordination: Coordination, rows: Sequence[Row], weights: Sequence[float], *, of: str
) -> list[dict[str, Any]]:
    """Weighted means over orderings of one composition in one supercell.

    Quantities are `shell` (share of a cation with these anions around it, e.g. In-Br3Cl3), `pure`
    (share of a cation with anions of one kind), `warren-cowley` (parameter of a cation and an
    anion) and `occupancy` (share of a Wyckoff position that the mobile ion fills).

    Parameters
    ----------
    coordination : of the supercell
    rows : of the database
    weights : of the rows; less than 1e-4 is left out
    of : what they are: the name of an ordering, or a temperature
    """
    totals: dict[tuple[str, str], float] = defaultdict(float)
    kept = [
        (row, weight)
        for row, weight in zip(rows, weights, strict=True)
        if weight > _LEAST_WEIGHT * max(weights)
    ]
    whole = sum(weight for _, weight in kept)
    for row, weight in kept:
        for place, value in _described(coordination, row):
            totals[place] += value * weight / whole
    first = rows[0]
    return [
        dict(
            zip(
                COLUMNS,
                (
                    first.composition,
                    str(first.values["supercell"]).removeprefix("cell-"),
                    of,
                    quantity,
                    subject,
                    value,
                ),
                strict=True,
            )
        )
        for (quantity, subject), value in sorted(totals.items())
    ]


def _described(coordination: Coordination, row: Row) -> Iterator[tuple[tuple[str, str], float]]:
    labels = row_labels(coordination.supercell, row.values)
    shells = coordination.shells(labels)
    for cation in {name for name, _ in shells}:
        own = {anions: number for (name, anions), number in shells.items() if name == cation}
        yield from _shares(cation, own)
    for (cation, anion), value in coordination.warren_cowley(labels).items():
        yield ("warren-cowley", f"{cation}-{anion}"), value
    mobile = coordination.supercell.host.sublattices[0].species[0]
    for position, share in coordination.occupancies(labels).items():
        yield ("occupancy", f"{mobile} {position}"), share


def _shares(cation: str, shells: Mapping[str, int]) -> Iterator[tuple[tuple[str, str], float]]:
    total = sum(shells.values())
    pure = 0
    for anions, number in shells.items():
        yield ("shell", f"{cation}-{anions}"), number / total
        pure += number if sum(map(str.isupper, anions)) == 1 else 0
    yield ("pure", cation), pure / total
