"""Elements behind the names that programs give to atoms."""

import re
from collections.abc import Iterable

from mlipsse.errors import MlipsseError

_NAME = re.compile(r"([A-Z][a-z]?)(?=$|[^A-Za-z])")


def element_of(name: str) -> str | None:
    """The element of `Li`, `Li_sv`, `Li_sv/a1b2c3`, `Li1`, `Li+`, `H.5`, `LI`; None for no element.

    VASP writes POTCARs' names (with a hash from 6.5 on), others numbers, charges or capitals.
    """
    from ase.data import atomic_numbers

    word = name.strip()
    found = _NAME.match(word)
    symbol = found[1] if found else word.split("_")[0].capitalize()
    return symbol if symbol in atomic_numbers and symbol != "X" else None


def elements_of(names: Iterable[str], where: str) -> tuple[str, ...]:
    """The element of each name.

    Raises
    ------
    MlipsseError
        when one is no element.
    """
    known: dict[str, str] = {}
    listed = list(names)
    for name in dict.fromkeys(listed):
        element = element_of(name)
        if element is None:
            raise MlipsseError(
                f"{where} names an atom {name!r}, which is not an element. Write element symbols, "
                "or give elements by type."
            )
        known[name] = element
    return tuple(known[name] for name in listed)
