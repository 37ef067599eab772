"""`mlipsse learning-curve`: errors against the number of labels."""

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from mlipsse.campaign.folder import read_campaign
from mlipsse.cli.options import CampaignFolder, Json, whole_numbers, words
from mlipsse.errors import MlipsseError

STRATEGIES = ("multihead", "naive", "scratch")


def learning_curve(
    folder: CampaignFolder,
    sizes: Annotated[
        str, typer.Option("--sizes", metavar="N,N,...", help="Training frames, nested subsets.")
    ] = "50,100,500,1000,2500",
    strategies: Annotated[
        str, typer.Option("--strategies", help="Of multihead, naive and scratch.")
    ] = "multihead,scratch",
    as_json: Json = False,
) -> None:
    """Train on more and more of a campaign's labels: fine-tuned beside from scratch.

    The same validation and test sets for all. The table and the figure are in
    DIR/learning-curve; trainings that are done are kept, and one that was cut off goes on.
    """
    from mlipsse.campaign.learning_curve import TABLE, learn_by_size

    campaign = read_campaign(folder)
    numbers = whole_numbers(sizes, option="--sizes", example="50,100,500")
    ways = [way for way in STRATEGIES if way in words(strategies)]
    unknown = sorted(set(words(strategies)) - set(STRATEGIES))
    if unknown or not ways:
        raise MlipsseError(
            f"--strategies {strategies}: {', '.join(unknown) or 'none'} is not known; there are "
            f"{', '.join(STRATEGIES)}."
        )
    console = Console(highlight=False, stderr=as_json)
    columns = (
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[text]}"),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        task = bars.add_task("", total=None, text="")
        total = len(numbers) * len(ways)
        done = 0

        def show(finished: int, of: int, text: str) -> None:
            nonlocal done
            # A training tells of itself as one of one.
            done = finished if of == total else done
            bars.update(task, completed=done, total=total, text=text)

        rows = learn_by_size(campaign, numbers, strategies=ways, progress=show)  # type: ignore[arg-type]
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
        return
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
    console.print(table)
    console.print(f"Errors on the test set; all of them: {campaign.path(TABLE)}")
