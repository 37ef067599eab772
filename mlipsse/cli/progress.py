"""A line that shows how far a long command is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


@contextmanager
def progress_line(console: Console) -> Iterator[Callable[[int, int, str], None]]:
    """A function that takes units done, units in all and a text, and draws them."""
    columns = (
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[text]}", markup=False),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        task = bars.add_task("", total=None, text="")
        yield lambda done, total, text: bars.update(task, completed=done, total=total, text=text)
