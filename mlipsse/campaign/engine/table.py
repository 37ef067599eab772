"""CSV tables, written in one step."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mlipsse.files import write_aside


def write_csv(
    path: Path, rows: Sequence[Mapping[str, Any]], *, columns: Sequence[str] | None = None
) -> None:
    """Write `rows`, all with the same keys, with a header line; none only with `columns`."""
    with write_aside(path) as aside, aside.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, fieldnames=columns or list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_csv(path: Path) -> list[dict[str, str]]:
    """Read a table that `write_csv` wrote; all values are text."""
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))
