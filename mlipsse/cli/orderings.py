"""`mlipsse orderings`: count them before they are made, look at those in the store."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from mlipsse.campaign.engine.folder import read_campaign
from mlipsse.cli.options import CampaignFolder, Json
from mlipsse.errors import MlipsseError

if TYPE_CHECKING:
    from ase import Atoms

    from mlipsse.campaign.crystals.database import Row
    from mlipsse.campaign.studies.thermal import ThermalSettings

Where = Annotated[
    list[str],
    typer.Option(
        help="Condition, as `ase db` takes it; may be given several times: "
        "composition=Li3InCl6, energy_above_hull_eV_atom<0.01, selected."
    ),
]
Formats = Annotated[str, typer.Option("--format", help="cif, extxyz, lammps, by commas.")]

app = typer.Typer(help="Which atom sits where: counts, tables and files of orderings.")


@app.callback()
def orderings() -> None:
    """Group the commands."""


@app.command("count")
def count(folder: CampaignFolder, as_json: Json = False) -> None:
    """Count the orderings of every composition in every supercell; makes and writes none.

    It also prints the host's content, space group and formal charges, with their sources, and what
    was noted while reading it.
    """
    from mlipsse.campaign.crystals.orderings import (
        campaign_host,
        check_possible,
        count_rows,
        host_lines,
    )

    campaign = read_campaign(folder)
    host = campaign_host(campaign)
    for line in host_lines(host):
        typer.echo(line, err=as_json)
    rows = count_rows(campaign, host)
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
        check_possible(rows)
        return
    _print(
        [
            {
                "composition": row["composition"],
                "supercell": row["supercell"],
                "raw": _written(row["raw"]),
                "distinct": _written(row["distinct"]),
                "charge patterns": _written(row["patterns_distinct"]),
                "route": row["route"],
            }
            for row in rows
        ],
        ["composition", "supercell", "raw", "distinct", "charge patterns", "route"],
    )
    held = {row["composition"] for row in rows if row["route"] != "impossible"}
    for reason in dict.fromkeys(row["reason"] for row in rows if row["composition"] in held):
        if reason:
            typer.echo(reason)
    check_possible(rows)


@app.command("table")
def table(
    folder: CampaignFolder,
    where: Where = [],  # noqa: B006  (typer copies it)
    columns: Annotated[
        str | None, typer.Option(help="Names of columns, by commas; all when not given.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Most rows.")] = None,
    out: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write a CSV file instead.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show orderings of the store: codes, degeneracy, energies, energy above hull, selected."""
    from mlipsse.campaign.crystals.store import newest_store, no_ordering, stored_values
    from mlipsse.campaign.engine.table import write_csv

    store = newest_store(read_campaign(folder))
    rows = list(stored_values(store, where=where, limit=limit))
    if not rows and (out is not None or any(re.fullmatch(r"\w+=.*", text) for text in where)):
        raise no_ordering(store, where)  # a name that is not there; a limit may exclude all
    names = list(dict.fromkeys(name for row in rows for name in row))
    shown = columns.split(",") if columns else names
    if rows and (unknown := [name for name in shown if name not in names]):
        raise MlipsseError(
            f"The orderings have no column {unknown[0]!r}; there are {', '.join(names)}."
        )
    rows = [{name: row.get(name) for name in shown} for row in rows]
    if out is not None:
        write_csv(out, rows)
        typer.echo(f"{out}: {len(rows)} orderings.")
    elif as_json:
        typer.echo(json.dumps(rows, indent=1))
    else:
        _print(rows, shown)


@app.command("export")
def export(
    folder: CampaignFolder,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the files go.")],
    where: Where = [],  # noqa: B006
    formats: Formats = "cif",
    limit: Annotated[int | None, typer.Option(min=1, help="Most orderings.")] = None,
) -> None:
    """Write orderings of the store as files, one per ordering and format."""
    from mlipsse.campaign.crystals.store import newest_store, no_ordering, stored_rows
    from mlipsse.md.files.formats import write_structures

    store = newest_store(read_campaign(folder))
    rows = stored_rows(store, where=where, limit=limit)
    written = write_structures(
        [(row.name, _with_values(row)) for row in rows], out, formats=formats.split(",")
    )
    if not written:
        raise no_ordering(store, where)
    typer.echo(f"{out}: {len(written)} files.")


@app.command("sample")
def sample(
    folder: CampaignFolder,
    composition: Annotated[str, typer.Option(help="Formula, e.g. Na3Zr2Si2PO12.")],
    supercell: Annotated[str, typer.Option(help="Of the host's cell, e.g. 4x4x4.")],
    temperature_K: Annotated[float, typer.Option("--temperature", min=1.0, help="In K.")],
    samples: Annotated[int, typer.Option(min=1, help="Independent orderings, in all.")] = 10,
    chains: Annotated[int, typer.Option(min=1, help="Independent starts.")] = 2,
    cutoff_A: Annotated[
        float | None,
        typer.Option(
            "--cutoff",
            min=0.1,
            help="Of the model's pairs, Å; by default the best of 3 to 8 Å in cross-validation "
            "that the ranked cells determine.",
        ),
    ] = None,
    ewald: Annotated[
        bool, typer.Option(help="Electrostatic term with a fitted dielectric constant.")
    ] = True,
    typical: Annotated[
        int,
        typer.Option(
            min=0,
            help="Small-cell orderings, typical at this temperature, whose energies are computed "
            "and added to the fit; 0 for none.",
        ),
    ] = 30,
    formats: Formats = "cif,extxyz,lammps",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Default: in the campaign.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Sample orderings of a large cell at a temperature, by Monte Carlo.

    Swaps on a pair model that is fitted to the energies of the ranking (`mlipsse run DIR --until
    rank`); its error is told. The same command goes on where it was stopped.
    """
    from mlipsse.campaign.studies.thermal import ThermalSettings, sample_orderings
    from mlipsse.orderings import parse_repeats

    campaign = read_campaign(folder)
    cell = parse_repeats(supercell).name
    settings = ThermalSettings(
        composition=composition,
        supercell=cell,
        temperature_K=temperature_K,
        samples=samples,
        chains=chains,
        cutoff_A=cutoff_A,
        ewald=ewald,
        typical=typical,
        seed=campaign.config.seed,
    )
    target = out or campaign.path("orderings-at-temperature") / ordering_folder(settings)
    console = Console(highlight=False, stderr=as_json)
    result = sample_orderings(
        campaign, settings, target, formats=formats.split(","), tell=console.print
    )
    typer.echo(json.dumps(result, indent=1) if as_json else f"{target}: {len(result['samples'])}")


def ordering_folder(settings: "ThermalSettings") -> str:
    """Folder name of samples."""
    return f"{settings.composition}-{settings.supercell}-T{settings.temperature_K:g}"


def _with_values(row: "Row") -> "Atoms":
    """The structure, with the row's values beside it."""
    atoms = row.atoms.copy()
    atoms.info = dict(row.values)
    return atoms


def _print(rows: list[dict[str, Any]], columns: list[str]) -> None:
    # Plain columns, whole: rows go on to other programs, and names must not be cut.
    lines = [columns, *([_cell(row[name]) for name in columns] for row in rows)]
    widths = [max(len(line[k]) for line in lines) for k in range(len(columns))]
    for line in lines:
        text = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        typer.echo(text.rstrip())


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _written(number: int | None) -> str:
    if number is None:
        return "not counted"
    return f"{number:,}" if number < 10**12 else f"{float(number):.3e}"
