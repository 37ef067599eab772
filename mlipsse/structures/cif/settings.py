"""Space groups in all their settings, found by the names that files use.

The settings are the 530 of spglib (Hall 1981, doi 10.1107/S0567739481001228) and those that gemmi
knows beside them. Names are compared without spaces, underscores and capitals.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from mlipsse.errors import MlipsseError

METRIC_TOLERANCE = 0.01
"""Relative, of lengths, and in cosines: what a cell may miss the symmetry of its operations by."""

_MOST_OPERATIONS = 192

_NUMBER = re.compile(
    r"[\s,]*(?:[(\[]\s*(?:No\.?|Nr\.?|\#)?\s*(\d+)\s*[)\]]|(?:No\.?|Nr\.?|\#)\s*(\d+))"
    r"(?=\s*(?:$|:|HR$|[SZHR]$|O[12]$|[,(]?\s*origin))",
    re.IGNORECASE,
)
"""Of the space group, at the end of its symbol or before the choice."""

_ORIGIN = re.compile(r"[\s,:]*\(?\s*origin\s*(?:choice)?\s*([12])\s*\)?$", re.IGNORECASE)
_AXES = re.compile(
    r"[\s,:]*[\s,:(]\s*(hex|rhomb?|H(?=\))|R(?=\)))(?:agonal|ohedral)?\s*(?:axes|setting)?\s*\)?$",
    re.IGNORECASE,
)


@dataclass(frozen=True, eq=False)
class Setting:
    """A space group in one choice of axes and origin.

    Attributes
    ----------
    symbol : e.g. `F d -3 m:2`; `P 1` for one that is in no table is never assumed: then it is ""
    number : 1 to 230; 0 where the operations are in no table
    choice : of axes or origin, e.g. `2`, `H`, `b1`, `cab`; "" where there is one only
    triplets : the operations as `x,y,z`, identity first
    """

    symbol: str
    number: int
    choice: str
    triplets: tuple[str, ...]

    @cached_property
    def rotations(self) -> np.ndarray:
        """(n, 3, 3) int, acting on fractional columns."""
        from gemmi import Op

        return np.array([Op(triplet).rot for triplet in self.triplets]) // Op.DEN

    @cached_property
    def translations(self) -> np.ndarray:
        """(n, 3) float64, fractional."""
        from gemmi import Op

        return np.array([Op(triplet).tran for triplet in self.triplets]) / Op.DEN

    def has_choice(self, written: str) -> bool:
        """Whether a choice as files write it is this one: `2`, `h`, `b1`, `abc`, or an axis `b`."""
        wanted, own = written.upper(), self.choice.upper()
        if wanted.endswith("ABC"):  # the standard order of axes, which the tables leave out
            return own == wanted.removesuffix("ABC")
        return own == wanted or (wanted in ("A", "B", "C") and own.lstrip("-").startswith(wanted))

    def strain(self, cell: np.ndarray) -> float:
        """By how much the worst operation changes the metric of a cell, relative."""
        metric = cell @ cell.T
        moved = np.einsum("gji,jk,gkl->gil", self.rotations, metric, self.rotations)
        lengths = np.sqrt(np.diag(metric))
        return float(np.abs((moved - metric) / np.outer(lengths, lengths)).max())

    def symmetrised(self, cell: np.ndarray) -> np.ndarray:
        """The cell with the exact metric of the operations, in the same orientation."""
        metric = cell @ cell.T
        mean = np.einsum("gji,jk,gkl->gil", self.rotations, metric, self.rotations).mean(axis=0)
        old, new = np.linalg.cholesky(metric), np.linalg.cholesky(mean)
        return new @ np.linalg.inv(old) @ cell


def setting_of_operations(triplets: Iterable[str]) -> Setting:
    """The setting that a list of operations makes, completed to a group.

    Raises
    ------
    MlipsseError
        when an operation cannot be read, or the operations make no space group.
    """
    from gemmi import Op

    given = []
    for triplet in triplets:
        try:
            given.append(Op(triplet.strip()).wrap())
        except Exception as error:  # gemmi raises RuntimeError or ValueError
            raise MlipsseError(
                f"the symmetry operation {triplet!r} cannot be read ({error}). Write it like "
                "`-x+1/2,y,z`"
            ) from error
    found = {op.triplet(): op for op in [Op("x,y,z"), *given]}
    queue = list(found.values())
    while queue:
        op = queue.pop()
        for other in given:
            product = (op * other).wrap()
            if product.triplet() not in found:
                found[product.triplet()] = product
                queue.append(product)
        if len(found) > _MOST_OPERATIONS:
            raise MlipsseError(
                "the symmetry operations form no space group: their products do not close. Check "
                "the list of operations"
            )
    return _named(tuple(found))


def setting_of_hall(symbol: str) -> Setting:
    """The setting of a Hall symbol.

    Raises
    ------
    MlipsseError
        when it is none.
    """
    from gemmi import symops_from_hall

    try:
        operations = symops_from_hall(symbol.strip().replace("=", '"').replace("_", " "))
        if len(list(operations)) == 0:
            raise ValueError("no operations")
    except Exception as error:  # gemmi raises RuntimeError or ValueError
        raise MlipsseError(
            f"the Hall symbol {symbol!r} cannot be read ({error}). Correct it, or give the "
            "symmetry operations"
        ) from error
    return _named(tuple(op.triplet() for op in operations))


def settings_of_symbol(symbol: str) -> tuple[list[Setting], str, int | None]:
    """The settings that a Hermann-Mauguin symbol may mean, standard ones first.

    Full, short and old symbols are known, with `_` or brackets around screw axes, with the choice
    behind them (`:1`, `:2`, `:H`, `:R`, or S, Z, H, R, HR as the ICSD writes them), and with the
    number of the space group, as in `F d -3 m (227)` or `P 21/c, No. 14`.

    Returns
    -------
    the settings, none for an unknown symbol; the choice that the symbol names, or ""; and the
    number that it names, or None
    """
    settings, choice = _settings_of_name(symbol)
    if match := _NUMBER.search(symbol):
        # `P 6(3)` is a screw axis, `P 2 (3)` a number: the one that fits the symbol before it.
        number = int(match[1] or match[2])
        of_rest = _settings_of_name(symbol[: match.start()] + " " + symbol[match.end() :])
        if str(number) in {one.choice for one in of_rest[0]}:
            return of_rest[0], str(number), None  # `F d -3 m (2)` names the origin
        if not settings or any(one.number == number for one in of_rest[0]):
            return *of_rest, number
    return settings, choice, None


def settings_of_number(number: int) -> list[Setting]:
    """All settings of a space group, the standard one first."""
    return [one for one in _all_settings() if one.number == number]


def _settings_of_name(symbol: str) -> tuple[list[Setting], str]:
    bare, choice = _split_choice(symbol)
    for name in _spellings(bare):
        found = _by_name().get(name, [])
        if found:
            return list(found), choice
    return [], choice


def _split_choice(symbol: str) -> tuple[str, str]:
    bare = re.sub(r"\\bar\s*\{?(\d)\}?", r"-\1", unicodedata.normalize("NFKD", symbol))
    bare = re.sub(r"[\"']|</?su[bp]>|~", "", bare).strip()
    bare = _ORIGIN.sub(r":\1", bare)
    bare = _AXES.sub(lambda match: ":" + match[1][0], bare)
    choice = ""
    if match := re.fullmatch(r"(.*?)\s*:\s*([A-Za-z0-9-]+)", bare):
        bare, choice = match[1], match[2].upper()
    elif match := re.fullmatch(r"(.+?)\s*O([12])", bare):
        bare, choice = match[1], match[2]
    elif match := re.fullmatch(r"(.+?)(?:\s*(HR|[SZHR])|\s+([szhr]))", bare):
        letter = (match[2] or match[3]).upper()
        bare, choice = match[1], {"S": "1", "Z": "2", "HR": "H"}.get(letter, letter)
    if re.match(r"[Hh]\s*-?3", bare):
        bare, choice = "R" + bare[1:], "H"
    return bare, {"S": "1", "Z": "2"}.get(choice, choice)


def _compact(name: str) -> str:
    return re.sub(r"[\s_()]", "", name).lower()


def _spellings(bare: str) -> list[str]:
    name = _compact(bare)
    # A bar written behind its digit: F4-3m, P3-m1.
    return [name, re.sub(r"(\d)-(?=[a-z\d]|$)", r"-\1", name)]


@lru_cache(maxsize=1)
def _all_settings() -> tuple[Setting, ...]:
    import spglib
    from gemmi import spacegroup_table, symops_from_hall

    found: dict[frozenset[str], Setting] = {}
    for hall_number in range(1, 531):
        kind = spglib.get_spacegroup_type(hall_number)
        if kind is None:
            continue
        operations = symops_from_hall(kind.hall_symbol.replace("=", '"'))
        triplets = tuple(op.triplet() for op in operations)
        symbol = kind.international.split("=")[-1].strip().replace("_", "")
        name = f"{symbol}:{kind.choice}" if kind.choice in ("1", "2", "H", "R") else symbol
        found.setdefault(frozenset(triplets), Setting(name, kind.number, kind.choice, triplets))
    for group in spacegroup_table():
        triplets = tuple(op.triplet() for op in group.operations())
        choice = group.ext if group.ext.strip("\0 ") else ""
        found.setdefault(frozenset(triplets), Setting(group.xhm(), group.number, choice, triplets))
    return tuple(found.values())


@lru_cache(maxsize=1)
def _by_operations() -> dict[frozenset[str], Setting]:
    return {frozenset(one.triplets): one for one in _all_settings()}


@lru_cache(maxsize=1)
def _by_name() -> dict[str, list[Setting]]:
    import spglib
    from gemmi import spacegroup_table, symops_from_hall

    names: dict[str, list[Setting]] = {}

    def add(name: str, setting: Setting) -> None:
        settings = names.setdefault(_compact(name), [])
        if setting not in settings:
            settings.append(setting)

    known = _by_operations()
    for one in _all_settings():
        symbol = one.symbol.partition(":")[0]
        add(symbol, one)
        parts = symbol.split()
        if 3 <= one.number <= 15 and len(parts) == 4:
            add(" ".join(part for part in parts if part != "1"), one)
        if one.number >= 200 and "-3" in symbol:
            add(symbol.replace("-3", "3"), one)  # as written before 1983
    for group in spacegroup_table():
        add(group.hm, known[frozenset(op.triplet() for op in group.operations())])
    for hall_number in range(1, 531):
        kind = spglib.get_spacegroup_type(hall_number)
        if kind is not None:
            operations = symops_from_hall(kind.hall_symbol.replace("=", '"'))
            setting = known[frozenset(op.triplet() for op in operations)]
            add(kind.international_full, setting)
    return names


def _named(triplets: tuple[str, ...]) -> Setting:
    """Operations with their name, where a table has them."""
    import spglib

    if (known := _by_operations().get(frozenset(triplets))) is not None:
        return Setting(known.symbol, known.number, known.choice, triplets)
    bare = Setting("", 0, "", triplets)
    kind = spglib.get_spacegroup_type_from_symmetry(bare.rotations, bare.translations)
    if kind is None:
        return bare
    return Setting(
        f"{kind.international_short.replace('_', '')} in other axes", kind.number, "", triplets
    )
