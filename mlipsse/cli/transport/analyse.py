"""`mlipsse transport analyse`: a tree of runs, also of runs that still go."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from mlipsse.cli.options import Json
from mlipsse.cli.transport.options import pair, window

console = Console(highlight=False)


def analyse(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Folder with our runs in it, at any depth.")
    ],
    window_ps: Annotated[
        str | None, typer.Option(help="First and last lag of the fits, ps; by rule if not.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Tell D, conductivity and activation energy of a tree of runs, also of runs that still go."""
    from mlipsse.transport import WindowSettings, analyse_tree

    tree = analyse_tree(folder, settings=WindowSettings(window_ps=window(window_ps)))
    if as_json:
        typer.echo(json.dumps(_tree_answer(tree, folder), indent=1, allow_nan=False))
        return
    table = Table()
    table.add_column("run", overflow="fold")
    for column in ("T, K", "ps", "D, cm²/s", "mS/cm", "Haven"):
        table.add_column(column, justify="right")
    for path, run in tree.runs:
        fit = run.diffusivity
        going = " …" if path in tree.unfinished else ""
        table.add_row(
            f"{path.relative_to(folder)}{going}",
            f"{run.temperature_K:g}",
            f"{run.duration_ps:.4g}",
            pair(fit.diffusivity_cm2_s, fit.diffusivity_std_cm2_s),
            pair(run.conductivity_mS_cm, run.conductivity_std_mS_cm),
            pair(run.charge.haven_ratio, run.charge.haven_ratio_std),
        )
    console.print(table)
    for item in tree.compositions:
        energy = pair(item.arrhenius.activation_energy_eV, item.arrhenius.activation_energy_std_eV)
        console.print(f"{item.formula}: Ea {f'{energy} eV' if energy else 'not known yet'}")
        for left_out in item.excluded:
            console.print(f"  {left_out.name}: {left_out.reason}", soft_wrap=True)
    if tree.unfinished:
        console.print(f"… {len(tree.unfinished)} runs have not ended.")


def _tree_answer(tree: Any, folder: Path) -> dict[str, Any]:
    return {
        "runs": [
            {
                "folder": str(path.relative_to(folder)),
                "ended": path not in tree.unfinished,
                "composition": run.composition,
                "ordering": run.ordering,
                "replica": run.replica,
                "temperature_K": run.temperature_K,
                "duration_ps": run.duration_ps,
                "diffusivity_cm2_s": run.diffusivity.diffusivity_cm2_s,
                "diffusivity_std_cm2_s": run.diffusivity.diffusivity_std_cm2_s,
                "window_ps": run.diffusivity.window_ps,
                "conductivity_mS_cm": run.conductivity_mS_cm,
                "conductivity_std_mS_cm": run.conductivity_std_mS_cm,
                "einstein_conductivity_mS_cm": run.einstein_mS_cm,
                "haven_ratio": run.charge.haven_ratio,
                "haven_ratio_std": run.charge.haven_ratio_std,
                "left_out": run.excluded,
            }
            for path, run in tree.runs
        ],
        "compositions": [
            {
                "formula": item.formula,
                "activation_energy_eV": item.arrhenius.activation_energy_eV,
                "activation_energy_std_eV": item.arrhenius.activation_energy_std_eV,
                "prefactor_cm2_s": item.arrhenius.prefactor_cm2_s,
                "temperatures": [asdict(point) for point in item.points],
                "left_out": [asdict(run) for run in item.excluded],
            }
            for item in tree.compositions
        ],
    }
