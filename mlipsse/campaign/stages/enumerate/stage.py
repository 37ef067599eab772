"""Stage 1: host and composition grid in, symmetry-distinct orderings and their counts out."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlipsse.campaign.crystals.database import Row, ordering_row, write_database
from mlipsse.campaign.crystals.orderings import (
    campaign_host,
    campaign_supercells,
    realisable_composition,
)
from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.campaign.engine.stage import Stage, Work
from mlipsse.campaign.engine.table import write_csv
from mlipsse.orderings import count_orderings
from mlipsse.orderings.cell.symmetry import describe_host


def inputs(campaign: Campaign) -> list[Path]:
    """The host's CIF."""
    return [campaign.path(campaign.config.structure.host)]


def perform(work: Work) -> list[Path]:
    """Write `orderings.db` and `counts.csv`."""
    from mlipsse.orderings import enumerate_orderings  # compiled code, for this stage alone

    config = work.campaign.config
    host = campaign_host(work.campaign)
    work.notes += [
        line.strip()
        for line in describe_host(host)
        if not line.startswith(("Crystal:", "Space group:"))
    ]
    cells = campaign_supercells(work.campaign, host)
    compositions = [
        realisable_composition(formula, host, cells) for formula in config.enumerate.formulas
    ]
    jobs = [(composition, cell) for composition in compositions for cell in cells]
    limit = config.enumerate.max_orderings
    counts: list[dict[str, Any]] = []

    def rows() -> Iterator[Row]:
        """Orderings of one composition and supercell after the other, no more in memory."""
        for done, (composition, cell) in enumerate(jobs):
            work.progress(done, len(jobs), f"{composition.formula} {cell.name}")
            count = count_orderings(composition, cell, max_orderings=limit)
            found = (
                []
                if count.route == "impossible"
                else enumerate_orderings(composition, cell, max_orderings=limit, seed=config.seed)
            )
            counts.append(
                {
                    "composition": composition.formula,
                    "supercell": cell.name,
                    "raw": count.raw,
                    "distinct": count.distinct,
                    "patterns_distinct": count.patterns_distinct,
                    "route": count.route,
                    "kept": len(found),
                    "coverage": found[0].coverage if found else None,
                    "reason": count.reason,
                }
            )
            yield from map(ordering_row, found)

    database = work.campaign.path(paths.Enumerate.database)
    write_database(database, rows())
    table = work.campaign.path(paths.Enumerate.counts)
    write_csv(table, counts)
    return [database, table]


STAGE = Stage(paths.Enumerate.folder, ("seed", "structure", "enumerate"), inputs, perform)
