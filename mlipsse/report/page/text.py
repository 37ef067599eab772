"""How numbers and formulas are written in tables, and by what they sort."""

import math
import re
from typing import Any

from markupsafe import Markup, escape

_NUMBER = r"[+-]?(?:\d[\d,]*)?\.?\d+(?:e[+-]?\d+)?"
_WITH_MORE = re.compile(rf"({_NUMBER})(?:\s*±\s*{_NUMBER}|\s*\({_NUMBER}\)|\s*K)?", re.IGNORECASE)
_FORMULA = re.compile(r"(?:[A-Z][a-z]?(?:\d+(?:\.\d+)?)?)+")
_NO_FORMULAS = {"CP2K", "P1"}
"""A program and a space group that read as one."""
_ATOM = re.compile(r"([A-Z][a-z]?)(\d+(?:\.\d+)?)?")


def with_error(value: float | None, std: float | None) -> str | None:
    """`0.312 ± 0.021`: the error to two digits and the value to the same place.

    Without an error the value to three digits; without a value None.
    """
    if value is None:
        return None
    if std is None or std <= 0:
        return f"{value:.3g}"
    places = max(0, 1 - math.floor(math.log10(std)))
    return f"{value:.{places}f} ± {std:.{places}f}"


def cell_text(value: object) -> str:
    """A value as a table shows it: numbers to four digits, a dash for nothing."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)


def cell_html(value: object) -> Markup:
    """As `cell_text`, escaped; the numbers of a chemical formula become subscripts."""
    text = cell_text(value)
    return formula_html(text) if _is_formula(text) else escape(text)


def text_html(text: str) -> Markup:
    """A sentence, escaped, in which the words that are formulas are written as such."""
    parts = re.split(r"([\s,;:()]+|\.(?=\s|$))", text)
    return Markup("").join(cell_html(part) for part in parts)


def formula_html(formula: str) -> Markup:
    """`Li<sub>3</sub>InCl<sub>6</sub>`, kept on one line."""
    parts = [
        escape(symbol) + (Markup("<sub>{}</sub>").format(number) if number else "")
        for symbol, number in _ATOM.findall(formula)
    ]
    return Markup('<span class="formula">{}</span>').format(Markup("").join(parts))


def sort_value(value: object) -> float | None:
    """The number that a cell sorts by: `0.31 ± 0.02` is 0.31; None for text and for nothing."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    match = _WITH_MORE.fullmatch(value.strip()) if isinstance(value, str) else None
    return float(match[1].replace(",", "")) if match else None


def _is_formula(text: str) -> bool:
    if not _FORMULA.fullmatch(text) or not any(letter.isdigit() for letter in text):
        return False
    if text in _NO_FORMULAS:
        return False
    from ase.data import atomic_numbers

    return all(symbol in atomic_numbers for symbol, _ in _ATOM.findall(text))


def milli_text(text: str) -> str:
    """A table's number in thousandths, `0.0123` as `12.3`; nothing for nothing."""
    return f"{1000 * float(text):.1f}" if text else ""


def count_text(text: str) -> str:
    """A whole number with commas; one too long for it as it is."""
    return f"{int(text):,}" if text and len(text) < 12 else text


def short_text(text: str) -> str | None:
    """A number to four digits, other text as it is, None for nothing."""
    try:
        return f"{float(text):.4g}"
    except ValueError:
        return text or None


def rounded(value: Any, digits: int = 3) -> Any:
    """A float with so many digits, None for one that is not finite; everything else as it is."""
    if not isinstance(value, float):
        return value
    return float(f"{value:.{digits}g}") if math.isfinite(value) else None
