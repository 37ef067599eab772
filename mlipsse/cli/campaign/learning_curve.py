"""`mlipsse study size`: errors, and transport, against the number of labels."""

import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.folder import read_campaign
from mlipsse.cli.options import (
    CampaignFolder,
    Compositions,
    Json,
    Temperatures,
    Transport,
    chosen_runs,
    whole_numbers,
    words,
)
from mlipsse.cli.progress import progress_line
from mlipsse.cli.transport_table import transport_table
from mlipsse.errors import MlipsseError
from mlipsse.training.settings import Strategy

STRATEGIES: tuple[Strategy, ...] = ("multihead", "naive", "scratch")


def learning_curve(
    folder: CampaignFolder,
    sizes: Annotated[
        str,
        typer.Option(
            "--sizes",
            metavar="N,N,...",
            help="Numbers of training frames, e.g. 25,50. The training sets are nested.",
        ),
    ] = "50,100,500,1000,2500",
    strategies: Annotated[
        str,
        typer.Option(
            "--strategies",
            help="Training strategies to compare: any of multihead, naive and scratch.",
        ),
    ] = "multihead,scratch",
    repetitions: Annotated[
        int,
        typer.Option(
            min=1,
            help="Number of trainings of every size and strategy, each with a subset and random "
            "numbers of its own.",
        ),
    ] = 1,
    transport: Transport = False,
    temperatures: Temperatures = None,
    compositions: Compositions = None,
    as_json: Json = False,
) -> None:
    """Train on increasing numbers of a campaign's labels, fine-tuned and from scratch.

    All trainings share the validation and test sets. Tables and figures are in DIR/learning-curve.
    Finished trainings and runs are kept, and interrupted ones continue. With --transport the
    foundation model runs too, and JSON contains two tables: errors and transport.
    """
    from mlipsse.campaign.studies.learning_curve import learn_by_size

    campaign = read_campaign(folder)
    numbers = whole_numbers(sizes, option="--sizes", example="50,100,500")
    ways = [way for way in STRATEGIES if way in words(strategies)]
    unknown = sorted(set(words(strategies)) - set(STRATEGIES))
    if unknown or not ways:
        raise MlipsseError(
            f"--strategies {strategies}: {', '.join(unknown) or 'none'} is not a strategy. Choose "
            f"among {', '.join(STRATEGIES)}."
        )
    ladder_K, formulas = chosen_runs(transport, temperatures, compositions)
    console = Console(highlight=False, markup=False, stderr=as_json)
    if transport:
        from mlipsse.campaign.studies.transport.by_size import transport_by_size
        from mlipsse.campaign.studies.transport.runs import check_runs

        check_runs(campaign, ladder_K, formulas)
    with progress_line(console) as progress:
        rows = learn_by_size(
            campaign, numbers, strategies=ways, repetitions=repetitions, progress=progress
        )
    content: Any = rows
    path = campaign.path(paths.LearningCurve.table)
    tables = [(_errors(rows), f"Errors on the test set. Full table: {path}")]
    if transport:
        with progress_line(console) as progress:
            moved = transport_by_size(
                campaign,
                numbers,
                strategies=ways,
                temperatures_K=ladder_K,
                compositions=formulas,
                progress=progress,
            )
        content = {"errors": rows, "transport": moved}
        path = campaign.path(paths.LearningCurve.transport_table)
        tables.append(
            (
                transport_table(moved, ["frames", "strategy"]),
                f"Table with all excluded runs and the reasons: {path}",
            )
        )
    if as_json:
        typer.echo(json.dumps(content, indent=1))
        return
    for table, sentence in tables:
        console.print(table)
        console.print(sentence)


def _errors(rows: Sequence[dict[str, Any]]) -> Table:
    table = Table("frames", "strategy", "epochs", "energy (meV/atom)", "force (meV/Å)", "failed")
    for row in rows:
        table.add_row(
            str(row["frames"]),
            row["strategy"] + (f", {1 + row['repetition']}." if row["repetition"] else ""),
            str(row["epochs"]),
            f"{row['test_energy_rmse_meV_atom']:.1f}",
            f"{row['test_force_rmse_meV_A']:.1f}",
            row["failed"],
        )
    return table
