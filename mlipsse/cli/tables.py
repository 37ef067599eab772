"""Plain tables of rows on the terminal."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table


def print_rows(
    rows: Sequence[Mapping[str, object]], columns: Mapping[str, str], *, texts: Sequence[str] = ()
) -> None:
    """Print rows, numbers with three digits, a dash where there is none.

    Parameters
    ----------
    columns : title -> key of the rows
    texts : titles of columns that are set to the left
    """
    table = Table(box=None, padding=(0, 1, 0, 0))
    for title in columns:
        table.add_column(title, justify="left" if title in texts else "right")
    for row in rows:
        table.add_row(*(_written(row.get(key)) for key in columns.values()))
    Console(highlight=False, markup=False, soft_wrap=True).print(table)


def _written(value: object) -> str:
    if value is None or value == "":
        return "-"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
