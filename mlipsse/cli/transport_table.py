"""The table that the studies print of the transport of several models."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table


def transport_table(rows: Sequence[Mapping[str, Any]], models: Sequence[str]) -> Table:
    """D, conductivity, activation energy and what was left out, by composition.

    Parameters
    ----------
    rows : of `transport.csv`
    models : columns that name the model
    """
    table = Table("composition", *models, "T (K)", "D (cm²/s)", "σ (mS/cm)", "Ea (eV)", "left out")
    for row in sorted(rows, key=lambda row: str(row["composition"])):
        table.add_row(
            row["composition"],
            *(str(row[name]) for name in models),
            f"{row['temperature_K']:g}",
            _value(row, "diffusivity", "cm2_s", ".2e"),
            _value(row, "conductivity", "mS_cm", ".3g"),
            _value(row, "activation_energy", "eV", ".3f"),
            _left_out(row),
        )
    return table


def _value(row: Mapping[str, Any], name: str, unit: str, form: str) -> str:
    value, std = row[f"{name}_{unit}"], row[f"{name}_std_{unit}"]
    if value is None:
        return ""
    return f"{value:{form}}" if std is None else f"{value:{form}} ± {std:{form}}"


def _left_out(row: Mapping[str, Any]) -> str:
    if not row["runs_left_out"]:
        return ""
    ended = [f"{row[f'runs_{how}']} {how}" for how in ("exploded", "melted") if row[f"runs_{how}"]]
    of_all = f"{row['runs_left_out']} of {row['runs'] + row['runs_left_out']}"
    return of_all + (f" ({', '.join(ended)})" if ended else "")
