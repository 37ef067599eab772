"""The top of the report: the numbers that matter, and a line per composition."""

from collections.abc import Mapping
from typing import Any

from mlipsse.report.page.content import Headline, Table
from mlipsse.report.page.estimate import Estimate, conductivity_at
from mlipsse.report.page.text import with_error

Summary = Mapping[str, Any]
_FROM = {"run": "runs", "interpolated": "fit", "extrapolated": "fit, beyond its temperatures"}


def headlines(summary: Summary, temperature_K: float) -> list[Headline]:
    """Highest conductivity at a temperature, lowest activation energy, and how many runs count.

    Conductivities extrapolated beyond the fitted temperatures compete only where there are no
    others.
    """
    found: list[Headline] = []
    items = summary["compositions"]
    known = [(item["formula"], conductivity_at(item, temperature_K)) for item in items]
    estimates = [(formula, one) for formula, one in known if one is not None]
    sound = [pair for pair in estimates if pair[1].origin != "extrapolated"] or estimates
    if sound:
        formula, best = max(sound, key=lambda pair: pair[1].value)
        name = "Conductivity" if len(items) < 2 else "Highest conductivity"
        found.append(
            Headline(
                f"{name} at {temperature_K:g} K",
                f"{with_error(best.value, best.std)} mS/cm",
                f"{formula}, from {_FROM[best.origin]}",
            )
        )
    energies = [item for item in items if item["activation_energy_eV"] is not None]
    if energies:
        item = min(energies, key=lambda item: item["activation_energy_eV"])
        energy = with_error(item["activation_energy_eV"], item["activation_energy_std_eV"])
        name = "Activation energy" if len(items) < 2 else "Lowest activation energy"
        found.append(Headline(name, f"{energy} eV", item["formula"]))
    used = sum(sum(item["runs"]) for item in items)
    left_out = sum(len(item["excluded"]) for item in items)
    if used or left_out:
        plural = "" if len(items) == 1 else "s"
        found.append(
            Headline(
                "Runs used", f"{used} of {used + left_out}", f"{len(items)} composition{plural}"
            )
        )
    return found


def overview_table(summary: Summary, temperature_K: float) -> Table:
    """One line per composition: Ea, conductivity at a temperature, stability, runs.

    Stability where the summary's compositions state their `energy_above_hull_eV_atom`.
    """
    ranked = any("energy_above_hull_eV_atom" in item for item in summary["compositions"])
    hull = ("above hull (meV/atom)",) if ranked else ()
    rows = []
    for item in summary["compositions"]:
        estimate = conductivity_at(item, temperature_K)
        above = item.get("energy_above_hull_eV_atom")
        kelvin = item["temperature_K"]
        rows.append(
            (
                item["formula"],
                with_error(item["activation_energy_eV"], item["activation_energy_std_eV"]),
                with_error(estimate.value, estimate.std) if estimate else None,
                _origin(estimate),
                *((None if above is None else f"{1000 * above:.1f}",) if ranked else ()),
                f"{min(kelvin):g} to {max(kelvin):g}" if len(kelvin) > 1 else _single(kelvin),
                sum(item["runs"]),
                len(item["excluded"]),
            )
        )
    return Table(
        "Compositions at a glance",
        (
            "composition",
            "Ea (eV)",
            f"conductivity at {temperature_K:g} K (mS/cm)",
            "from",
            *hull,
            "T used (K)",
            "runs used",
            "left out",
        ),
        rows,
        "± is one standard error. A conductivity from the fit lies on the Arrhenius line, between "
        "or beyond the simulated temperatures.",
    )


def _origin(estimate: Estimate | None) -> str | None:
    return _FROM[estimate.origin] if estimate else None


def _single(kelvin: list[float]) -> str | None:
    return f"{kelvin[0]:g}" if kelvin else None
