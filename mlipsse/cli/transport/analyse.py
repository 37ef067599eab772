"""`mlipsse transport analyse`: a tree of runs, also of runs that still go."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from mlipsse.cli.options import Json, OptionalOutFolder
from mlipsse.cli.transport.options import Window, pair, window
from mlipsse.errors import MlipsseError

console = Console(highlight=False, markup=False)


def analyse(
    folder: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="Folder that contains mlipsse runs at any depth."),
    ],
    window_ps: Window = None,
    out: OptionalOutFolder = None,
    as_json: Json = False,
) -> None:
    """Print D, conductivity and activation energy of a tree of runs, unfinished ones too.

    With --out, DIR gets Arrhenius and MSD figures as .png and .svg, and msd/ with a CSV per run.
    """
    from mlipsse.report.page.pressure import pressure_cautions
    from mlipsse.transport import WindowSettings, analyse_tree

    with Progress(
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("{task.fields[text]}"),
        console=Console(stderr=True, markup=False),
        transient=True,
    ) as bars:
        task = bars.add_task("", total=None, text="")
        tree = analyse_tree(
            folder,
            settings=WindowSettings(window_ps=window(window_ps)),
            progress=lambda done, total, text: bars.update(
                task, completed=done, total=total, text=text
            ),
        )
    pressures = {path: _pressure_row(path, run) for path, run in tree.runs}
    if out is not None:
        _write(tree, out)
    if as_json:
        answer = _tree_answer(tree, folder, pressures)
        typer.echo(json.dumps(answer, indent=1, allow_nan=False))
        return
    for item in tree.compositions:
        energy = pair(item.arrhenius.activation_energy_eV, item.arrhenius.activation_energy_std_eV)
        console.print(f"{item.formula}: Ea {f'{energy} eV' if energy else 'not known yet'}")
        runs = [(path, run) for path, run in tree.runs if (run.composition or "") == item.formula]
        if runs:
            console.print(_table(runs, tree.unfinished, item.formula))
        for excluded in item.excluded:
            console.print(f"  left out: {excluded.name}: {excluded.reason}", soft_wrap=True)
        for caution in item.cautions:
            console.print(f"  {caution}", soft_wrap=True)
        own = [row for row in pressures.values() if row["composition"] == (item.formula or None)]
        for caution in pressure_cautions(own):
            console.print(f"  {caution}", soft_wrap=True)
    if tree.unfinished:
        console.print(f"… {len(tree.unfinished)} runs have not ended.")
    if out is not None:
        console.print(f"Figures and tables: {out}", soft_wrap=True)


def _table(runs: Sequence[tuple[Path, Any]], unfinished: Sequence[Path], formula: str) -> Table:
    """One line per run, in 80 columns."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    for column in ("T (K)", "ordering", "r", "ps", "D (cm²/s)", "mS/cm", "Haven"):
        table.add_column(column, justify="left" if column == "ordering" else "right", no_wrap=True)
    for path, run in sorted(runs, key=lambda item: (item[1].temperature_K, item[1].name)):
        fit = run.diffusivity
        going = "…" if path in unfinished else ""
        table.add_row(
            f"{run.temperature_K:g}",
            (run.ordering or path.name).removeprefix(f"{formula}-")[:14],
            "" if run.replica is None else str(run.replica),
            f"{run.duration_ps:.4g}{going}",
            pair(fit.diffusivity_cm2_s, fit.diffusivity_std_cm2_s)
            if run.status.usable
            else run.status.kind.value,
            pair(run.conductivity_mS_cm, run.conductivity_std_mS_cm),
            _ratio(run.charge.haven_ratio, run.charge.haven_ratio_std) if run.status.usable else "",
        )
    return table


def _pressure_row(path: Path, run: Any) -> dict[str, Any]:
    """What `report.page.pressure` needs of a run; no numbers where its logs are missing."""
    from mlipsse.md.files.record import read_record
    from mlipsse.md.watch.health import run_health
    from mlipsse.report.page.pressure import COLUMNS, pressure_columns

    try:
        columns = pressure_columns(run_health(path, read_record(path)))
    except MlipsseError:  # logs of a template that prints no pressure
        columns = dict.fromkeys(COLUMNS)
    return {
        "composition": run.composition,
        "temperature_K": run.temperature_K,
        "reason": run.reason or "",
        **columns,
    }


def _ratio(value: float | None, error: float | None) -> str:
    return "" if value is None or error is None else f"{value:.2f} ± {error:.2f}"


def _write(tree: Any, out: Path) -> None:
    """Arrhenius and MSD figures, and one CSV per run."""
    from mlipsse.report.figures.style import formula_label, new_figure, save_figure
    from mlipsse.report.transport_figures.arrhenius import arrhenius_plot
    from mlipsse.report.transport_figures.msd import msd_plot
    from mlipsse.transport.runs.analysis import write_msd_csv

    out.mkdir(parents=True, exist_ok=True)
    figure, (left, right) = new_figure(width_in=7.0, columns=2)
    arrhenius_plot(left, tree.compositions)
    arrhenius_plot(right, tree.compositions, quantity="conductivity")
    save_figure(figure, out / "arrhenius")
    for item in tree.compositions:
        runs = [run for _, run in tree.runs if (run.composition or "") == item.formula]
        if runs:
            figure, (axes,) = new_figure()
            msd_plot(axes, runs, title=formula_label(item.formula))
            save_figure(figure, out / f"msd-{item.formula}")
    for _, run in tree.runs:
        write_msd_csv(run, out / "msd" / f"{run.name}.csv")


def _tree_answer(
    tree: Any, folder: Path, pressures: Mapping[Path, Mapping[str, Any]]
) -> dict[str, Any]:
    from mlipsse.report.page.pressure import pressure_cautions

    return {
        "runs": [
            {
                "run": run.name,
                "folder": str(path.relative_to(folder)),
                "ended": path not in tree.unfinished,
                "composition": run.composition,
                "ordering": run.ordering,
                "replica": run.replica,
                "temperature_K": run.temperature_K,
                "duration_ps": run.duration_ps,
                "status": run.status.kind.value,
                "reason": run.reason,
                "left_out": run.reason,
                "window_ps": run.diffusivity.window_ps,
                **_numbers(run),
                "pressure_GPa": pressures[path]["pressure_GPa"],
                "pressure_std_GPa": pressures[path]["pressure_std_GPa"],
                "cautions": list(run.cautions),
            }
            for path, run in tree.runs
        ],
        "cautions": pressure_cautions(list(pressures.values())),
        "compositions": [
            {
                "formula": item.formula,
                "activation_energy_eV": item.arrhenius.activation_energy_eV,
                "activation_energy_std_eV": item.arrhenius.activation_energy_std_eV,
                "prefactor_cm2_s": item.arrhenius.prefactor_cm2_s,
                "temperatures": [asdict(point) for point in item.points],
                "excluded": [run.row() for run in item.excluded],
                "left_out": [asdict(run) for run in item.excluded],
                "cautions": list(item.cautions),
            }
            for item in tree.compositions
        ],
    }


def _numbers(run: Any) -> dict[str, float | None]:
    """Numbers of a usable run; all None for another."""
    fit, charge = run.diffusivity, run.charge
    found = {
        "diffusivity_cm2_s": fit.diffusivity_cm2_s,
        "diffusivity_std_cm2_s": fit.diffusivity_std_cm2_s,
        "conductivity_mS_cm": run.conductivity_mS_cm,
        "conductivity_std_mS_cm": run.conductivity_std_mS_cm,
        "einstein_conductivity_mS_cm": run.einstein_mS_cm,
        "haven_ratio": charge.haven_ratio,
        "haven_ratio_std": charge.haven_ratio_std,
    }
    return found if run.status.usable else dict.fromkeys(found)
