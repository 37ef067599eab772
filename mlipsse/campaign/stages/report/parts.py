"""Content of the report: its sections and the provenance of its numbers."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlipsse.campaign.crystals.system import system_of
from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.folder import Campaign
from mlipsse.campaign.engine.record import read_record, versions
from mlipsse.campaign.engine.table import read_csv
from mlipsse.engines import file_kind
from mlipsse.orderings import parse_repeats
from mlipsse.potential.acceptance.report import CARD_KEY, refusals, table_rows
from mlipsse.report.page.content import FigureFile, Headline, Section, Table, View
from mlipsse.report.page.ordering_tables import (
    compositions_table,
    coordination_table,
    lattice_table,
    orderings_table,
    reranked_table,
    search_table,
    selection_table,
)
from mlipsse.report.page.published import comparison_table
from mlipsse.report.page.tables import (
    acceptance_table,
    errors_table,
    grouped_errors_table,
    pathways_table,
    rejected_table,
    runs_table,
    softening_table,
    training_checks_table,
)
from mlipsse.report.page.transport_tables import (
    activation_table,
    conductivity_table,
    directional_activation_table,
    directional_table,
    excluded_table,
)

ARRHENIUS = paths.Transport.arrhenius_figure
CAPTIONS = {
    ARRHENIUS: (
        "Tracer diffusivity and Nernst-Einstein conductivity against inverse temperature. Bars: "
        "one standard error."
    ),
    paths.Finetune.parity_figure: (
        "Predictions of the fine-tuned head against the labels of the test trajectories, which the"
        " training did not use."
    ),
    paths.Finetune.learning_figure: (
        "Errors on the validation trajectories, and of the replay head on held-out replay frames, "
        "during fine-tuning."
    ),
}
REPLAY_CAPTION = (
    "Predictions of the replay head against the labels of held-out replay frames. They show how "
    "much of the foundation's knowledge the fine-tuned model keeps."
)
HULL_CAPTIONS = {
    paths.Rank.hull_figure: (
        "Energy above hull of every relaxed ordering; the lowest of each composition is marked."
    ),
    paths.Rank.formation_figure: (
        "Formation energy of every relaxed ordering against the end members, over their formula "
        "units, and the convex hull of the stable compositions."
    ),
    paths.Rank.ternary_figure: (
        "Stable and metastable compositions (numbers: energy above hull of the lowest ordering, "
        "meV/atom) and the tie lines of the hull. Numbers along an edge: mole fraction of the "
        "formula unit at the corner towards which they rise."
    ),
}
STRUCTURE_CAPTIONS = {
    paths.Transport.radial_figure: (
        "{}: g(r) of the mobile ion in the named run; grey: distances that no two mobile ions may "
        "have."
    ),
    paths.Transport.density_figure: (
        "{}: probability density of all mobile ions in the named run, and the paths along "
        "a, b and c with the lowest bottlenecks."
    ),
}
"""Figures of the stage transport; where a fragment `.html` lies beside one, the page shows that,
and the figure in print."""

Summary = Mapping[str, Any]


def structure_files(campaign: Campaign) -> list[tuple[Path, Path | None, str]]:
    """Picture, fragment that can be turned (None without one), and what they show."""
    found: list[tuple[Path, Path | None, str]] = []
    for formula in campaign.config.enumerate.compositions:
        for place, caption in STRUCTURE_CAPTIONS.items():
            picture = campaign.path(place.of(composition=formula))
            fragment = picture.with_suffix(".html")
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
    phases = read_csv(campaign.path(paths.Rank.compositions))
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
                orderings_table(read_csv(campaign.path(paths.Enumerate.counts))),
                *_search(campaign),
                *_reranked(campaign),
                selection_table(read_csv(campaign.path(paths.Select.table))),
                coordination_table(read_csv(campaign.path(paths.Select.coordination))),
            ],
            figures=_hull_figures(campaign),
        ),
        _model(campaign, card),
        Section(
            "runs",
            "Runs",
            tables=[
                excluded_table(summary),
                runs_table(read_csv(campaign.path(paths.Transport.runs))),
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
    """Numbers for the top of the page that the summary does not hold: the model's error.

    None of a given potential: its errors were measured on other crystals.
    """
    if not campaign.trains:
        return []
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


def acceptance_cautions(card: Mapping[str, Any]) -> list[str]:
    """What a report must state about a refused model that runs used."""
    record = card.get(CARD_KEY)
    if not record or record["accepted"]:
        return []
    return ["These runs used a potential that was not accepted. " + " ".join(refusals(record))]


def _structure(campaign: Campaign) -> Section:
    files = structure_files(campaign)
    return Section(
        "structure",
        "Structure and pathways",
        tables=[pathways_table(read_csv(campaign.path(paths.Transport.structure)))],
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
    trials = acceptance_table(table_rows(card[CARD_KEY]) if CARD_KEY in card else [])
    if not campaign.trains:
        return Section("model", "Potential", tables=[trials], figures=_model_figures(campaign))
    metrics = _metrics(campaign)
    return Section(
        "model",
        "Potential",
        tables=[
            errors_table(metrics),
            grouped_errors_table(metrics),
            softening_table(metrics),
            training_checks_table(metrics),
            trials,
            rejected_table(read_csv(campaign.path(paths.Label.rejected))),
        ],
        figures=_model_figures(campaign),
    )


def _metrics(campaign: Campaign) -> dict[str, Any]:
    content = json.loads(campaign.path(paths.Finetune.metrics).read_text(encoding="utf-8"))
    return dict(content)


def _msd_figures(campaign: Campaign) -> list[FigureFile]:
    caption = "{}: mean squared displacement of the mobile ion; bold: the window of the fit."
    found = []
    for formula in campaign.config.enumerate.compositions:
        path = campaign.path(paths.Transport.msd_figure.of(composition=formula))
        if path.is_file():  # there is none when every run of the composition exploded
            found.append(FigureFile(path, caption.format(formula)))
    return found


def _model_figures(campaign: Campaign) -> list[FigureFile]:
    if not campaign.trains:
        return acceptance_figures(campaign)
    places = [place for place in CAPTIONS if place != ARRHENIUS]
    figures = [FigureFile(campaign.path(place), CAPTIONS[place], wide=True) for place in places]
    replay = campaign.path(paths.Finetune.replay_figure)
    if replay.is_file():  # there is none without a replay set
        figures.append(FigureFile(replay, REPLAY_CAPTION, wide=True))
    return [*figures, *acceptance_figures(campaign)]


def acceptance_figures(campaign: Campaign) -> list[FigureFile]:
    """Curves of the trials of every crystal on which the exported model was tried."""
    table = campaign.path(paths.Export.acceptance)
    if not (campaign.config.export.acceptance.run and table.is_file()):
        return []
    return [
        FigureFile(
            campaign.path(paths.Export.acceptance_figure.of(ordering=name)),
            f"{name}, the exported model: energy against volume; total energy of a run without "
            "thermostat; g(r) beside that of the sampling; two atoms pushed together.",
        )
        for name in dict.fromkeys(row["structure"] for row in read_csv(table))
    ]


def _hull_figures(campaign: Campaign) -> list[FigureFile]:
    found = [(campaign.path(place), caption) for place, caption in HULL_CAPTIONS.items()]
    return [FigureFile(path, caption) for path, caption in found if path.is_file()]


def _sampling(campaign: Campaign) -> dict[str, str]:
    if campaign.config.label.given_file is not None:
        record = read_record(campaign.path(paths.Label.folder))
        notes = {"given labels": "; ".join(record.notes)} if record and record.notes else {}
        return {"sampling potential": "none: the labels were given", **notes}
    trajectories = read_csv(campaign.path(paths.Sample.trajectories))
    return {
        "sampling potential": campaign.config.sample.foundation,
        "sampled frames": sampling_summary(trajectories),
    }


def _training(campaign: Campaign) -> dict[str, Any]:
    if not campaign.trains:
        return {"potential": f"{campaign.config.export.potential}, given, not trained here"}
    tuned = campaign.config.finetune
    scratch = tuned.strategy == "scratch"
    return {
        **_sampling(campaign),
        "fine-tuned from": "random weights (scratch)" if scratch else tuned.foundation,
    }


def sampling_summary(trajectories: Sequence[Mapping[str, str]]) -> str:
    """What is kept and what is not of the rows of `trajectories.csv`, in words."""
    kept, left = (sum(int(row[name]) for row in trajectories) for name in ("frames", "left_out"))
    stopped = sum(bool(row["stopped"]) for row in trajectories)
    return (
        f"{kept}, from {len(trajectories)} trajectories, {stopped} of which were stopped early; "
        f"{left} left out by filters"
    )


def provenance(campaign: Campaign, card: Mapping[str, Any]) -> dict[str, Any]:
    """What the numbers rest on; `card` is the exported bundle's."""
    return {
        "label source": card["label_source"],
        **_training(campaign),
        "potential (sha256)": card["sha256"][campaign.model_file.name],
        "engine in LAMMPS": file_kind(campaign.model_file),
        "seed": campaign.config.seed,
        **versions(),
    }


def _search(campaign: Campaign) -> list[Table]:
    """The table of the search by energy, where there was one."""
    path = campaign.path(paths.Rank.search)
    rows = read_csv(path) if path.is_file() else []
    return [search_table(rows)] if rows else []


def _reranked(campaign: Campaign) -> list[Table]:
    """The tables of the fine-tuned model's ranking, where there is one."""
    if not campaign.config.export.rerank:
        return []
    return [
        reranked_table(read_csv(campaign.path(paths.Export.reranked_compositions))),
        lattice_table(read_csv(campaign.path(paths.Export.lattice))),
    ]
