"""Stage 10: one page, one JSON file and three tables of the results."""

import json
from pathlib import Path
from typing import Any

from mlipsse.campaign.engine.folder import Campaign
from mlipsse.campaign.engine.stage import Stage, Work
from mlipsse.campaign.engine.table import read_csv, write_csv
from mlipsse.campaign.stages.enumerate import stage as enumerate_stage
from mlipsse.campaign.stages.export import acceptance
from mlipsse.campaign.stages.export import stage as export
from mlipsse.campaign.stages.finetune import stage as finetune
from mlipsse.campaign.stages.label import stage as label
from mlipsse.campaign.stages.rank import stage as rank
from mlipsse.campaign.stages.rank.phases import system_of
from mlipsse.campaign.stages.report.parts import (
    CAPTIONS,
    figure_files,
    headlines,
    provenance,
    sections,
    structure_files,
)
from mlipsse.campaign.stages.report.transport_map import save_transport_map
from mlipsse.campaign.stages.sample import stage as sample
from mlipsse.campaign.stages.select import stage as select
from mlipsse.campaign.stages.transport import stage as transport
from mlipsse.errors import MlipsseError
from mlipsse.potential.bundle.folder import read_card
from mlipsse.report.page.content import FigureFile, ReportContent
from mlipsse.report.page.html import write_report
from mlipsse.report.page.summary import write_summary
from mlipsse.report.page.transport_tables import (
    ACTIVATION_COLUMNS,
    CONDUCTIVITY_COLUMNS,
    DIRECTIONAL_COLUMNS,
    activation_rows,
    conductivity_rows,
    directional_rows,
)


def inputs(campaign: Campaign) -> list[Path]:
    """Numbers, tables and figures of the stages before."""
    chosen = (select.TABLE, label.REJECTED, *sample.tables(campaign))
    tables = (
        transport.RUNS,
        transport.STRUCTURE,
        enumerate_stage.COUNTS,
        rank.COMPOSITIONS,
        *chosen,
    )
    names = (transport.NUMBERS, finetune.METRICS, *tables, *CAPTIONS)
    paths = [*(campaign.path(name) for name in names), *figure_files(campaign)]
    return [*dict.fromkeys(paths), export.card_file(campaign)]


def perform(work: Work) -> list[Path]:
    """Write `summary.json`, the tables of its numbers, and `report.html`."""
    campaign, config = work.campaign, work.campaign.config
    summary = _numbers(campaign)
    card = read_card(export.card_file(campaign))
    summary["cautions"] += acceptance.cautions(card)
    _add_stability(summary, campaign)
    write_summary(summary, work.folder / "summary.json")
    tables = {
        "conductivity.csv": (conductivity_rows(summary), CONDUCTIVITY_COLUMNS),
        "directions.csv": (directional_rows(summary), DIRECTIONAL_COLUMNS),
        "activation.csv": (activation_rows(summary), ACTIVATION_COLUMNS),
    }
    for name, (rows, columns) in tables.items():
        write_csv(work.folder / name, rows, columns=columns)
    drawn, caption = save_transport_map(
        summary,
        config.enumerate,
        system_of(config.enumerate),
        work.folder / "map",
        temperature_K=config.report.temperature_K,
    )
    content = ReportContent(
        title=config.name,
        summary=summary,
        sections=sections(campaign, summary, card, [FigureFile(p, caption) for p in drawn[:1]]),
        headlines=headlines(campaign),
        scripts=_scripts(campaign),
        provenance=provenance(campaign, card),
        temperature_K=config.report.temperature_K,
    )
    write_report(content, work.folder / "report.html")
    names = ("summary.json", *tables, "report.html")
    return [*(work.folder / name for name in names), *drawn]


def _numbers(campaign: Campaign) -> dict[str, Any]:
    path = campaign.path(transport.NUMBERS)
    summary = dict(json.loads(path.read_text(encoding="utf-8")))
    if any("directions" not in item for item in summary["compositions"]):
        raise MlipsseError(
            f"{path} contains no directions: an earlier version wrote it. Analyse the runs again: "
            "`mlipsse run DIR --from transport`."
        )
    return summary


def _add_stability(summary: dict[str, Any], campaign: Campaign) -> None:
    found = {row["composition"]: row for row in read_csv(campaign.path(rank.COMPOSITIONS))}
    for item in summary["compositions"]:
        text = found[item["formula"]]["energy_above_hull_eV_atom"]
        item["energy_above_hull_eV_atom"] = float(text) if text else None


def _scripts(campaign: Campaign) -> list[str]:
    if not any(fragment for _, fragment, _ in structure_files(campaign)):
        return []
    from plotly.offline import get_plotlyjs

    return [get_plotlyjs()]


STAGE = Stage(
    10,
    "report",
    ("name", "seed", "enumerate", "sample", "label", "finetune", "export", "simulate", "report"),
    inputs,
    perform,
)
