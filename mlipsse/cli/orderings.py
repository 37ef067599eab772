"""`mlipsse orderings`: count them before they are made, look at those in the store."""

import json

import typer
from rich.console import Console
from rich.table import Table

from mlipsse.campaign.folder import read_campaign
from mlipsse.cli.options import CampaignFolder, Json

app = typer.Typer(help="Which atom sits where: counts, tables and files of orderings.")


@app.callback()
def orderings() -> None:
    """Group the commands."""


@app.command("count")
def count(folder: CampaignFolder, as_json: Json = False) -> None:
    """Count the orderings of every composition in every supercell; makes and writes none."""
    from mlipsse.campaign.orderings import count_rows

    rows = count_rows(read_campaign(folder))
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
        return
    table = Table(title="orderings", title_justify="left")
    for column in ("composition", "supercell"):
        table.add_column(column, no_wrap=True)
    for column in ("raw", "distinct", "charge patterns"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("route", no_wrap=True)
    for row in rows:
        numbers = [_written(row[key]) for key in ("raw", "distinct", "patterns_distinct")]
        table.add_row(row["composition"], row["supercell"], *numbers, row["route"])
    console = Console(highlight=False)
    console.print(table)
    for reason in dict.fromkeys(row["reason"] for row in rows if row["reason"]):
        console.print(reason)


def _written(number: int | None) -> str:
    if number is None:
        return "not counted"
    return f"{number:,}" if number < 10**12 else f"{float(number):.3e}"
