"""Compositions on a grid: a formula with expressions for its amounts, and values to put in."""

import ast
import operator
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import product
from typing import Any

from mlipsse.errors import MlipsseError
from mlipsse.orderings.host.formula import exact_number, parse_formula, write_number

_AMOUNT = re.compile(r"(\([^()]*\)|[A-Z][a-z]?)\{([^{}]*)\}")

_ARITHMETIC = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_COMPARISON = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
}


def composition_grid(
    formula: str,
    values: Mapping[str, Sequence[float | str]],
    *,
    where: str | None = None,
) -> list[str]:
    """Formulas at the points of a grid, in the order of the values, the last name fastest.

    Parameters
    ----------
    formula : with an expression in braces after every element or group whose amount varies, e.g.
        ``Li3In{x}Y{1-x}Br{6*y}Cl{6-6*y}`` or ``Na{1+x}Zr2(SiO4){x}(PO4){3-x}``
    values : per name in the expressions, its values: numbers, or fractions as text (``1/8``);
        a number with three or more decimals is the simple fraction that it rounds
    where : only points where this holds, e.g. ``x + y >= 1``

    Returns
    -------
    list of str
        what is absent at a point is left out of its formula: ``Li3InCl6``

    Raises
    ------
    MlipsseError
        for an expression that cannot be read, a name without values, a point with a negative
        amount, and a grid without points.

    Examples
    --------
    >>> composition_grid("Li3In{x}Y{1-x}Cl6", {"x": [0, 0.5, 1]})
    ['Li3YCl6', 'Li3In0.5Y0.5Cl6', 'Li3InCl6']
    """
    if not _AMOUNT.search(formula):
        raise MlipsseError(
            f"The grid's formula {formula!r} has no amount in braces: write it like "
            "Li3In{x}Y{1-x}Cl6, or list `compositions` instead."
        )
    exact = {name: [_exact(name, value) for value in row] for name, row in values.items()}
    found: list[str] = []
    for point in product(*exact.values()):
        names = dict(zip(exact, point, strict=True))
        if where is None or _evaluate(where, names):
            written = _at(formula, names)
            parse_formula(written)
            if written not in found:
                found.append(written)
    if not found:
        raise MlipsseError(
            f"The grid of {formula} has no points: no combination of the values fulfils {where!r}."
            if where
            else f"The grid of {formula} has no points: give `values`."
        )
    return found


def _at(formula: str, names: Mapping[str, Fraction]) -> str:
    return _AMOUNT.sub(lambda match: _amount(match, formula, names), formula)


def _amount(match: re.Match[str], formula: str, names: Mapping[str, Fraction]) -> str:
    amount = _evaluate(match[2], names)
    if isinstance(amount, bool):
        raise MlipsseError(
            f"{{{match[2]}}} in the grid's formula {formula} is not a number. Write a number or "
            "an expression of the variables."
        )
    if amount < 0:
        at = ", ".join(f"{name} = {write_number(value)}" for name, value in names.items())
        raise MlipsseError(
            f"At {at} the formula {formula} gives {match[1]} an amount of {write_number(amount)}: "
            "the point is not a composition. Remove it from the values, or exclude it with "
            "`where`."
        )
    return "" if amount == 0 else match[1] + (write_number(amount) if amount != 1 else "")


def _exact(name: str, value: float | str) -> Fraction:
    try:
        return Fraction(value) if isinstance(value, str) and "/" in value else exact_number(value)
    except (ValueError, ZeroDivisionError) as error:
        raise MlipsseError(
            f"The grid's value {value!r} of {name} is not a number. Write it like 0.25 or 1/8."
        ) from error


def _evaluate(text: str, names: Mapping[str, Fraction]) -> Any:
    try:
        return _value(ast.parse(text.strip(), mode="eval").body, names)
    except (SyntaxError, TypeError, KeyError, ZeroDivisionError) as error:
        known = ", ".join(names) or "none"
        raise MlipsseError(
            f"The expression {text!r} of the composition grid cannot be evaluated. Use + - * /, "
            f"numbers, comparisons joined by and/or, and the names with values ({known})."
        ) from error


def _value(node: ast.expr, names: Mapping[str, Fraction]) -> Any:
    match node:
        case ast.Constant(value=int() | float() as number):
            return exact_number(number)
        case ast.Name(id=name):
            return names[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, names)
        case ast.BinOp(left=left, op=op, right=right):
            return _ARITHMETIC[type(op)](_value(left, names), _value(right, names))
        case ast.Compare(left=left, ops=ops, comparators=rights):
            terms = [_value(term, names) for term in (left, *rights)]
            steps = zip(ops, terms[:-1], terms[1:], strict=True)
            return all(_COMPARISON[type(op)](a, b) for op, a, b in steps)
        case ast.BoolOp(op=op, values=parts):
            joined = all if isinstance(op, ast.And) else any
            return joined(_value(part, names) for part in parts)
    raise TypeError(f"{ast.dump(node)} is no arithmetic")
