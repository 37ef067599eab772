"""Whether the last line of a file that does not end it is whole."""

from collections.abc import Sequence

_LOOKED_AT = 6


def is_whole(lines: Sequence[bytes]) -> bool:
    """Whether the last of some rows of numbers is whole, though nothing ends it.

    It is where all of them have as many words, and their last words as many decimals: a number that
    is torn has fewer. Whole numbers and mantissas with an exponent show nothing.

    Parameters
    ----------
    lines : rows of one frame, the last ones of the file
    """
    rows = [line.split() for line in lines[-_LOOKED_AT:]]
    if len(rows) < 3 or any(len(row) != len(rows[0]) or not row for row in rows):
        return False
    parts = [row[-1].partition(b".") for row in rows]
    decimals = {len(part[2]) for part in parts}
    return len(decimals) == 1 and decimals != {0} and all(part[2].isdigit() for part in parts)
