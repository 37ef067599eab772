"""Content of the report: its sections and the provenance of its numbers."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlipsse.campaign.engine.folder import Campaign
from mlipsse.campaign.engine.record import read_record, versions
from mlipsse.campaign.engine.table import read_csv
from mlipsse.campaign.stages.enumerate import stage as enumerate_stage
from mlipsse.campaign.stages.export import acceptance
from mlipsse.campaign.stages.export import stage as export
from mlipsse.campaign.stages.finetune import stage as finetune
from mlipsse.campaign.stages.label import stage as label
from mlipsse.campaign.stages.rank import stage as rank
from mlipsse.campaign.stages.rank.phases import system_of
from mlipsse.campaign.stages.sample import stage as sample
from mlipsse.campaign.stages.sample.trajectories import sampling_summary
from mlipsse.campaign.stages.select import stage as select
from mlipsse.campaign.stages.transport import stage as transport
from mlipsse.orderings import parse_repeats
from mlipsse.potential.acceptance.record import table_rows
from mlipsse.report.page.content import FigureFile, Headline, Section, View
from mlipsse.report.page.published import comparison_table
from mlipsse.report.page.tables import (
    acceptance_table,
    compositions_table,
    errors_table,
    grouped_errors_table,
    orderings_table,
    pathways_table,
    rejected_table,
    runs_table,
    selection_table,
    training_checks_table,
)
from mlipsse.report.page.transport_tables import (
    activation_table,
    conductivity_table,
    directional_activation_table,
    directional_table,
    excluded_table,
)

ARRHENIUS = "09-transport/arrhenius.png"
CAPTIONS = {
    ARRHENIUS: "Tracer diffusivity and Nernst-Einstein conductivity against inverse temperature. "
    "Bars: one standard error.",
    "06-finetune/parity.png": "Predictions of the fine-tuned head against the labels of the test "
    "trajectories, which the training did not use.",
    "06-finetune/learning.png": "Errors on the validation trajectories, and of the replay head on "
    "held-out replay frames, during fine-tuning.",
}
REPLAY_CAPTION = (
    "Predictions of the replay head against the labels of held-out replay frames. They show how "
    "much of the foundation's knowledge the fine-tuned model keeps."
)
HULL_CAPTIONS = {
    "hull": "Energy above hull of every relaxed ordering; the lowest of each composition is "
    "marked.",
    "formation": "Formation energy of every relaxed ordering against the end members, over their "
    "formula units, and the convex hull of the stable compositions.",
    "ternary": "Stable and metastable compositions (numbers: energy above hull of the lowest "
    "ordering, meV/atom) and the tie lines of the hull. Numbers along an edge: mole fraction of "
    "the formula unit at the corner towards which they rise.",
}
STRUCTURE_CAPTIONS = {
    "radial": "{}: g(r) of the mobile ion in the named run; grey: distances that no two mobile "
    "ions may have.",
    "density": "{}: probability density of all mobile ions in the named run, and the paths along "
    "a, b and c with the lowest bottlenecks.",
}
"""Figures `<name>-<formula>.png` of the stage transport; where a fragment `<name>-<formula>.html`
lies beside one, the page shows that, and the figure in print."""

Summary = Mapping[str, Any]


def structure_files(campaign: Campaign) -> list[tuple[Path, Path | None, str]]:
    """Picture, fragment that can be turned (None without one), and what they show."""
    found: list[tuple[Path, Path | None, str]] = []
    for formula in campaign.config.enumerate.compositions:
        for name, caption in STRUCTURE_CAPTIONS.items():
            picture = campaign.path(transport.FIGURES) / f"{name}-{formula}.png"
            fragment = picture.with_name(f"{name}-{formula}.html")
            if picture.is_file():
                shown = fragment if fragment.is_file() else None
                found.append((picture, shown, caption.format(formula)))
    return found


def figure_files(campaign: Campaign) -> list[Path]:
    """All figures and fragments that the page holds and a stage before has made."""
    figures = [*_msd_figures(campaign), *_model_figures(campaign), *_hull_figures(campaign)]
    structure = [
        path
        for picture, fragment, _ in structure_files(campaign)
        for path in (picture, fragment)
        if path is not None
    ]
    return [campaign.path(ARRHENIUS), *(figure.path for figure in figures), *structure]


def sections(
    campaign: Campaign, summary: Summary, card: Mapping[str, Any], maps: Sequence[FigureFile]
) -> list[Section]:
    """The page's sections after the overview.

    Parameters
    ----------
    summary, card : of the campaign, and of the exported bundle
    maps : figures that the report stage itself has drawn
    """
    phases = read_csv(campaign.path(rank.COMPOSITIONS))
    published = comparison_table(summary, phases)
    return [
        Section(
            "transport",
            "Transport",
            tables=[
                conductivity_table(summary),
                activation_table(summary),
                *([published] if published else []),
            ],
            figures=[
                FigureFile(campaign.path(ARRHENIUS), CAPTIONS[ARRHENIUS], wide=True),
                *maps,
                *_msd_figures(campaign),
            ],
        ),
        Section(
            "directions",
            "Directions",
            text=whose_directions(campaign),
            tables=[
                table
                for table in (directional_table(summary), directional_activation_table(summary))
                if table.rows
            ],
        ),
        _structure(campaign),
        Section(
            "stability",
            "Stability",
            tables=[
                compositions_table(phases, note=system_of(campaign.config.enumerate).note),
                orderings_table(read_csv(campaign.path(enumerate_stage.COUNTS))),
                selection_table(read_csv(campaign.path(select.TABLE))),
            ],
            figures=_hull_figures(campaign),
        ),
        _model(campaign, card),
        Section(
            "runs",
            "Runs",
            tables=[
                excluded_table(summary),
                runs_table(read_csv(campaign.path(transport.RUNS))),
            ],
        ),
    ]


def whose_directions(campaign: Campaign) -> str:
    """Whether a, b and c are those of the host, in a sentence."""
    if campaign.config.simulate.structures:
        return "a, b and c are the axes of the crystals given in simulate.structures."
    supercells = map(parse_repeats, campaign.config.enumerate.supercells)
    if all(one.factors is not None for one in supercells):
        primitive = "primitive cell of the host" if campaign.config.structure.primitive else "host"
        return f"a, b and c are the axes of the {primitive}; all supercells are multiples of it."
    return (
        "a, b and c are the axes of each simulated cell, not of the host. Some supercells are not "
        "multiples of the host's axes, and a mean over several supercells has no well-defined "
        "directions."
    )


def headlines(campaign: Campaign) -> list[Headline]:
    """Numbers for the top of the page that the summary does not hold: the model's error."""
    errors = _metrics(campaign)["errors"].get("test")
    if not errors:
        return []
    return [
        Headline(
            "Force error of the potential",
            f"{errors['force_rmse_meV_A']:.0f} meV/Å",
            f"root mean square, {errors['frames']} test frames",
        )
    ]


def _structure(campaign: Campaign) -> Section:
    files = structure_files(campaign)
    return Section(
        "structure",
        "Structure and pathways",
        tables=[pathways_table(read_csv(campaign.path(transport.STRUCTURE)))],
        figures=[
            FigureFile(picture, caption) for picture, shown, caption in files if shown is None
        ],
        views=[
            View(caption.partition(":")[0], shown.read_text(encoding="utf-8"), caption, picture)
            for picture, shown, caption in files
            if shown is not None
        ],
    )


def _model(campaign: Campaign, card: Mapping[str, Any]) -> Section:
    metrics = _metrics(campaign)
    return Section(
        "model",
        "Potential",
        tables=[
            errors_table(metrics),
            grouped_errors_table(metrics),
            training_checks_table(metrics),
            acceptance_table(table_rows(card["acceptance"]) if "acceptance" in card else []),
            rejected_table(read_csv(campaign.path(label.REJECTED))),
        ],
        figures=_model_figures(campaign),
    )


def _metrics(campaign: Campaign) -> dict[str, Any]:
    content = json.loads(campaign.path(finetune.METRICS).read_text(encoding="utf-8"))
    return dict(content)


def _msd_figures(campaign: Campaign) -> list[FigureFile]:
    caption = "{}: mean squared displacement of the mobile ion; bold: the window of the fit."
    found = []
    for formula in campaign.config.enumerate.compositions:
        path = campaign.path(transport.FIGURES) / f"msd-{formula}.png"
        if path.is_file():  # there is none when every run of the composition exploded
            found.append(FigureFile(path, caption.format(formula)))
    return found


def _model_figures(campaign: Campaign) -> list[FigureFile]:
    names = [name for name in CAPTIONS if name != ARRHENIUS]
    figures = [FigureFile(campaign.path(name), CAPTIONS[name], wide=True) for name in names]
    replay = campaign.path(finetune.REPLAY_PARITY)
    if replay.is_file():  # there is none without a replay set
        figures.append(FigureFile(replay, REPLAY_CAPTION, wide=True))
    tried = acceptance.figures(campaign, campaign.path(export.FOLDER))
    return [*figures, *(FigureFile(path, caption) for path, caption in tried)]


def _hull_figures(campaign: Campaign) -> list[FigureFile]:
    folder = campaign.path(rank.HULL).parent
    found = [(folder / f"{name}.png", caption) for name, caption in HULL_CAPTIONS.items()]
    return [FigureFile(path, caption) for path, caption in found if path.is_file()]


def _sampling(campaign: Campaign) -> dict[str, str]:
    if campaign.config.label.given_file is not None:
        record = read_record(label.STAGE.folder(campaign))
        notes = {"given labels": "; ".join(record.notes)} if record and record.notes else {}
        return {"sampling potential": "none: the labels were given", **notes}
    trajectories = read_csv(campaign.path(sample.TRAJECTORIES))
    return {
        "sampling potential": campaign.config.sample.foundation,
        "sampled frames": sampling_summary(trajectories),
    }


def provenance(campaign: Campaign, card: Mapping[str, Any]) -> dict[str, Any]:
    """What the numbers rest on; `card` is the exported bundle's."""
    return {
        "label source": card["label_source"],
        **_sampling(campaign),
        "fine-tuned from": (
            "random weights (scratch)"
            if campaign.config.finetune.strategy == "scratch"
            else campaign.config.finetune.foundation
        ),
        "potential (sha256)": card["sha256"][f"{campaign.config.export.name}.pt"],
        "seed": campaign.config.seed,
        **versions(),
    }
