"""Stage 2: energies of the orderings with the foundation potential, and above the hull."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ase import Atoms

from mlipsse.campaign.config.campaign import RankConfig
from mlipsse.campaign.crystals.database import Row, read_database, write_database
from mlipsse.campaign.crystals.orderings import campaign_host
from mlipsse.campaign.crystals.system import system_of
from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.execution import Unit
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.campaign.engine.stage import Stage, Work
from mlipsse.campaign.engine.table import write_csv
from mlipsse.campaign.engine.unit_json import decode, encode
from mlipsse.campaign.stages.rank.ranking import (
    ROUND_COLUMNS,
    SEARCH_UNIT,
    Ranked,
    composition_rows,
    hull_row,
    left_out_rows,
    relaxation_settings,
    relaxed_row,
    units_of_work,
    with_hull,
)
from mlipsse.energetics.relaxation.energies import relax_all
from mlipsse.files import write_text


def inputs(campaign: Campaign) -> list[Path]:
    """The orderings, and the foundation potential where it is a file."""
    files = campaign.potential_files(campaign.config.rank.foundation)
    return [campaign.path(paths.Enumerate.database), *files]


def perform(work: Work) -> list[Path]:
    """Write `ranked.db`, the tables, `hull.png` and the system's diagram."""
    from mlipsse.campaign.stages.rank.hull_figures import save_hull_figures

    campaign, config = work.campaign, work.campaign.config
    system = system_of(config.enumerate)  # before anything is relaxed: it may refuse a composition
    relaxed = _relaxed(work, read_database(campaign.path(paths.Enumerate.database)))
    rounds: list[dict[str, Any]] = []
    if config.rank.search.rounds:
        from mlipsse.campaign.stages.rank.search import OrderingSearch  # compiled code

        search = OrderingSearch(config, campaign_host(campaign), relaxed)
        relaxed += search.run(lambda rows: _relaxed(work, rows, at_most=SEARCH_UNIT))
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


def _relaxed(work: Work, rows: Sequence[Row], *, at_most: int | None = None) -> list[Ranked]:
    """Relax the rows that are not done, in units of `at_most`, and read all."""
    config = work.campaign.config.rank
    potential = work.campaign.potential(config.foundation)
    batches = units_of_work(rows, config, potential, at_most=at_most)
    units = [_unit(work, batch) for batch in batches]
    work.run_units(units)
    answers = [answer for unit in units for answer in decode(unit.output.read_text())]
    return [relaxed_row(row, answer) for row, answer in zip(rows, answers, strict=True)]


def relax_batch(
    output: Path, *, structures: Sequence[Atoms], potential: str, mobile: str, settings: RankConfig
) -> None:
    """Unit of work: relax structures and keep what came of each."""
    results = relax_all(
        structures,
        potential,
        relaxation_settings(settings, mobile=mobile),
        device=settings.device,
        head=settings.head,
    )
    answers = [
        {
            "atoms": result.atoms,
            "energy_eV": result.energy_eV if result.converged else None,
            "relaxed": settings.relaxation != "none",
            "steps": result.steps,
            "fault": result.fault,
            "reason": result.reason,
        }
        for result in results
    ]
    write_text(output, encode(answers))


def _unit(work: Work, batch: Sequence[Row]) -> Unit:
    config = work.campaign.config
    arguments = {
        "structures": [row.atoms for row in batch],
        "potential": work.campaign.potential(config.rank.foundation),
        "mobile": config.structure.mobile,
        "settings": config.rank,
    }
    identity = {
        "structures": [encode(row.atoms) for row in batch],
        "mobile": config.structure.mobile,
        "settings": config.rank.model_dump(mode="json", exclude={"foundation", "batch", "search"}),
        "potential": work.potential_identity(config.rank.foundation),
    }
    output = work.unit_path(batch[0].name, identity, ".json")
    return Unit(f"energies of {batch[0].name} to {batch[-1].name}", output, relax_batch, arguments)


STAGE = Stage(paths.Rank.folder, ("seed", "structure", "enumerate", "rank"), inputs, perform)
