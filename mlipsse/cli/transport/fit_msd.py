"""`mlipsse transport fit-msd`: D of a table of mean squared displacements."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console

from mlipsse.cli.options import Json, above_zero, whole_numbers
from mlipsse.cli.transport.options import NOT_DIFFUSIVE, Timestep, Window, window

console = Console(highlight=False, markup=False)


def fit_msd(
    table: Annotated[
        Path,
        typer.Argument(
            metavar="TABLE",
            help="Table of lags and MSDs: CSV or columns of text with a header line, a GROMACS "
            ".xvg file, msd.out of GPUMD, or msd.csv of mlipsse.",
        ),
    ],
    temperature_K: Annotated[
        float,
        typer.Option("--temperature", help="Temperature of the run in K.", callback=above_zero),
    ],
    mobile: Annotated[
        str | None, typer.Option(help="Symbol of the mobile ion, recorded in the result.")
    ] = None,
    time_unit: Annotated[
        Literal["fs", "ps", "ns", "us", "s"] | None,
        typer.Option(help="Unit of the lags. Required where the header line lacks it."),
    ] = None,
    length_unit: Annotated[
        Literal["A", "nm", "pm", "bohr", "cm", "m"] | None,
        typer.Option(
            help="Length unit whose square the MSD is in. Required where the header line lacks it."
        ),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(help="Column numbers of lag and MSD, e.g. 1,2, or of lag, x, y, z."),
    ] = None,
    timestep_fs: Timestep = None,
    dimensions: Annotated[
        int, typer.Option(min=1, max=3, help="Number of directions that the MSD sums over.")
    ] = 3,
    ions: Annotated[
        int | None,
        typer.Option(min=1, help="Number of mobile ions in the run, for the error of D."),
    ] = None,
    duration_ps: Annotated[
        float | None,
        typer.Option(
            "--duration", help="Length of the run in ps, for the error of D.", callback=above_zero
        ),
    ] = None,
    window_ps: Window = None,
    as_json: Json = False,
) -> None:
    """Fit the diffusivity of a table of MSDs; its JSON is a source of `transport arrhenius`.

    Without errors in the table, or --ions and --duration, D has no error, and the output states
    it. Exit code 3 when the table shows no diffusion.
    """
    from mlipsse.transport.diffusion.displacement.status import RunKind
    from mlipsse.transport.diffusion.displacement.window import WindowSettings
    from mlipsse.transport.diffusion.table.fit import fit_table
    from mlipsse.transport.diffusion.table.reading import TableUnits, read_msd_table

    places = None
    if columns is not None:
        count = 4 if columns.count(",") == 3 else 2
        example = "1,2,3,4" if count == 4 else "1,2"
        places = tuple(whole_numbers(columns, option="--columns", example=example))
    read = read_msd_table(table, TableUnits(time_unit, length_unit, places, timestep_fs))
    fit = fit_table(
        read,
        settings=WindowSettings(window_ps=window(window_ps)),
        dimensions=dimensions,
        n_ions=ions,
        duration_ps=duration_ps,
    )
    answer: dict[str, Any] = {
        "status": str(RunKind.USABLE if fit.reason is None else RunKind.NOT_DIFFUSIVE),
        "diffusive": fit.reason is None,
        "reason": fit.reason,
        "diffusivity_cm2_s": fit.diffusivity_cm2_s,
        "diffusivity_std_cm2_s": fit.diffusivity_std_cm2_s,
        "error_basis": fit.basis or None,
        "window_ps": None if fit.window_ps is None else list(fit.window_ps),
        "exponent": fit.exponent,
        "temperature_K": temperature_K,
        "mobile": mobile,
        "columns": list(read.columns),
        "cautions": list(fit.cautions),
        "notes": [f"{table}: D comes from a table of MSDs, so drift and cell cannot be judged"],
    }
    if as_json:
        typer.echo(json.dumps(answer, indent=1, allow_nan=False))
    else:
        _print(answer)
    if fit.reason is not None:
        sys.exit(NOT_DIFFUSIVE)


def _print(answer: dict[str, Any]) -> None:
    if answer["reason"] is not None:
        console.print(f"No diffusivity: {answer['reason']}", soft_wrap=True)
        return
    first, last = answer["window_ps"]
    error = answer["diffusivity_std_cm2_s"]
    value = f"D = {answer['diffusivity_cm2_s']:.3g}" + ("" if error is None else f" ± {error:.1g}")
    console.print(
        f"{value} cm²/s at {answer['temperature_K']:g} K, lags {first:.3g} to {last:.3g} ps"
    )
    console.print(f"  {answer['error_basis']}", soft_wrap=True)
    console.print(f"  columns: {', '.join(answer['columns'])}", soft_wrap=True)
    for caution in answer["cautions"]:
        console.print(f"Caution: {caution}", soft_wrap=True)
