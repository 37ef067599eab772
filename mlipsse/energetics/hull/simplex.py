"""Where a composition lies between end members, and which phases of a triangle are tied."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np

from mlipsse.errors import MlipsseError

Amounts = Mapping[str, Fraction]


def simplex_coordinates(
    composition: Amounts, end_members: Sequence[Amounts]
) -> tuple[Fraction, ...]:
    """Mole fractions of the end members' formula units that make up a composition, exact.

    These are the barycentric coordinates by which diagrams of pseudo-systems are drawn. A formula
    unit is what is passed: Li3PS4 (8 atoms) and Li4GeO4 (9 atoms) count one each, so half of each
    is (1/2, 1/2), though it is 8/17 and 9/17 by atoms; an end member written as Li6P2S8 would
    count two Li3PS4 as one.

    Parameters
    ----------
    composition : species to amount, exact (int or Fraction), in any multiple
    end_members : species to amount of one formula unit of each

    Returns
    -------
    (n_end_members,) fractions from 0 to 1, sum 1

    Raises
    ------
    MlipsseError
        when the end members are dependent (one is a mixture of others, so that coordinates are
        not unique), or the composition lies outside the simplex that they span.
    """
    check_independent(end_members)
    names = _names(end_members)
    units = _solve(end_members, composition)
    if units is None:
        raise MlipsseError(
            f"{formula_text(composition)} is not a mixture of the end members {', '.join(names)} "
            "in any amounts. Add the missing end member to enumerate.end_members, or remove the "
            "composition."
        )
    negative = [name for name, amount in zip(names, units, strict=True) if amount < 0]
    if negative:
        raise MlipsseError(
            f"{formula_text(composition)} lies outside the span of {', '.join(names)}: it is "
            f"{_sum_text(units, names)}, with a negative amount of {', '.join(negative)}. Add an "
            "end member beyond it to enumerate.end_members, or remove the composition."
        )
    total = sum(units, Fraction(0))
    return tuple(amount / total for amount in units)


def check_independent(end_members: Sequence[Amounts]) -> None:
    """Refuse end members of which one is a combination of others, naming the relation.

    Four halides In/Y x Cl/Br are so: Li3InCl6 + Li3YBr6 = Li3InBr6 + Li3YCl6.
    """
    for last in range(1, len(end_members)):
        before = end_members[:last]
        amounts = _solve(before, end_members[last])
        if amounts is not None:
            names = _names(before)
            raise MlipsseError(
                f"The end members are dependent: {formula_text(end_members[last])} is "
                f"{_sum_text(amounts, names)}, so compositions have no unique coordinates. "
                "Formation energies refer to the cheapest mixture, and there is no diagram. List "
                "independent end members for a diagram."
            )


def tie_lines(fractions: np.ndarray, energies_eV: np.ndarray) -> np.ndarray:
    """Pairs of phases that are at equilibrium with each other in a pseudo-ternary.

    They are the edges of the lower convex hull over the triangle, whose facets come from Qhull.
    Where more than three phases lie in one plane, one of the possible triangulations is given.

    Parameters
    ----------
    fractions : (n, 3) mole fractions of end-member formula units, the three corners among them
    energies_eV : (n,) per mole of formula units of the end members (not per atom: those do not
        mix in a plane unless all end members have as many atoms), eV, from any references

    Returns
    -------
    (m, 2) int, each pair once, rising

    Raises
    ------
    MlipsseError
        when a corner of the triangle is not among the phases.
    """
    from scipy.spatial import ConvexHull, QhullError

    fractions, energies_eV = np.asarray(fractions, float), np.asarray(energies_eV, float)
    corners = [int(np.argmax(fractions[:, k])) for k in range(3)]
    if any(fractions[corner, k] < 1 - 1e-9 for k, corner in enumerate(corners)):
        raise MlipsseError("Tie lines need all three end members among the phases; one is missing.")
    height = energies_eV - fractions @ energies_eV[corners]
    height /= np.abs(height).max() or 1.0
    points = np.column_stack([fractions[:, :2], height])
    try:
        # A point far above: three corners alone are flat, and Qhull wants a body.
        hull = ConvexHull(np.vstack([points, [1 / 3, 1 / 3, 10.0]]))
    except QhullError as error:
        raise MlipsseError(f"The triangle's tie lines could not be found: {error}") from error
    lower = hull.equations[:, 2] < -1e-9  # outward normals that point down; walls have 0
    edges = {
        tuple(sorted((int(facet[i]), int(facet[j]))))
        for facet in hull.simplices[lower]
        for i, j in ((0, 1), (1, 2), (0, 2))
    }
    return np.array(sorted(edges), dtype=int).reshape(-1, 2)


def formula_text(amounts: Mapping[str, Fraction | int | float]) -> str:
    """Amounts as a formula: `Li3In0.5Y0.5Br3Cl3`."""
    return "".join(
        name if amount == 1 else f"{name}{float(amount):g}"
        for name, amount in amounts.items()
        if amount
    )


def mixture_text(amounts: Mapping[str, float]) -> str:
    """Amounts of phases as a sum: `0.5 Li3InCl6 + 0.5 Li3YBr6`."""
    return " + ".join(
        name if abs(amount - 1) < 5e-5 else f"{amount:.4g} {name}"
        for name, amount in amounts.items()
    )


def _names(end_members: Sequence[Amounts]) -> list[str]:
    return [formula_text(member) for member in end_members]


def _sum_text(amounts: Sequence[Fraction], names: Sequence[str]) -> str:
    pairs = sorted(zip(amounts, names, strict=True), key=lambda pair: pair[0] < 0)
    terms = [
        f"{'-' if amount < 0 else '+'} {'' if abs(amount) == 1 else f'{abs(amount)} '}{name}"
        for amount, name in pairs
        if amount
    ]
    return " ".join(terms).removeprefix("+ ")


def _solve(columns: Sequence[Amounts], target: Amounts) -> list[Fraction] | None:
    """Amounts of independent `columns` that add up to `target`; None when none do.

    Gauss-Jordan elimination in fractions: a composition on an edge has exactly 0 of a corner.
    """
    species = sorted({name for amounts in (*columns, target) for name in amounts})
    rows = [[Fraction(amounts.get(name, 0)) for amounts in (*columns, target)] for name in species]
    for k in range(len(columns)):
        pivot = next(row for row in rows[k:] if row[k])
        rows.remove(pivot)
        pivot = [value / pivot[k] for value in pivot]
        rows = [
            [value - row[k] * part for value, part in zip(row, pivot, strict=True)] for row in rows
        ]
        rows.insert(k, pivot)
    if any(row[-1] for row in rows[len(columns) :]):
        return None
    return [row[-1] for row in rows[: len(columns)]]
