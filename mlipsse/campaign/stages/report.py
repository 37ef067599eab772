"""Stage 10: one page and one JSON file that say what came out."""

import json
from pathlib import Path
from typing import Any

from mlipsse.campaign.folder import Campaign
from mlipsse.campaign.record import versions
from mlipsse.campaign.stage import Stage, Work
from mlipsse.campaign.stages import export, finetune, rank, transport
from mlipsse.campaign.table import read_csv
from mlipsse.potential.bundle import read_card
from mlipsse.report.html import FigureFile, ReportContent, Table, write_report
from mlipsse.report.summary import write_summary

CAPTIONS = {
    "09-transport/arrhenius.png": "Tracer diffusivity and Nernst-Einstein conductivity against "
    "inverse temperature. Bars: one standard error.",
    "02-rank/hull.png": "Energy above hull of every relaxed ordering; the lowest of each "
    "composition is marked.",
    "06-finetune/parity.png": "Predictions of the fine-tuned head against the labels of the test "
    "trajectories, which the training never saw.",
    "06-finetune/learning.png": "Errors on the validation trajectories during fine-tuning.",
}


def inputs(campaign: Campaign) -> list[Path]:
    """Numbers, tables and figures of the stages before."""
    names = (transport.NUMBERS, transport.RUNS, rank.HULL, finetune.METRICS, *CAPTIONS)
    figures = [path for path, _ in _msd_figures(campaign)]
    return [*(campaign.path(name) for name in names), *figures, export.card_file(campaign)]


def perform(work: Work) -> list[Path]:
    """Write `summary.json` and `report.html`."""
    campaign = work.campaign
    summary = json.loads(campaign.path(transport.NUMBERS).read_text(encoding="utf-8"))
    write_summary(summary, work.folder / "summary.json")
    arrhenius, *others = [
        FigureFile(campaign.path(name), caption) for name, caption in CAPTIONS.items()
    ]
    msd = [FigureFile(path, caption) for path, caption in _msd_figures(campaign)]
    content = ReportContent(
        title=campaign.config.name,
        summary=summary,
        figures=[arrhenius, *msd, *others],
        tables=[_runs_table(campaign), _errors_table(campaign), _hull_table(campaign)],
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


def _runs_table(campaign: Campaign) -> Table:
    columns = {
        "run": "run",
        "T (K)": "temperature_K",
        "mean T (K)": "mean_temperature_K",
        "D (cm²/s)": "diffusivity_cm2_s",
        "± ": "diffusivity_std_cm2_s",
        "exponent": "exponent",
        "framework MSD (Å²)": "framework_msd_A2",
        "left out because": "left_out",
    }
    return _table("Runs", columns, read_csv(campaign.path(transport.RUNS)))


def _hull_table(campaign: Campaign) -> Table:
    rows = read_csv(campaign.path(rank.HULL))
    lowest = []
    for formula in campaign.config.enumerate.formulas:
        mine = [row for row in rows if row["composition"] == formula]
        good = [row for row in mine if not row["left_out"]]
        best = min(good, key=lambda row: float(row["energy_above_hull_eV_atom"]))
        counts = {"relaxed": str(len(good)), "left out": str(len(mine) - len(good))}
        lowest.append({**best, **counts})
    columns = {
        "composition": "composition",
        "lowest ordering": "ordering",
        "above hull (eV/atom)": "energy_above_hull_eV_atom",
        "formation (eV/atom)": "formation_energy_eV_atom",
        "relaxed": "relaxed",
        "left out": "left out",
    }
    return _table("Orderings", columns, lowest)


def _errors_table(campaign: Campaign) -> Table:
    metrics = json.loads(campaign.path(finetune.METRICS).read_text(encoding="utf-8"))
    rows = [
        *((f"fine-tuned, {part}", errors) for part, errors in metrics["errors"].items()),
        *((f"foundation, {part}", errors) for part, errors in metrics["foundation_errors"].items()),
        ("fine-tuned, replay", metrics["replay_errors"]),
        ("foundation, replay", metrics["foundation_replay_errors"]),
    ]
    return Table(
        "Errors of the potential",
        ("model and set", "energy (meV/atom)", "force (meV/Å)", "stress (meV/Å³)"),
        [
            (
                name,
                f"{errors['energy_rmse_meV_atom']:.1f}",
                f"{errors['force_rmse_meV_A']:.1f}",
                f"{errors['stress_rmse_meV_A3']:.2f}",
            )
            for name, errors in rows
        ],
        note="Root-mean-square errors. Test trajectories were seen by neither training nor early "
        "stopping. Energies of the foundation model are of another functional.",
    )


def _table(title: str, columns: dict[str, str], rows: list[dict[str, str]]) -> Table:
    return Table(
        title,
        tuple(columns),
        [tuple(_short(row[key]) for key in columns.values()) for row in rows],
    )


def _short(text: str) -> str | None:
    """A number to four digits, other text as it is, None for nothing."""
    try:
        return f"{float(text):.4g}"
    except ValueError:
        return text or None


def _provenance(campaign: Campaign) -> dict[str, Any]:
    card = read_card(export.card_file(campaign))
    return {
        "label source": card["label_source"],
        "sampling potential": campaign.config.sample.foundation,
        "fine-tuned from": campaign.config.finetune.foundation,
        "potential (sha256)": card["sha256"][f"{campaign.config.export.name}.pt"],
        "seed": campaign.config.seed,
        **versions(),
    }


STAGE = Stage(
    10,
    "report",
    ("name", "seed", "enumerate", "sample", "finetune", "export", "simulate"),
    inputs,
    perform,
)
