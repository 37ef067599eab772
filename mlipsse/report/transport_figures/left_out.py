"""What a figure of several models states of the runs that were left out."""

import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]

_WIDTH = 150  # characters of a line below the panels


def left_out_lines(rows: Sequence[Row], name_of: Callable[[Row], str]) -> list[str]:
    """One line per composition and model with runs that were left out, with the first reason.

    Parameters
    ----------
    rows : with `composition`, `runs`, `runs_left_out` and `left_out`
    name_of : name of the model of a row
    """
    lines = []
    for formula in dict.fromkeys(row["composition"] for row in rows):
        here = [row for row in rows if row["composition"] == formula]
        for name in dict.fromkeys(name_of(row) for row in here):
            own = [row for row in here if name_of(row) == name]
            left_out = sum(row["runs_left_out"] for row in own)
            if not left_out:
                continue
            total = left_out + sum(row["runs"] for row in own)
            first = next(row["left_out"] for row in own if row["left_out"])
            line = f"{formula}, {name}: {left_out} of {total} runs left out, e.g. {first}"
            lines.append(textwrap.shorten(line, _WIDTH, placeholder=" …"))
    return lines
