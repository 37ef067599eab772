"""The acceptance report of a potential, and how a bundle's card records it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mlipsse.dataset.check.measures.verdict import Verdict
from mlipsse.potential.bundle.folder import CARD_FILE, read_card, write_card

CARD_KEY = "acceptance"


@dataclass(frozen=True)
class Criterion:
    """One line of the table.

    Attributes
    ----------
    name : what was tried
    verdict : `fail` refuses the model, `warn` does not, `skip` where nothing could be tried
    value, limit : numbers in `unit`; None where there is none
    sentence : what was found and, unless it passed, what it means
    numbers : more of them, by names that carry units
    """

    name: str
    verdict: Verdict
    value: float | None
    limit: float | None
    unit: str
    sentence: str
    numbers: Mapping[str, float | int | str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class AcceptanceReport:
    """What `accept` found: one crystal through every trial of a potential.

    Attributes
    ----------
    structure : its name
    atoms : of the hot run
    temperature_K, duration_ps : of the hot run
    criteria : lines of the table
    curves : what figures draw (see `mlipsse.report.figures.acceptance`), plain lists and numbers
    """

    structure: str
    atoms: int
    temperature_K: float
    duration_ps: float
    criteria: tuple[Criterion, ...]
    curves: dict[str, Any]

    @property
    def accepted(self) -> bool:
        """No criterion refuses."""
        return all(criterion.verdict != "fail" for criterion in self.criteria)


def acceptance_record(reports: Sequence[AcceptanceReport]) -> dict[str, Any]:
    """Reports as plain YAML or JSON types, numbers to five digits, without curves.

    Returns
    -------
    dict
        `accepted`, and `structures`: for each its name, atoms, temperature, duration, whether
        accepted and its `criteria`, a mapping each.
    """
    return {
        "accepted": all(report.accepted for report in reports),
        "structures": [
            {
                "structure": report.structure,
                "accepted": report.accepted,
                "atoms": report.atoms,
                "temperature_K": report.temperature_K,
                "duration_ps": report.duration_ps,
                "criteria": [_plain(asdict(criterion)) for criterion in report.criteria],
            }
            for report in reports
        ],
    }


def write_acceptance(folder: Path, record: Mapping[str, Any]) -> None:
    """Put a record into the card of the bundle in `folder`, in the place of an older one.

    Raises
    ------
    MlipsseError
        when there is no readable card.
    """
    card = read_card(folder / CARD_FILE)
    # The checksums, long, stay last.
    sums = card.pop("sha256", {})
    write_card(folder, {**card, CARD_KEY: dict(record), "sha256": sums})


def refusals(record: Mapping[str, Any]) -> list[str]:
    """A sentence for every criterion that refuses: structure, criterion, what was found."""
    return [
        f"{entry['structure']}, {criterion['name']}: {criterion['sentence']}"
        for entry in record["structures"]
        for criterion in entry["criteria"]
        if criterion["verdict"] == "fail"
    ]


def table_rows(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row per structure and criterion, for tables and CSV files."""
    return [
        {"structure": entry["structure"]}
        | {key: criterion[key] for key in ("name", "verdict", "value", "limit", "unit", "sentence")}
        for entry in record["structures"]
        for criterion in entry["criteria"]
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    return float(f"{value:.5g}") if isinstance(value, float) else value
