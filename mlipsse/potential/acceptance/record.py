"""What acceptance leaves in a bundle's card."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mlipsse.potential.acceptance.trials import StructureAcceptance
from mlipsse.potential.bundle.folder import CARD_FILE, read_card, write_card

CARD_KEY = "acceptance"


def acceptance_record(results: Sequence[StructureAcceptance]) -> dict[str, Any]:
    """The results as plain YAML or JSON types, numbers to five digits, without curves.

    Returns
    -------
    dict
        `accepted`, and `structures`: for each its name, atoms, temperature, duration, whether
        accepted and its `criteria`, a mapping each.
    """
    return {
        "accepted": all(result.accepted for result in results),
        "structures": [
            {
                "structure": result.structure,
                "accepted": result.accepted,
                "atoms": result.atoms,
                "temperature_K": result.temperature_K,
                "duration_ps": result.duration_ps,
                "criteria": [_plain(asdict(criterion)) for criterion in result.criteria],
            }
            for result in results
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
