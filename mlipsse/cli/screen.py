"""`mlipsse screen`: rank ionic conductors without long molecular dynamics."""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from mlipsse.cli.options import CommandGroup, Device, Json, OutFolder, above_zero
from mlipsse.cli.progress import progress_line
from mlipsse.errors import MlipsseError

app = typer.Typer(cls=CommandGroup, help="Rank ionic conductors without long MD.")

Limit = Annotated[int | None, typer.Option(min=1, help="Maximum number of rows to print.")]


@app.callback()
def screen() -> None:
    """Group the commands."""


@app.command("landscape")
def landscape(
    crystals: Annotated[
        list[Path],
        typer.Argument(metavar="CRYSTAL...", help="CIF or POSCAR files, or folders of them."),
    ],
    potential: Annotated[
        str,
        typer.Option(
            help="Potential: a name in potentials/, a MACE-MP name, a model file, or one of "
            "another environment, e.g. 'sevennet: 7net-0'."
        ),
    ],
    mobile: Annotated[str, typer.Option(help="Symbol of the mobile ion, e.g. Li.")],
    out: OutFolder,
    head: Annotated[
        str | None, typer.Option(help="Head of a MACE model with several heads.")
    ] = None,
    spacing: Annotated[
        float, typer.Option(callback=above_zero, help="Largest spacing of the grid in Å.")
    ] = 0.25,
    closest: Annotated[
        float,
        typer.Option(
            callback=above_zero, help="Points nearer to another atom than this in Å are left out."
        ),
    ] = 1.2,
    grid: Annotated[
        Literal["symmetric", "published"],
        typer.Option(
            help="symmetric: a few points more, so that all symmetries of the crystal keep the "
            "grid. published: the fewest points for the spacing."
        ),
    ] = "symmetric",
    relax: Annotated[
        Literal["none", "positions", "cell"],
        typer.Option(help="What to relax with the potential first. Published: none."),
    ] = "none",
    orderings: Annotated[
        int,
        typer.Option(
            min=1,
            help="Number of orderings of lowest Ewald energy that stand for a crystal with partial "
            "occupancies.",
        ),
    ] = 1,
    max_atoms: Annotated[int, typer.Option(min=1, help="Largest number of atoms in a cell.")] = 200,
    workers: Annotated[
        int, typer.Option(min=1, help="Number of units of work to run at a time.")
    ] = 2,
    views: Annotated[
        int, typer.Option(min=0, help="Number of the best crystals to draw in report.html.")
    ] = 5,
    device: Device = "cpu",
    limit: Limit = 20,
    as_json: Json = False,
) -> None:
    """Compute the energy of one mobile ion over the cell, all else frozen, and rank the crystals.

    Percolation energies are exact minimax levels. Xi, between 0 and 1, ranks the crystals (Maevskiy
    et al., arXiv:2411.06804). An interrupted command continues when run again. Exit code 1 when no
    crystal could be ranked.
    """
    from mlipsse.campaign.config.execution import ExecutionConfig
    from mlipsse.campaign.studies.landscape_units import LandscapeSettings
    from mlipsse.campaign.studies.landscapes import screen as run

    settings = LandscapeSettings(
        potential=potential,
        mobile=mobile,
        head=head,
        device=device,
        spacing_A=spacing,
        closest_A=closest,
        grid=grid,
        relaxation=relax,
        orderings=orderings,
        max_atoms=max_atoms,
    )
    with progress_line(Console(stderr=True)) as progress:
        found = run(
            crystals,
            settings,
            out=out,
            execution=ExecutionConfig(workers=workers),
            views=views,
            progress=progress,
        )
    left_out = sum(bool(row.get("reason")) for row in found.rows)
    if as_json:
        typer.echo(found.record.read_text(encoding="utf-8"))
    else:
        _show(found.rows, limit)
        typer.echo(
            f"{len(found.rows) - left_out} crystals ranked, {left_out} left out. All descriptors: "
            f"{found.table}; landscapes of the best: {found.page}"
        )
    raise typer.Exit(1 if left_out == len(found.rows) else 0)


@app.command("rank")
def rank(
    table: Annotated[
        Path, typer.Argument(metavar="TABLE", help="table.json of `mlipsse screen landscape`.")
    ],
    limit: Limit = None,
    as_json: Json = False,
) -> None:
    """Print the ranking of a table of screened crystals."""
    try:
        rows = json.loads(table.read_text(encoding="utf-8"))
        assert all("name" in row and "rank" in row for row in rows)
    except (ValueError, AssertionError, TypeError) as error:
        raise MlipsseError(
            f"{table} is not a table of screened crystals. Name the table.json that `mlipsse "
            "screen landscape` wrote."
        ) from error
    if as_json:
        typer.echo(json.dumps(rows[:limit], indent=1, ensure_ascii=False))
        return
    _show(rows, limit)


def _show(rows: list[dict[str, object]], limit: int | None) -> None:
    table = Table(box=None, padding=(0, 1, 0, 0))
    columns = ("rank", "name", "formula", "atoms", "xi", "mpe_eV", "percolation_3d_eV", "seconds")
    for name in columns:
        table.add_column(name, justify="left" if name in ("name", "formula") else "right")
    for row in rows[:limit]:
        if not row.get("reason"):
            table.add_row(*(_written(row.get(name)) for name in columns))
    console = Console(highlight=False, markup=False, soft_wrap=True)
    console.print(table)
    for row in rows:
        if row.get("reason"):
            console.print(f"left out: {row['name']}: {row['reason']}")
        for warning in row.get("warnings") or []:  # type: ignore[attr-defined]
            console.print(f"{row['name']}: {warning}")


def _written(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
