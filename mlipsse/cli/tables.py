"""Plain tables of rows on the terminal."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from mlipsse.potential.speed.measurement import BenchmarkRow


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
        table.add_row(*(written(row.get(key)) for key in columns.values()))
    Console(highlight=False, markup=False, soft_wrap=True).print(table)


def show_speed(rows: Sequence["BenchmarkRow"]) -> None:
    """What a step costs, of rows of one dtype and number of threads; `--json` prints all of it.

    Columns that no row fills are left out.
    """
    threads = rows[0].threads
    print(f"{rows[0].dtype}, {threads} thread{'' if threads == 1 else 's'}")
    columns: dict[str, list[Any]] = {
        "backend": [row.backend for row in rows],
        "atoms": [row.atoms for row in rows],
        "ms per step": [row.ms_per_step for row in rows],
        "µs per atom and step": [row.us_per_atom_step for row in rows],
        "ns per day": [row.ns_per_day for row in rows],
        "peak MB": [row.peak_memory_MB for row in rows],
        "kB per atom": [row.memory_kB_per_atom for row in rows],
        "outside model": [f"{row.outside_model_fraction:.0%}" for row in rows],
    }
    table = Table(box=None, padding=(0, 1, 0, 0))
    for name, values in columns.items():
        if any(value is not None for value in values):
            longest = max(map(len, [*name.split(), *map(written, values)]))
            table.add_column(
                name, justify="left" if name == "backend" else "right", min_width=longest
            )
    for row in zip(*columns.values(), strict=True):
        filled = [any(value is not None for value in values) for values in columns.values()]
        table.add_row(*(written(value) for value, kept in zip(row, filled, strict=True) if kept))
    Console(highlight=False, markup=False).print(table)
    from mlipsse.potential.speed.benchmark import busy_caution

    if (caution := busy_caution(rows)) is not None:
        print(f"caution: {caution}")


def written(value: object) -> str:
    """A value in a table: numbers with three digits, a dash where there is none."""
    if value is None or value == "":
        return "-"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
