"""Stage 10: one page, one JSON file and three tables of the results."""

import json
from pathlib import Path
from typing import Any

from mlipsse.campaign.crystals.system import system_of
from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.campaign.engine.stage import Stage, Work
from mlipsse.campaign.engine.table import read_csv, write_csv
from mlipsse.campaign.stages.report.parts import (
    ARRHENIUS,
    CAPTIONS,
    acceptance_cautions,
    figure_files,
    headlines,
    provenance,
    sections,
    structure_files,
)
from mlipsse.campaign.stages.report.transport_map import save_transport_map
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
    places = [
        paths.Enumerate.counts,
        paths.Rank.compositions,
        paths.Select.table,
        paths.Select.coordination,
        paths.Transport.numbers,
        paths.Transport.runs,
        paths.Transport.structure,
        ARRHENIUS,
    ]
    if campaign.trains:
        places += [paths.Label.rejected, paths.Finetune.metrics, *CAPTIONS]
    if campaign.trains and not campaign.given_labels:
        places.append(paths.Sample.trajectories)
    if campaign.config.export.rerank:
        places += [paths.Export.reranked_compositions, paths.Export.lattice]
    files = [*map(campaign.path, places), *figure_files(campaign), campaign.card_file]
    return [*dict.fromkeys(files)]


def perform(work: Work) -> list[Path]:
    """Write `summary.json`, the tables of its numbers, and `report.html`."""
    campaign, config = work.campaign, work.campaign.config
    summary = _numbers(campaign)
    card = read_card(campaign.card_file)
    summary["cautions"] += acceptance_cautions(card)
    _add_stability(summary, campaign)
    write_summary(summary, campaign.path(paths.Report.summary))
    tables = {
        paths.Report.conductivity: (conductivity_rows(summary), CONDUCTIVITY_COLUMNS),
        paths.Report.directions: (directional_rows(summary), DIRECTIONAL_COLUMNS),
        paths.Report.activation: (activation_rows(summary), ACTIVATION_COLUMNS),
    }
    for place, (rows, columns) in tables.items():
        write_csv(campaign.path(place), rows, columns=columns)
    drawn, caption = save_transport_map(
        summary,
        config.enumerate,
        system_of(config.enumerate),
        campaign.path(paths.Report.map_figure),
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
    write_report(content, campaign.path(paths.Report.page))
    written = (paths.Report.summary, *tables, paths.Report.page)
    return [*map(campaign.path, written), *drawn]


def _numbers(campaign: Campaign) -> dict[str, Any]:
    path = campaign.path(paths.Transport.numbers)
    summary = dict(json.loads(path.read_text(encoding="utf-8")))
    if any("directions" not in item for item in summary["compositions"]):
        raise MlipsseError(
            f"{path} contains no directions: an earlier version wrote it. Analyse the runs again: "
            "`mlipsse run DIR --from transport`."
        )
    return summary


def _add_stability(summary: dict[str, Any], campaign: Campaign) -> None:
    found = {row["composition"]: row for row in read_csv(campaign.path(paths.Rank.compositions))}
    for item in summary["compositions"]:
        text = found[item["formula"]]["energy_above_hull_eV_atom"]
        item["energy_above_hull_eV_atom"] = float(text) if text else None


def _scripts(campaign: Campaign) -> list[str]:
    if not any(fragment for _, fragment, _ in structure_files(campaign)):
        return []
    from plotly.offline import get_plotlyjs

    return [get_plotlyjs()]


STAGE = Stage(
    paths.Report.folder,
    ("name", "seed", "enumerate", "sample", "label", "finetune", "export", "simulate", "report"),
    inputs,
    perform,
)
