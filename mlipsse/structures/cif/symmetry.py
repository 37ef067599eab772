"""The settings of the space group that a CIF may mean.

A CIF states its symmetry up to four times: as operations, as a Hall symbol, as a Hermann-Mauguin
symbol, as a number. Operations state most and come first; a symbol may leave axes and origin open.
What the cell's metric excludes is dropped here; what remains is decided by the sites (see
`mlipsse.structures.cif.file`).
"""

from dataclasses import dataclass

import numpy as np

from mlipsse.errors import MlipsseError
from mlipsse.structures.cif.settings import (
    METRIC_TOLERANCE,
    Setting,
    setting_of_hall,
    setting_of_operations,
    settings_of_number,
    settings_of_symbol,
)
from mlipsse.structures.cif.text import CifBlock, text

_OPERATIONS = (
    "_space_group_symop_operation_xyz",
    "_symmetry_equiv_pos_as_xyz",
    "_space_group_symop_magn_operation_xyz",
)
_CENTRINGS = "_space_group_symop_magn_centering_xyz"
_SYMBOL = (
    "_space_group_name_h-m_alt",
    "_symmetry_space_group_name_h-m",
    "_space_group_name_h-m_full",
    "_space_group_name_h-m_ref",
    "_symmetry_space_group_name_h-m_alt",
    "_space_group_name_h-m",
)
_HALL = ("_space_group_name_hall", "_symmetry_space_group_name_hall")
_NUMBER = ("_space_group_it_number", "_symmetry_int_tables_number")
_CODE = ("_space_group_it_coordinate_system_code",)


@dataclass(frozen=True, eq=False)
class StatedSymmetry:
    """What a CIF states of its symmetry.

    Attributes
    ----------
    symbol : Hermann-Mauguin symbol as written; None without one
    number : of the space group; None without one
    settings : what may be meant, the likeliest first, at least one
    source : where the first comes from, e.g. `operations`
    notes : what was passed over
    others : settings of the same symbol that the file's choice of axes or origin excludes
    """

    symbol: str | None
    number: int | None
    settings: tuple[Setting, ...]
    source: str
    notes: tuple[str, ...]
    others: tuple[Setting, ...] = ()


def read_symmetry(block: CifBlock, cell: np.ndarray) -> StatedSymmetry:
    """Collect the settings that a block's symmetry may mean and its cell allows.

    Raises
    ------
    MlipsseError
        when the operations or symbols cannot be read, or the cell fits none of them.
    """
    symbol, hall = block.value(*_SYMBOL), block.value(*_HALL)
    number = _number(block, symbol)
    given = _given_setting(block)
    named, others, notes = _named_settings(
        symbol, number, block.value(*_CODE), cell, decisive=given is None and hall is None
    )
    if given is not None:
        settings = _with_operations(given, named, symbol, notes)
        source = "operations"
    elif hall is not None and (of_hall := _hall_setting(hall, named, notes)) is not None:
        settings, source = [of_hall], "Hall symbol"
        if named and all(_key(one) != _key(of_hall) for one in named):
            settings += named
    elif named:
        settings, source = named, "space group symbol" if symbol else "space group number"
    elif symbol is not None or number is not None:
        raise MlipsseError(
            f"its space group {symbol or number!r} is in no table of settings. Add the symmetry "
            "operations (`_space_group_symop_operation_xyz`), or correct the symbol"
        )
    else:
        settings, source = [setting_of_operations(["x,y,z"])], "no statement"
        notes.append("It states no symmetry; the sites count as all sites of the cell (P 1).")
    fitting = [one for one in settings if one.strain(cell) <= METRIC_TOLERANCE]
    if not fitting:
        worst = min(one.strain(cell) for one in settings)
        raise MlipsseError(
            f"its cell does not have the symmetry of its {source} "
            f"({settings[0].symbol or symbol}): the metric is off by {worst:.0%}. Correct the cell "
            "or the axes of the space group's setting"
        )
    others = others if settings == named else []
    return StatedSymmetry(symbol, number, tuple(fitting), source, tuple(notes), tuple(others))


def _hall_setting(hall: str, named: list[Setting], notes: list[str]) -> Setting | None:
    """The setting of a Hall symbol; None for a wrong one where other statements remain."""
    try:
        return setting_of_hall(hall)
    except MlipsseError:
        if not named:
            raise
    notes.append(f"Its Hall symbol {hall!r} cannot be read; its space group's symbol is used.")
    return None


def _number(block: CifBlock, symbol: str | None) -> int | None:
    """As the file states it by itself, or behind the symbol."""
    written = block.value(*_NUMBER)
    if written is None and symbol is not None:
        behind = settings_of_symbol(symbol)[2]
        written = None if behind is None else str(behind)
    if written is None:
        return None
    if not written.isdigit() or not 1 <= int(written) <= 230:
        raise MlipsseError(f"its space group number {written!r} is not a number from 1 to 230")
    return int(written)


def _named_settings(
    symbol: str | None, number: int | None, code: str | None, cell: np.ndarray, *, decisive: bool
) -> tuple[list[Setting], list[Setting], list[str]]:
    """Settings by symbol and number that the cell allows, or all where it allows none.

    Then those that the choice of axes or origin excludes, and notes. `decisive` where nothing else
    in the file states its symmetry: then a choice that is in no table is refused.
    """
    notes: list[str] = []
    settings, choice, _ = ([], "", None) if symbol is None else settings_of_symbol(symbol)
    if not settings and number is not None:
        if symbol is not None:
            notes.append(
                f"Its space group symbol {symbol!r} is in no table; the number {number} is used."
            )
        settings = settings_of_number(number)
    elif number is not None and settings and all(one.number != number for one in settings):
        notes.append(
            f"Its space group symbol {symbol!r} is number {settings[0].number}, but the file "
            f"states number {number}."
        )
        settings = [*settings, *settings_of_number(number)]
    if code is not None and not choice:
        choice = code.upper()
    fitting = [one for one in settings if one.strain(cell) <= METRIC_TOLERANCE] or settings
    chosen = [one for one in fitting if choice and one.has_choice(choice)]
    if choice and not chosen and len(settings) > 1:
        if decisive and len(fitting) > 1:
            known = ", ".join(sorted({one.choice or "abc" for one in settings}))
            raise MlipsseError(
                f"its space group {symbol or number!r} names the choice {choice} of axes or "
                f"origin, which it does not have with this cell. Write one of {known}, or add the "
                "symmetry operations (`_space_group_symop_operation_xyz`)"
            )
        notes.append(
            f"Its space group {symbol or number!r} names the choice {choice}, which its cell does "
            f"not fit or its tables do not have; {fitting[0].symbol} is used."
        )
    others = [one for one in fitting if chosen and one not in chosen]
    return chosen or fitting, others, notes


def _given_setting(block: CifBlock) -> Setting | None:
    """The setting of the operations that are listed; None without any."""
    for tag in _OPERATIONS:
        written = [text(row[tag]) for row in block.rows(tag)]
        triplets = [one for one in written if one]
        if triplets:
            if "magn" in tag:
                centrings = [text(row[_CENTRINGS]) for row in block.rows(_CENTRINGS)]
                triplets += [one for one in centrings if one]
                triplets = [",".join(one.split(",")[:3]) for one in triplets]
            return setting_of_operations(triplets)
    return None


def _with_operations(
    given: Setting, named: list[Setting], symbol: str | None, notes: list[str]
) -> list[Setting]:
    """The setting of the operations, and those of the symbol where these contradict it."""
    if not named or any(_key(one) == _key(given) for one in named):
        return [given]
    if len(given.triplets) < max(len(one.triplets) for one in named) and all(
        set(given.triplets) <= set(one.triplets)
        for one in named
        if len(one.triplets) > len(given.triplets)
    ):
        # A list cut short, or a symbol kept when all atoms were written out: the sites decide.
        return [given, *(one for one in named if len(one.triplets) > len(given.triplets))]
    if given.number not in {one.number for one in named}:
        notes.append(
            f"Its symmetry operations make {given.symbol or 'a group that is in no table'} "
            f"({len(given.triplets)} operations), but its symbol is {symbol or named[0].symbol}; "
            "the operations are used."
        )
    return [given]


def _key(setting: Setting) -> frozenset[str]:
    return frozenset(setting.triplets)
