"""The neutral formula nearest to one that is not, or that a cell cannot hold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from mlipsse.orderings.host.formula import parse_formula, write_number
from mlipsse.orderings.host.model import VACANCY, Host

_CELLS = range(1, 13)
_NEAR = 3.0


@dataclass(frozen=True)
class NearestFormula:
    """A neutral formula and the cells that hold it whole.

    Attributes
    ----------
    formula : amounts per formula unit, in the order of the formula asked for
    n_cells : of the host
    distance : atoms per formula unit that differ from the formula asked for
    """

    formula: str
    n_cells: int
    distance: float


def nearest_formula(
    formula: str, host: Host, cells: Sequence[int] | None = None
) -> NearestFormula | None:
    """The neutral formula that differs in the fewest atoms from `formula`.

    Whole numbers of atoms in `n_cells` cells of the host, as many as its sites and fixed amounts
    allow: a small integer program.

    Parameters
    ----------
    formula : as the user wrote it
    cells : numbers of cells that may hold it; None for the fewest that come near it

    Returns
    -------
    NearestFormula or None
        None where no cell can hold a neutral one.
    """
    amounts = parse_formula(formula)
    found: list[NearestFormula] = []
    for n_cells in sorted(set(cells)) if cells else _CELLS:
        nearest = _in_cells(amounts, host, n_cells)
        if nearest is not None:
            found.append(nearest)
    if not found:
        return None
    closest = min(entry.distance for entry in found)
    return next(entry for entry in found if entry.distance <= _NEAR * closest + 1e-3)


def _in_cells(amounts: Mapping[str, Fraction], host: Host, n_cells: int) -> NearestFormula | None:
    from scipy.optimize import Bounds, LinearConstraint, milp

    names = list(amounts)
    units = _units(amounts, host) * n_cells
    target = np.array([float(amounts[name] * units) for name in names])
    rows, low, high = _rules(names, host, n_cells)
    n = len(names)
    # Atoms of every species, then how far each is from what was asked for.
    matrix = np.zeros((len(rows) + 2 * n, 2 * n))
    matrix[: len(rows), :n] = rows
    matrix[len(rows) :, :n] = np.concatenate([np.eye(n), -np.eye(n)])
    matrix[len(rows) :, n:] = np.concatenate([-np.eye(n), -np.eye(n)])
    result = milp(
        np.concatenate([np.zeros(n), np.ones(n)]),
        constraints=LinearConstraint(
            matrix,
            np.concatenate([low, np.full(2 * n, -np.inf)]),
            np.concatenate([high, target, -target]),
        ),
        integrality=np.concatenate([np.ones(n), np.zeros(n)]),
        bounds=Bounds(0, np.inf),
        options={"time_limit": 5.0},
    )
    if result.x is None:
        return None
    counts = {name: round(x) for name, x in zip(names, result.x[:n], strict=True)}
    if sum(count * host.charges[name] for name, count in counts.items()) or not any(
        counts.values()
    ):
        return None
    written = "".join(
        name + (write_number(count / units) if count != units else "")
        for name, count in counts.items()
        if count
    )
    return NearestFormula(written, n_cells, float(result.fun / float(units)))


def _units(amounts: Mapping[str, Fraction], host: Host) -> Fraction:
    """Formula units in a cell: those that a full sublattice asks for, in the middle."""
    from mlipsse.orderings.composition.amounts import families

    units = []
    for family in families(host):
        species = {name for part in family for name in part.species}
        given = sum((amounts.get(name, Fraction(0)) for name in species), Fraction(0))
        if given and all(part.full for part in family):
            units.append(sum(len(part.sites) for part in family) / given)
    whole = [unit for unit in units if unit.denominator == 1]
    return sorted(whole or units or [Fraction(1)])[len(whole or units or [1]) // 2]


def _rules(
    names: Sequence[str], host: Host, n_cells: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows over the species with bounds: neutrality, and the sites of every family."""
    from mlipsse.orderings.composition.amounts import families

    rows = [[float(host.charges[name]) for name in names]]
    low, high = [0.0], [0.0]
    for family in families(host):
        species = {name for part in family for name in part.species} - {VACANCY}
        sites = n_cells * sum(len(part.sites) for part in family)
        rows.append([float(name in species) for name in names])
        low.append(float(sites) if all(part.full for part in family) else 0.0)
        high.append(float(sites))
        for name in sorted(species & set(names)):
            alone = most = Fraction(0)
            for part in family:
                column = part.species.index(name) if name in part.species else None
                if column is None:
                    continue
                if part.fixed:
                    alone, most = alone + part.fixed[column], most + part.fixed[column]
                    continue
                held = part.allowed_mask[:, column]
                most += int(held.sum())
                alone += int((held & (part.allowed_mask.sum(axis=1) == 1)).sum())
            rows.append([float(name == other) for other in names])
            low.append(float(alone * n_cells))
            high.append(float(most * n_cells))
    return np.array(rows), np.array(low), np.array(high)
