"""Tables that the summary gives: conductivity, activation energies, directions, runs left out."""

from collections.abc import Mapping, Sequence
from typing import Any

from mlipsse.report.page.content import Table
from mlipsse.report.page.text import with_error

Summary = Mapping[str, Any]
CONDUCTIVITY_COLUMNS = (
    "composition",
    "temperature_K",
    "diffusivity_cm2_s",
    "diffusivity_std_cm2_s",
    "conductivity_mS_cm",
    "conductivity_std_mS_cm",
    "pressure_GPa",
    "pressure_std_GPa",
    "runs",
)
DIRECTIONAL_COLUMNS = (
    "composition",
    "direction",
    "temperature_K",
    "diffusivity_cm2_s",
    "diffusivity_std_cm2_s",
    "runs",
)
ACTIVATION_COLUMNS = (
    "composition",
    "direction",
    "activation_energy_eV",
    "activation_energy_std_eV",
    "prefactor_cm2_s",
    "temperatures",
    "lowest_temperature_K",
    "highest_temperature_K",
)
"""Columns of the CSV files beside the report."""

_NAMES = {name: name for name in "abc"} | {name: f"{name} plane" for name in ("ab", "ac", "bc")}


def conductivity_table(summary: Summary) -> Table:
    """D and conductivity of every composition and temperature."""
    rows = [
        (
            row["composition"],
            row["temperature_K"],
            with_error(1e5 * row["diffusivity_cm2_s"], 1e5 * row["diffusivity_std_cm2_s"]),
            with_error(row["conductivity_mS_cm"], row["conductivity_std_mS_cm"]),
            with_error(row["pressure_GPa"], row["pressure_std_GPa"]),
            row["runs"],
        )
        for row in conductivity_rows(summary)
    ]
    return Table(
        "Diffusivity and conductivity",
        (
            "composition",
            "T (K)",
            "D (10⁻⁵ cm²/s)",
            "conductivity (mS/cm)",
            "pressure (GPa)",
            "runs",
        ),
        rows,
        "Tracer diffusivity without framework drift; ± is one standard error. Pressure: mean of "
        "the production.",
        folded=len(rows) > 24,
    )


def activation_table(summary: Summary) -> Table:
    """Activation energy and prefactor of every composition."""
    return Table(
        "Activation energy",
        ("composition", "Ea (eV)", "D₀ (cm²/s)", "temperatures", "from (K)", "to (K)"),
        [
            (
                item["formula"],
                with_error(item["activation_energy_eV"], item["activation_energy_std_eV"]),
                item["prefactor_cm2_s"],
                len(item["temperature_K"]),
                min(item["temperature_K"], default=None),
                max(item["temperature_K"], default=None),
            )
            for item in summary["compositions"]
        ],
        "Fit of ln D against 1/T. It requires two temperatures.",
    )


def excluded_table(summary: Summary) -> Table:
    """Runs that took no part, and why."""
    rows = [
        (item["formula"], run["temperature_K"], run.get("run"), run["reason"])
        for item in summary["compositions"]
        for run in item["excluded"]
    ]
    columns = ("composition", "T (K)", "run", "reason")
    return Table("Runs left out", columns, rows, folded=len(rows) > 12)


def directional_table(summary: Summary) -> Table:
    """D of every composition and temperature along lattice vectors, in planes, and along its axes.

    The last three are the eigenvalues of the mean tensor.
    """
    rows = []
    for item in summary["compositions"]:
        for k, principal in enumerate(item["principal_diffusivity_cm2_s"]):
            parts = [
                with_error(
                    1e5 * item["directions"][name]["diffusivity_cm2_s"][k],
                    1e5 * item["directions"][name]["diffusivity_std_cm2_s"][k],
                )
                for name in _NAMES
            ]
            kelvin = item["directions"]["a"]["temperature_K"][k]
            shares = " / ".join(f"{1e5 * value:#.3g}" for value in principal)
            rows.append((item["formula"], kelvin, *parts, shares))
    return Table(
        "Diffusivity by direction (10⁻⁵ cm²/s)",
        ("composition", "T (K)", *_NAMES.values(), "principal values"),
        rows,
        "Along the lattice vectors of the simulated cell, and in the planes that they span (the "
        "mean of two orthogonal directions there), averaged over runs. The principal values are "
        "the eigenvalues of the mean tensor; noise alone separates them.",
        folded=len(rows) > 16,
    )


def directional_activation_table(summary: Summary) -> Table:
    """Activation energy of every composition along each direction."""
    rows = []
    for item in summary["compositions"]:
        fits = item["directions"]
        if any(fits[name]["activation_energy_eV"] is not None for name in fits):
            energies = [
                with_error(
                    fits[name]["activation_energy_eV"], fits[name]["activation_energy_std_eV"]
                )
                for name in _NAMES
            ]
            rows.append((item["formula"], *energies))
    return Table(
        "Activation energy by direction (eV)",
        ("composition", *_NAMES.values()),
        rows,
        "An Arrhenius fit of each direction, over the temperatures at which its D is above zero.",
    )


def conductivity_rows(summary: Summary) -> list[dict[str, Any]]:
    """Rows of `conductivity.csv`: one per composition and temperature.

    A summary of an earlier version has no pressures.
    """
    names = CONDUCTIVITY_COLUMNS[1:]
    rows = []
    for item in summary["compositions"]:
        none = [None] * len(item["temperature_K"])
        for values in zip(*(item.get(name, none) for name in names), strict=True):
            rows.append({"composition": item["formula"], **dict(zip(names, values, strict=True))})
    return rows


def directional_rows(summary: Summary) -> list[dict[str, Any]]:
    """Rows of `directions.csv`: one per composition, temperature and direction."""
    names = DIRECTIONAL_COLUMNS[2:]
    return [
        {
            "composition": item["formula"],
            "direction": direction,
            **dict(zip(names, values, strict=True)),
        }
        for item in summary["compositions"]
        for direction, part in item["directions"].items()
        for values in zip(*(part[name] for name in names), strict=True)
    ]


def activation_rows(summary: Summary) -> list[dict[str, Any]]:
    """Rows of `activation.csv`: the mean of all directions (`mean`), and each direction's fit."""
    rows = []
    for item in summary["compositions"]:
        parts = {"mean": {**item, "fitted_temperature_K": item["temperature_K"]}}
        for direction, part in (parts | item["directions"]).items():
            kelvin: Sequence[float] = part["fitted_temperature_K"]
            rows.append(
                {
                    "composition": item["formula"],
                    "direction": direction,
                    "activation_energy_eV": part["activation_energy_eV"],
                    "activation_energy_std_eV": part["activation_energy_std_eV"],
                    "prefactor_cm2_s": part["prefactor_cm2_s"],
                    "temperatures": len(kelvin),
                    "lowest_temperature_K": min(kelvin, default=None),
                    "highest_temperature_K": max(kelvin, default=None),
                }
            )
    return rows
