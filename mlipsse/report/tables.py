"""Tables of the report, from the CSV and JSON files of a campaign."""

from collections.abc import Mapping, Sequence
from typing import Any

from mlipsse.report.html import Table

Rows = Sequence[Mapping[str, str]]


def runs_table(rows: Rows) -> Table:
    """Every run: temperature, diffusivity, whether it was used."""
    columns = {
        "run": "run",
        "T (K)": "temperature_K",
        "mean T (K)": "mean_temperature_K",
        "D (cm²/s)": "diffusivity_cm2_s",
        "±": "diffusivity_std_cm2_s",
        "exponent": "exponent",
        "framework MSD (Å²)": "framework_msd_A2",
        "used": "used",
    }
    used = [{**row, "used": "left out" if row["left_out"] else "yes"} for row in rows]
    return _table("Runs", columns, used)


def hull_table(rows: Rows, formulas: Sequence[str]) -> Table:
    """The lowest ordering of each composition."""
    lowest = []
    for formula in formulas:
        mine = [row for row in rows if row["composition"] == formula]
        good = [row for row in mine if not row["left_out"]]
        best = min(good, key=lambda row: float(row["energy_above_hull_eV_atom"]))
        counts = {"relaxed": str(len(good)), "left out": str(len(mine) - len(good))}
        lowest.append({**best, **counts})
    columns = {
        "composition": "composition",
        "lowest ordering": "ordering",
        "above hull (eV/atom)": "energy_above_hull_eV_atom",
        "formation (eV/atom)": "formation_energy_eV_atom",
        "relaxed": "relaxed",
        "left out": "left out",
    }
    return _table("Orderings", columns, lowest)


def errors_table(metrics: Mapping[str, Any]) -> Table:
    """Errors of fine-tuned and foundation model on every set."""
    rows = [
        *((f"fine-tuned, {part}", errors) for part, errors in metrics["errors"].items()),
        *((f"foundation, {part}", errors) for part, errors in metrics["foundation_errors"].items()),
        ("fine-tuned, replay", metrics["replay_errors"]),
        ("foundation, replay", metrics["foundation_replay_errors"]),
    ]
    return Table(
        "Errors of the potential",
        ("model and set", "energy (meV/atom)", "force (meV/Å)", "stress (meV/Å³)"),
        [
            (
                name,
                f"{errors['energy_rmse_meV_atom']:.1f}",
                f"{errors['force_rmse_meV_A']:.1f}",
                f"{errors['stress_rmse_meV_A3']:.2f}",
            )
            for name, errors in rows
        ],
        note="Root-mean-square errors. Test trajectories were seen by neither training nor early "
        "stopping. Energies of the foundation model are of another functional.",
    )


def _table(title: str, columns: Mapping[str, str], rows: Rows) -> Table:
    return Table(
        title,
        tuple(columns),
        [tuple(_short(row[key]) for key in columns.values()) for row in rows],
    )


def _short(text: str) -> str | None:
    """A number to four digits, other text as it is, None for nothing."""
    try:
        return f"{float(text):.4g}"
    except ValueError:
        return text or None
