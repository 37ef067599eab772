"""What a CIF's type symbol or label names: an element, an oxidation state, a vacancy, a mixture."""

import re
from collections.abc import Collection
from dataclasses import dataclass

from mlipsse.errors import MlipsseError

VACANCY_NAMES = frozenset(
    {
        "va",
        "vac",
        "vc",
        "void",
        "x",
        "xx",
        "vacancy",
        "vacant",
        "vak",
        "empty",
        "hole",
        "none",
        "nothing",
        "null",
        "box",
        "□",
        "☐",
        "▫",
    }
)
"""Compared in lower case, without digits; `V` is vanadium."""

_GROUPS_IN_CAPITALS = frozenset({"PO", "NO", "CN", "NH", "BH", "OH"})
"""Not Po, No, Cn, Nh, Bh."""

_CHARGE = r"(?:(?P<size>\d+(?:\.\d+)?)(?P<sign>[+-])|(?P<sign2>[+-])(?P<size2>\d*(?:\.\d+)?))"
_SPECIES = re.compile(rf"(?P<mass>\d{{1,3}})?(?P<letters>[A-Za-z]{{1,2}}){_CHARGE}?")
_PART = r"(?P<amount>\d*\.?\d+)\s*\*?\s*(?P<name>[A-Z][a-z]*(?:\d*[+-](?!\s*\d*\.))?)"
_MIXTURE = re.compile(_PART.replace("?P<amount>", "?:").replace("?P<name>", "?:"))
_AMOUNTS_BEHIND = re.compile(r"([A-Z][a-z]?)(\d*\.\d+)")
_VACANT_SITE = re.compile(r"V[aA][_(]?[A-Z][a-z]?\)?\d*")
_MIXED = re.compile(r"[A-Za-z)\d+-]\s*(?:[,/|&+]\s*\(?[A-Z]|:[A-Z][a-z])")
_WITHOUT_AMOUNTS = (
    "has the type {!r}, a mixture without amounts. Give each species a row of its own, with its "
    "occupancy"
)
_LABELLED = re.compile(rf"(?P<letters>[A-Z][A-Za-z]?){_CHARGE}")


@dataclass(frozen=True)
class Species:
    """One species that a symbol names.

    Attributes
    ----------
    element : symbol; None for a vacancy
    oxidation : stated oxidation state; None without one
    share : of the row's occupancy
    isotope : the isotope that was written, such as `D`; "" for none
    """

    element: str | None
    oxidation: float | None = None
    share: float = 1.0
    isotope: str = ""


def read_symbol(symbol: str) -> tuple[Species, ...]:
    """What a type symbol names, e.g. `Ti4+`, `LI`, `D`, `Va`, `0.5La + 0.5Li`.

    Raises
    ------
    MlipsseError
        for a group of atoms such as `OH`, a mixture without amounts, or an unknown symbol.
    """
    symbol = symbol.strip()
    if _is_vacancy(symbol):
        return (Species(None),)
    if match := _SPECIES.fullmatch(symbol):
        element, isotope = _element(match["letters"]), match["letters"].capitalize()
        if element is not None:
            if match["mass"] is not None:
                isotope = f"{match['mass']}{element}"
            return (
                Species(element, _oxidation(match), 1.0, isotope if isotope != element else ""),
            )
    mixture = _mixture(symbol)
    if len(mixture) > 1:
        return tuple(
            Species(one.element, one.oxidation, amount, one.isotope)
            for amount, name in mixture
            for one in read_symbol(name)
        )
    if re.search(r"[.\s]", symbol):
        raise MlipsseError(
            f"has the type {symbol!r}, which names no element. Give each species a row of its own"
        )
    if re.search(r":\s*[A-Z]", symbol):
        raise MlipsseError(_WITHOUT_AMOUNTS.format(symbol))
    found = _read_letters(symbol)
    # A label may go on behind the element, letters of a type may not: `PS4`, `Vn`, `Li_vac`.
    first, *others = re.findall(r"[A-Za-z]+", symbol)
    if _element(first) is None or any(_is_vacancy(other) for other in others):
        raise MlipsseError(
            f"has the type {symbol!r}, which names no element. Write the element's symbol, with "
            "its charge where it is known (`Ti4+`), or `Va` for a vacancy"
        )
    return found


def read_label(label: str, known: Collection[str] = ()) -> tuple[Species, ...]:
    """What a site's label names where there is no type symbol, e.g. `La3+`, `Li(1)`, `CL2`.

    Parameters
    ----------
    label : of the row
    known : elements that the file names elsewhere; they decide between `Ho` and `H`
    """
    bare = re.sub(r"[\d()_']+", "", label)
    if _is_vacancy(bare) and not ("V" in known and bare.lower() == "va"):
        return (Species(None),)
    match = _LABELLED.fullmatch(label.strip())
    if match is not None and (element := _element(match["letters"])) is not None:
        return (Species(element, _oxidation(match)),)
    return _read_letters(label, known)


def _mixture(symbol: str) -> list[tuple[float, str]]:
    """Amounts and names in `0.5La + 0.5Li` or `Zr0.75Ti0.25`; empty for anything else."""
    if not re.sub(rf"{_MIXTURE.pattern}|[\s+,/;]", "", symbol):
        return [(float(m["amount"]), m["name"]) for m in re.finditer(_PART, symbol)]
    if not re.sub(rf"{_AMOUNTS_BEHIND.pattern}|[\s,/;]", "", symbol):
        return [(float(amount), name) for name, amount in _AMOUNTS_BEHIND.findall(symbol)]
    return []


def _read_letters(symbol: str, known: Collection[str] = ()) -> tuple[Species, ...]:
    """The element that a symbol begins with."""
    letters = re.match(r"[A-Za-z]*", symbol)
    run = letters[0] if letters else ""
    group = _group(symbol)
    if group:
        raise MlipsseError(
            f"has the type {symbol!r}, a group of atoms ({', '.join(group)}) of which only one has "
            "coordinates. Give each atom a row of its own"
        )
    if _MIXED.search(symbol):
        raise MlipsseError(_WITHOUT_AMOUNTS.format(symbol))
    if re.match(r"V_\(?[A-Z]", symbol):
        raise MlipsseError(
            f"has the type {symbol!r}, which may be a vacancy or vanadium. Write `Va` or `V`"
        )
    dummy = run.lower() in ("du", "dum", "dummy")
    tries = [] if dummy else [_element(run[:2]) if len(run) > 1 else None, _element(run[:1])]
    candidates = [element for element in tries if element is not None]
    if run[:2] == "HO":
        candidates.reverse()  # hydrogen of a hydroxide before holmium
    candidates = [element for element in candidates if element in known] or candidates
    if not candidates:
        raise MlipsseError(
            f"has the type {symbol!r}, which names no element. Write the element's symbol, or "
            "`Va` for a vacancy"
        )
    isotope = "D" if run[:1] in ("D", "d") and candidates[0] == "H" else ""
    return (Species(candidates[0], isotope=isotope),)


def _is_vacancy(symbol: str) -> bool:
    """Also `VacLi`, `Vac_Li` and `Va_O`, which name the species that is missing."""
    bare = symbol.strip()
    if bare.lower().startswith(("vac", "void")) or _VACANT_SITE.fullmatch(bare):
        return True
    return bare.lower().rstrip("0123456789") in VACANCY_NAMES


def _element(letters: str) -> str | None:
    from ase.data import atomic_numbers

    name = letters.capitalize()
    if name == "D":
        return "H"
    return name if name in atomic_numbers and name != "X" else None


def _oxidation(match: re.Match[str]) -> float | None:
    sign = match["sign"] or match["sign2"]
    if sign is None:
        return None
    size = float(match["size"] or match["size2"] or 1)
    return size if sign == "+" else -size


def _group(symbol: str) -> list[str]:
    """Elements of a group such as OH, H2O, O-H, NH4, PO4; none where it is a lone element."""
    if symbol.lower() in ("wat", "water"):
        return ["H", "O"]
    bare = re.sub(r"[\s()+-]+\d*$", "", symbol.strip())
    if not re.fullmatch(r"(?:[A-Z][a-z]?\d*-?){2,}", bare):
        return []
    names = re.findall(r"[A-Z][a-z]?", bare)
    if any(_element(name) is None for name in names):
        return []
    # `CL1` and `LI2` are elements in capitals; `OW1` labels the oxygen of water.
    if re.fullmatch(r"[A-Z]{2}\d*", bare) and bare[:2] not in _GROUPS_IN_CAPITALS:
        return []
    return sorted(set(names)) if len(names) > 1 else []
