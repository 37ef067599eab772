"""How a supercell repeats a cell: by three factors or by a matrix of whole numbers."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from mlipsse.errors import MlipsseError

Rows = tuple[tuple[int, int, int], tuple[int, int, int], tuple[int, int, int]]


@dataclass(frozen=True)
class Repeats:
    """A supercell's lattice vectors in units of the cell's; `parse_repeats` makes one.

    Attributes
    ----------
    rows : the vectors
    """

    rows: Rows

    @cached_property
    def matrix(self) -> np.ndarray:
        """(3, 3) int, rows are the supercell's lattice vectors."""
        return np.array(self.rows)

    @property
    def factors(self) -> tuple[int, int, int] | None:
        """(na, nb, nc) of a diagonal matrix, else None."""
        a, b, c = (int(f) for f in self.matrix.diagonal())
        return (a, b, c) if np.count_nonzero(self.matrix) == 3 and min(a, b, c) > 0 else None

    @property
    def name(self) -> str:
        """`1x1x2`; of a matrix its rows, e.g. `1.1.0_-1.1.0_0.0.1`."""
        if self.factors is not None:
            return "x".join(map(str, self.factors))
        return "_".join(".".join(map(str, row)) for row in self.rows)

    @cached_property
    def n_cells(self) -> int:
        """Number of cells."""
        return round(abs(np.linalg.det(self.matrix)))

    @cached_property
    def _reduced(self) -> np.ndarray:
        """Hermite normal form, upper triangular: other vectors of the same lattice."""
        rows = [list(row) for row in self.rows]
        for column in range(3):
            while any(row[column] for row in rows[column + 1 :]):
                rest = [row for row in rows[column:] if row[column]]
                zero = [row for row in rows[column:] if not row[column]]
                rest.sort(key=lambda row: abs(row[column]))
                least = rest[0]
                others = [
                    [
                        x - (row[column] // least[column]) * y
                        for x, y in zip(row, least, strict=True)
                    ]
                    for row in rest[1:]
                ]
                rows[column:] = [least, *others, *zero]
            # Without entries below it a zero here would make the matrix singular: sort it up.
            rows[column:] = sorted(rows[column:], key=lambda row: not row[column])
            if rows[column][column] < 0:
                rows[column] = [-x for x in rows[column]]
        return np.array(rows)

    @cached_property
    def origins(self) -> np.ndarray:
        """(n_cells, 3) int, origin of every cell in units of the cell; C order for factors."""
        shape = self._reduced.diagonal()
        return np.stack(np.unravel_index(np.arange(self.n_cells), shape), axis=1)

    def index(self, cells: np.ndarray) -> np.ndarray:
        """Number, as in `origins`, of cells at integer positions (..., 3) up to translations."""
        rest, number = np.array(cells), 0
        for column, row in enumerate(self._reduced):
            times = rest[..., column] // row[column]
            rest = rest - times[..., None] * row
            number = number * row[column] + rest[..., column]
        return np.asarray(number)

    def kept_by(self, rotation: np.ndarray) -> bool:
        """Whether a rotation, (3, 3) int on fractional columns, maps the lattice onto itself."""
        moved = self.matrix @ rotation.T
        return not self.index(moved).any()


RepeatsLike = Repeats | str | Sequence[int] | Sequence[Sequence[int]]


def parse_repeats(text: RepeatsLike) -> Repeats:
    """`Repeats` from ``1x1x2``, ``(1, 1, 2)``, three rows of numbers, or the name of such rows.

    Raises
    ------
    MlipsseError
        when it is none of these, a factor is below 1, or the rows span no volume.
    """
    if isinstance(text, Repeats):
        return text
    numbers = _numbers(text)
    if len(numbers) == 3 and all(isinstance(f, int) and f > 0 for f in numbers):
        a, b, c = numbers
        return Repeats(((a, 0, 0), (0, b, 0), (0, 0, c)))
    if len(numbers) == 3 and all(
        isinstance(row, list) and len(row) == 3 and all(isinstance(x, int) for x in row)
        for row in numbers
    ):
        first, second, third = (tuple(row) for row in numbers)
        if round(np.linalg.det(np.array(numbers))) > 0:
            return Repeats((first, second, third))
    listed = isinstance(text, Sequence | np.ndarray) and not isinstance(text, str)
    shown = "x".join(map(str, text)) if listed else text
    raise MlipsseError(
        "A supercell is three whole numbers of at least 1, such as 1x1x2, or three rows of whole "
        "numbers that span a positive volume, such as [[1, 1, 0], [-1, 1, 0], [0, 0, 1]], not "
        f"{shown}."
    )


def _numbers(text: str | Sequence[int] | Sequence[Sequence[int]]) -> list[Any]:
    if not isinstance(text, str | Sequence | np.ndarray):
        return []
    if not isinstance(text, str):
        return [
            [_whole(x) for x in item] if isinstance(item, Sequence) else _whole(item)
            for item in (text.tolist() if isinstance(text, np.ndarray) else text)
        ]
    if re.fullmatch(r"\s*\d+(\s*[x×]\s*\d+){2}\s*", text):
        return [int(f) for f in re.findall(r"\d+", text)]
    if re.fullmatch(r"(-?\d+\.){2}-?\d+(_(-?\d+\.){2}-?\d+){2}", text):
        return [[int(x) for x in row.split(".")] for row in text.split("_")]
    return []


def _whole(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        return value
    return int(value) if value == int(value) else value
