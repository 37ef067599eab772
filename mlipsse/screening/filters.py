"""Which crystals of a folder are worth screening: by columns of a table that the user has."""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlipsse.errors import MlipsseError

_CONDITION = re.compile(r"\s*(?P<column>[^<>=]+?)\s*(?P<sign><=|>=|<|>)\s*(?P<limit>[^<>=]+?)\s*")


@dataclass(frozen=True)
class Condition:
    """A column of numbers and a limit, e.g. `band_gap_eV > 0.5`."""

    column: str
    sign: str
    limit: float

    def holds(self, value: float) -> bool:
        """Whether a value fulfils it."""
        return {
            "<": value < self.limit,
            "<=": value <= self.limit,
            ">": value > self.limit,
            ">=": value >= self.limit,
        }[self.sign]

    def __str__(self) -> str:
        return f"{self.column} {self.sign} {self.limit:g}"


def parse_condition(text: str) -> Condition:
    """A condition from `COLUMN > NUMBER`, with <, <=, > or >=.

    Raises
    ------
    MlipsseError
        for any other text.
    """
    found = _CONDITION.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        return Condition(found["column"], found["sign"], float(found["limit"]))
    except ValueError as error:
        raise MlipsseError(
            f"The condition {text!r} is not understood. Write a column, <, <=, > or >=, and a "
            "number, e.g. 'band_gap_eV > 0.5'."
        ) from error


def read_properties(path: Path, conditions: Sequence[Condition]) -> dict[str, Mapping[str, str]]:
    """Rows of a CSV file by their `name`, which is a crystal's file without its ending.

    Raises
    ------
    MlipsseError
        when the file cannot be read, has no column `name` or lacks that of a condition, or has two
        rows of one name.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            rows, columns = list(reader), reader.fieldnames or []
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise MlipsseError(f"{path} cannot be read as a CSV table: {error}.") from error
    for needed in ("name", *(condition.column for condition in conditions)):
        if needed not in columns:
            raise MlipsseError(
                f"{path} has no column {needed!r}; it has {', '.join(columns) or 'none'}."
            )
    found: dict[str, Mapping[str, str]] = {}
    for row in rows:
        if row["name"] in found:
            raise MlipsseError(f"{path} has two rows of {row['name']}. Keep one of them.")
        found[row["name"]] = row
    return found


def reason_against(
    name: str, conditions: Sequence[Condition], properties: Mapping[str, Mapping[str, str]]
) -> str:
    """Why a crystal is left out; empty when it fulfils all conditions."""
    if not conditions:
        return ""
    row = properties.get(name)
    if row is None:
        return "the table of properties has no row of it"
    for condition in conditions:
        text = row[condition.column]
        try:
            value = float(text)
        except (TypeError, ValueError):
            return f"its {condition.column} is {text!r}, which is not a number"
        if not condition.holds(value):
            return f"its {condition.column} is {value:g}, and {condition} is required"
    return ""
