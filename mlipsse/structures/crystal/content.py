"""The content of a cell against the formula and Z that its file states."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

AGREES = 0.03
"""Relative: formulas are written with two or three digits."""

CONTRADICTS = 1.1
"""Factor between content and formula beyond which a file is at fault, for elements whose sites are
all full. Partial occupancies are refined, and edited to open sites: they may differ."""

_LEAST_ATOMS = 0.25


@dataclass(frozen=True)
class Agreement:
    """How a cell's content compares with `units` times the formula.

    Attributes
    ----------
    units : formula units in the cell that fit best
    off : atoms per cell too many (or too few) of each element that differs
    missing, extra : elements of the formula without a site, elements without a place in it
    contradicts : an element of full sites is off by more than `CONTRADICTS`
    """

    units: float
    off: Mapping[str, float]
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    contradicts: bool

    @property
    def agrees(self) -> bool:
        """Whether nothing differs."""
        return not (self.off or self.missing or self.extra or self.contradicts)

    @property
    def rank(self) -> int:
        """0 to 2, lower is better."""
        return 2 if self.contradicts else int(not self.agrees)


def compare_content(
    content: Mapping[str, float],
    formula: Mapping[str, float],
    units: float | None,
    full: Collection[str],
) -> Agreement:
    """Compare a cell's content with a stated formula.

    Parameters
    ----------
    content : atoms per cell of every element
    formula : atoms per formula unit as stated
    units : Z as stated; None to fit a whole number. Programs that write the whole cell as the
        formula are allowed for: one unit is tried too, where Z divides the formula's whole numbers
    full : elements that fill all their sites alone
    """
    shared = [name for name in formula if content.get(name, 0.0) > 0]
    missing = tuple(sorted(set(formula) - set(shared)))
    extra = tuple(sorted(set(content) - set(formula)))
    certain = [name for name in shared if name in full] or shared
    ratios = [content[name] / formula[name] for name in certain]
    middle = float(np.median(ratios)) if ratios else 1.0
    if units is None:
        tries = [float(max(1, round(middle))), middle]
    else:
        tries = [1.0, units] if _is_whole_cell(formula, units) else [units]

    def misfit(k: float) -> float:
        return sum(abs(np.log(ratio / k)) for ratio in ratios)

    best = min((k for k in tries if k), key=misfit)
    off = {
        name: content[name] - best * formula[name]
        for name in shared
        if abs(content[name] - best * formula[name])
        > max(AGREES * best * formula[name], _LEAST_ATOMS / 5)
    }
    contradicts = any(
        not 1 / CONTRADICTS < content[name] / (best * formula[name]) < CONTRADICTS
        and abs(amount) > _LEAST_ATOMS
        for name, amount in off.items()
        if name in full
    )
    return Agreement(best, off, missing, extra, contradicts)


def _is_whole_cell(formula: Mapping[str, float], units: float) -> bool:
    """Whether a formula may be that of a cell of so many units."""
    whole = [amount for amount in formula.values() if abs(amount - round(amount)) < 1e-6]
    return all(abs(amount / units - round(amount / units)) < 1e-6 for amount in whole)


def describe_content(content: Mapping[str, float]) -> str:
    """A content as a formula, e.g. `La0.5 Li0.5 O3 Ti`."""
    return " ".join(
        name + ("" if abs(amount - 1) < 5e-4 else f"{amount:.4g}")
        for name, amount in sorted(content.items())
    )
