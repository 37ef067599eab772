"""`mlipsse md`: decks for other machines, what they will cost, and how runs fare."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

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
from mlipsse.md.watch.pressure import Pressure

if TYPE_CHECKING:
    from mlipsse.md.watch.state import RunState

app = typer.Typer(
    cls=CommandGroup,
    help="Render production runs for other machines, estimate their cost, check their health.",
    no_args_is_help=True,
)
console = Console(highlight=False, markup=False)


@app.command()
def render(
    folder: CampaignFolder,
    out: OptionalOutFolder = None,
    model: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Exported model that the decks load, e.g. a .pt2 made on the node's GPU.",
            show_default="the campaign's portable .pt",
        ),
    ] = None,
    runtime: Annotated[
        bool,
        typer.Option(
            "--runtime",
            help="Include LAMMPS and libtorch, for a node without them (0.5 GB; several GB with "
            "CUDA).",
        ),
    ] = False,
) -> None:
    """Write the folder of every run, `run.sh` and the SLURM script `array.sbatch`.

    The folder of --out holds all inputs, for another machine. The default is the campaign's
    08-simulate.
    """
    from rich.progress import Progress

    from mlipsse.campaign.stages.simulate.portable import render_campaign

    campaign = read_campaign(folder)
    with Progress(console=console, transient=True) as bars:
        task = bars.add_task("rendering", total=None)
        done = render_campaign(
            campaign,
            out=out,
            model=model,
            runtime=runtime,
            progress=lambda count, total, text: bars.update(
                task, completed=count, total=total, description=text
            ),
        )
    console.print(f"{done.runs} runs in {done.root}", soft_wrap=True)
    console.print(f"Submit on the cluster: cd {done.root} && sbatch array.sbatch", soft_wrap=True)
    for note in done.notes:
        console.print(note, soft_wrap=True)


@app.command()
def runtime(
    out: OutFolder,
    native: Annotated[
        bool,
        typer.Option(
            "--native",
            help="Leave out libtorch, for native potentials alone (some 65 MB, most of it LAMMPS).",
        ),
    ] = False,
) -> None:
    """Make a folder with LAMMPS, MPICH, the pair style and libtorch that runs without Python.

    The folder must be new. It takes about 0.5 GB, and several GB with CUDA.
    """
    from mlipsse.md.runtime import make_runtime
    from mlipsse.potential.lammps.plugin import build_plugin

    env = make_runtime(out, plugin=build_plugin(), torch=not native, report=console.print)
    console.print(f"Runtime in {out}. On the node: . {env} && lmp -in in.lammps", soft_wrap=True)


@app.command()
def estimate(
    folder: CampaignFolder,
    us_per_atom_step: Annotated[
        float | None,
        typer.Option(
            "--cost",
            help="Cost in µs per atom and step, from `mlipsse potential bench` on the target "
            "device.",
            show_default="measured here, on the CPU",
            callback=above_zero,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Estimate hours and disk space of all production runs, from a short benchmark."""
    from mlipsse.campaign.stages.simulate.cost import estimate_campaign

    rows = estimate_campaign(
        read_campaign(folder), us_per_atom_step=us_per_atom_step, report=console.print
    )
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows], indent=1))
        return
    table = Table()
    for column in ("T, K", "runs", "atoms", "ns each", "h each", "h", "GB"):
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(
            f"{row.temperature_K:g}",
            f"{row.runs}",
            f"{row.atoms_per_run:.0f}",
            f"{row.ns_per_run:g}",
            f"{row.hours / row.runs:.3g}",
            f"{row.hours:.4g}",
            f"{row.disk_GB:.3g}",
        )
    hours, disk = sum(row.hours for row in rows), sum(row.disk_GB for row in rows)
    table.add_section()
    table.add_row(
        "all", f"{sum(row.runs for row in rows)}", "", "", "", f"{hours:.4g}", f"{disk:.3g}"
    )
    console.print(table)
    console.print(f"{hours:.4g} device hours, {disk:.3g} GB on disk.")


@app.command()
def health(
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="DIR...", help="Folders of runs, or a folder above them."),
    ],
    as_json: Json = False,
) -> None:
    """Print temperature, pressure, drift, displaced fraction and mobile MSD of runs."""
    from mlipsse.md.files.record import RECORD_FILE
    from mlipsse.md.watch.health import run_health
    from mlipsse.md.watch.state import run_state

    found = sorted({path.parent for folder in folders for path in folder.rglob(RECORD_FILE)})
    if not found:
        raise MlipsseError(
            f"There is no run below {', '.join(map(str, folders))}. Name the folder of a run, or "
            "one above it."
        )
    rows = []
    for path in found:
        state = run_state(path)
        rows.append((state, run_health(path, state.record)))
    if as_json:
        typer.echo(
            json.dumps(
                [
                    {
                        "run": state.record.name,
                        "folder": str(state.folder),
                        "state": state.state,
                        "reason": state.reason,
                    }
                    | asdict(some)
                    | {"cautions": some.cautions}
                    for state, some in rows
                ],
                indent=1,
            )
        )
        return
    names = [state.record.name for state, _ in rows]
    several = len(set(names)) < len(names)  # runs of several campaigns or models
    table = Table()
    table.add_column("run", overflow="fold")
    if several:
        table.add_column("folder", overflow="fold")
    table.add_column("state")
    for column in ("T, K", "p, GPa", "drift", "displaced", "MSD, Å²", "ns/day"):
        table.add_column(column, justify="right")
    table.add_column("ions")
    for state, some in rows:
        table.add_row(
            state.record.name,
            *([str(state.folder)] if several else []),
            state.state,
            _shown(some.mean_temperature_K, ".0f"),
            _pressure(some.pressure),
            _shown(some.energy_drift_meV_atom_ps, ".1e"),
            _shown(some.framework_displaced, ".0%"),
            _shown(some.mobile_msd_A2, ".1f"),
            _shown(state.ns_per_day, ".3g"),
            {None: "", True: "diffuse", False: "stay"}[some.diffusing],
        )
    console.print(table)
    console.print(
        "p: mean pressure of the production. drift: drift of the conserved energy, meV/atom/ps. "
        "displaced: fraction of the framework that left its places; above 50 % the framework has "
        "melted. MSD: mean squared displacement of the mobile ions relative to the crystal."
    )
    for state, some in rows:
        if state.reason:
            reason = state.reason.rstrip(".")
            console.print(f"{_place(state)}: {state.state}: {reason}.", soft_wrap=True)
        for caution in some.cautions:
            console.print(f"{_place(state)}: caution: {caution}.", soft_wrap=True)


def _place(state: "RunState") -> str:
    return f"{state.record.name} in {state.folder}"


def _pressure(pressure: Pressure | None) -> str:
    if pressure is None:
        return ""
    error = "" if pressure.std_GPa is None else f" ± {pressure.std_GPa:.2f}"
    return f"{pressure.mean_GPa:.2f}{error}"


def _shown(value: float | None, form: str) -> str:
    return "" if value is None else f"{value:{form}}"
