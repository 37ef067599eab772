"""Tables of the report, from the CSV and JSON files of a campaign."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from mlipsse.report.html import Table

Rows = Sequence[Mapping[str, str]]

_ROUTES = {
    "exact": "all of them",
    "patterns": "a sample: patterns of lowest Ewald energy, decorated at random",
    "annealing": "a sample: patterns found by annealing, decorated at random",
    "impossible": "the supercell cannot hold it",
}


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


def orderings_table(rows: Rows) -> Table:
    """How many orderings there are, and how those that went on were got."""
    columns = {
        "composition": "composition",
        "supercell": "supercell",
        "distinct": "distinct",
        "charge patterns": "patterns_distinct",
        "taken": "kept",
        "of all": "coverage",
        "how": "how",
    }
    counts = ("distinct", "patterns_distinct", "kept")
    shown = [
        {**row, **{key: _count(row[key]) for key in counts}, "how": _ROUTES[row["route"]]}
        for row in rows
    ]
    return _table(
        "Orderings",
        columns,
        shown,
        note="Symmetry-distinct, by Burnside's lemma. A charge pattern is all that an Ewald sum "
        "can tell apart: species of equal formal charge are the same in it.",
    )


def rejected_table(rows: Rows) -> Table:
    """Frames that got no label, by reason."""
    counts = Counter((row["composition"], row["reason"]) for row in rows)
    return Table(
        "Frames without a label",
        ("composition", "reason", "frames"),
        [(composition or "-", reason, n) for (composition, reason), n in counts.most_common()],
        note="Each is in 05-label/rejected.csv." if rows else "Every frame got one.",
    )


def compositions_table(rows: Rows, *, note: str = "") -> Table:
    """The lowest ordering of each composition, and what the hull consists of there."""
    columns = {
        "composition": "composition",
        "above hull (meV/atom)": "above",
        "formation (meV/atom)": "formation",
        "the hull there": "decomposition",
        "lowest ordering": "lowest_ordering",
        "relaxed": "orderings",
        "left out": "left_out",
    }
    shown = [
        {
            **row,
            "above": _milli(row["energy_above_hull_eV_atom"]),
            "formation": _milli(row["formation_energy_eV_atom"]),
            "decomposition": "itself" if row["stable"] == "yes" else row["decomposition"],
        }
        for row in rows
    ]
    meaning = "All energies are of the potential that ranked; mixtures are in formula units."
    return _table("Compositions", columns, shown, note=f"{meaning} {note}".strip())


def selection_table(rows: Rows) -> Table:
    """How many orderings were selected, and how many matter."""
    columns = {
        "composition": "composition",
        "supercell": "supercell",
        "ranked": "orderings",
        "expected": "expected",
        "selected": "selected",
        "effective number": "effective_orderings",
        "weight of the lowest": "lowest_weight",
        "weight of the selected": "selected_weight",
    }
    return _table(
        "Selection",
        columns,
        rows,
        note="Boltzmann weights among the ranked orderings of one composition and supercell; the "
        "effective number is exp(entropy) of the weights.",
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
        note="Root-mean-square (mean absolute) errors. Test trajectories were seen by neither "
        "training nor early stopping. Energies of the foundation model are of another functional.",
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
        note="Of the exported file, before any production run; `fail` refuses the model.",
    )


def _table(title: str, columns: Mapping[str, str], rows: Rows, *, note: str = "") -> Table:
    return Table(
        title,
        tuple(columns),
        [tuple(_short(row[key]) for key in columns.values()) for row in rows],
        note=note,
    )


def _milli(text: str) -> str:
    return f"{1000 * float(text):.1f}" if text else ""


def _count(text: str) -> str:
    return f"{int(text):,}" if text and len(text) < 12 else text


def _short(text: str) -> str | None:
    """A number to four digits, other text as it is, None for nothing."""
    try:
        return f"{float(text):.4g}"
    except ValueError:
        return text or None
