"""`mlipsse screen`: rank ionic conductors without long molecular dynamics."""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from mlipsse.cli.options import (
    CommandGroup,
    Device,
    Json,
    OutFolder,
    above_zero,
    not_negative,
)
from mlipsse.cli.progress import progress_line
from mlipsse.cli.tables import print_rows
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
    properties: Annotated[
        Path | None,
        typer.Option(
            help="CSV table of the crystals, with a column `name` (the file's name without its "
            "ending), for --require."
        ),
    ] = None,
    require: Annotated[
        list[str] | None,
        typer.Option(
            help="Condition on a column of --properties, e.g. 'band_gap_eV > 0.5'. Repeatable."
        ),
    ] = None,
    max_above_hull: Annotated[
        float | None,
        typer.Option(
            callback=not_negative,
            help="Leave out crystals farther in eV/atom above the hull that the given crystals "
            "span by the potential. Requires --relax cell.",
        ),
    ] = None,
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
    confirm_best: Annotated[
        int | None,
        typer.Option(
            "--confirm",
            min=1,
            help="Run MD of so many of the best crystals afterwards, as `mlipsse screen confirm` "
            "does.",
        ),
    ] = None,
    limit: Limit = 20,
    as_json: Json = False,
) -> None:
    """Compute the energy of one mobile ion over the cell, all else frozen, and rank the crystals.

    Percolation energies are exact minimax levels. Xi, between 0 and 1, ranks the crystals (Maevskiy
    et al., arXiv:2411.06804). An interrupted command continues when run again. Exit code 1 when no
    crystal could be ranked.
    """
    from mlipsse.campaign.config.execution import ExecutionConfig
    from mlipsse.campaign.studies.screening.crystals import ScreeningFilters
    from mlipsse.campaign.studies.screening.landscapes import screen as run
    from mlipsse.campaign.studies.screening.units import LandscapeSettings
    from mlipsse.screening.filters import parse_condition
    from mlipsse.screening.landscape.grid import SPACING_A

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
    with progress_line(Console(stderr=True, markup=False)) as progress:
        found = run(
            crystals,
            settings,
            out=out,
            filters=ScreeningFilters(
                properties, [parse_condition(text) for text in require or []], max_above_hull
            ),
            execution=ExecutionConfig(workers=workers),
            views=views,
            progress=progress,
        )
    if spacing > SPACING_A:
        typer.echo(
            f"Xi from a grid coarser than the published {SPACING_A:g} Å cannot be compared: its "
            "volumes contain too few points. Percolation energies change little.",
            err=True,
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
    if left_out == len(found.rows):
        raise typer.Exit(1)
    if confirm_best:
        _confirm(out, {"best": confirm_best}, workers=workers, as_json=as_json)


@app.command("confirm")
def confirm(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder (--out) of `mlipsse screen landscape`.")
    ],
    best: Annotated[int, typer.Option(min=1, help="Number of the best crystals to run.")] = 5,
    temperature: Annotated[
        float, typer.Option(callback=above_zero, help="Temperature in K.")
    ] = 1000.0,
    duration: Annotated[
        float, typer.Option(callback=above_zero, help="Length of the production in ps.")
    ] = 50.0,
    timestep: Annotated[float, typer.Option(callback=above_zero, help="Time step in fs.")] = 2.0,
    min_atoms: Annotated[
        int, typer.Option(min=1, help="Smallest number of atoms. Smaller cells are repeated.")
    ] = 80,
    workers: Annotated[int, typer.Option(min=1, help="Number of runs at a time.")] = 2,
    as_json: Json = False,
) -> None:
    """Run MD of the best crystals with the potential of the screening, and compare.

    The cell of each crystal is relaxed first. The table lists what was predicted beside the
    diffusivity. The potential must be a MACE model. An interrupted command continues when run
    again.
    """
    settings = {
        "best": best,
        "temperature_K": temperature,
        "production_ps": duration,
        "timestep_fs": timestep,
        "min_atoms": min_atoms,
    }
    _confirm(folder, settings, workers=workers, as_json=as_json)


def _confirm(folder: Path, settings: dict[str, float], *, workers: int, as_json: bool) -> None:
    from mlipsse.campaign.config.execution import ExecutionConfig
    from mlipsse.campaign.studies.screening.confirmation import ConfirmationSettings
    from mlipsse.campaign.studies.screening.confirmation import confirm as run

    with progress_line(Console(stderr=True, markup=False)) as progress:
        found = run(
            folder,
            ConfirmationSettings(**settings),  # type: ignore[arg-type]
            execution=ExecutionConfig(workers=workers),
            progress=progress,
        )
    if as_json:
        content = {"crystals": found.rows, "spearman_xi_diffusivity": found.rank_correlation}
        typer.echo(json.dumps(content, indent=1, ensure_ascii=False))
        return
    columns = {
        "rank": "rank",
        "name": "name",
        "xi": "xi",
        "mpe_eV": "mpe_eV",
        "D (cm2/s)": "diffusivity_cm2_s",
        "std": "diffusivity_std_cm2_s",
        "sigma (mS/cm)": "conductivity_mS_cm",
        "status": "status",
    }
    print_rows(found.rows, columns, texts=("name", "status"))
    for row in found.rows:
        if row["reason"]:
            typer.echo(f"{row['name']}: {row['reason']}")
    if found.rank_correlation is not None:
        typer.echo(f"Rank correlation (Spearman) of xi and D: {found.rank_correlation:.2f}")
    typer.echo(f"Table: {found.table}")


@app.command("learn")
def learn(
    crystals: Annotated[
        Path,
        typer.Argument(
            metavar="CRYSTALS",
            help="extxyz of relaxed crystals that state name, prototype and msd_slope_A2_ps.",
        ),
    ],
    potential: Annotated[str, typer.Option(help="Potential that gives the accelerations.")],
    out: OutFolder,
    head: Annotated[
        str | None, typer.Option(help="Head of a MACE model with several heads.")
    ] = None,
    width: Annotated[
        float,
        typer.Option(callback=above_zero, help="Width of the displacements per coordinate in Å."),
    ] = 0.1,
    displacements: Annotated[
        int, typer.Option(min=1, help="Number of displaced configurations per crystal.")
    ] = 8,
    epochs: Annotated[int, typer.Option(min=1, help="Number of epochs.")] = 150,
    as_json: Json = False,
) -> None:
    """Train a network that predicts diffusivity from accelerations of displaced atoms.

    The network sees no elements. It is validated on crystals and on prototypes that it has not
    seen, beside the mean and a ridge on statistics of the accelerations.
    """
    from mlipsse.campaign.studies.screening.learning import DisplacementSettings
    from mlipsse.campaign.studies.screening.learning import learn as run
    from mlipsse.screening.accelerations.learning import LearningSettings

    with progress_line(Console(stderr=True, markup=False)) as progress:
        found = run(
            crystals,
            DisplacementSettings(potential, head, width, displacements),
            out=out,
            training=LearningSettings(epochs=epochs),
            progress=progress,
        )
    rows: list[dict[str, object]] = [
        {
            "held out by": one.by,
            "predictor": name,
            "R2": one.r2[name],
            "std": one.r2_std[name],
            "Spearman": one.rank_correlation[name],
        }
        for one in found.validations
        for name in one.r2
    ]
    if as_json:
        typer.echo(json.dumps({"predictor": str(found.predictor), "validation": rows}, indent=1))
        return
    print_rows(rows, {name: name for name in rows[0]}, texts=("held out by", "predictor"))
    typer.echo(f"Predictor: {found.predictor}")


@app.command("predict")
def predict(
    crystals: Annotated[
        list[Path],
        typer.Argument(metavar="CRYSTAL...", help="CIF or POSCAR files, or folders of them."),
    ],
    predictor: Annotated[Path, typer.Option(help="predictor.npz of `mlipsse screen learn`.")],
    mobile: Annotated[str, typer.Option(help="Symbol of the mobile ion, e.g. Li.")],
    out: OutFolder,
    max_atoms: Annotated[int, typer.Option(min=1, help="Largest number of atoms in a cell.")] = 200,
    workers: Annotated[int, typer.Option(min=1, help="Number of relaxations at a time.")] = 2,
    limit: Limit = 20,
    as_json: Json = False,
) -> None:
    """Predict the diffusivity of crystals from accelerations of displaced atoms, and rank them.

    Crystals are relaxed with the predictor's potential first. The spread is that over
    displacements. Exit code 1 when no crystal could be ranked.
    """
    from mlipsse.campaign.config.execution import ExecutionConfig
    from mlipsse.campaign.studies.screening.learning import predict_crystals

    with progress_line(Console(stderr=True, markup=False)) as progress:
        rows = predict_crystals(
            crystals,
            predictor,
            mobile=mobile,
            out=out,
            max_atoms=max_atoms,
            execution=ExecutionConfig(workers=workers),
            progress=progress,
        )
    if as_json:
        typer.echo(json.dumps(rows, indent=1, ensure_ascii=False))
    else:
        done = [row for row in rows if not row["reason"]]
        columns = ("rank", "name", "formula", "atoms", "log10_msd_slope_A2_ps", "spread")
        print_rows(done[:limit], {name: name for name in columns}, texts=("name", "formula"))
        for row in rows:
            if row["reason"]:
                typer.echo(f"left out: {row['name']}: {row['reason']}")
    raise typer.Exit(1 if all(row["reason"] for row in rows) else 0)


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
    columns = ("rank", "name", "formula", "atoms", "xi", "mpe_eV", "percolation_3d_eV", "seconds")
    done = [row for row in rows[:limit] if not row.get("reason")]
    print_rows(done, {name: name for name in columns}, texts=("name", "formula"))
    for row in rows:
        if row.get("reason"):
            typer.echo(f"left out: {row['name']}: {row['reason']}")
        for warning in row.get("warnings") or []:  # type: ignore[attr-defined]
            typer.echo(f"{row['name']}: {warning}")
