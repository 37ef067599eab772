"""`mlipsse study size`: errors, and transport, against the number of labels."""

import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.folder import read_campaign
from mlipsse.cli.options import CampaignFolder, Json, whole_numbers, words
from mlipsse.cli.progress import progress_line
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
    transport: Annotated[
        bool,
        typer.Option(
            "--transport",
            help="Also run the campaign's production MD with every model and with the foundation "
            "model, and compare D, conductivity and activation energy.",
        ),
    ] = False,
    temperatures: Annotated[
        str | None,
        typer.Option(
            metavar="T,T,...",
            help="Temperatures in K of the production runs with --transport. "
            "The default is all of the campaign.",
        ),
    ] = None,
    compositions: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,...",
            help="Compositions of the production runs with "
            "--transport. The default is all of the campaign.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Train on increasing numbers of a campaign's labels, fine-tuned and from scratch.

    All trainings share the validation and test sets. Tables and figures are in DIR/learning-curve.
    Finished trainings and runs are kept, and interrupted ones continue. With --transport
    JSON contains two tables: errors and transport.
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
    if not transport and (temperatures or compositions):
        raise MlipsseError(
            "--temperatures and --compositions require --transport. Add --transport, or remove "
            "them."
        )
    ladder_K = None if temperatures is None else _kelvins(temperatures)
    console = Console(highlight=False, markup=False, stderr=as_json)
    if transport:
        from mlipsse.campaign.studies.transport.by_size import transport_by_size
        from mlipsse.campaign.studies.transport.runs import check_runs

        formulas = None if compositions is None else words(compositions)
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
        tables.append((_transport(moved), f"Table with all excluded runs and the reasons: {path}"))
    if as_json:
        typer.echo(json.dumps(content, indent=1))
        return
    for table, sentence in tables:
        console.print(table)
        console.print(sentence)


def _kelvins(text: str) -> list[float]:
    try:
        return [float(word) for word in words(text)]
    except ValueError as error:
        raise MlipsseError(
            f"--temperatures {text!r} is not a list of temperatures; write e.g. "
            "--temperatures 600,800."
        ) from error


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


def _transport(rows: Sequence[dict[str, Any]]) -> Table:
    table = Table(
        "composition",
        "frames",
        "strategy",
        "T (K)",
        "D (cm²/s)",
        "σ (mS/cm)",
        "Ea (eV)",
        "left out",
    )
    for row in sorted(rows, key=lambda row: row["composition"]):
        table.add_row(
            row["composition"],
            str(row["frames"]),
            row["strategy"],
            f"{row['temperature_K']:g}",
            _value(row, "diffusivity", "cm2_s", ".2e"),
            _value(row, "conductivity", "mS_cm", ".3g"),
            _value(row, "activation_energy", "eV", ".3f"),
            f"{row['runs_left_out']} of {row['runs'] + row['runs_left_out']}"
            if row["runs_left_out"]
            else "",
        )
    return table


def _value(row: dict[str, Any], name: str, unit: str, form: str) -> str:
    value, std = row[f"{name}_{unit}"], row[f"{name}_std_{unit}"]
    if value is None:
        return ""
    return f"{value:{form}}" if std is None else f"{value:{form}} ± {std:{form}}"
