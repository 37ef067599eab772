"""Tables of production runs for the terminal."""

from collections.abc import Mapping, Sequence

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mlipsse.campaign.views.run_table import RunGroup, RunTable
from mlipsse.md.watch.state import ENDED, STATES, State

_WIDE = 100
"""Columns of a terminal from which bars have their full length."""
_COLOURS: Mapping[State, str] = {
    "queued": "dim",
    "running": "cyan",
    "continuing": "cyan",
    "stalled": "yellow",
    "done": "green",
    "unsettled": "red",
    "melted": "red",
    "exploded": "red",
}
_MOST_TROUBLED = 8


def print_runs(table: RunTable, console: Console) -> None:
    """One screen: composition by temperature, the sum, and what is wrong."""
    bar = 8 if console.width >= _WIDE else 4
    temperatures_K = sorted({group.temperature_K for group in table.groups})
    by_place = {(group.composition, group.temperature_K): group for group in table.groups}
    grid = Table(title="runs", title_justify="left", box=SIMPLE, padding=(0, 1, 0, 0))
    grid.add_column("composition", overflow="fold", min_width=12)
    for temperature_K in temperatures_K:
        grid.add_column(f"{temperature_K:g} K", no_wrap=True)
    for composition in dict.fromkeys(group.composition for group in table.groups):
        cells = [by_place.get((composition, temperature_K)) for temperature_K in temperatures_K]
        grid.add_row(composition, *(_cell(group, bar) for group in cells))
    console.print(grid)
    console.print(_summary(table))
    for run in table.troubled[:_MOST_TROUBLED]:
        console.print(f"  {run.record.name}: {run.state}: {run.reason}", soft_wrap=True)
    if len(table.troubled) > _MOST_TROUBLED:
        console.print(f"  and {len(table.troubled) - _MOST_TROUBLED} more; --json has them all.")


def duration(seconds: float) -> str:
    """`45 s`, `12 min`, `3.4 h` or `2.1 days`."""
    for unit, length, shown in (("days", 86_400.0, 1), ("h", 3600.0, 1), ("min", 60.0, 0)):
        if seconds >= 2 * length or (unit == "min" and seconds >= 100):
            return f"{seconds / length:.{shown}f} {unit}"
    return f"{seconds:.0f} s"


def _cell(group: RunGroup | None, bar: int) -> Text:
    if group is None:
        return Text("")
    worst = next(state for state in reversed(STATES) if group.states.get(state))
    colour = _COLOURS["done" if worst == "done" else _shown(group.states)]
    filled = round(bar * group.progress)
    text = Text("━" * filled, style=colour)
    text.append("╌" * (bar - filled), style="dim")
    text.append(f"{100 * group.progress:4.0f}%")
    stopped = [state for state in ENDED if state != "done" and group.states.get(state)]
    bad = [f"{group.states[state]} {state}" for state in stopped]
    stalled = group.states.get("stalled")
    for words in [*bad, *([f"{stalled} stalled"] if stalled else [])]:
        text.append(f"\n{words}", style="red" if "stalled" not in words else "yellow")
    return text


def _shown(states: Mapping[State, int]) -> State:
    """The state whose colour a group of several has: what is at work first."""
    stopped = [state for state in reversed(ENDED) if state != "done"]
    order: Sequence[State] = ("running", "continuing", "stalled", "queued", *stopped)
    return next((state for state in order if states.get(state)), "done")


def _summary(table: RunTable) -> str:
    counts = table.states
    states = [f"{counts[state]} {state}" for state in STATES if counts.get(state)]
    words = [f"{len(table.runs)} runs: {', '.join(states)}."]
    if table.ns_per_day:
        words.append(f"{table.ns_per_day:.3g} ns/day together,")
        words.append(f"{duration(table.seconds_left or 0.0)} left at this speed.")
    if table.speed_ratio:
        words.append(f"Runs reach {table.speed_ratio:.2f} of the estimated speed.")
    return " ".join(words)
