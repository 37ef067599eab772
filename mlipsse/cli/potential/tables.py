"""What the commands of `mlipsse potential` print and draw."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.table import Table

from mlipsse.cli.tables import written

if TYPE_CHECKING:
    from mlipsse.potential.acceptance import AcceptanceReport
    from mlipsse.potential.bundle.info import BundleInfo
    from mlipsse.potential.parity.report import ParityReport


def show_parity(report: "ParityReport") -> None:
    """Print the parity report of `check`."""
    rows = [
        {
            "file": f"{one.backend} in {one.runner}",
            "energy eV/atom": one.max_energy_error_eV_atom,
            "forces eV/Å": one.max_force_error_eV_A,
            "stress eV/Å^3": one.max_stress_error_eV_A3,
            "drift eV/atom/ps": one.drift_eV_atom_ps,
        }
        for one in report.comparisons
    ]
    limits = report.limits
    rows.append(
        {
            "file": "limit",
            "energy eV/atom": limits.energy_eV_atom,
            "forces eV/Å": limits.force_eV_A,
            "stress eV/Å^3": limits.stress_eV_A3,
            "drift eV/atom/ps": limits.drift_eV_atom_ps,
        }
    )
    show_rows(rows)
    typer.echo(
        f"Largest differences from MACE in ASE in float64, over {report.structures} structures of "
        f"up to {report.atoms} atoms, {report.dtype}."
    )
    for problem in report.problems:
        typer.echo(f"Not passed: {problem}")
    if report.passed:
        typer.echo("Passed.")


def draw_acceptance(reports: "Sequence[AcceptanceReport]", folder: Path) -> None:
    """Draw the acceptance reports of `accept`, one figure per crystal."""
    from mlipsse.report.figures.acceptance import acceptance_figure
    from mlipsse.report.figures.style import save_figure

    folder.mkdir(parents=True, exist_ok=True)
    for report in reports:
        save_figure(acceptance_figure(report.curves), folder / f"acceptance-{report.structure}")


def show_acceptance(record: Mapping[str, Any]) -> None:
    """Print the acceptance reports of `accept`, as a card records them."""
    from mlipsse.potential.acceptance.report import table_rows

    table = Table()
    for column in ("crystal", "criterion", "verdict", "value", "limit", "what was found"):
        table.add_column(column, overflow="fold")
    for row in table_rows(record):
        style = {"fail": "red", "warn": "yellow"}.get(row["verdict"])
        values = [written(row["value"]), f"{written(row['limit'])} {row['unit']}".strip()]
        table.add_row(
            row["structure"], row["name"], row["verdict"], *values, row["sentence"], style=style
        )
    Console(highlight=False, markup=False).print(table)
    typer.echo("Accepted." if record["accepted"] else "Not accepted.")


def show_rows(rows: Sequence[dict[str, Any]]) -> None:
    """Rows of the same keys."""
    table = Table()
    for column in rows[0] if rows else ():
        table.add_column(column, justify="right", overflow="fold")
    for row in rows:
        table.add_row(*(written(value) for value in row.values()))
    Console(highlight=False, markup=False).print(table)


def show_info(found: "BundleInfo") -> None:
    """A bundle's card and files."""
    console = Console(highlight=False, markup=False, soft_wrap=True)
    extra = found.card.get("extra") or {}
    further = {(f"extra: {key}" if key in found.card else key): extra[key] for key in extra}
    for key, value in (found.card | further).items():
        if key not in ("sha256", "extra", "acceptance") and value not in (None, [], {}):
            console.print(f"{key}: {_plain(value)}")
    if found.card.get("acceptance"):
        show_acceptance(found.card["acceptance"])
    table = Table()
    for column in ("file", "MB", "state", "made for"):
        table.add_column(column, overflow="fold")
    for file in found.files:
        size = "-" if file.bytes is None else f"{file.bytes / 1e6:.2f}"
        made_for = file.made_for or {}
        place = [made_for.get(key, "") for key in ("device", "gpu", "machine")]
        words = [*filter(None, place), f"torch {made_for['torch']}"] if made_for else []
        words += ["one thread"] if made_for.get("threads") == "1" else []
        table.add_row(file.name, size, file.state, " ".join(words))
    Console(highlight=False, markup=False).print(table)
    if carriers := [file.name for file in found.files if file.runs_code and file.bytes]:
        console.print(
            f"Loading {' or '.join(carriers)} runs code that the file contains. Load only files "
            "from sources you trust."
        )


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{key} {_plain(entry)}" for key, entry in value.items())
    if isinstance(value, list):
        return ", ".join(str(entry) for entry in value)
    return str(value)
