"""Stage 9: diffusivity of every run, conductivity and Arrhenius fit of every composition."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mlipsse.campaign.folder import Campaign
from mlipsse.campaign.runs import run_folders
from mlipsse.campaign.stage import Stage, Work
from mlipsse.campaign.stages import export
from mlipsse.campaign.table import write_csv
from mlipsse.campaign.transport_tables import DIRECTION_COLUMNS, direction_columns, run_columns
from mlipsse.md.health import run_health
from mlipsse.md.record import OUTCOME_FILE, RECORD_FILE, read_outcome, read_record
from mlipsse.md.segments import SEGMENTS_FILE
from mlipsse.potential.bundle import read_card
from mlipsse.report.cautions import standing_cautions
from mlipsse.report.summary import build_summary, write_summary
from mlipsse.transport import (
    CompositionTransport,
    ExcludedRun,
    RunTransport,
    WindowSettings,
    analyse_run,
    summarise_composition,
)
from mlipsse.transport.run_analysis import write_msd_csv

NUMBERS = "09-transport/arrhenius.json"
RUNS = "09-transport/runs.csv"
DIRECTIONS = "09-transport/directions.csv"
FIGURES = "09-transport"


def inputs(campaign: Campaign) -> list[Path]:
    """Records, outcomes and checksums of all runs' trajectories, and the potential's card."""
    names = (RECORD_FILE, OUTCOME_FILE, SEGMENTS_FILE)
    return [
        export.card_file(campaign),
        *(folder / name for folder in run_folders(campaign) for name in names),
    ]


def perform(work: Work) -> list[Path]:
    """Write `runs.csv`, `directions.csv`, `arrhenius.json`, MSD tables, and the figures."""
    campaign, config = work.campaign, work.campaign.config
    settings = WindowSettings(window_ps=config.transport.window_ps)
    rows: list[dict[str, Any]] = []
    directions: list[dict[str, Any]] = []
    outputs: list[Path] = []
    compositions: list[CompositionTransport] = []
    all_folders = run_folders(campaign)
    for formula in config.enumerate.compositions:
        analysed: list[RunTransport] = []
        failed: list[ExcludedRun] = []
        for folder in [path for path in all_folders if path.parts[-4] == formula]:
            work.progress(len(rows), len(all_folders), formula)
            outcome, record = read_outcome(folder), read_record(folder)
            health = run_health(folder, record)
            name = "-".join(folder.parts[-3:])
            row = {
                "run": name,
                "composition": formula,
                "temperature_K": record.temperature_K,
                "mean_temperature_K": health.mean_temperature_K,
                "energy_drift_meV_atom_ps": health.energy_drift_meV_atom_ps,
            }
            if outcome is None or outcome.status != "done":
                reason = f"{outcome.status}: {outcome.reason}" if outcome else "did not end"
                failed.append(ExcludedRun(record.temperature_K, name, reason))
                rows.append(run_columns(row, None, reason))
                continue
            run = analyse_run(folder, settings=settings)
            analysed.append(run)
            rows.append(run_columns(row, run, run.excluded))
            if run.directions is not None:
                told = {key: row[key] for key in ("run", "composition", "temperature_K")}
                directions.append({**told, **direction_columns(run.directions)})
            curve = work.folder / "msd" / f"{name}.csv"
            write_msd_csv(run, curve)
            outputs.append(curve)
        compositions.append(summarise_composition(formula, analysed, excluded=failed))
        outputs += _draw_msd(analysed, formula, work.folder)
    write_csv(work.folder / "runs.csv", rows)
    write_csv(work.folder / "directions.csv", directions, columns=DIRECTION_COLUMNS)
    label_source = read_card(export.card_file(campaign))["label_source"]
    cautions = standing_cautions(
        compositions, label_source=label_source, thermostat=config.simulate.ensemble
    )
    summary = build_summary(compositions, label_source=label_source, cautions=cautions)
    write_summary(summary, work.folder / "arrhenius.json")
    from mlipsse.report.arrhenius_plot import arrhenius_plot
    from mlipsse.report.style import new_figure, save_figure

    figure, (left, right) = new_figure(width_in=7.0, columns=2)
    arrhenius_plot(left, compositions)
    arrhenius_plot(right, compositions, quantity="conductivity")
    outputs += save_figure(figure, work.folder / "arrhenius")
    names = ("runs.csv", "directions.csv", "arrhenius.json")
    return [*(work.folder / name for name in names), *outputs]


def _draw_msd(runs: Sequence[RunTransport], formula: str, folder: Path) -> list[Path]:
    if not runs:
        return []
    from mlipsse.report.msd_plot import msd_plot
    from mlipsse.report.style import formula_label, new_figure, save_figure

    figure, (axes,) = new_figure()
    msd_plot(axes, runs, title=formula_label(formula))
    return save_figure(figure, folder / f"msd-{formula}")


STAGE = Stage(
    9,
    "transport",
    ("seed", "structure", "enumerate", "export", "simulate", "transport"),
    inputs,
    perform,
)
