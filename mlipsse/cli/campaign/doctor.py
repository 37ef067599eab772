"""`mlipsse doctor`: what of the chain works on this machine."""

import json
from dataclasses import asdict

import typer
from rich.console import Console
from rich.table import Table

from mlipsse.cli.options import Device, Json

MARKS = {"ok": "ok", "absent": "-", "broken": "BROKEN"}


def doctor(device: Device = "cpu", as_json: Json = False) -> None:
    """Check torch, MACE, LAMMPS, MPI, compiler, pair style, GPU, potentials and engines.

    Exit code 0 when everything that the main chain requires is present, 1 otherwise. With --device
    cuda it requires a GPU on which torch computes.
    """
    from mlipsse.campaign.views.machine import examine

    findings = examine(device)
    healthy = all(finding.state == "ok" for finding in findings if finding.needed)
    if as_json:
        checks = [asdict(finding) for finding in findings]
        typer.echo(json.dumps({"healthy": healthy, "checks": checks}, indent=1))
        raise typer.Exit(0 if healthy else 1)
    table = Table()
    for column in ("what", "state", "detail"):
        table.add_column(column, overflow="fold")
    for finding in findings:
        style = "red" if finding.needed and finding.state != "ok" else None
        table.add_row(finding.what, MARKS[finding.state], finding.detail, style=style)
    Console(highlight=False, markup=False).print(table)
    raise typer.Exit(0 if healthy else 1)
