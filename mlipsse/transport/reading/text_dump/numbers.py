"""Lines of text dumps into arrays, compiled: some 500 MB of text a second on one thread.

Text is given by its address: arrays as arguments of small functions cost more than the functions.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

_ZERO, _NINE = ord("0"), ord("9")
_NEWLINE, _SPACE, _TAB = ord("\n"), ord(" "), ord("\t")
_MINUS, _PLUS, _POINT = ord("-"), ord("+"), ord(".")
_E, _SMALL_E = ord("E"), ord("e")
_POWERS = 10.0 ** np.arange(23)  # exact in float64
_WHOLE_POWERS = np.array([10**power for power in range(9)], dtype=np.uint64)
_MOST = 10**17
"""Largest mantissa that takes another digit and stays a 64-bit integer."""

RUNS_OUT, MALFORMED, OTHER_ATOMS = -1, -2, -3
"""What `read_atoms` answers where it does not end after the last line."""

ID, PLACE, IMAGE = 0, 1, 4
"""First slots of what `read_atoms` makes of a line: id; x y z; ix iy iz."""

_AHEAD = 24
"""Bytes that the eight-digit words look ahead: sign, two words, what follows them."""

# Eight bytes of text at once, the first in the lowest byte (D. Lemire, Softw. Pract. Exp. 51, 1700
# (2021), doi 10.1002/spe.2984, appendix: the same arithmetic).
_B8 = np.uint64(8)
_ZEROS = np.uint64(0x3030303030303030)
_TO_HIGH = np.uint64(0x7676767676767676)  # lifts 10 and above into the high bit of its byte
_HIGH = np.uint64(0x8080808080808080)
_BLANKS = np.uint64(0x2121212121212121)
_ONE, _TEN = np.uint64(1), np.uint64(10)
_PAIRS = np.uint64(0x000000FF000000FF)
_HUNDREDS, _UNITS = np.uint64(0x000F424000000064), np.uint64(0x0000271000000001)
_16, _32 = np.uint64(16), np.uint64(32)


_compiled: Any = intrinsic  # whose own annotation has the compiler's argument in the calls


@_compiled
def _word(_: Any, address: Any) -> Any:
    """Eight bytes of memory as they lie there."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        word = ir.IntType(64)
        pointer = builder.inttoptr(arguments[0], word.as_pointer())
        return builder.load(pointer, align=1, typ=word)

    return types.uint64(types.intp), code


@_compiled
def _byte(_: Any, address: Any) -> Any:
    """One byte of memory."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        byte = ir.IntType(8)
        return builder.load(builder.inttoptr(arguments[0], byte.as_pointer()), typ=byte)

    return types.uint8(types.intp), code


@_compiled
def _low_zeros(_: Any, word: Any) -> Any:
    """How many of the lowest bits are 0: 64 for 0."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.uint64(types.uint64), code


@njit(cache=True, nogil=True, error_model="numpy")
def read_atoms(
    start: int,
    stop: int,
    slots: np.ndarray,
    ids: np.ndarray,
    seen: np.ndarray,
    stamp: int,
    cell: np.ndarray,
    origin: np.ndarray,
    scaled: bool,
    images: bool,
    positions: np.ndarray,
) -> int:
    """Read a line of words for each atom from `start` on into `positions`, by rising id.

    Parameters
    ----------
    start, stop : addresses, of the first line and of what no longer belongs to the text
    slots : (n_columns,) int64, what each column is (`ID`, `PLACE` + axis, `IMAGE` + axis), or -1
    ids : (n_atoms,) int64, rising
    seen : (n_atoms,) int64, set to `stamp`, which no frame before had
    cell, origin : of `scaled` coordinates and of `images`
    positions : (n_atoms, 3) float64, written; a word that is no number becomes NaN

    Returns
    -------
    int
        address at which the last line ends, or `RUNS_OUT` (the text ends before), `MALFORMED` (a
        line of fewer or more words), `OTHER_ATOMS` (an id that is not in `ids`, or comes twice)
    """
    place = start
    n_atoms = len(ids)
    first = ids[0]
    dense = ids[n_atoms - 1] - first + 1 == n_atoms
    values = np.zeros(7)
    for _ in range(n_atoms):
        for column in range(len(slots)):
            while place < stop and (_byte(place) == _SPACE or _byte(place) == _TAB):
                place += 1
            begin = place
            slot = slots[column]
            if slot < 0:
                place = _word_end(place, stop)
            else:
                end = -1
                if place + _AHEAD <= stop:
                    end, values[slot] = _short_number(place)
                if end < 0:
                    end, values[slot] = _number(place, stop)
                place = end
                while place < stop and _byte(place) > _SPACE:
                    place += 1
            if place == stop:
                return RUNS_OUT
            if place == begin:
                return MALFORMED
        while place < stop and _byte(place) != _NEWLINE:
            if _byte(place) > _SPACE:
                return MALFORMED
            place += 1
        if place == stop:
            return RUNS_OUT
        place += 1
        if not values[ID] >= -9e15:  # NaN too
            return OTHER_ATOMS
        number = np.int64(values[ID])
        row = number - first if dense else np.searchsorted(ids, number)
        if row < 0 or row >= n_atoms or ids[row] != number or seen[row] == stamp:
            return OTHER_ATOMS
        seen[row] = stamp
        x, y, z = values[PLACE], values[PLACE + 1], values[PLACE + 2]
        if scaled:
            x, y, z = (
                x * cell[0, 0] + y * cell[1, 0] + z * cell[2, 0] + origin[0],
                x * cell[0, 1] + y * cell[1, 1] + z * cell[2, 1] + origin[1],
                x * cell[0, 2] + y * cell[1, 2] + z * cell[2, 2] + origin[2],
            )
        if images:
            a, b, c = values[IMAGE], values[IMAGE + 1], values[IMAGE + 2]
            x += a * cell[0, 0] + b * cell[1, 0] + c * cell[2, 0]
            y += a * cell[0, 1] + b * cell[1, 1] + c * cell[2, 1]
            z += a * cell[0, 2] + b * cell[1, 2] + c * cell[2, 2]
        positions[row, 0], positions[row, 1], positions[row, 2] = x, y, z
    return place


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _word_end(place: int, stop: int) -> Any:
    """First place from `place` on that holds a blank or ends a line; `stop` without one."""
    while place + 8 <= stop:
        word = _word(place)
        blanks = (word - _BLANKS) & ~word & _HIGH  # the lowest is the first; those above may err
        if blanks != 0:
            return place + np.int64(_low_zeros(blanks) // _B8)
        place += 8
    while place < stop and _byte(place) > _SPACE:
        place += 1
    return place


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _eight_digits(digits: np.uint64) -> np.uint64:
    """The number that eight bytes of 0 to 9 write."""
    digits = digits * _TEN + (digits >> _B8)
    return ((digits & _PAIRS) * _HUNDREDS + ((digits >> _16) & _PAIRS) * _UNITS) >> _32 & np.uint64(
        0xFFFFFFFF
    )


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _short_number(place: int) -> tuple[Any, float]:
    """A number of up to 15 digits without exponent, correctly rounded, and where it ends.

    -1 for its end where the text is none such, or may be none: `_number` reads it then. `_AHEAD`
    bytes from `place` on are looked at.
    """
    negative = _byte(place) == _MINUS
    if negative:
        place += 1
    word = _word(place) ^ _ZEROS
    marks = ((word + _TO_HIGH) | word) & _HIGH
    first = _low_zeros(marks) // _B8  # digits before anything else
    if first == 8:
        return -1, 0.0
    end = place + np.int64(first)
    if _byte(end) != _POINT:
        if first == 0 or _byte(end) > _SPACE:
            return -1, 0.0
        whole = _eight_digits(word << (_B8 * (_B8 - first)))
        return end, -float(whole) if negative else float(whole)
    below = (_ONE << (_B8 * first)) - _ONE
    digits = (word & below) | ((word >> _B8) & ~below)
    marks &= marks - _ONE
    if marks != 0:
        last = _low_zeros(marks) // _B8
        count = last - _ONE
        if count == 0:
            return -1, 0.0
        mantissa = _eight_digits(digits << (_B8 * (_B8 - count)))
        fraction = count - first
        end = place + np.int64(last)
    else:
        word = _word(place + 8) ^ _ZEROS
        more = _low_zeros(((word + _TO_HIGH) | word) & _HIGH) // _B8
        mantissa = _eight_digits(digits << _B8) * _WHOLE_POWERS[more]
        if more > 0:
            mantissa += _eight_digits(word << (_B8 * (_B8 - more)))
        fraction = np.uint64(7) - first + more
        end = place + 8 + np.int64(more)
    if _byte(end) > _SPACE:
        return -1, 0.0
    value = float(np.int64(mantissa)) / _POWERS[fraction]
    return end, -value if negative else value


@njit(cache=True, nogil=True, error_model="numpy")
def _number(place: int, stop: int) -> tuple[int, float]:
    """A decimal number and where it ends; NaN where the word is none.

    Correctly rounded up to 15 digits, beyond to two units in the last place.
    """
    negative = place < stop and _byte(place) == _MINUS
    if negative or (place < stop and _byte(place) == _PLUS):
        place += 1
    mantissa, power, read = np.int64(0), np.int64(0), 0
    fraction = 0  # what a digit takes from the power of ten
    while place < stop:
        digit = np.int64(_byte(place)) - _ZERO
        if 0 <= digit <= 9:
            read += 1
            if mantissa < _MOST:
                mantissa = 10 * mantissa + digit
                power -= fraction
            else:
                power += 1 - fraction
        elif _byte(place) == _POINT and fraction == 0:
            fraction = 1
        else:
            break
        place += 1
    if read == 0:
        return place, np.nan
    if place < stop and (_byte(place) == _E or _byte(place) == _SMALL_E):
        place += 1
        shrinks = place < stop and _byte(place) == _MINUS
        if shrinks or (place < stop and _byte(place) == _PLUS):
            place += 1
        exponent, read = np.int64(0), 0
        while place < stop and _ZERO <= _byte(place) <= _NINE and exponent < 10_000:
            exponent = 10 * exponent + (np.int64(_byte(place)) - _ZERO)
            read += 1
            place += 1
        if read == 0:
            return place, np.nan
        power += -exponent if shrinks else exponent
    if place < stop and _byte(place) > _SPACE:
        return place, np.nan
    value = float(mantissa)
    if power < 0:
        while power < -22:
            value /= 1e22
            power += 22
        value /= _POWERS[-power]
    elif power > 0:
        while power > 22:
            value *= 1e22
            power -= 22
        value *= _POWERS[power]
    return place, -value if negative else value
