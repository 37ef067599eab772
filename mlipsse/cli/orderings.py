"""`mlipsse orderings`: count them before they are made, look at those in the store."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from mlipsse.campaign.engine.folder import read_campaign
from mlipsse.cli.options import (
    CampaignFolder,
    CommandGroup,
    Json,
    OptionalOutFolder,
    OutFolder,
    above_zero,
)
from mlipsse.errors import MlipsseError

if TYPE_CHECKING:
    from ase import Atoms

    from mlipsse.campaign.crystals.database import Row
    from mlipsse.campaign.studies.thermal import ThermalSettings

Where = Annotated[
    list[str],
    typer.Option(
        help="Condition in the syntax of `ase db`, e.g. composition=Li3InCl6, "
        "energy_above_hull_eV_atom<0.01 or selected. May be repeated."
    ),
]
Formats = Annotated[
    str, typer.Option("--format", help="File formats, separated by commas: cif, extxyz, lammps.")
]

app = typer.Typer(cls=CommandGroup, help="Count, list, export and sample orderings.")


@app.callback()
def orderings() -> None:
    """Group the commands."""


@app.command("count")
def count(folder: CampaignFolder, as_json: Json = False) -> None:
    """Count the orderings of every composition in every supercell, without making them.

    It also prints the host's content, space group and formal charges, with their sources, and notes
    about reading it.
    """
    from mlipsse.campaign.crystals.orderings import (
        campaign_host,
        check_possible,
        count_rows,
        host_lines,
        reasons,
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
    for reason in reasons(rows):
        typer.echo(reason)
    check_possible(rows)


@app.command("table")
def table(
    folder: CampaignFolder,
    where: Where = [],  # noqa: B006  (typer copies it)
    columns: Annotated[
        str | None, typer.Option(help="Columns to print, separated by commas. The default is all.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Maximum number of rows.")] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--csv", metavar="FILE", help="CSV file to write instead of printing a table."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show stored orderings: codes, degeneracy, energies, energy above hull, selection."""
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
            f"The orderings have no column {unknown[0]!r}. Choose among {', '.join(names)}."
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
    out: OutFolder,
    where: Where = [],  # noqa: B006
    formats: Formats = "cif",
    limit: Annotated[int | None, typer.Option(min=1, help="Maximum number of orderings.")] = None,
) -> None:
    """Write stored orderings as files, one per ordering and format."""
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
    supercell: Annotated[
        str, typer.Option(metavar="AxBxC", help="Supercell of the host's cell, e.g. 4x4x4.")
    ],
    temperature_K: Annotated[
        float, typer.Option("--temperature", min=1.0, help="Temperature in K.", callback=above_zero)
    ],
    hottest_K: Annotated[
        float | None,
        typer.Option(
            "--hottest",
            min=1.0,
            callback=above_zero,
            help="Highest temperature of the parallel tempering in K. The default is twice the "
            "temperature; the temperature itself gives plain Monte Carlo.",
        ),
    ] = None,
    samples: Annotated[
        int, typer.Option(min=1, help="Total number of independent orderings.")
    ] = 10,
    chains: Annotated[
        int, typer.Option(min=1, help="Number of independent Monte Carlo chains.")
    ] = 2,
    cutoff_A: Annotated[
        float | None,
        typer.Option(
            "--cutoff",
            min=0.1,
            callback=above_zero,
            help="Largest pair distance of the model in Å. By default, cross-validation chooses "
            "among 3 to 8 Å.",
        ),
    ] = None,
    ewald: Annotated[
        bool, typer.Option(help="Add an electrostatic term with a fitted dielectric constant.")
    ] = True,
    typical: Annotated[
        int,
        typer.Option(
            min=0,
            help="Number of small-cell orderings, typical at the temperature, to compute and add "
            "to the fit. 0 adds none.",
        ),
    ] = 30,
    formats: Formats = "cif,extxyz,lammps",
    out: OptionalOutFolder = None,
    as_json: Json = False,
) -> None:
    """Sample orderings of a large cell at a temperature, by parallel tempering.

    The pair model is fitted to the energies of the ranking (`mlipsse run DIR --until rank`), and
    its error is printed. The default of --out is a folder in the campaign. An interrupted command
    continues when run again.
    """
    from mlipsse.campaign.studies.thermal import ThermalSettings, sample_orderings
    from mlipsse.orderings import parse_repeats

    campaign = read_campaign(folder)
    cell = parse_repeats(supercell).name
    settings = ThermalSettings(
        composition=composition,
        supercell=cell,
        temperature_K=temperature_K,
        hottest_K=hottest_K,
        samples=samples,
        chains=chains,
        cutoff_A=cutoff_A,
        ewald=ewald,
        typical=typical,
        seed=campaign.config.seed,
    )
    target = out or campaign.path("orderings-at-temperature") / ordering_folder(settings)
    console = Console(highlight=False, markup=False, stderr=as_json)
    result = sample_orderings(
        campaign, settings, target, formats=formats.split(","), report=console.print
    )
    typer.echo(json.dumps(result, indent=1) if as_json else f"{target}: {len(result['samples'])}")


@app.command("rerank")
def rerank_orderings(
    folder: CampaignFolder,
    potential: Annotated[
        str,
        typer.Option(
            help="Folder of a potential bundle, or a potential as in `rank.foundation`. The "
            "default is the campaign's exported potential."
        ),
    ] = "",
    head: Annotated[
        str | None, typer.Option(help="Head of a MACE model with several heads.")
    ] = None,
    lowest: Annotated[
        int, typer.Option(min=1, help="Number of orderings per composition and supercell.")
    ] = 10,
    out: OptionalOutFolder = None,
    as_json: Json = False,
) -> None:
    """Relax the lowest ranked orderings with another potential, and compare the rankings.

    It writes energies above the hull and formation energies of both potentials, Kendall's tau of
    the rankings, the relaxed lattices beside published ones, and the lowest ordering of each
    composition (lowest.extxyz). The default of --out is a folder in the campaign. An interrupted
    command continues when run again.
    """
    from mlipsse.campaign.studies.rerank import rerank_campaign

    campaign = read_campaign(folder)
    if not potential and not campaign.card_file.is_file():
        raise MlipsseError(
            f"{campaign.folder} has no exported potential yet. Run: mlipsse run {campaign.folder} "
            "--until export; or name another one with --potential."
        )
    source = potential or str(campaign.card_file.parent)
    name = re.sub(r"[^\w.-]+", "-", Path(source).name)
    target = out or campaign.path("orderings-reranked") / name
    rows = rerank_campaign(
        campaign,
        source,
        head=head,
        lowest=lowest,
        out=target,
        report=lambda note: typer.echo(note, err=True),
    )
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
        return
    columns = {
        "composition": "composition",
        "ranked_lowest_ordering": "lowest, ranked",
        "lowest_ordering": "lowest, reranked",
        "ranked_energy_above_hull_eV_atom": "above hull, ranked",
        "energy_above_hull_eV_atom": "above hull, reranked",
        "label_energy_above_hull_eV_atom": "above hull, labels",
        "kendall_tau": "Kendall's tau",
    }
    shown = [{columns[key]: _in_meV(key, row[key]) for key in columns} for row in rows]
    _print(shown, list(columns.values()))
    typer.echo(f"Energies above the hull are in meV/atom. Tables: {target}")


def _in_meV(column: str, value: Any) -> Any:
    return round(1000 * value, 2) if column.endswith("eV_atom") and value is not None else value


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
