"""Stage 2: energies of the orderings with the foundation potential, and above the hull."""

from pathlib import Path
from typing import Any

from mlipsse.campaign.crystals.database import read_database, write_database
from mlipsse.campaign.crystals.orderings import campaign_host
from mlipsse.campaign.crystals.system import system_of
from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.campaign.engine.stage import Stage, Work
from mlipsse.campaign.engine.table import write_csv
from mlipsse.campaign.stages.rank.ranking import (
    ROUND_COLUMNS,
    SEARCH_UNIT,
    composition_rows,
    hull_row,
    left_out_rows,
    with_hull,
)
from mlipsse.campaign.stages.rank.relaxing import relax_rows


def inputs(campaign: Campaign) -> list[Path]:
    """The orderings, and the foundation potential where it is a file."""
    files = campaign.potential_files(campaign.config.rank.foundation)
    return [campaign.path(paths.Enumerate.database), *files]


def perform(work: Work) -> list[Path]:
    """Write `ranked.db`, the tables, `hull.png` and the system's diagram."""
    from mlipsse.campaign.stages.rank.hull_figures import save_hull_figures

    campaign, config = work.campaign, work.campaign.config
    system = system_of(config.enumerate)  # before anything is relaxed: it may refuse a composition
    rows = read_database(campaign.path(paths.Enumerate.database))
    relaxed = relax_rows(work, rows, config.rank)
    rounds: list[dict[str, Any]] = []
    if config.rank.search.rounds:
        from mlipsse.campaign.stages.rank.search import OrderingSearch  # compiled code

        search = OrderingSearch(config, campaign_host(campaign), relaxed)
        relaxed += search.run(
            lambda proposed: relax_rows(work, proposed, config.rank, at_most=SEARCH_UNIT)
        )
        rounds = search.table()
        work.notes += search.notes
    ranked = with_hull(relaxed, config.enumerate)
    database = campaign.path(paths.Rank.database)
    write_database(database, [entry.row for entry in ranked if not entry.reason])
    columns = [system.columns(entry.row.composition) for entry in ranked]
    compositions = composition_rows(ranked, config.enumerate, system)
    tables = {
        campaign.path(paths.Rank.hull): list(map(hull_row, ranked, columns)),
        campaign.path(paths.Rank.compositions): compositions,
        campaign.path(paths.Rank.left_out): left_out_rows(ranked),
    }
    for path, table in tables.items():
        write_csv(path, table)
    write_csv(campaign.path(paths.Rank.search), rounds, columns=ROUND_COLUMNS)
    work.results |= {
        "relaxed_orderings": len(relaxed),
        "searched_orderings": sum(row["proposed"] for row in rounds),
    }
    figures = save_hull_figures(ranked, compositions, config.enumerate, system, work.folder)
    return [database, *tables, campaign.path(paths.Rank.search), *figures]


STAGE = Stage(paths.Rank.folder, ("seed", "structure", "enumerate", "rank"), inputs, perform)
