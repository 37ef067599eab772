"""`mlipsse learning-curve`: errors, and transport, against the number of labels."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from mlipsse.campaign.engine import paths
from mlipsse.campaign.engine.folder import read_campaign
from mlipsse.cli.options import CampaignFolder, Json, whole_numbers, words
from mlipsse.errors import MlipsseError
from mlipsse.training.settings import Strategy

STRATEGIES: tuple[Strategy, ...] = ("multihead", "naive", "scratch")


def learning_curve(
    folder: CampaignFolder,
    sizes: Annotated[
        str, typer.Option("--sizes", metavar="N,N,...", help="Training frames, nested subsets.")
    ] = "50,100,500,1000,2500",
    strategies: Annotated[
        str, typer.Option("--strategies", help="Of multihead, naive and scratch.")
    ] = "multihead,scratch",
    transport: Annotated[
        bool,
        typer.Option(
            "--transport",
            help="Also run the campaign's production MD with every model and with the foundation "
            "model: D, conductivity and activation energy against frames.",
        ),
    ] = False,
    temperatures: Annotated[
        str | None,
        typer.Option(
            metavar="T,T,...", help="With --transport: of the campaign's temperatures, K, only."
        ),
    ] = None,
    compositions: Annotated[
        str | None,
        typer.Option(metavar="A,B,...", help="With --transport: of its compositions only."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Train on more and more of a campaign's labels: fine-tuned beside from scratch.

    The same validation and test sets for all. Tables and figures are in DIR/learning-curve;
    trainings and runs that are done are kept, and one that was cut off goes on. With --transport
    JSON holds two tables: errors and transport.
    """
    from mlipsse.campaign.studies.learning_curve import learn_by_size

    campaign = read_campaign(folder)
    numbers = whole_numbers(sizes, option="--sizes", example="50,100,500")
    ways = [way for way in STRATEGIES if way in words(strategies)]
    unknown = sorted(set(words(strategies)) - set(STRATEGIES))
    if unknown or not ways:
        raise MlipsseError(
            f"--strategies {strategies}: {', '.join(unknown) or 'none'} is not known; there are "
            f"{', '.join(STRATEGIES)}."
        )
    if not transport and (temperatures or compositions):
        raise MlipsseError(
            "--temperatures and --compositions say which runs --transport makes: give it, or leave "
            "them out."
        )
    ladder_K = None if temperatures is None else _kelvins(temperatures)
    console = Console(highlight=False, stderr=as_json)
    if transport:
        from mlipsse.campaign.studies.size_transport import check_runs, transport_by_size

        formulas = None if compositions is None else words(compositions)
        check_runs(campaign, ladder_K, formulas)
    with _shown(console) as progress:
        rows = learn_by_size(campaign, numbers, strategies=ways, progress=progress)
    content: Any = rows
    path = campaign.path(paths.LearningCurve.table)
    tables = [(_errors(rows), f"Errors on the test set; all of them: {path}")]
    if transport:
        with _shown(console) as progress:
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
        tables.append((_transport(moved), f"With what was left out and why: {path}"))
    if as_json:
        typer.echo(json.dumps(content, indent=1))
        return
    for table, sentence in tables:
        console.print(table)
        console.print(sentence)


@contextmanager
def _shown(console: Console) -> Iterator[Callable[[int, int, str], None]]:
    """A progress line."""
    columns = (
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[text]}"),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        task = bars.add_task("", total=None, text="")
        yield lambda done, total, text: bars.update(task, completed=done, total=total, text=text)


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
            row["strategy"],
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
