"""Stage 10: one page and one JSON file that say what came out."""

import json
from pathlib import Path
from typing import Any

from mlipsse.campaign.folder import Campaign
from mlipsse.campaign.phases import system_of
from mlipsse.campaign.record import versions
from mlipsse.campaign.stage import Stage, Work
from mlipsse.campaign.stages import enumerate as enumerate_stage
from mlipsse.campaign.stages import export, finetune, label, rank, select, transport
from mlipsse.campaign.table import read_csv
from mlipsse.potential.bundle import read_card
from mlipsse.report.html import FigureFile, ReportContent, write_report
from mlipsse.report.summary import write_summary
from mlipsse.report.tables import (
    compositions_table,
    errors_table,
    orderings_table,
    rejected_table,
    runs_table,
    selection_table,
)

CAPTIONS = {
    "09-transport/arrhenius.png": "Tracer diffusivity and Nernst-Einstein conductivity against "
    "inverse temperature. Bars: one standard error.",
    "06-finetune/parity.png": "Predictions of the fine-tuned head against the labels of the test "
    "trajectories, which the training never saw.",
    "06-finetune/learning.png": "Errors on the validation trajectories during fine-tuning.",
}
HULL_CAPTIONS = {
    "hull": "Energy above hull of every relaxed ordering; the lowest of each composition is "
    "marked.",
    "formation": "Formation energy of every relaxed ordering against the end members, over their "
    "formula units, and the convex hull of the stable compositions.",
    "ternary": "Stable and metastable compositions (numbers: energy above hull of the lowest "
    "ordering, meV/atom) and the tie lines of the hull. Numbers along an edge: mole fraction of "
    "the formula unit at the corner towards which they rise.",
}


def inputs(campaign: Campaign) -> list[Path]:
    """Numbers, tables and figures of the stages before."""
    chosen = (select.TABLE, label.REJECTED)
    tables = (transport.RUNS, enumerate_stage.COUNTS, rank.COMPOSITIONS, *chosen)
    names = (transport.NUMBERS, finetune.METRICS, *tables, *CAPTIONS)
    figures = [path for path, _ in [*_msd_figures(campaign), *_hull_figures(campaign)]]
    return [*(campaign.path(name) for name in names), *figures, export.card_file(campaign)]


def perform(work: Work) -> list[Path]:
    """Write `summary.json` and `report.html`."""
    campaign = work.campaign
    summary = json.loads(campaign.path(transport.NUMBERS).read_text(encoding="utf-8"))
    write_summary(summary, work.folder / "summary.json")
    arrhenius, *others = [
        FigureFile(campaign.path(name), caption, wide=True) for name, caption in CAPTIONS.items()
    ]
    narrow = [*_msd_figures(campaign), *_hull_figures(campaign)]
    content = ReportContent(
        title=campaign.config.name,
        summary=summary,
        figures=[arrhenius, *(FigureFile(*figure) for figure in narrow), *others],
        tables=[
            runs_table(read_csv(campaign.path(transport.RUNS))),
            errors_table(json.loads(campaign.path(finetune.METRICS).read_text(encoding="utf-8"))),
            orderings_table(read_csv(campaign.path(enumerate_stage.COUNTS))),
            compositions_table(
                read_csv(campaign.path(rank.COMPOSITIONS)),
                note=system_of(campaign.config.enumerate).note,
            ),
            selection_table(read_csv(campaign.path(select.TABLE))),
            rejected_table(read_csv(campaign.path(label.REJECTED))),
        ],
        provenance=_provenance(campaign),
    )
    write_report(content, work.folder / "report.html")
    return [work.folder / "summary.json", work.folder / "report.html"]


def _msd_figures(campaign: Campaign) -> list[tuple[Path, str]]:
    caption = "{}: mean squared displacement of the mobile ion; bold: the window of the fit."
    found = []
    for formula in campaign.config.enumerate.compositions:
        path = campaign.path(transport.FIGURES) / f"msd-{formula}.png"
        if path.is_file():  # there is none when every run of the composition exploded
            found.append((path, caption.format(formula)))
    return found


def _hull_figures(campaign: Campaign) -> list[tuple[Path, str]]:
    folder = campaign.path(rank.HULL).parent
    found = [(folder / f"{name}.png", caption) for name, caption in HULL_CAPTIONS.items()]
    return [(path, caption) for path, caption in found if path.is_file()]


def _provenance(campaign: Campaign) -> dict[str, Any]:
    card = read_card(export.card_file(campaign))
    return {
        "label source": card["label_source"],
        "sampling potential": "none: the labels were given"
        if campaign.config.label.given_file is not None
        else campaign.config.sample.foundation,
        "fine-tuned from": campaign.config.finetune.foundation,
        "potential (sha256)": card["sha256"][f"{campaign.config.export.name}.pt"],
        "seed": campaign.config.seed,
        **versions(),
    }


STAGE = Stage(
    10,
    "report",
    ("name", "seed", "enumerate", "sample", "label", "finetune", "export", "simulate"),
    inputs,
    perform,
)
