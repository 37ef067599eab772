"""Stage 9: diffusivity of every run, conductivity and Arrhenius fit of every composition."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mlipsse.campaign.crystals.runs import run_folders, runs
from mlipsse.campaign.crystals.selected import production_orderings
from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.campaign.engine.stage import Stage, Work
from mlipsse.campaign.engine.table import write_csv
from mlipsse.campaign.stages.transport.analysis import (
    analyse_composition,
    ordering_weights,
    run_row,
)
from mlipsse.campaign.stages.transport.direction_table import DIRECTION_COLUMNS, direction_columns
from mlipsse.md.files.record import OUTCOME_FILE, RECORD_FILE
from mlipsse.md.files.segments import SEGMENTS_FILE
from mlipsse.potential.bundle.folder import read_card
from mlipsse.report.page.cautions import standing_cautions
from mlipsse.report.page.pressure import mean_pressures, pressure_cautions
from mlipsse.report.page.summary import build_summary, write_summary
from mlipsse.transport import CompositionTransport, RunTransport, WindowSettings
from mlipsse.transport.runs.analysis import write_msd_csv


def inputs(campaign: Campaign) -> list[Path]:
    """Selected orderings, the potential's card, and records and checksums of all runs."""
    names = (RECORD_FILE, OUTCOME_FILE, SEGMENTS_FILE)
    return [
        campaign.path(paths.Select.selected),
        campaign.card_file,
        *(folder / name for folder in run_folders(campaign) for name in names),
    ]


def perform(work: Work) -> list[Path]:
    """Write the tables of runs, directions and structure, `arrhenius.json`, and the figures."""
    from mlipsse.campaign.stages.transport.structure import COLUMNS, describe_structure

    campaign, config = work.campaign, work.campaign.config
    settings = WindowSettings(window_ps=config.transport.window_ps)
    rows: list[dict[str, Any]] = []
    ended: list[dict[str, Any]] = []
    directions: list[dict[str, Any]] = []
    structure: list[dict[str, Any]] = []
    outputs: list[Path] = []
    compositions: list[CompositionTransport] = []
    selected = production_orderings(campaign)
    wanted = runs(campaign, selected)
    for formula, orderings in zip(config.enumerate.compositions, selected, strict=True):
        found = analyse_composition(
            formula,
            [
                campaign.path(paths.Simulate.folder) / run.path
                for run in wanted
                if run.composition == formula
            ],
            settings=settings,
            ordering_weights=ordering_weights(config, formula, orderings),
            progress=work.progress,
        )
        for analysed in found.runs:
            rows.append(run_row(analysed))
            result = analysed.result
            if isinstance(result, RunTransport):
                ended.append(rows[-1])
                if result.directions is not None:
                    named = {key: rows[-1][key] for key in ("run", "composition", "temperature_K")}
                    directions.append({**named, **direction_columns(result.directions)})
                outputs.append(campaign.path(paths.Transport.msd.of(run=result.name)))
                write_msd_csv(result, outputs[-1])
        compositions.append(found.transport)
        outputs += _draw_msd(campaign, found.analysed, formula)
        described, drawn = describe_structure(campaign, formula, found)
        structure += [described] if described else []
        outputs += drawn
    write_csv(campaign.path(paths.Transport.runs), rows)
    write_csv(campaign.path(paths.Transport.directions), directions, columns=DIRECTION_COLUMNS)
    write_csv(campaign.path(paths.Transport.structure), structure, columns=COLUMNS)
    label_source = read_card(campaign.card_file)["label_source"]
    cautions = standing_cautions(
        compositions, label_source=label_source, thermostat=config.simulate.ensemble
    )
    cautions += pressure_cautions(ended)
    cautions += [row["caution"] for row in structure if row["caution"]]
    summary = build_summary(compositions, label_source=label_source, cautions=cautions)
    for item in summary["compositions"]:
        own = [row for row in rows if row["composition"] == item["formula"]]
        item |= mean_pressures(own, temperatures_K=item["temperature_K"])
    write_summary(summary, campaign.path(paths.Transport.numbers))
    from mlipsse.report.figures.style import new_figure, save_figure
    from mlipsse.report.transport_figures.arrhenius import arrhenius_plot

    figure, (left, right) = new_figure(width_in=7.0, columns=2)
    arrhenius_plot(left, compositions)
    arrhenius_plot(right, compositions, quantity="conductivity")
    outputs += save_figure(figure, campaign.path(paths.Transport.arrhenius_figure))
    tables = (paths.Transport.runs, paths.Transport.directions, paths.Transport.structure)
    return [*map(campaign.path, (*tables, paths.Transport.numbers)), *outputs]


def _draw_msd(campaign: Campaign, runs: Sequence[RunTransport], formula: str) -> list[Path]:
    if not runs:
        return []
    from mlipsse.report.figures.style import formula_label, new_figure, save_figure
    from mlipsse.report.transport_figures.msd import msd_plot

    figure, (axes,) = new_figure()
    msd_plot(axes, runs, title=formula_label(formula))
    return save_figure(figure, campaign.path(paths.Transport.msd_figure.of(composition=formula)))


STAGE = Stage(
    paths.Transport.folder,
    ("seed", "structure", "enumerate", "select", "export", "simulate", "transport"),
    inputs,
    perform,
)
