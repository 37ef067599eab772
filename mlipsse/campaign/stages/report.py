"""Stage 10: one page and one JSON file that say what came out."""

import json
from pathlib import Path

from mlipsse.campaign import acceptance
from mlipsse.campaign.folder import Campaign
from mlipsse.campaign.phases import system_of
from mlipsse.campaign.report_parts import CAPTIONS, narrow_figures, provenance
from mlipsse.campaign.stage import Stage, Work
from mlipsse.campaign.stages import enumerate as enumerate_stage
from mlipsse.campaign.stages import export, finetune, label, rank, sample, select, transport
from mlipsse.campaign.table import read_csv
from mlipsse.potential.acceptance.record import table_rows
from mlipsse.potential.bundle import read_card
from mlipsse.report.html import FigureFile, ReportContent, write_report
from mlipsse.report.summary import write_summary
from mlipsse.report.tables import (
    acceptance_table,
    compositions_table,
    errors_table,
    grouped_errors_table,
    orderings_table,
    rejected_table,
    runs_table,
    selection_table,
    training_checks_table,
)


def inputs(campaign: Campaign) -> list[Path]:
    """Numbers, tables and figures of the stages before."""
    chosen = (select.TABLE, label.REJECTED, *sample.tables(campaign))
    tables = (transport.RUNS, enumerate_stage.COUNTS, rank.COMPOSITIONS, *chosen)
    names = (transport.NUMBERS, finetune.METRICS, *tables, *CAPTIONS)
    figures = [path for path, _ in narrow_figures(campaign)]
    return [*(campaign.path(name) for name in names), *figures, export.card_file(campaign)]


def perform(work: Work) -> list[Path]:
    """Write `summary.json` and `report.html`."""
    campaign = work.campaign
    summary = json.loads(campaign.path(transport.NUMBERS).read_text(encoding="utf-8"))
    metrics = json.loads(campaign.path(finetune.METRICS).read_text(encoding="utf-8"))
    card = read_card(export.card_file(campaign))
    summary["cautions"] += acceptance.cautions(card)
    write_summary(summary, work.folder / "summary.json")
    arrhenius, *others = [
        FigureFile(campaign.path(name), caption, wide=True) for name, caption in CAPTIONS.items()
    ]
    content = ReportContent(
        title=campaign.config.name,
        summary=summary,
        figures=[arrhenius, *(FigureFile(*one) for one in narrow_figures(campaign)), *others],
        tables=[
            runs_table(read_csv(campaign.path(transport.RUNS))),
            acceptance_table(table_rows(card["acceptance"]) if "acceptance" in card else []),
            errors_table(metrics),
            grouped_errors_table(metrics),
            training_checks_table(metrics),
            orderings_table(read_csv(campaign.path(enumerate_stage.COUNTS))),
            compositions_table(
                read_csv(campaign.path(rank.COMPOSITIONS)),
                note=system_of(campaign.config.enumerate).note,
            ),
            selection_table(read_csv(campaign.path(select.TABLE))),
            rejected_table(read_csv(campaign.path(label.REJECTED))),
        ],
        provenance=provenance(campaign, card),
    )
    write_report(content, work.folder / "report.html")
    return [work.folder / "summary.json", work.folder / "report.html"]


STAGE = Stage(
    10,
    "report",
    ("name", "seed", "enumerate", "sample", "label", "finetune", "export", "simulate"),
    inputs,
    perform,
)
