"""Published numbers of the systems this package began with, beside those of a campaign.

Source: «Accelerating the discovery of disordered multi-component solid-state electrolytes using
machine learning interatomic potentials», Deng, Li, Sai Gautam, Zhu, Deng (2025),
doi 10.1039/d5ta05321h. The numbers lie in `published.yaml`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from mlipsse.orderings.host.formula import same_composition
from mlipsse.report.page.content import Table
from mlipsse.report.page.estimate import Estimate, conductivity_at, diffusivity_at
from mlipsse.report.page.text import with_error

Quantity = Literal[
    "E_hull", "formation", "Ea", "D_ab", "D_ac", "Ea_ab", "Ea_ac", "conductivity"
]  # fmt: skip
_CELL = ("a_A", "b_A", "c_A", "alpha_deg", "beta_deg", "gamma_deg")

GRID_TEMPERATURE_K = 800.0
"""Temperature of the published D in planes."""

_GRID: tuple[Quantity, ...] = ("E_hull", "Ea", "D_ab", "Ea_ab", "D_ac", "Ea_ac")
_NAMES: Mapping[Quantity, tuple[str, float]] = {
    "E_hull": ("energy above hull (meV/atom)", 1.0),
    "formation": ("formation energy (meV/atom)", 1.0),
    "Ea": ("Ea (eV)", 1.0),
    "D_ab": ("D, ab plane (10⁻⁵ cm²/s)", 1e5),
    "D_ac": ("D, ac plane (10⁻⁵ cm²/s)", 1e5),
    "Ea_ab": ("Ea, ab plane (eV)", 1.0),
    "Ea_ac": ("Ea, ac plane (eV)", 1.0),
    "conductivity": ("conductivity (mS/cm)", 1.0),
}
"""What a quantity is called in the table, and by how much its numbers are multiplied there."""


@dataclass(frozen=True)
class PublishedValue:
    """One published number.

    Attributes
    ----------
    formula : by the stoichiometry of its (x, y) or x
    printed : formula as printed, where that is another one
    value, std : meV/atom, eV, cm²/s or mS/cm
    temperature_K : where it depends on one
    of : model, phase or experiment, where the source has several
    """

    system: str
    formula: str
    printed: str | None
    quantity: Quantity
    value: float
    std: float | None = None
    temperature_K: float | None = None
    of: str = ""


def source() -> str:
    """Who published the numbers, for the note below a table."""
    content = _content()
    return f"{content['authors']}, «{content['title']}» ({content['year']}), doi {content['doi']}"


def published_values() -> list[PublishedValue]:
    """All published numbers, system by system."""
    values = []
    for system in _content()["systems"]:
        for _, _, formula, printed, *numbers in system.get("grid", ()):
            for quantity, number in zip(_GRID, numbers, strict=True):
                at_K = GRID_TEMPERATURE_K if quantity.startswith("D_") else None
                values.append(
                    PublishedValue(
                        system["name"], formula, printed, quantity, float(number), None, at_K
                    )
                )
        for given in system["values"]:
            values.append(
                PublishedValue(
                    system=system["name"],
                    formula=given["formula"],
                    printed=None,
                    quantity=given["quantity"],
                    value=float(given["value"]),
                    std=given.get("std"),
                    temperature_K=given.get("at_K"),
                    of=given.get("of", ""),
                )
            )
    return values


def published_lattice(formula: str) -> tuple[float, ...] | None:
    """Lengths in Å and angles in degrees of a composition's published cell; None without one."""
    for system in _content()["systems"]:
        for found in system.get("lattices", ()):
            if same_composition(formula, found["formula"]):
                return tuple(float(found[name]) for name in _CELL)
    return None


def published_of(formula: str) -> list[PublishedValue]:
    """What is published of a composition, by its stoichiometry or by the formula as printed."""
    return [
        value
        for value in published_values()
        if same_composition(formula, value.formula)
        or (value.printed is not None and same_composition(formula, value.printed))
    ]


def comparison_table(
    summary: Mapping[str, Any], phases: Sequence[Mapping[str, str]] = ()
) -> Table | None:
    """Ours beside the published numbers; None when no composition of the summary is published.

    Where the publication gives a temperature at which there is no run, ours comes from the
    Arrhenius fit and the row states it. The last column is the difference over our standard error
    (and the published one, where it is stated).

    Parameters
    ----------
    summary : as `build_summary` makes it
    phases : rows of `compositions.csv`, for energies
    """
    energies = {row["composition"]: row for row in phases}
    rows = []
    systems = []
    for entry in summary["compositions"]:
        for value in published_of(entry["formula"]):
            if value.system not in systems:
                systems.append(value.system)
            ours = our_estimate(entry, value, energies.get(entry["formula"]))
            rows.append(_row(entry["formula"], value, ours))
    if not rows:
        return None
    notes = [
        note
        for system in _content()["systems"]
        if system["name"] in systems
        for note in system["notes"]
    ]
    return Table(
        "Comparison with published values",
        (
            "composition",
            "quantity",
            "T (K)",
            "ours",
            "from",
            "published",
            "of",
            "difference / error",
        ),
        rows,
        f"Published: {source()}. Rows match by formula only; host and level of theory may differ. "
        + " ".join(notes),
        folded=len(rows) > 16,
    )


def _row(formula: str, value: PublishedValue, ours: Estimate | None) -> tuple[object, ...]:
    name, factor = _NAMES[value.quantity]
    shown = formula if value.printed is None else f"{formula} (printed {value.printed})"
    theirs = f"{factor * value.value:.4g}"
    if value.std is not None:
        theirs += f" ± {factor * value.std:g}"
    at_K = None if value.temperature_K is None else f"{value.temperature_K:g}"
    if ours is None:
        return shown, name, at_K, None, "no value", theirs, value.of or None, None
    std = None if ours.std is None else factor * ours.std
    off = None
    if ours.std is not None and ours.std > 0:
        off = f"{(ours.value - value.value) / (ours.std**2 + (value.std or 0.0) ** 2) ** 0.5:+.1f}"
    text = with_error(factor * ours.value, std)
    return shown, name, at_K, text, _came_from(value, ours), theirs, value.of or None, off


def _came_from(value: PublishedValue, ours: Estimate) -> str:
    if value.quantity in ("E_hull", "formation"):
        return "ranking"
    if value.quantity.startswith("Ea"):
        return "fit"
    return {
        "run": "runs",
        "interpolated": "fit, between our temperatures",
        "extrapolated": "fit, beyond our temperatures",
    }[ours.origin]


def our_estimate(
    entry: Mapping[str, Any], value: PublishedValue, phase: Mapping[str, str] | None = None
) -> Estimate | None:
    """What a summary has for a published value; None where it has nothing.

    Parameters
    ----------
    entry : the composition in the summary
    phase : its row of `compositions.csv`, for energies
    """
    quantity = value.quantity
    if quantity in ("E_hull", "formation"):
        column = "energy_above_hull" if quantity == "E_hull" else "formation_energy"
        text = (phase or {}).get(f"{column}_eV_atom", "")
        return Estimate(1000 * float(text), None, "run") if text else None
    if quantity == "conductivity":
        return conductivity_at(entry, value.temperature_K or GRID_TEMPERATURE_K)
    plane = quantity.partition("_")[2]
    part = entry.get("directions", {}).get(plane) if plane else entry
    if part is None:
        return None
    if quantity.startswith("D_"):
        return diffusivity_at(part, value.temperature_K or GRID_TEMPERATURE_K)
    energy = part["activation_energy_eV"]
    if energy is None:
        return None
    return Estimate(energy, part["activation_energy_std_eV"], "run")


@cache
def _content() -> dict[str, Any]:
    import yaml

    path = Path(__file__).with_name("published.yaml")
    return dict(yaml.safe_load(path.read_text(encoding="utf-8")))
