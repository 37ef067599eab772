"""Chemical formulas with exact amounts."""

import re
from fractions import Fraction

from pymatgen.core import Element

from mlipsse.errors import MlipsseError

_TOKEN = re.compile(r"([A-Z][a-z]?)|(\()|(\))|(\d+(?:\.\d*)?|\.\d+)")
_LARGEST_DENOMINATOR = 100


def parse_formula(formula: str) -> dict[str, Fraction]:
    """Amounts of ``Li3In0.5Y0.5Br3Cl3`` or ``Na3Zr2(SiO4)2PO4``, in the order of the formula.

    Numbers are exact as written; one with three or more decimals is the simplest fraction
    (denominator up to 100) that it rounds: 0.333 is one third, 0.33 is 33/100.

    Raises
    ------
    MlipsseError
        when the text is no formula; the message names the place.
    """
    stack: list[dict[str, Fraction]] = [{}]
    last: dict[str, Fraction] = {}  # what a number that comes next multiplies
    position = 0
    while position < len(formula):
        match = _TOKEN.match(formula, position)
        if match is None:
            raise _unparsable(formula, f"{formula[position]!r} at position {position + 1}")
        element, opened, closed, number = match.groups()
        position = match.end()
        if number is not None:
            if not last:
                raise _unparsable(formula, f"the number {number} follows no element")
            factor = exact_number(number) - 1
        else:
            factor = Fraction(1)
            if opened:
                stack.append({})
                last = {}
                continue
            if closed:
                if len(stack) == 1:
                    raise _unparsable(formula, "a parenthesis closes that never opened")
                last = stack.pop()
            else:
                if not Element.is_valid_symbol(element):
                    raise _unparsable(formula, f"{element} is not an element")
                last = {element: Fraction(1)}
        for name, amount in last.items():
            stack[-1][name] = stack[-1].get(name, Fraction(0)) + amount * factor
        if number is not None:
            last = {}
    if len(stack) > 1:
        raise _unparsable(formula, "a parenthesis is not closed")
    amounts = {name: amount for name, amount in stack[0].items() if amount}
    if not amounts:
        raise _unparsable(formula, "it names no element")
    return amounts


def same_composition(first: str, second: str) -> bool:
    """Whether two formulas have the same elements in the same ratio.

    Raises
    ------
    MlipsseError
        as `parse_formula`.
    """
    one, two = (parse_formula(text) for text in (first, second))
    total_one, total_two = sum(one.values()), sum(two.values())
    return one.keys() == two.keys() and all(
        one[name] * total_two == two[name] * total_one for name in one
    )


def _unparsable(formula: str, reason: str) -> MlipsseError:
    return MlipsseError(
        f"The composition {formula!r} cannot be parsed: {reason}. Write it like Li3In0.5Y0.5Br3Cl3."
    )


def exact_number(number: str | float) -> Fraction:
    """A decimal number as it is meant: 0.25 is 1/4, 0.333 (three decimals or more) is 1/3."""
    text = str(number)
    exact = Fraction(text)
    decimals = len(text.partition(".")[2])
    simple = exact.limit_denominator(_LARGEST_DENOMINATOR)
    if decimals >= 3 and abs(simple - exact) <= Fraction(1, 2 * 10**decimals):
        return simple
    return exact


def write_number(number: Fraction) -> str:
    """The shortest decimal that `exact_number` reads back: 1/4 is 0.25, 1/3 is 0.333."""
    for decimals in range(12):
        text = f"{float(number):.{decimals}f}"
        if exact_number(text) == number:
            return text
    return f"{float(number):.12g}"
