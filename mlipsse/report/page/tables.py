"""Tables of the report, from the CSV and JSON files of a campaign."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from mlipsse.report.page.content import Table
from mlipsse.report.page.text import milli_text, short_text, with_error

Rows = Sequence[Mapping[str, str]]


def pathways_table(rows: Rows) -> Table:
    """The closest mobile pair, and what the density's barriers are along a, b and c."""
    shown = [
        (
            row["composition"],
            row["run"],
            short_text(row["temperature_K"]),
            short_text(row["closest_mobile_pair_A"]),
            *(_barrier(row, name) for name in "abc"),
            *(row[f"bottleneck_{name}_visits"] or "" for name in "abc"),
            short_text(row["voxel_A"]),
        )
        for row in rows
    ]
    return Table(
        "Pathways",
        (
            "composition",
            "run",
            "T (K)",
            "closest mobile pair (Å)",
            *(f"barrier {name} (eV)" for name in "abc"),
            *(f"visits {name}" for name in "abc"),
            "voxel (Å)",
        ),
        shown,
        note="Barriers are free energies, -kT ln P of the bottleneck of the best path less that "
        "of its lowest voxel; ± counts visits as independent, and few visits of the "
        "bottleneck make the barrier an estimate. Barriers hold at the temperature of the "
        "run and are not activation energies. Mobile pairs below 1 Å mean that the potential "
        "has failed.",
    )


def runs_table(rows: Rows) -> Table:
    """Every run: how it fared, what it gave, whether it was used."""
    shown = [
        (
            row["run"],
            short_text(row["temperature_K"]),
            short_text(row["mean_temperature_K"]),
            milli_text(row["energy_drift_meV_atom_ps"]),
            _pressure(row),
            _with_error(row, "diffusivity_cm2_s", factor=1e5),
            short_text(row["conductivity_mS_cm"]),
            short_text(row["einstein_conductivity_mS_cm"]),
            _with_error(row, "haven_ratio"),
            _span(row["window_start_ps"], row["window_end_ps"]),
            short_text(row["exponent"]),
            short_text(row["framework_msd_A2"]),
            "left out" if row.get("reason", row.get("left_out")) else "yes",
        )
        for row in rows
    ]
    return Table(
        "Runs",
        (
            "run",
            "T (K)",
            "mean T (K)",
            "energy drift (µeV/atom/ps)",
            "pressure (GPa)",
            "D (10⁻⁵ cm²/s)",
            "σ tracer (mS/cm)",
            "σ charge (mS/cm)",
            "Haven ratio",
            "window (ps)",
            "exponent",
            "framework MSD (Å²)",
            "used",
        ),
        shown,
        note="σ tracer is the Nernst-Einstein conductivity from the tracer diffusivity; σ charge "
        "comes from the displacement of all mobile ions together; the Haven ratio is tracer "
        "over charge. Pressure: mean of the production, whose cell is fixed. Exponent: d ln "
        "MSD / d ln lag in the window of the fit; 1 is diffusion.",
        folded=len(rows) > 24,
    )


def rejected_table(rows: Rows) -> Table:
    """Frames that got no label, by reason."""
    counts = Counter((row["composition"], row["reason"]) for row in rows)
    return Table(
        "Frames without a label",
        ("composition", "reason", "frames"),
        [(composition or "-", reason, n) for (composition, reason), n in counts.most_common()],
        note="05-label/rejected.csv lists each." if rows else "Every frame got one.",
        folded=len(counts) > 12,
    )


def errors_table(metrics: Mapping[str, Any]) -> Table:
    """Errors of fine-tuned and foundation model on every set."""
    trained = "from scratch" if metrics["strategy"] == "scratch" else "fine-tuned"
    rows = [
        *((f"{trained}, {part}", errors) for part, errors in metrics["errors"].items()),
        *((f"foundation, {part}", errors) for part, errors in metrics["foundation_errors"].items()),
        (f"{trained}, held-out replay", metrics["replay_errors"]),
        ("foundation, held-out replay", metrics["foundation_replay_errors"]),
    ]
    return Table(
        "Errors of the potential",
        ("model and set", *_ERROR_COLUMNS),
        [(name, *_error_cells(errors)) for name, errors in rows if errors is not None],
        note="Root-mean-square (mean absolute) errors. Neither training nor early stopping used "
        "the test trajectories. Energies of the foundation model belong to another "
        "functional.",
    )


def grouped_errors_table(metrics: Mapping[str, Any]) -> Table:
    """Errors of the new head on valid and test set, by composition and temperature."""
    names = {"composition": "{}", "temperature_K": "{:.0f} K"}
    rows = [
        (part, _named(names[group], value), *_error_cells(errors))
        for part, groups in metrics["grouped_errors"].items()
        for group, values in groups.items()
        for value, errors in values.items()
    ]
    return Table(
        "Errors by composition and temperature",
        ("set", "frames of", *_ERROR_COLUMNS),
        rows,
        note="Root-mean-square (mean absolute) errors of the head of the new labels.",
        folded=len(rows) > 12,
    )


def softening_table(metrics: Mapping[str, Any]) -> Table:
    """Slopes of predictions on the labels of the test set; no rows where there are none."""
    found = metrics.get("softening") or {}
    rows = [
        ("all forces", found.get("forces")),
        *((f"forces on {symbol}", s) for symbol, s in found.get("forces_by_element", {}).items()),
        *((f"forces {size}", s) for size, s in found.get("forces_by_size", {}).items()),
        ("stresses", found.get("stress")),
    ]
    return Table(
        "Softening of the potential",
        ("quantity", "slope", "standard error", "components"),
        [
            (
                name,
                f"{slope['value']:.3f}",
                "" if slope["std"] is None else f"{slope['std']:.3f}",
                f"{slope['n']}",
            )
            for name, slope in rows
            if slope is not None
        ],
        note="Slope of predictions on the labels of the test set. Below 1 the potential is softer "
        "than its labels: barriers and melting points come out too low. A training with a slope of "
        "the forces outside 0.9 to 1.1 fails.",
    )


def training_checks_table(metrics: Mapping[str, Any]) -> Table:
    """What was looked at after the training."""
    rows = [(check["name"], check["verdict"], check["sentence"]) for check in metrics["checks"]]
    return Table("Checks of the training", ("check", "verdict", "found"), rows)


_ERROR_COLUMNS = (
    "frames",
    "energy (meV/atom)",
    "offset (meV/atom)",
    "force (meV/Å)",
    "stress (meV/Å³)",
)


def _error_cells(errors: Mapping[str, float]) -> tuple[str, ...]:
    return (
        f"{errors['frames']}",
        f"{errors['energy_rmse_meV_atom']:.1f} ({errors['energy_mae_meV_atom']:.1f})",
        f"{errors['energy_offset_meV_atom']:+.1f}",
        f"{errors['force_rmse_meV_A']:.1f} ({errors['force_mae_meV_A']:.1f})",
        f"{errors['stress_rmse_meV_A3']:.2f} ({errors['stress_mae_meV_A3']:.2f})",
    )


def _named(pattern: str, value: str) -> str:
    return pattern.format(float(value) if "f" in pattern else value)


def acceptance_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Every criterion of the model's acceptance, crystal by crystal."""
    keys = ("structure", "name", "verdict", "value", "limit", "unit", "sentence")
    return Table(
        "Acceptance of the potential",
        ("crystal", "criterion", "verdict", "value", "limit", "unit", "what was found"),
        [tuple(row[key] for key in keys) for row in rows],
        note="Trials of the exported file before any production run. A «fail» refuses the model.",
        folded=len(rows) > 12,
    )


def _with_error(row: Mapping[str, str], key: str, *, factor: float = 1.0) -> str | None:
    name, _, unit = key.partition("_cm2")
    std = row[f"{name}_std_cm2{unit}" if "_cm2" in key else f"{key}_std"]
    if not row[key]:
        return None
    return with_error(factor * float(row[key]), factor * float(std) if std else None)


def _barrier(row: Mapping[str, str], name: str) -> str | None:
    value, std = row[f"barrier_{name}_eV"], row[f"barrier_{name}_std_eV"]
    return with_error(float(value), float(std) if std else None) if value else None


def _pressure(row: Mapping[str, str]) -> str | None:
    """None in tables of earlier versions."""
    value, std = row.get("pressure_GPa"), row.get("pressure_std_GPa")
    return with_error(float(value), float(std) if std else None) if value else None


def _span(first: str, last: str) -> str | None:
    return f"{float(first):.3g} to {float(last):.3g}" if first and last else None
