"""`mlipsse transport rdf`: radial distribution functions, coordination and closest pairs."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from mlipsse.cli.options import Json, OptionalOutFolder, above_zero
from mlipsse.cli.transport.options import (
    Cache,
    Cell,
    Source,
    Species,
    Topology,
    print_notes,
    read_options,
)

console = Console(highlight=False, markup=False)


def rdf(
    trajectory: Source,
    mobile: Annotated[
        str | None,
        typer.Option(
            help="Symbol of the mobile ion whose pairs are drawn. The default is all pairs."
        ),
    ] = None,
    out: OptionalOutFolder = None,
    frames: Annotated[
        int, typer.Option(min=1, help="Number of evenly spaced frames to average over.")
    ] = 200,
    reach_A: Annotated[
        float, typer.Option("--reach", help="Largest distance in Å.", callback=above_zero)
    ] = 8.0,
    bin_A: Annotated[
        float, typer.Option("--bin", help="Width of a bin in Å.", callback=above_zero)
    ] = 0.05,
    topology: Topology = None,
    species: Species = None,
    cell: Cell = None,
    cache: Cache = None,
    as_json: Json = False,
) -> None:
    """Print the closest pairs of all elements, and write g(r) and coordination numbers.

    With --out, DIR gets rdf.csv, rdf.png and rdf.svg.
    """
    from mlipsse.transport import read_frames_of
    from mlipsse.transport.ions.roles import assign_roles
    from mlipsse.transport.reading.plausibility import of_cell
    from mlipsse.transport.structure.radial import radial_distribution

    options = read_options(
        topology=topology, species=species, cell=cell, cache=cache, timeless=True
    )
    read = read_frames_of(trajectory, options)
    if mobile is not None:
        assign_roles(read.species, mobile)  # which refuses one that is not there
    found = radial_distribution(
        read.positions, read.species, read.cell, frames=frames, reach_A=reach_A, bin_A=bin_A
    )
    files = [] if out is None else _write(out, found, mobile)
    touching = None if mobile is None else found.sanity(mobile)
    answer: dict[str, Any] = {
        "frames": found.n_frames,
        "pairs": {
            "-".join(pair): {
                "closest_A": found.closest_A[pair] if found.closest_A[pair] < reach_A else None,
                "first_peak_A": _peak(found, pair),
            }
            for pair in found.g
        },
        "files": [str(path) for path in files],
        "cautions": [*of_cell(read), *([] if touching is None else [touching])],
        "notes": list(read.notes),
    }
    if as_json:
        typer.echo(json.dumps(answer, indent=1, allow_nan=False))
        return
    table = Table("pair", "closest, Å", "first peak, Å")
    for name, row in answer["pairs"].items():
        table.add_row(name, *(_number(row[key]) for key in ("closest_A", "first_peak_A")))
    console.print(table)
    for path in files:
        console.print(f"  {path}", soft_wrap=True)
    for caution in answer["cautions"]:
        console.print(f"Caution: {caution}", soft_wrap=True)
    print_notes(console, read.notes)


def _peak(found: Any, pair: tuple[str, str]) -> float | None:
    """Where g(r) is largest; None where there is no pair within the reach."""
    line = found.g[pair]
    return float(found.radii_A[line.argmax()]) if line.max() > 0 else None


def _number(value: float | None) -> str:
    return "beyond" if value is None else f"{value:.2f}"


def _write(out: Path, found: Any, mobile: str | None) -> list[Path]:
    from mlipsse.files import write_columns
    from mlipsse.report.figures.style import new_figure, save_figure
    from mlipsse.report.transport_figures.radial import radial_plot

    columns = {"r_A": found.radii_A}
    columns |= {f"g_{a}_{b}": line for (a, b), line in found.g.items()}
    columns |= {f"n_{b}_around_{a}": line for (a, b), line in found.coordination.items()}
    out.mkdir(parents=True, exist_ok=True)
    write_columns(out / "rdf.csv", columns)
    figure, (axes,) = new_figure()
    radial_plot(axes, found, mobile=mobile)
    return [out / "rdf.csv", *save_figure(figure, out / "rdf")]
